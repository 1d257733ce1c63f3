// Reading of model files through C's streams. Windows wants a path in UTF-16, which is made here from UTF-8, because
// its fopen would take the path in the code page of the user.
#include "model/file.h"

#include <cerrno>
#include <cstring>

#include "base/utf8.h"

namespace linnet::model {

namespace {

FILE *open_file(const char *path) {
#ifdef _WIN32
  constexpr size_t kLongestPath = 32768;  // of Windows, with the zero at the end
  wchar_t wide[kLongestPath];
  if (!base::utf8_to_utf16(path, wide, kLongestPath)) return nullptr;
  return _wfopen(wide, L"rb");
#else
  return fopen(path, "rb");
#endif
}

}  // namespace

BlobFile::~BlobFile() {
  if (file_) (void)fclose(file_);  // only read from
}

BlobError BlobFile::open(const char *path) {
  errno = 0;
  file_ = open_file(path);
  if (!file_) return errno == ENOMEM ? BlobError::kNoMemory : BlobError::kIo;
  const size_t size = fread(&header_, 1, sizeof header_, file_);
  if (ferror(file_)) return BlobError::kIo;
  return check_header(&header_, size);
}

BlobError BlobFile::read(void *blob) {
  memcpy(blob, &header_, sizeof header_);
  const size_t rest = size() - sizeof header_;
  const bool whole = fread(static_cast<uint8_t *>(blob) + sizeof header_, 1, rest, file_) == rest;
  const bool tail = whole && fgetc(file_) != EOF;
  if (ferror(file_)) return BlobError::kIo;
  return whole && !tail ? BlobError::kNone : BlobError::kCorrupt;
}

}  // namespace linnet::model
