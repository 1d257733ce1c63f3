// What the topologies share: how a matrix is described, taken from the records of a model and bound to a layer, and
// what the weights of a frame amount to. Each matrix is a record, followed by its scale if it is of int8, and by a
// bias.
#pragma once

#include <cstdint>

#include "model/blob.h"
#include "nn/layers.h"

namespace linnet::nn {

// What a matrix must be in a model.
struct Shape {
  enum Form { kFloat, kInt8, kInt8OrSparse };  // of the last two, the second is chosen by each model

  const char *name;  // '#' in it stands for `number`
  Form form;
  uint32_t rows, cols;
  uint32_t number = 0;
  uint32_t biases = 1;     // for as many vectors, each of `rows` values
  uint32_t uses = 1;       // vectors per frame
  const char *group = "";  // goes before the name
};

// What the weights of one frame amount to. Of a sparse matrix only the blocks that it stores count.
struct Cost {
  uint64_t weights = 0;        // with biases, without scales
  uint64_t multiply_adds = 0;  // of matrices
  uint64_t bytes = 0;          // read: weights, biases, scales and columns of blocks
};

// Takes the matrices of a parsed blob one after another.
class RecordReader {
 public:
  explicit RecordReader(const model::BlobView &blob) : blob_(blob) {}

  // False if the next records are not of this shape. time: what the matrix takes, in multiply-adds of a dense one.
  bool take(const Shape &shape, FloatLinear *layer, uint64_t *time);
  bool take(const Shape &shape, Linear *layer, uint64_t *time);

  // Whether no record is left.
  bool at_end() const { return used_ == blob_.records.size; }
  const Cost &cost() const { return cost_; }

 private:
  // The next record if it has this kind and shape, else nullptr.
  const model::Record *next(model::Kind kind, uint32_t rows, uint32_t cols);

  model::BlobView blob_;
  size_t used_ = 0;
  Cost cost_;
};

// A width of a model: a multiple of 8 up to the largest.
constexpr bool width_in_range(uint32_t width, uint32_t largest) {
  return width >= 8 && width <= largest && width % 8 == 0;
}

}  // namespace linnet::nn
