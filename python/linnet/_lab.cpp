// linnet._core, the laboratory: whole recordings through the analysis, the synthesis and the network, and single stages
// of the signal path, for training and tests.
#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "_binding.h"
#include "dsp/comb.h"
#include "dsp/erb.h"
#include "dsp/fft.h"
#include "dsp/gains.h"
#include "dsp/interpolator.h"
#include "dsp/stft.h"
#include "kernels/kernels.h"
#include "lab/analyse.h"
#include "lab/predict.h"
#include "lab/synthesise.h"
#include "linnet.h"
#include "model/blob.h"
#include "nn/network.h"

using namespace linnet;   // NOLINT: the binding is about nothing else
using namespace binding;  // NOLINT

namespace {

using Backend = std::optional<std::string>;  // none: the fastest

const dsp::Rate &rate_of(int hertz) {
  const dsp::Rate *rate = dsp::find_rate(hertz);
  if (!rate) throw py::value_error("rate must be 8000, 16000, 24000, 32000 or 48000 Hz, got " + std::to_string(hertz));
  return *rate;
}

void check_lookahead(int lookahead) {
  if (lookahead < 0 || lookahead > dsp::kMaxLookahead)
    throw py::value_error("lookahead must be 0.." + std::to_string(dsp::kMaxLookahead) + " frames, got " +
                          std::to_string(lookahead));
}

// Whole frames of a recording.
py::ssize_t frames_of(const Floats &noisy, const dsp::Rate &rate) {
  check_mono(noisy, "noisy");
  return noisy.shape(0) / rate.frame;
}

// Puts an array into a result and tells where its values lie.
template <class Array>
auto *put(py::dict &result, const char *name, Array array) {
  result[name] = array;
  return array.mutable_data();
}

py::dict analyze(const Floats &noisy, const std::optional<Floats> &clean, int lookahead, const Backend &backend,
                 bool spectra, bool fine, int hertz) {
  constexpr const char *kProductNames[lab::kProducts] = {"yy", "pp", "yp", "xx", "xy", "xp"};
  constexpr const char *kSignalNames[lab::kSignals] = {"noisy", "comb", "clean"};
  const kernels::Kernels &kernels = kernels_of(backend);
  check_lookahead(lookahead);
  const dsp::Rate &rate = rate_of(hertz);
  const py::ssize_t frames = frames_of(noisy, rate);
  if (clean) check_length(*clean, noisy.shape(0), "clean");
  py::dict result;
  lab::Measurements out = {};
  out.features = put(result, "features", matrix_of(frames, dsp::kFeatures));
  if (fine) out.fine = put(result, "fine", matrix_of(frames, dsp::kFineInputs));
  out.coherence = put(result, "coherence", matrix_of(frames, dsp::kBands));
  out.period = put(result, "period", vector_of<Integers>(frames));
  out.correlation = put(result, "correlation", vector_of(frames));
  for (int i = 0; i < (clean ? lab::kProducts : lab::kXX); ++i)
    out.products[i] = put(result, kProductNames[i], matrix_of(frames, dsp::kBands));
  for (int i = 0; spectra && i < (clean ? lab::kSignals : lab::kClean); ++i)
    out.spectra[i] = put(result, kSignalNames[i], matrix_of<Complexes>(frames, dsp::kBins));
  const float *in = noisy.data(), *reference = clean ? clean->data() : nullptr;
  {
    const py::gil_scoped_release release;
    lab::analyse(kernels, rate, in, reference, static_cast<size_t>(frames), lookahead, out);
  }
  return result;
}

Floats synthesize(const Floats &noisy, const Floats &gains, const std::optional<Floats> &strengths, int lookahead,
                  float postfilter, const Backend &backend, const std::optional<Floats> &taps, int hertz) {
  const kernels::Kernels &kernels = kernels_of(backend);
  check_lookahead(lookahead);
  const dsp::Rate &rate = rate_of(hertz);
  const py::ssize_t frames = frames_of(noisy, rate);
  check_matrix(gains, frames, dsp::kBands, "gains");
  if (strengths) check_matrix(*strengths, frames, dsp::kBands, "strengths");
  if (!(postfilter >= 0.0f && postfilter <= 1.0f))
    throw py::value_error("postfilter must be 0..1, got " + std::to_string(postfilter));
  int reach = 0;
  if (taps) {
    if (taps->ndim() != 4 || taps->shape(0) != frames || taps->shape(1) != dsp::kLowBins || taps->shape(2) % 2 != 1 ||
        taps->shape(2) > std::min(2 * lookahead + 1, dsp::kMaxTaps) || taps->shape(3) != 2)
      throw py::value_error("taps must have shape (" + std::to_string(frames) +
                            ", 98, N, 2), N odd, at most 5 and at most 2 * lookahead + 1");
    reach = static_cast<int>(taps->shape(2)) / 2;
  }
  Floats out = vector_of(frames * rate.frame);
  const float *in = noisy.data(), *g = gains.data();
  const float *r = strengths ? strengths->data() : nullptr, *filters = taps ? taps->data() : nullptr;
  float *to = out.mutable_data();
  const py::gil_scoped_release release;
  lab::synthesise(kernels, rate, in, static_cast<size_t>(frames), lookahead, g, r, filters, reach, postfilter, to);
  return out;
}

Floats synthesize_bins(const Floats &noisy, const Floats &bin_gains, int lookahead) {
  check_lookahead(lookahead);
  const py::ssize_t frames = frames_of(noisy, dsp::kFullRate);
  check_matrix(bin_gains, frames, dsp::kBins, "bin_gains");
  Floats out = vector_of(frames * dsp::kFrame);
  const float *in = noisy.data(), *g = bin_gains.data();
  float *to = out.mutable_data();
  const py::gil_scoped_release release;
  lab::synthesise_bins(kernels_of({}), in, static_cast<size_t>(frames), lookahead, g, to);
  return out;
}

// frames_per_call 0: all at once.
py::dict network(const py::buffer &blob, const Floats &features, const Backend &backend, int frames_per_call) {
  const kernels::Kernels &kernels = kernels_of(backend);
  const Bytes bytes(blob);
  // The C API says what is wrong with a model; after it nothing can be.
  linnet_model *intact = nullptr;
  check(linnet_model_create(bytes.data(), bytes.size(), &intact));
  linnet_model_destroy(intact);
  model::BlobView view;
  model::parse_blob(bytes.data(), bytes.size(), &view);
  nn::Weights weights;
  weights.bind(view);
  const int width = weights.inputs();
  if (features.ndim() != 2) throw py::value_error("features must have shape (steps, " + std::to_string(width) + ")");
  if (frames_per_call < 0)
    throw py::value_error("frames_per_call is " + std::to_string(frames_per_call) + ", expected 0 (all) or more");
  const py::ssize_t frames = features.shape(0);
  check_matrix(features, frames, width, "features");
  py::dict result;
  float *gains = put(result, "gains", matrix_of(frames, nn::kBands));
  float *strengths = put(result, "strengths", matrix_of(frames, nn::kBands));
  float *speech = put(result, "speech_probability", vector_of(frames));
  float *taps = nullptr;
  if (weights.taps() > 0)
    taps =
        put(result, "taps", Floats({frames, py::ssize_t{nn::kLowBins}, py::ssize_t{weights.taps()}, py::ssize_t{2}}));
  const float *in = features.data();
  {
    const py::gil_scoped_release release;
    const size_t count = static_cast<size_t>(frames);
    std::vector<nn::NetworkOutput> outputs(count);
    lab::predict(kernels, weights, in, count, frames_per_call ? static_cast<size_t>(frames_per_call) : count,
                 outputs.data(), taps);
    for (const nn::NetworkOutput &output : outputs) {
      gains = std::copy(std::begin(output.gains), std::end(output.gains), gains);
      strengths = std::copy(std::begin(output.strengths), std::end(output.strengths), strengths);
      *speech++ = output.speech_probability;
    }
  }
  return result;
}

// Of a rate that has so many bins; those above are 0.
dsp::Spectrum load(const Complexes &bins, const dsp::Rate &rate = dsp::kFullRate) {
  check_length(bins, rate.bins, "spectrum");
  dsp::Spectrum s = {};
  for (int k = 0; k < rate.bins; ++k) {
    s.re[k] = bins.data()[k].real();
    s.im[k] = bins.data()[k].imag();
  }
  return s;
}

Complexes fft(const Floats &x, int hertz) {
  const dsp::Rate &rate = rate_of(hertz);
  check_length(x, rate.window, "x");
  dsp::Spectrum s;
  dsp::fft_forward(rate, x.data(), &s);
  Complexes out = vector_of<Complexes>(rate.bins);
  for (int k = 0; k < rate.bins; ++k) out.mutable_data()[k] = {s.re[k], s.im[k]};
  return out;
}

Floats ifft(const Complexes &bins, int hertz) {
  const dsp::Rate &rate = rate_of(hertz);
  Floats out = vector_of(rate.window);
  dsp::fft_inverse(rate, load(bins, rate), out.mutable_data());
  return out;
}

Floats window(int hertz) {
  const dsp::Rate &rate = rate_of(hertz);
  Floats out = vector_of(rate.window);
  dsp::stft_window(rate, out.mutable_data());
  return out;
}

// Frame by frame, as a stream does it.
Floats interpolate(const Floats &x, int hertz, const Backend &backend) {
  const kernels::Kernels &kernels = kernels_of(backend);
  const dsp::Rate &rate = rate_of(hertz);
  if (rate.hertz == dsp::kSampleRate)
    throw py::value_error("rate 48000: give a lower one, which there is to interpolate");
  const py::ssize_t frames = frames_of(x, rate);
  Floats out = vector_of(frames * dsp::kFrame);
  std::vector<float> padded(static_cast<size_t>(rate.frame));
  padded.insert(padded.end(), x.data(), x.data() + frames * rate.frame);
  for (py::ssize_t t = 0; t < frames; ++t)
    dsp::interpolate(kernels, rate, padded.data() + (t + 1) * rate.frame, out.mutable_data() + t * dsp::kFrame);
  return out;
}

Floats band_energy(const Complexes &bins) {
  Floats out = vector_of(dsp::kBands);
  dsp::band_energy(load(bins), out.mutable_data());
  return out;
}

Floats band_interpolate(const Floats &bands) {
  check_length(bands, dsp::kBands, "bands");
  Floats out = vector_of(dsp::kBins);
  dsp::band_interpolate(bands.data(), out.mutable_data());
  return out;
}

Floats comb(const Floats &x, int start, int period, int lookahead_samples) {
  check_mono(x, "x");
  if (period < dsp::kMinPeriod || period > dsp::kMaxPeriod)
    throw py::value_error("period must be 60..768 samples, got " + std::to_string(period));
  if (lookahead_samples < 0 || start < dsp::kCombPeriods * period ||
      start + dsp::kWindow + lookahead_samples > x.shape(0))
    throw py::value_error("x must hold 5 periods before start and 960 + lookahead_samples after it");
  Floats out = vector_of(dsp::kWindow);
  dsp::comb_filter(x.data() + start, period, lookahead_samples, out.mutable_data());
  return out;
}

Floats high_pass(const Floats &x, int hertz) {
  const dsp::Rate &rate = rate_of(hertz);
  check_mono(x, "x");
  if (x.shape(0) % rate.frame != 0)
    throw py::value_error("x must be whole frames of " + std::to_string(rate.frame) + " samples");
  Floats out = vector_of(x.shape(0));
  memcpy(out.mutable_data(), x.data(), static_cast<size_t>(x.shape(0)) * sizeof(float));
  dsp::HighPass filter = {};
  for (py::ssize_t n = 0; n < x.shape(0); n += rate.frame) filter.process(rate, out.mutable_data() + n);
  return out;
}

Floats postfilter(const Floats &gains, const Floats &amplitude, float amount) {
  check_length(gains, dsp::kBands, "gains");
  check_length(amplitude, dsp::kBands, "amplitude");
  Floats out = vector_of(dsp::kBands);
  dsp::postfilter(gains.data(), amplitude.data(), amount, out.mutable_data());
  return out;
}

Floats sigmoid(const Floats &x, const Backend &backend) {
  check_mono(x, "x");
  Floats out = vector_of(x.shape(0));
  kernels_of(backend).sigmoid(out.mutable_data(), x.data(), static_cast<int>(x.shape(0)));
  return out;
}

Floats tanh_of(const Floats &x, const Backend &backend) {
  check_mono(x, "x");
  Floats out = vector_of(x.shape(0));
  kernels_of(backend).tanh(out.mutable_data(), x.data(), static_cast<int>(x.shape(0)));
  return out;
}

py::array_t<int8_t> quantize(const Floats &x, const Backend &backend) {
  check_mono(x, "x");
  auto out = vector_of<py::array_t<int8_t>>(x.shape(0));
  kernels_of(backend).quantize(out.mutable_data(), x.data(), static_cast<int>(x.shape(0)));
  return out;
}

}  // namespace

void bind_lab(py::module_ &m) {
  const auto any_backend = Backend();
  const auto rate = py::arg("rate") = dsp::kSampleRate;
  m.def("analyze", &analyze, py::arg("noisy"), py::arg("clean") = std::nullopt, py::arg("lookahead") = 2,
        py::arg("backend") = any_backend, py::arg("spectra") = false, py::arg("fine") = false, rate);
  m.def("synthesize", &synthesize, py::arg("noisy"), py::arg("gains"), py::arg("strengths"), py::arg("lookahead") = 2,
        py::arg("postfilter") = 0.0f, py::arg("backend") = any_backend, py::arg("taps") = std::nullopt, rate);
  m.def("synthesize_bins", &synthesize_bins, py::arg("noisy"), py::arg("bin_gains"), py::arg("lookahead") = 2);
  m.def("network", &network, py::arg("blob"), py::arg("features"), py::arg("backend") = any_backend,
        py::arg("frames_per_call") = 0);
  m.def("fft", &fft, py::arg("x"), rate);
  m.def("ifft", &ifft, py::arg("spectrum"), rate);
  m.def("window", &window, rate);
  m.def("interpolate", &interpolate, py::arg("x"), py::arg("rate"), py::arg("backend") = any_backend);
  m.def("band_energy", &band_energy, py::arg("spectrum"));
  m.def("band_interpolate", &band_interpolate, py::arg("bands"));
  m.def("comb", &comb, py::arg("x"), py::arg("start"), py::arg("period"), py::arg("lookahead_samples"));
  m.def("high_pass", &high_pass, py::arg("x"), rate);
  m.def("postfilter", &postfilter, py::arg("gains"), py::arg("amplitude"), py::arg("amount"));
  m.def("sigmoid", &sigmoid, py::arg("x"), py::arg("backend") = any_backend);
  m.def("tanh", &tanh_of, py::arg("x"), py::arg("backend") = any_backend);
  m.def("quantize", &quantize, py::arg("x"), py::arg("backend") = any_backend);
}
