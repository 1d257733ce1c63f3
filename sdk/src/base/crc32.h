// CRC-32 of IEEE 802.3 (reflected polynomial 0xedb88320, start and final value inverted), the checksum of zip and PNG.
// It guards model blobs against accidents, not against attackers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet::base {

// Checksum of the bytes seen so far followed by size bytes of data; start with crc 0.
uint32_t crc32(uint32_t crc, const void *data, size_t size);

}  // namespace linnet::base
