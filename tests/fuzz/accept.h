// A blob of any content given to the loader: refused with a documented status, or accepted, and then it must run.
#pragma once

#include "base/crc32.h"
#include "model/blob.h"
#include "script.h"

namespace fuzz {

// Three frames, finite output within +-4.
inline void try_blob(const uint8_t *blob, size_t size) {
  linnet_model *const untouched = reinterpret_cast<linnet_model *>(uintptr_t{64});
  linnet_model *model = untouched;
  size_t bytes = 0;
  const linnet_status status = linnet_model_create(blob, size, &model);
  expect(status == LINNET_OK || status == LINNET_ERR_NOT_A_BLOB || status == LINNET_ERR_VERSION ||
             status == LINNET_ERR_CORRUPT,
         "undocumented refusal");
  const linnet_status measured = linnet_model_size(blob, size, &bytes);
  // The size is that of any model whose format is known: what the records and the topology say is not looked at.
  expect(
      measured == status || (measured == LINNET_OK && (status == LINNET_ERR_CORRUPT || status == LINNET_ERR_VERSION)),
      "size and create disagree");
  expect((status == LINNET_OK) == (model != untouched), "out was touched");
  if (status != LINNET_OK) return;
  linnet_model_info info;
  info.size = sizeof info;
  expect(linnet_model_get_info(model, &info) == LINNET_OK, "no info");
  const uint64_t uses = strcmp(info.topology, "bandsplit") == 0 ? 17 : 1;  // most of a weight in a frame
  expect(info.frame_bytes <= size && info.weights <= size && info.multiply_adds < uses * info.weights,
         "info out of range");
  linnet_stream *stream = nullptr;
  expect(linnet_create(model, nullptr, &stream) == LINNET_OK, "create failed");
  expect(linnet_delay(stream) == info.delay_frames * 480, "info and stream disagree");
  float x[3 * 480];
  uint32_t state = 1;
  for (float &sample : x) {
    state = state * 1664525u + 1013904223u;
    sample = static_cast<float>(state >> 8) * (1.0f / 8388608.0f) - 1.0f;
  }
  expect(linnet_process(stream, x, x, 3 * 480) == LINNET_OK, "process failed");
  expect(all_sane(x, 3 * 480), "output out of range");
  linnet_destroy(stream);
  linnet_model_destroy(model);
}

// Makes the header's size and checksum fit, as an attacker would.
inline void repair(uint8_t *blob, size_t size) {
  using linnet::model::Header;
  if (size < sizeof(Header)) return;
  const uint64_t file_size = size;
  memcpy(blob + offsetof(Header, file_size), &file_size, sizeof file_size);
  uint32_t crc = linnet::base::crc32(0, blob, offsetof(Header, crc));
  crc = linnet::base::crc32(crc, blob + sizeof(Header), size - sizeof(Header));
  memcpy(blob + offsetof(Header, crc), &crc, sizeof crc);
}

}  // namespace fuzz
