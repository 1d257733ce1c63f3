// CRC-32 eight bytes at a time: table k holds the remainder of a byte that is followed by k zero bytes, so that eight
// look-ups replace eight dependent steps. A model of 8 MB is checked when it is loaded, hence the effort. The tables
// are made anew by each call, in microseconds: kept, they would be a tenth of what a browser downloads. Technique:
// Kounavis and Berry, "A systematic approach to building high performance software-based CRC generators", ISCC 2005.
#include "base/crc32.h"

#include <cstring>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "linnet reads its little-endian model files in place: big-endian hosts are not supported"
#endif

namespace linnet::base {

namespace {

constexpr uint32_t kPolynomial = 0xedb88320u;
constexpr int kSlices = 8;

struct Tables {
  uint32_t remainder[kSlices][256];
};

Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1u) ? kPolynomial : 0u);
    tables.remainder[0][byte] = value;
  }
  for (int slice = 1; slice < kSlices; ++slice) {
    for (int byte = 0; byte < 256; ++byte) {
      uint32_t value = tables.remainder[slice - 1][byte];
      tables.remainder[slice][byte] = (value >> 8) ^ tables.remainder[0][value & 0xffu];
    }
  }
  return tables;
}

}  // namespace

uint32_t crc32(uint32_t crc, const void *data, size_t size) {
  const Tables tables = make_tables();
  const uint32_t (*table)[256] = tables.remainder;
  const uint8_t *bytes = static_cast<const uint8_t *>(data);
  uint32_t value = ~crc;
  for (; size >= 8; size -= 8, bytes += 8) {
    uint32_t low, high;
    memcpy(&low, bytes, 4);
    memcpy(&high, bytes + 4, 4);
    low ^= value;
    value = table[7][low & 0xffu] ^ table[6][(low >> 8) & 0xffu] ^ table[5][(low >> 16) & 0xffu] ^ table[4][low >> 24] ^
            table[3][high & 0xffu] ^ table[2][(high >> 8) & 0xffu] ^ table[1][(high >> 16) & 0xffu] ^
            table[0][high >> 24];
  }
  for (; size > 0; --size, ++bytes) value = (value >> 8) ^ table[0][(value ^ *bytes) & 0xffu];
  return ~value;
}

}  // namespace linnet::base
