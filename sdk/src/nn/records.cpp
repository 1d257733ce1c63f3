#include "nn/records.h"

namespace linnet::nn {

namespace {

constexpr uint32_t kGroupRows = 8, kBlockWeights = 32;  // of sparse matrices, whose shapes are multiples of both sides

}  // namespace

const model::Record *RecordReader::next(model::Kind kind, uint32_t rows, uint32_t cols) {
  if (at_end()) return nullptr;
  const model::Record &record = blob_.records[used_];
  if (record.kind != static_cast<uint32_t>(kind) || record.rows != rows || record.cols != cols) return nullptr;
  ++used_;
  return &record;
}

bool RecordReader::take(const Shape &shape, FloatLinear *layer, uint64_t *time) {
  const model::Record *weights = next(model::Kind::kFloatMatrix, shape.rows, shape.cols);
  if (!weights) return false;
  const model::Record *bias = next(model::Kind::kBias, shape.rows, 1);
  if (!bias) return false;
  *time = uint64_t{shape.rows} * shape.cols;
  cost_.multiply_adds += *time;
  cost_.weights += *time + shape.rows;
  cost_.bytes += weights->size + bias->size;
  *layer = {blob_.payload<float>(*weights), blob_.payload<float>(*bias), static_cast<int>(shape.rows),
            static_cast<int>(shape.cols)};
  return true;
}

bool RecordReader::take(const Shape &shape, Linear *layer, uint64_t *time) {
  const model::Record *weights = next(model::Kind::kInt8Blocks, shape.rows, shape.cols);
  const bool sparse = !weights && shape.form == Shape::kInt8OrSparse;
  if (sparse) weights = next(model::Kind::kInt8SparseBlocks, shape.rows, shape.cols);
  if (!weights) return false;
  const model::Record *scale = next(model::Kind::kScale, shape.rows, 1);
  if (!scale) return false;
  const model::Record *bias = next(model::Kind::kBias, shape.rows * shape.biases, 1);
  if (!bias) return false;
  uint64_t elements = uint64_t{shape.rows} * shape.cols;
  model::SparseBlocks blocks = {nullptr, nullptr, nullptr};
  if (sparse) {
    blocks = blob_.sparse(*weights);
    elements = 0;
    for (uint32_t group = 0; group < shape.rows / kGroupRows; ++group) elements += blocks.counts[group];
    elements *= kBlockWeights;
  } else {
    blocks.blocks = blob_.payload<int8_t>(*weights);
  }
  *time = (sparse ? elements * 3 / 2 : elements) * shape.uses;  // a stored block costs half as much again
  cost_.multiply_adds += elements * shape.uses;
  cost_.weights += elements + uint64_t{shape.rows} * shape.biases;
  cost_.bytes += weights->size + scale->size + bias->size;
  layer->weights = blocks.blocks;
  layer->counts = blocks.counts;
  layer->columns = blocks.columns;
  layer->scale = blob_.payload<float>(*scale);
  layer->bias = blob_.payload<float>(*bias);
  layer->rows = static_cast<int>(shape.rows);
  layer->cols = static_cast<int>(shape.cols);
  layer->biases = static_cast<int>(shape.biases);
  return true;
}

}  // namespace linnet::nn
