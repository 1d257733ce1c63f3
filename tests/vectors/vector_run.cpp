// Prints one SHA-256 for each part of each test vector, a line `NAME WHAT HASH`: see sdk/selftest/vectors.h for what
// they are, and tests/vectors/run.py, which runs this everywhere and compares.
//
//     vector_run MODEL [--backend NAME] [--only NAME,NAME] [--hostile ftz|daz|up|down|zero]
//     vector_run --backends        names that this CPU can run, fastest first
//     vector_run --modes           floating-point modes of this CPU that --hostile takes
//     vector_run --compiler        what built this program
//
// --hostile sets that floating-point mode before each call of the library, and fails if it is not restored.
#include "selftest/vectors.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/kernels.h"
#include "selftest/fp_mode.h"

namespace {

[[noreturn]] void stop(const char *what, const char *why) {
  fprintf(stderr, "vector_run: %s: %s\n", what, why);
  exit(2);
}

// The model, at an address aligned to 64.
struct Model {
  std::vector<uint8_t> bytes;
  uint8_t *data = nullptr;
  size_t size = 0;

  explicit Model(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0 || ftell(file) <= 0) stop(path, "cannot be read");
    size = static_cast<size_t>(ftell(file));
    bytes.resize(size + 63);
    data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64;
    rewind(file);
    if (fread(data, 1, size, file) != size) stop(path, "cannot be read");
    fclose(file);
  }
};

void print_hash(void *, const char *vector, const char *what, const char *hash) {
  printf("%s %s %s\n", vector, what, hash);
}

}  // namespace

int main(int argc, char **argv) {
  const char *path = nullptr;
  selftest::Request request;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--backends") == 0) {
      for (const auto *table : linnet::kernels::available()) puts(table->name);
      return 0;
    }
    if (strcmp(argv[i], "--modes") == 0) {
      for (const fp_named_mode &mode : kFpNamedModes) puts(mode.name);
      return 0;
    }
    if (strcmp(argv[i], "--compiler") == 0) {
      puts(selftest::compiler());
      return 0;
    }
    if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
      request.backend = argv[++i];
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
      request.only = argv[++i];
    else if (strcmp(argv[i], "--hostile") == 0 && i + 1 < argc)
      request.mode = argv[++i];
    else if (argv[i][0] != '-' && !path)
      path = argv[i];
    else
      stop(argv[i], "unknown argument");
  }
  if (!path) stop("usage", "vector_run MODEL [--backend NAME] [--only NAME,NAME] [--hostile MODE] | --backends | ...");
  const Model model(path);
  request.model = model.data;
  request.model_size = model.size;
  const char *why = selftest::run_vectors(request, print_hash, nullptr);
  if (why) stop(path, why);
  return 0;
}
