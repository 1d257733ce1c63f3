// The vectors that are signals, out of a library as it is shipped: linked with that library and with
// sdk/selftest/signals.cpp, this program reaches it by linnet.h alone. shipped.py builds it for every system and
// compares.
//
//     signals_run MODEL [NAME,NAME]        these vectors; without names, all
//
// Prints `backend NAME`, the kernels that the library has chosen, then a line `NAME WHAT HASH` for each hash.
#include "selftest/signals.h"

#include <cstdint>
#include <cstdio>

#include "linnet.h"

namespace {

alignas(64) uint8_t model_bytes[1 << 16];  // the tiny model is enough: its vectors cover the whole signal path

void print_hash(void *, const char *vector, const char *what, const char *hash) {
  printf("%s %s %s\n", vector, what, hash);
}

// Reads a model and prints which kernels a stream of it has. Returns nullptr or what is wrong.
const char *prepare(const char *path, selftest::Request *request) {
  FILE *file = fopen(path, "rb");
  if (!file) return "cannot be opened";
  request->model = model_bytes;
  request->model_size = fread(model_bytes, 1, sizeof model_bytes, file);
  fclose(file);
  if (request->model_size == sizeof model_bytes) return "too large: give the tiny model";
  linnet_model *model = nullptr;
  linnet_stream *stream = nullptr;
  linnet_status status = linnet_model_create(request->model, request->model_size, &model);
  if (status == LINNET_OK) status = linnet_create(model, nullptr, &stream);
  if (status == LINNET_OK) printf("backend %s\n", linnet_backend(stream));
  linnet_destroy(stream);
  linnet_model_destroy(model);
  return status == LINNET_OK ? nullptr : linnet_status_text(status);
}

}  // namespace

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    fputs("signals_run: usage: signals_run MODEL [NAME,NAME]\n", stderr);
    return 2;
  }
  selftest::Request request;
  request.only = argc == 3 ? argv[2] : nullptr;
  const char *why = prepare(argv[1], &request);
  if (!why) why = selftest::run_signals(request, print_hash, nullptr);
  if (why) fprintf(stderr, "signals_run: %s: %s\n", argv[1], why);
  return why ? 1 : 0;
}
