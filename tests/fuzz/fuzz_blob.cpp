// Fuzzes the model loader through the C API. Every input is tried as it is and once more with its checksum and file
// size repaired, as an attacker would, so that the rules behind the checksum are reached. What is accepted must run:
// three frames, finite output within +-4. Any refusal must be one of the documented ones.
//
// With libFuzzer: clang++ -fsanitize=fuzzer,address,undefined -DLINNET_FUZZER; with any compiler: see replay.h; corpus:
// sdk/models/tiny.linnet.
#include <cstddef>

#include "base/crc32.h"
#include "linnet.h"
#include "model/blob.h"
#include "replay.h"

namespace {

void expect(bool ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "fuzz_blob: %s\n", what);
  abort();
}

void try_blob(const uint8_t *blob, size_t size) {
  linnet *const untouched = reinterpret_cast<linnet *>(uintptr_t{64});
  linnet *stream = untouched;
  size_t bytes = 0;
  const linnet_status measured = linnet_size(blob, size, nullptr, &bytes);
  expect(measured == LINNET_OK || measured == LINNET_ERR_NOT_A_BLOB || measured == LINNET_ERR_VERSION ||
             measured == LINNET_ERR_CORRUPT,
         "undocumented refusal");
  const linnet_status status = linnet_create(blob, size, nullptr, &stream);
  expect(status == measured, "size and create disagree");
  expect((status == LINNET_OK) == (stream != untouched), "out was touched");
  if (status != LINNET_OK) return;
  float x[3 * 480];
  uint32_t state = 1;
  for (float &sample : x) {
    state = state * 1664525u + 1013904223u;
    sample = static_cast<float>(state >> 8) * (1.0f / 8388608.0f) - 1.0f;
  }
  expect(linnet_process(stream, x, x, 3 * 480) == LINNET_OK, "process failed");
  for (float sample : x) expect(sample >= -4.0f && sample <= 4.0f, "output out of range");
  linnet_destroy(stream);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using linnet_core::model::Header;
  // calloc aligns well enough for a blob, and its exact size shows a read beyond the end.
  uint8_t *blob = static_cast<uint8_t *>(calloc(size ? size : 1, 1));
  if (!blob) return 0;
  if (size) memcpy(blob, data, size);
  try_blob(blob, size);
  if (size >= sizeof(Header)) {
    const uint64_t file_size = size;
    memcpy(blob + offsetof(Header, file_size), &file_size, sizeof file_size);
    uint32_t crc = linnet_core::base::crc32(0, blob, offsetof(Header, crc));
    crc = linnet_core::base::crc32(crc, blob + sizeof(Header), size - sizeof(Header));
    memcpy(blob + offsetof(Header, crc), &crc, sizeof crc);
    try_blob(blob, size);
  }
  free(blob);
  return 0;
}
