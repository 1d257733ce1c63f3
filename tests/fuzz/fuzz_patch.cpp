// Fuzzes the rules of the loader: the input is a list of changes to a sound model, whose checksum is repaired. A fuzzer
// that would have to invent a whole model gets past few rules; here every change starts behind the checksum. What is
// accepted must run, what is refused must be refused as documented.
#include "accept.h"
#include "replay.h"

using linnet::model::Header;
using linnet::model::Record;

namespace {

// Numbers at which comparisons and products of 32 and 64 bits go wrong.
constexpr uint32_t kWords[] = {0,           1,           2,           7,           8,           63,
                               64,          0x10000u,    0x3fffffcu,  0x4000000u,  0x7fffffffu, 0x80000000u,
                               0xffffffffu, 0x3f800000u, 0x7f800000u, 0x7fc00000u, 0xffffffc0u};

void put(fuzz::Bytes *blob, size_t at, uint32_t value, size_t width) {
  if (at + width <= blob->size()) memcpy(blob->data() + at, &value, width);
}

void change(fuzz::Script *script, fuzz::Bytes *blob) {
  const uint8_t kind = script->next<uint8_t>();
  const uint32_t at = script->next<uint32_t>();
  uint32_t records = 0;
  if (blob->size() >= sizeof(Header)) memcpy(&records, blob->data() + offsetof(Header, record_count), sizeof records);
  const size_t table = sizeof(Header) + sizeof(Record) * (records < 256 ? records : 0);
  const size_t size = blob->size() ? blob->size() : 1;
  switch (kind % 8) {
    case 0:  // a field of the header or of a record
      return put(blob, at % table / 4 * 4, script->next<uint32_t>(), 4);
    case 1:
      return put(blob, at % table / 4 * 4, kWords[script->below(sizeof kWords / sizeof kWords[0])], 4);
    case 2:
      return put(blob, at % table, script->next<uint8_t>(), 1);
    case 3:  // a payload
      return put(blob, at % size, script->next<uint8_t>(), 1);
    case 4:
      return put(blob, at % size / 4 * 4, kWords[script->below(sizeof kWords / sizeof kWords[0])], 4);
    case 5:  // another length, often a whole number of the units that payloads lie in
      return blob->resize(kind & 8 ? at % (2 * size) : at % (2 * size) / 64 * 64);
    case 6: {  // two records change places
      if (table > blob->size() || table == sizeof(Header)) return;
      uint8_t held[sizeof(Record)];
      uint8_t *const first = blob->data() + sizeof(Header) + script->below(records) * sizeof held;
      uint8_t *const second = blob->data() + sizeof(Header) + at % records * sizeof held;
      memcpy(held, first, sizeof held);
      memmove(first, second, sizeof held);
      memcpy(second, held, sizeof held);
      return;
    }
    default:  // a sum that stays the same: one field of a record grows, another shrinks
      if (table > blob->size() || table == sizeof(Header)) return;
      for (const uint32_t sign : {1u, 0xffffffffu}) {
        const size_t field = sizeof(Header) + script->next<uint32_t>() % (table - sizeof(Header)) / 4 * 4;
        uint32_t value;
        memcpy(&value, blob->data() + field, sizeof value);
        put(blob, field, value + sign * at, 4);
      }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz::Script script(data, size);
  fuzz::Bytes blob = fuzz::blob(script.next<uint8_t>() % fuzz::kModelCount);
  for (int changes = 0; script.left() > 0 && changes < 16; ++changes) change(&script, &blob);
  // A copy of exactly this size shows a read beyond the end.
  uint8_t *exact = static_cast<uint8_t *>(calloc(blob.empty() ? 1 : blob.size(), 1));
  if (!exact) return 0;
  if (!blob.empty()) memcpy(exact, blob.data(), blob.size());
  fuzz::repair(exact, blob.size());
  fuzz::try_blob(exact, blob.size());
  free(exact);
  return 0;
}
