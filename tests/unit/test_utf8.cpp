// UTF-8 to UTF-16, which Windows needs for paths, on every system: text of each length of a code point, whatever is no
// UTF-8 (RFC 3629), and room to the last unit.
#include "../check.h"
#include "base/utf8.h"

#include <cstring>

namespace {

using linnet::base::utf8_to_utf16;

bool becomes(const char *text, const char16_t *expected, size_t units) {
  char16_t out[64];
  memset(out, 0xa5, sizeof out);
  if (!utf8_to_utf16(text, out, units + 1)) return false;
  for (size_t i = 0; i <= units; ++i) {
    if (out[i] != (i < units ? expected[i] : u'\0')) return false;
  }
  return out[units + 1] == 0xa5a5 && !utf8_to_utf16(text, out, units) && !utf8_to_utf16(text, out, 0);
}

bool is_refused(const char *text) {
  char16_t out[64];
  return !utf8_to_utf16(text, out, 64);
}

void sound_text_is_converted() {
  CHECK(becomes("", u"", 0));
  CHECK(becomes("C:\\a.linnet", u"C:\\a.linnet", 11));
  CHECK(becomes("\x7f\xc2\x80\xdf\xbf", u"\x7f\x80\x7ff", 3));
  CHECK(becomes("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", u"\x800\xd7ff\xe000\xffff", 4));
  CHECK(becomes("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", u"\xd800\xdc00\xdbff\xdfff", 4));
  CHECK(becomes("\xf0\x9f\x90\xa6", u"\xd83d\xdc26", 2));
}

void what_is_no_utf8_is_refused() {
  static const char *const bad[] = {"\x80",
                                    "a\xbf",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xc2",
                                    "\xc2\x61",
                                    "\xe0\x9f\xbf",
                                    "\xe1\x80",
                                    "\xed\xa0\x80",
                                    "\xed\xbf\xbf",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf0\x90\x80",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xff"};
  for (const char *text : bad) {
    CHECK_CASE(is_refused(text), text);
  }
}

}  // namespace

int main() {
  sound_text_is_converted();
  what_is_no_utf8_is_refused();
  return check_summary();
}
