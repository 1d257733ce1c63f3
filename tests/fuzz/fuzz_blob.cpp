// Fuzzes the model loader through the C API. Every input is tried as it is and once more with its checksum and file
// size repaired, as an attacker would, so that the rules behind the checksum are reached. What is accepted must run:
// three frames, finite output within +-4. Any refusal must be one of the documented ones.
#include "accept.h"
#include "replay.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  // calloc aligns well enough for a blob, and its exact size shows a read beyond the end.
  uint8_t *blob = static_cast<uint8_t *>(calloc(size ? size : 1, 1));
  if (!blob) return 0;
  if (size) memcpy(blob, data, size);
  fuzz::try_blob(blob, size);
  fuzz::repair(blob, size);
  fuzz::try_blob(blob, size);
  free(blob);
  return 0;
}
