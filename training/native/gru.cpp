// The layer of gru.h in one instruction set (LINNET_ISA names it; select.cpp chooses). A group of rows goes through all
// frames before the next one, so that its states and, where the layer is narrow, its weights stay in the first caches.
// Products are those of tile.h on rows and matrices that were padded with zeros to whole vectors.
#include "gru.h"

#include <cstdlib>
#include <new>

#include "tile.h"

namespace linnet_training {
namespace LINNET_ISA {
namespace {

// Zeroed numbers on a cache line's boundary.
template <class T>
class Buffer {
 public:
  explicit Buffer(size_t count) : bytes_((count * sizeof(T) + 63) / 64 * 64 + 64) {
    data_ = (T *)aligned_alloc(64, bytes_);
    if (!data_) throw std::bad_alloc();
    clear();
  }
  Buffer(const Buffer &) = delete;
  Buffer &operator=(const Buffer &) = delete;
  ~Buffer() { free(data_); }
  void clear() { memset((void *)data_, 0, bytes_); }
  operator T *() { return data_; }

 private:
  size_t bytes_;
  T *data_;
};

size_t up(size_t value, size_t to) { return (value + to - 1) / to * to; }

constexpr size_t STREAMED = 4 << 20;  // states

struct Sizes {
  size_t frames, rows, cols, width;
  size_t vectors, col_vectors;  // of a row of `width` and of `cols` numbers
  size_t padded, padded_cols;   // these in numbers
  size_t group;                 // rows that go through the frames together
  bool streamed;                // more than the caches hold is written

  explicit Sizes(const linnet_gru &g)
      : frames((size_t)g.frames), rows((size_t)g.rows), cols(g.whole ? (size_t)g.cols : 0), width((size_t)g.width) {
    vectors = up(width, LANES) / LANES, col_vectors = up(cols, LANES) / LANES;
    padded = vectors * LANES, padded_cols = col_vectors * LANES;
    // Wide matrices are read again for every frame, which more rows at once have to pay for.
    size_t most = width > 128 ? 128 : 32;
    streamed = frames * rows * padded > STREAMED && (((size_t)g.states | (size_t)g.kept | (size_t)g.grad_x) & 63) == 0;
    group = up(rows < most ? rows : most, ROWS);
  }
  int64_t left(size_t vector, size_t of) const { return (int64_t)(of - vector * LANES); }
};

// The matrix value(k, column), k < steps * PER_UNIT, as vectors of units: [vectors][steps][of `among`, one][LANES].
template <class Kind, class Value>
void pack(Unit *to, size_t vectors, size_t steps, size_t among, Value value) {
  for (size_t j = 0; j < vectors; j++) {
    for (size_t k = 0; k < steps; k++, to += among * LANES) {
      for (size_t part = 0; part < Kind::PER_UNIT; part++) {
        float some[LANES];
        typename Kind::Element rounded[LANES];
        for (size_t lane = 0; lane < LANES; lane++) some[lane] = value(k * Kind::PER_UNIT + part, j * LANES + lane);
        Kind::store(rounded, load_vector<Floats>(some));
        for (size_t lane = 0; lane < LANES; lane++)
          memcpy((char *)(to + lane) + part * sizeof *rounded, rounded + lane, sizeof *rounded);
      }
    }
  }
}

// One row of floats as elements; the padding behind is left alone.
template <class Kind>
void convert(typename Kind::Element *to, const float *from, size_t count) {
  for (size_t i = 0; i < count; i += LANES) {
    int64_t some = (int64_t)(count - i);
    store_some<Kind>(to + i, load_some<Float32>(from + i, some), some);
  }
}

// One row of floats; past the caches where `streamed`.
void copy_row(float *to, const float *from, size_t count, bool streamed) {
  if (count % LANES) return (void)memcpy(to, from, count * sizeof *to);
  for (size_t i = 0; i < count; i += LANES) write(to + i, load_vector<Floats>(from + i), streamed);
}

// Rows of elements with `padded` numbers each -> for products over the rows: units of one number of neighbouring rows.
// Floats are that already.
template <class Kind>
const Unit *pair_rows(Unit *to, const typename Kind::Element *from, size_t padded, size_t rows) {
  if (Kind::PER_UNIT == 1) return (const Unit *)from;
  for (size_t row = 0; row < rows; row += 2) {
    const auto *even = from + row * padded, *odd = even + padded;
    Unit *out = to + row / 2 * padded;
    for (size_t i = 0; i < padded; i += LANES) {
      Words low = (Words)Kind::load(even + i) >> 16, high = (Words)Kind::load(odd + i);
      Words both = low | high;
      memcpy(out + i, &both, sizeof both);
    }
  }
  return to;
}

template <class Kind>
void forward_of(const linnet_gru &g) {
  typedef typename Kind::Element Element;
  const Sizes s(g);
  const size_t steps = s.padded / Kind::PER_UNIT, col_steps = s.padded_cols / Kind::PER_UNIT;
  const size_t width = s.width;
  Buffer<Unit> weight_state(3 * s.vectors * steps * LANES), weight_input(3 * s.vectors * col_steps * LANES);
  Buffer<float> bias(4 * s.padded);  // reset, update, candidate from the state, candidate from the input
  for (size_t gate = 0; gate < 3; gate++) {
    const float *from_state = g.weight_state + gate * width * width;
    pack<Kind>(weight_state + gate * LANES, s.vectors, steps, 3,
               [&](size_t k, size_t unit) { return k < width && unit < width ? from_state[unit * width + k] : 0.0f; });
    for (size_t i = 0; i < width; i++) bias[gate * s.padded + i] = g.bias_state[gate * width + i];
    if (!g.whole) continue;
    const float *from_input = g.weight_input + gate * width * s.cols;
    pack<Kind>(weight_input + gate * LANES, s.vectors, col_steps, 3, [&](size_t k, size_t unit) {
      return k < s.cols && unit < width ? from_input[unit * s.cols + k] : 0.0f;
    });
    for (size_t i = 0; i < width; i++) bias[(gate == 2 ? 3 : gate) * s.padded + i] += g.bias_input[gate * width + i];
  }

  Buffer<float> state(s.group * s.padded);
  Buffer<Element> seen(s.group * s.padded), next(s.group * s.padded), input(s.group * s.padded_cols);
  alignas(64) float sums[ROWS][3][LANES];
  alignas(64) float from_state[ROWS][LANES];
  for (size_t first = 0; first < s.rows; first += s.group) {
    const size_t count = s.rows - first < s.group ? s.rows - first : s.group;
    Element *now = seen, *after = next;
    for (size_t m = 0; m < count; m++) {
      memcpy(state + m * s.padded, g.start + (first + m) * width, width * sizeof(float));
      convert<Kind>(now + m * s.padded, state + m * s.padded, width);
    }
    for (size_t t = 0; t < s.frames; t++) {
      const size_t at = t * s.rows + first;
      if (g.whole) {
        for (size_t m = 0; m < count; m++) convert<Kind>(input + m * s.padded_cols, g.x + (at + m) * s.cols, s.cols);
      }
      for (size_t j = 0; j < s.vectors; j++) {
        const int64_t left = s.left(j, width);
        const size_t here = j * LANES;
        for (size_t block = 0; block < count; block += ROWS) {
          for (auto &row : sums)
            for (size_t gate = 0; gate < 3; gate++) memcpy(row[gate], bias + gate * s.padded + here, sizeof row[gate]);
          multiply<Kind, 3>(sums[0][0], 3 * LANES, (Unit *)(now + block * s.padded), steps, 1,
                            weight_state + j * steps * 3 * LANES, LANES, 3 * LANES, steps);
          if (g.whole) {
            for (int m = 0; m < ROWS; m++) {
              memcpy(from_state[m], sums[m][2], sizeof from_state[m]);
              memcpy(sums[m][2], bias + 3 * s.padded + here, sizeof sums[m][2]);
            }
            multiply<Kind, 3>(sums[0][0], 3 * LANES, (Unit *)(input + block * s.padded_cols), col_steps, 1,
                              weight_input + j * col_steps * 3 * LANES, LANES, 3 * LANES, col_steps);
          }
          for (size_t m = 0; m < ROWS && block + m < count; m++) {
            const size_t row = at + block + m;
            Floats to_reset = Float32::load(sums[m][0]), to_update = Float32::load(sums[m][1]);
            Floats to_candidate = Float32::load(sums[m][2]), recurrent = to_candidate;
            if (g.whole) {
              recurrent = Float32::load(from_state[m]);
            } else {
              const Element *side = (const Element *)g.side + row * 3 * width + here;
              to_reset += load_some<Kind>(side, left);
              to_update += load_some<Kind>(side + width, left);
              to_candidate = load_some<Kind>(side + 2 * width, left);
            }
            const Floats reset = sigmoid(to_reset), update = sigmoid(to_update);
            const Floats candidate = hyperbolic_tangent(to_candidate + reset * recurrent);
            float *mine = state + (block + m) * s.padded + here;
            const Floats value = candidate + update * (Float32::load(mine) - candidate);
            Float32::store(mine, value);
            Kind::store(after + (block + m) * s.padded + here, value);
            if (left >= LANES)
              write(g.states + row * width + here, value, s.streamed && width % LANES == 0);
            else
              store_some<Float32>(g.states + row * width + here, value, left);
            if (g.copy) store_some<Kind>((Element *)g.copy + row * width + here, value, left);
            if (!g.kept) continue;
            Element *kept = (Element *)g.kept + (row * s.padded + here) * 4;
            Kind::write_two(kept, reset, update, s.streamed);
            Kind::write_two(kept + 2 * LANES, candidate, recurrent, s.streamed);
          }
        }
      }
      Element *swapped = now;
      now = after, after = swapped;
    }
  }
}

// Gradients of one group's sums lie as candidate, reset, update, recurrent part of the candidate: the first three are
// of the input's products, the last three of the state's.
constexpr size_t SIDE_GATE[3] = {2, 0, 1};

template <class Kind>
void backward_of(const linnet_gru &g) {
  typedef typename Kind::Element Element;
  const Sizes s(g);
  const size_t width = s.width, padded = s.padded;
  const size_t steps = 3 * padded / Kind::PER_UNIT, line = 4 * padded / Kind::PER_UNIT;
  const bool to_x = g.whole && g.grad_x;
  Buffer<Unit> back_state(s.vectors * steps * LANES), back_input(to_x ? s.col_vectors * steps * LANES : 0);
  pack<Kind>(back_state, s.vectors, steps, 1, [&](size_t k, size_t column) {
    size_t gate = k / padded, unit = k % padded;
    return unit < width && column < width ? g.weight_state[(gate * width + unit) * width + column] : 0.0f;
  });
  if (to_x) {
    pack<Kind>(back_input, s.col_vectors, steps, 1, [&](size_t k, size_t column) {
      size_t gate = SIDE_GATE[k / padded], unit = k % padded;
      return unit < width && column < s.cols ? g.weight_input[(gate * width + unit) * s.cols + column] : 0.0f;
    });
  }

  const size_t all_rows = s.group;
  Buffer<float> bias(4 * padded), carried(all_rows * padded), grad_input(all_rows * s.padded_cols);
  Buffer<Element> grads(all_rows * 4 * padded), before(all_rows * padded), input(all_rows * s.padded_cols);
  // Sums of the weights' gradients, a row per input of the product.
  Buffer<float> sum_state(g.whole ? 3 * padded * padded : 0), sum_input(3 * padded * s.padded_cols);
  Buffer<Unit> grad_pairs(all_rows * 2 * padded), before_pairs(all_rows * padded),
      input_pairs(all_rows * s.padded_cols);
  for (size_t first = 0; first < s.rows; first += s.group) {
    const size_t count = s.rows - first < s.group ? s.rows - first : s.group;
    const size_t blocks = up(count, ROWS), pairs = up(count, Kind::PER_UNIT) / Kind::PER_UNIT;
    if (count < s.group) {  // what is left of the group before must not be added
      carried.clear(), grads.clear(), before.clear(), input.clear();
    }
    for (size_t m = 0; m < count; m++)
      memcpy(carried + m * padded, g.grad_start + (first + m) * width, width * sizeof(float));
    for (size_t t = s.frames; t-- > 0;) {
      const size_t at = t * s.rows + first;
      const float *previous = t ? g.states + (at - s.rows) * width : g.start + first * width;
      for (size_t j = 0; j < s.vectors; j++) {
        const int64_t left = s.left(j, width);
        const size_t here = j * LANES;
        Floats total[4];
        for (size_t part = 0; part < 4; part++) total[part] = Float32::load(bias + part * padded + here);
        for (size_t m = 0; m < count; m++) {
          const size_t row = at + m;
          const Element *kept = (const Element *)g.kept + (row * padded + here) * 4;
          const Floats reset = Kind::load(kept), update = Kind::load(kept + LANES);
          const Floats candidate = Kind::load(kept + 2 * LANES), recurrent = Kind::load(kept + 3 * LANES);
          const Floats state = load_some<Float32>(previous + m * width + here, left);
          float *mine = carried + m * padded + here;
          const Floats grad = Float32::load(mine) + load_some<Float32>(g.grad_states + row * width + here, left);
          const Floats stays = grad * update;
          const Floats to_candidate = (grad - stays) * (1 - candidate * candidate);
          const Floats to_update = (state - candidate) * stays * (1 - update);
          const Floats to_recurrent = to_candidate * reset;
          const Floats to_reset = to_recurrent * recurrent * (1 - reset);
          Float32::store(mine, stays);
          Element *to = grads + m * 4 * padded + here;
          Kind::store(to, to_candidate);
          Kind::store(to + padded, to_reset);
          Kind::store(to + 2 * padded, to_update);
          Kind::store(to + 3 * padded, to_recurrent);
          total[0] += to_candidate, total[1] += to_reset, total[2] += to_update, total[3] += to_recurrent;
          if (g.whole) {
            Kind::store(before + m * padded + here, state);
            continue;
          }
          Element *side = (Element *)g.grad_side + row * 3 * width + here;
          store_some<Kind>(side, to_reset, left);
          store_some<Kind>(side + width, to_update, left);
          store_some<Kind>(side + 2 * width, to_candidate, left);
          Element *to_state = (Element *)g.grad_recurrent + row * 3 * width + here;
          store_some<Kind>(to_state, to_reset, left);
          store_some<Kind>(to_state + width, to_update, left);
          store_some<Kind>(to_state + 2 * width, to_recurrent, left);
        }
        for (size_t part = 0; part < 4; part++) Float32::store(bias + part * padded + here, total[part]);
      }
      const Unit *side = (const Unit *)(Element *)grads, *from_state = side + padded / Kind::PER_UNIT;
      multiply_all<Kind>(carried, padded, blocks, s.vectors, from_state, line, 1, back_state, steps * LANES, LANES,
                         steps);
      if (!g.whole) continue;
      for (size_t m = 0; m < count; m++) convert<Kind>(input + m * s.padded_cols, g.x + (at + m) * s.cols, s.cols);
      const Unit *of_grads = pair_rows<Kind>(grad_pairs, grads, 4 * padded, 2 * ((count + 1) / 2));
      const Unit *of_before = pair_rows<Kind>(before_pairs, before, padded, 2 * ((count + 1) / 2));
      const Unit *of_input = pair_rows<Kind>(input_pairs, input, s.padded_cols, 2 * ((count + 1) / 2));
      multiply_all<Kind>(sum_state, 3 * padded, padded, 3 * s.vectors, of_before, 1, padded, of_grads + padded, LANES,
                         4 * padded, pairs);
      multiply_all<Kind>(sum_input, 3 * padded, s.padded_cols, 3 * s.vectors, of_input, 1, s.padded_cols, of_grads,
                         LANES, 4 * padded, pairs);
      if (!to_x) continue;
      grad_input.clear();
      multiply_all<Kind>(grad_input, s.padded_cols, blocks, s.col_vectors, side, line, 1, back_input, steps * LANES,
                         LANES, steps);
      for (size_t m = 0; m < count; m++)
        copy_row(g.grad_x + (at + m) * s.cols, grad_input + m * s.padded_cols, s.cols, s.streamed);
    }
    for (size_t m = 0; m < count; m++)
      memcpy(g.grad_start + (first + m) * width, carried + m * padded, width * sizeof(float));
  }

  for (size_t part = 0; part < 3; part++) {
    for (size_t unit = 0; unit < width; unit++) {
      const size_t row = part * width + unit, side_row = SIDE_GATE[part] * width + unit;
      g.grad_bias_state[row] = bias[(part + 1) * padded + unit];
      g.grad_bias_input[side_row] = bias[part * padded + unit];
      if (!g.whole) continue;
      for (size_t k = 0; k < width; k++)
        g.grad_weight_state[row * width + k] = sum_state[(k * 3 + part) * padded + unit];
      for (size_t k = 0; k < s.cols; k++)
        g.grad_weight_input[side_row * s.cols + k] = sum_input[(k * 3 + part) * padded + unit];
    }
  }
}

}  // namespace

bool forward(const linnet_gru &g) {
#if defined(__AVX512BF16__)
  if (g.bfloat16) return forward_of<BFloat16>(g), true;
#endif
  if (g.bfloat16) return false;
  return forward_of<Float32>(g), true;
}

bool backward(const linnet_gru &g) {
#if defined(__AVX512BF16__)
  if (g.bfloat16) return backward_of<BFloat16>(g), true;
#endif
  if (g.bfloat16) return false;
  return backward_of<Float32>(g), true;
}

}  // namespace LINNET_ISA
}  // namespace linnet_training
