// A network whose recurrent layers are shared by all parts of the spectrum: small matrices, many columns. Two bands are
// a token of `channels` numbers. A matrix of each token's own makes it from the features around its bands and, where
// the model reads them, the low bins inside them. Then blocks: a GRU over time whose weights all tokens share; a few
// numbers of each token, together, go through a GRU over the whole spectrum (the context); what that tells each token,
// its own state and what it was before give the next tokens. Heads of each token's own read the last ones. A trunk,
// where there is one, is a PercepNet that comes first: it tells each token of the whole spectrum, and the heads add to
// its own. With taps the network gives complex filters of the low bins as well. After Luo and Yu 2023 (band-split
// networks), Hao et al. 2021 (sub-band and full-band models), Mack and Habets 2020 (deep filtering);
// training/bandsplit.py trains it.
//
// All inputs are quantised: in range of +-1 by factors that the exporter takes out of the weights.
#pragma once

#include "base/arena.h"
#include "kernels/kernels.h"
#include "model/blob.h"
#include "nn/frame.h"
#include "nn/layers.h"
#include "nn/percepnet.h"
#include "nn/records.h"

namespace linnet::nn {

constexpr int kShare = 2;  // bands of a token
constexpr int kTokens = kBands / kShare;

class BandSplitWeights {
 public:
  struct Widths {
    uint32_t channels, context;  // of a token and of the whole spectrum; multiples of 8
    uint32_t blocks, summary;    // how many; numbers of each token that the context reads
    uint32_t taps;               // 0, 1, 3 or 5 frames
    bool fine, comb, pitch, trunk;
    PercepNetWeights::Widths of_trunk;
  };
  static constexpr uint32_t kMaxChannels = 256, kMaxContext = 512, kMaxBlocks = 8, kMaxSummary = 16;
  // False if a width is out of range, or the parts do not go together.
  static bool read(const model::Header &header, Widths *widths);

  // The matrices in file order: the trunk's and what it tells; of each token; of each block; heads of each token; the
  // speech head.
  enum OfBlock { kGruInput, kGruRecurrent, kSqueeze, kContextInput, kContextRecurrent, kSpread, kMix, kOfBlock };
  static int matrices(const Widths &widths);
  static Shape shape(int matrix, const Widths &widths);

  bool bind(const Widths &widths, RecordReader *records);

  const Widths &widths() const { return widths_; }
  int steps() const;
  uint64_t step_cost(int step) const;

 private:
  friend class BandSplit;

  static constexpr int kMaxMatrices = 1 + kTokens + kMaxBlocks * kOfBlock + kTokens + 1;
  int block(int index) const { return 1 + kTokens + index * kOfBlock; }
  int heads() const { return block(static_cast<int>(widths_.blocks)); }
  int speech() const { return heads() + kTokens; }
  uint64_t cost_of(int first, int count) const;

  Widths widths_ = {};
  PercepNetWeights trunk_;
  Linear linear_[kMaxMatrices];  // what the trunk tells first, whether there is one or not
  uint64_t matrix_cost_[kMaxMatrices] = {};
};

// The state of one stream on weights that it shares.
class BandSplit {
 public:
  void attach(const BandSplitWeights &weights);
  void place(base::Arena &arena);
  void reset();
  void save();
  void recall();

  // The steps of a batch, in order: those of the trunk, the tokens, four of each block, the heads.
  void step(int step, const kernels::Kernels &kernels, const NetworkInput *in, int frames, NetworkOutput *out);

 private:
  static constexpr int kStepsOfBlock = 4;  // GRU's input and recurrent part, context, mix
  friend class BandSplitWeights;

  struct BlockState {
    float *own, *context;       // [17][channels], [context]
    int8_t *rows;               // [kMaxBatch][17][row_]: quantised own state, the token before it, what it is told
    int8_t *context_quantized;  // [kMaxBatch][context]
  };

  void split(const kernels::Kernels &kernels, const NetworkInput *in, int frames);
  void hear_trunk(const kernels::Kernels &kernels, int frames);
  void quantize_inputs(const kernels::Kernels &kernels, const NetworkInput &in, int8_t *to);
  void gather(int token, const int8_t *inputs, int8_t *to) const;
  void context(int block, const kernels::Kernels &kernels, int frames);
  void mix(int block, const kernels::Kernels &kernels, int frames);
  void heads(const kernels::Kernels &kernels, int frames, NetworkOutput *out);

  // Of frame i of a batch of as many; the last of them has the highest place.
  int8_t *rows(int block, int frames, int i) const {
    return states_[block].rows + (kMaxBatch - frames + i) * kTokens * row_;
  }
  // Where the tokens of a batch go, frame after frame: into a block, or behind the last one to the heads.
  Frames<int8_t> tokens(int block, int frames) const;

  const BandSplitWeights *weights_ = nullptr;
  PercepNet trunk_;
  int channels_ = 0, summary_ = 0, context_ = 0, blocks_ = 0;
  int row_ = 0;          // bytes of a token in BlockState::rows
  int inputs_ = 0;       // quantised inputs of a frame, with what the trunk tells
  int most_inputs_ = 0;  // of a token, padded
  int few_ = 0;          // summaries of all tokens, padded

  BlockState states_[BandSplitWeights::kMaxBlocks] = {};
  uint8_t *begin_ = nullptr, *saved_ = nullptr;
  size_t state_bytes_ = 0;

  // Scratch of one batch.
  int8_t *quantized_ = nullptr;  // [kMaxBatch][inputs_]
  int8_t *gathered_ = nullptr;   // [kMaxBatch][most_inputs_] of one token
  int8_t *few_rows_ = nullptr;   // [kMaxBatch][few_]
  int8_t *last_ = nullptr;       // [kMaxBatch][17][channels] tokens for the heads
  int8_t *heard_ = nullptr;      // [kMaxBatch][2 * hidden] of the trunk
  float *layer_ = nullptr;       // [kMaxBatch] of any layer
  float *taps_ = nullptr;        // [kMaxBatch][98][taps][2]
  GruScratch gru_;               // its first sums serve every linear layer
};

}  // namespace linnet::nn
