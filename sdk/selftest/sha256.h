// SHA-256 (FIPS 180-4), for naming test vectors. Constants are the first 32 bits of the fractional parts of square and
// cube roots of primes, worked out here in integers instead of being listed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

class Sha256 {
 public:
  Sha256() {
    int found = 0;
    for (uint32_t n = 2; found < 64; ++n) {
      bool prime = true;
      for (uint32_t d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
      if (!prime) continue;
      if (found < 8) state_[found] = root_fraction(n, 2);
      constants_[found++] = root_fraction(n, 3);
    }
  }

  void add(const void *data, size_t size) {
    const uint8_t *bytes = static_cast<const uint8_t *>(data);
    for (size_t i = 0; i < size; ++i) {
      block_[length_++ % 64] = bytes[i];
      if (length_ % 64 == 0) compress();
    }
  }

  // Ends the message; text gets 64 hexadecimal digits and a zero.
  void finish(char text[65]) {
    const uint64_t bits = length_ * 8;
    const uint8_t one = 0x80, zero = 0;
    add(&one, 1);
    while (length_ % 64 != 56) add(&zero, 1);
    for (int shift = 56; shift >= 0; shift -= 8) {
      const uint8_t byte = static_cast<uint8_t>(bits >> shift);
      add(&byte, 1);
    }
    for (int i = 0; i < 64; ++i) text[i] = "0123456789abcdef"[state_[i / 8] >> (28 - i % 8 * 4) & 15];
    text[64] = 0;
  }

 private:
  // floor(2^32 n^(1/power)) modulo 2^32, bit by bit: the largest r with r^power <= n 2^(32 power).
  static uint32_t root_fraction(uint32_t n, int power) {
    uint64_t root = 0;
    for (int bit = 36; bit >= 0; --bit) {
      const uint64_t candidate = root | uint64_t{1} << bit;
      if (at_most(candidate, power, n)) root = candidate;
    }
    return static_cast<uint32_t>(root);
  }

  // Whether value^power <= n 2^(32 power), in limbs of 32 bits, least first.
  static bool at_most(uint64_t value, int power, uint32_t n) {
    uint32_t product[8] = {1};
    for (int p = 0; p < power; ++p) {
      const uint64_t low = value & 0xffffffffu, high = value >> 32;
      uint32_t next[8] = {0};
      for (int i = 0; i < 7; ++i) {
        add_at(next, i, product[i] * low);
        add_at(next, i + 1, product[i] * high);
      }
      memcpy(product, next, sizeof product);
    }
    for (int i = 7; i > power; --i) {
      if (product[i] != 0) return false;
    }
    if (product[power] != n) return product[power] < n;
    for (int i = 0; i < power; ++i) {
      if (product[i] != 0) return false;
    }
    return true;
  }

  static void add_at(uint32_t limbs[8], int at, uint64_t value) {
    for (; value != 0 && at < 8; ++at) {
      const uint64_t sum = (value & 0xffffffffu) + limbs[at];
      limbs[at] = static_cast<uint32_t>(sum);
      value = (value >> 32) + (sum >> 32);
    }
  }

  static uint32_t rotate(uint32_t x, int n) { return x >> n | x << (32 - n); }

  void compress() {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; ++i) {
      w[i] = static_cast<uint32_t>(block_[4 * i]) << 24 | static_cast<uint32_t>(block_[4 * i + 1]) << 16 |
             static_cast<uint32_t>(block_[4 * i + 2]) << 8 | block_[4 * i + 3];
    }
    for (int i = 16; i < 64; ++i) {
      const uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
      const uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    memcpy(v, state_, sizeof v);
    for (int i = 0; i < 64; ++i) {
      const uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
      const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]);
      const uint32_t t1 = v[7] + s1 + choice + constants_[i] + w[i];
      const uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
      const uint32_t majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
      memmove(v + 1, v, 7 * sizeof v[0]);
      v[4] += t1;
      v[0] = t1 + s0 + majority;
    }
    for (int i = 0; i < 8; ++i) state_[i] += v[i];
  }

  uint32_t state_[8], constants_[64];
  uint8_t block_[64];
  uint64_t length_ = 0;
};
