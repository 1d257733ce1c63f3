// A model file, read once from its first byte to its last. The header says how long it is: nothing has to be sought,
// and a file that is no model, or a very large one, costs 64 bytes. The memory is the caller's.
#pragma once

#include <cstddef>
#include <cstdio>

#include "model/blob.h"

namespace linnet::model {

class BlobFile {
 public:
  BlobFile() = default;
  ~BlobFile();
  BlobFile(const BlobFile &) = delete;
  BlobFile &operator=(const BlobFile &) = delete;

  // path is UTF-8. Reads the header; on kNone size() tells how much room read() needs.
  BlobError open(const char *path);

  size_t size() const { return static_cast<size_t>(header_.file_size); }

  // The whole file, to be checked by parse_blob. kCorrupt if the file ends earlier or later than it says.
  BlobError read(void *blob);

 private:
  FILE *file_ = nullptr;
  Header header_ = {};
};

}  // namespace linnet::model
