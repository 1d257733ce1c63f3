// Text from UTF-8 to UTF-16, for paths on Windows (RFC 3629). Compiled everywhere, so that it is tested everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace linnet::base {

// Writes text and its zero; false if it is not UTF-8 (overlong forms and surrogates are not) or needs more than room.
template <class Unit>
bool utf8_to_utf16(const char *text, Unit *out, size_t room) {
  static_assert(sizeof(Unit) == 2, "wchar_t of Windows, char16_t");
  const unsigned char *at = reinterpret_cast<const unsigned char *>(text);
  while (*at) {
    const uint32_t lead = *at++;
    const int more = lead < 0x80 ? 0 : lead < 0xc2 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : -1;
    if (more < 0) return false;
    uint32_t point = more == 0 ? lead : lead & (0x3fu >> more);
    for (int i = 0; i < more; ++i, ++at) {
      if ((*at & 0xc0u) != 0x80u) return false;  // the zero at the end too
      point = point << 6 | (*at & 0x3fu);
    }
    constexpr uint32_t kSmallest[] = {0, 0x80, 0x800, 0x10000};
    if (point < kSmallest[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
    const size_t units = point < 0x10000 ? 1 : 2;
    if (room <= units) return false;
    room -= units;
    if (units == 2) {
      *out++ = static_cast<Unit>(0xd800 + ((point - 0x10000) >> 10));
      point = 0xdc00 + (point & 0x3ff);
    }
    *out++ = static_cast<Unit>(point);
  }
  if (room == 0) return false;
  *out = 0;
  return true;
}

}  // namespace linnet::base
