// linnet._core: the C API and, for training and tests, the stages behind it, bound to Python. Thin on purpose: arrays
// in, arrays out, no policy. Rows of per-step arrays concern the frame that lies `lookahead` steps back.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <complex>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/fp_env.h"
#include "dsp/analysis.h"
#include "dsp/comb.h"
#include "dsp/erb.h"
#include "dsp/gains.h"
#include "dsp/synthesis.h"
#include "engine.h"
#include "kernels/kernels.h"
#include "linnet.h"
#include "model/blob.h"
#include "nn/network.h"

namespace py = pybind11;
using namespace linnet;  // NOLINT: the binding is about nothing else

namespace {

using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Shorts = py::array_t<int16_t, py::array::c_style>;
using Complexes = py::array_t<std::complex<float>, py::array::c_style | py::array::forcecast>;

struct LinnetError {
  int status;
  std::string detail;
};

void check(linnet_status status, const std::string &detail = "") {
  if (status != LINNET_OK) throw LinnetError{status, detail};
}

// 64-byte aligned memory that frees itself.
struct Aligned {
  explicit Aligned(size_t size) : size(size), bytes(size + 64) {
    data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64;
  }
  size_t size;
  std::vector<uint8_t> bytes;
  uint8_t *data;
};

// What the engine does to its input before the analysis.
struct Hop {
  explicit Hop(const float *samples) {
    for (int n = 0; n < dsp::kFrame; ++n) clean[n] = dsp::sanitise(samples[n]);
  }
  float clean[dsp::kFrame];
};

std::unique_ptr<Aligned> aligned_copy(const py::buffer &buffer) {
  py::buffer_info info = buffer.request();
  auto copy = std::make_unique<Aligned>(static_cast<size_t>(info.size * info.itemsize));
  memcpy(copy->data, info.ptr, copy->size);
  return copy;
}

const kernels::Kernels &backend(const std::optional<std::string> &name) {
  const kernels::Kernels *found = kernels::find(name ? name->c_str() : nullptr);
  if (!found) throw LinnetError{LINNET_ERR_BACKEND, *name};
  return *found;
}

int checked_lookahead(int lookahead) {
  if (lookahead < 0 || lookahead > dsp::kMaxLookahead)
    throw py::value_error("lookahead must be 0.." + std::to_string(dsp::kMaxLookahead) + " frames, got " +
                          std::to_string(lookahead));
  return lookahead;
}

void check_length(const py::array &array, py::ssize_t expected, const char *name) {
  if (array.ndim() != 1 || array.shape(0) != expected)
    throw py::value_error(std::string(name) + " must be one-dimensional with " + std::to_string(expected) + " values");
}

void check_mono(const py::array &array, const char *name) {
  if (array.ndim() != 1) throw py::value_error(std::string(name) + " must be one-dimensional (mono)");
}

void check_matrix(const Floats &array, py::ssize_t rows, py::ssize_t columns, const char *name) {
  if (array.ndim() != 2 || array.shape(0) != rows || array.shape(1) != columns)
    throw py::value_error(std::string(name) + " must have shape (" + std::to_string(rows) + ", " +
                          std::to_string(columns) + ")");
}

Floats vector_of(py::ssize_t n) { return Floats(std::vector<py::ssize_t>{n}); }
Floats matrix_of(py::ssize_t rows, py::ssize_t columns) { return Floats(std::vector<py::ssize_t>{rows, columns}); }

// The bytes, and the model that lies on them. Never changed once made.
class Model {
 public:
  explicit Model(const py::buffer &blob) : blob_(aligned_copy(blob)) {
    const py::gil_scoped_release release;
    check(linnet_model_create(blob_->data, blob_->size, &model_));
    info_.size = sizeof info_;
    check(linnet_model_get_info(model_, &info_));
  }
  ~Model() { linnet_model_destroy(model_); }
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  const linnet_model *get() const { return model_; }
  const linnet_model_info &info() const { return info_; }
  size_t size() const { return blob_->size; }
  py::bytes to_bytes() const { return py::bytes(reinterpret_cast<const char *>(blob_->data), blob_->size); }

 private:
  std::unique_ptr<Aligned> blob_;
  linnet_model *model_ = nullptr;
  linnet_model_info info_ = {};
};

class Stream {
 public:
  Stream(std::shared_ptr<Model> model, bool any_block, const std::optional<std::string> &backend_name)
      : model_(std::move(model)) {
    linnet_config config = {};
    config.size = sizeof config;
    config.any_block = any_block;
    config.backend = backend_name ? backend_name->c_str() : nullptr;
    check(linnet_create(model_->get(), &config, &stream_), backend_name ? *backend_name : "");
  }
  ~Stream() { linnet_destroy(stream_); }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  Floats process(const Floats &in) {
    check_mono(in, "samples");
    Floats out = vector_of(in.shape(0));
    const float *from = in.data();
    float *to = out.mutable_data();
    size_t count = static_cast<size_t>(in.shape(0));
    py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(linnet_process(stream_, from, to, count), std::to_string(count) + " samples");
    return out;
  }

  Shorts process_i16(const Shorts &in) {
    check_mono(in, "samples");
    Shorts out(std::vector<py::ssize_t>{in.shape(0)});
    const int16_t *from = in.data();
    int16_t *to = out.mutable_data();
    size_t count = static_cast<size_t>(in.shape(0));
    py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(linnet_process_i16(stream_, from, to, count), std::to_string(count) + " samples");
    return out;
  }

  Floats conceal(size_t count) {
    Floats out = vector_of(static_cast<py::ssize_t>(count));
    float *to = out.mutable_data();
    py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(linnet_conceal(stream_, to, count), std::to_string(count) + " samples");
    return out;
  }

  Shorts conceal_i16(size_t count) {
    Shorts out(std::vector<py::ssize_t>{static_cast<py::ssize_t>(count)});
    int16_t *to = out.mutable_data();
    py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(linnet_conceal_i16(stream_, to, count), std::to_string(count) + " samples");
    return out;
  }

  void gap(size_t count) {
    py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(linnet_gap(stream_, count), std::to_string(count) + " samples");
  }

  void reset() {
    py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(linnet_reset(stream_));
  }
  void set_attenuation_limit(float db) {
    check(linnet_set_attenuation_limit(stream_, db), "attenuation limit " + std::to_string(db) + " dB, legal 0..100");
  }
  void set_postfilter(float amount) {
    check(linnet_set_postfilter(stream_, amount), "post-filter " + std::to_string(amount) + ", legal 0..1");
  }
  py::dict stats() const {
    linnet_stats s = {};
    s.size = sizeof s;
    check(linnet_get_stats(stream_, &s));
    py::dict d;
    d["speech_probability"] = s.speech_probability;
    d["input_snr_db"] = s.input_snr_db;
    d["mean_gain"] = s.mean_gain;
    d["pitch_hz"] = s.pitch_hz;
    d["frame"] = s.frame;
    return d;
  }
  int sample_rate() const { return linnet_sample_rate(stream_); }
  int frame_size() const { return linnet_frame_size(stream_); }
  int delay() const { return linnet_delay(stream_); }
  std::string backend_name() const { return linnet_backend(stream_); }

 private:
  std::shared_ptr<Model> model_;  // outlives the stream
  linnet_stream *stream_ = nullptr;
  std::mutex busy_;  // the C API leaves this to the caller, and Python threads share objects without a thought
};

void store(const dsp::Spectrum &from, std::complex<float> *to) {
  for (int k = 0; k < dsp::kBins; ++k) to[k] = {from.re[k], from.im[k]};
}

dsp::Spectrum load(const Complexes &bins) {
  check_length(bins, dsp::kBins, "spectrum");
  dsp::Spectrum s;
  for (int k = 0; k < dsp::kBins; ++k) {
    s.re[k] = bins.data()[k].real();
    s.im[k] = bins.data()[k].imag();
  }
  return s;
}

// The clean signal through the noisy one's front end, delayed likewise: X(l).
struct CleanAnalysis {
  dsp::HighPass high_pass = {};
  std::vector<float> history = std::vector<float>(dsp::kWindow + dsp::kMaxLookahead * dsp::kFrame);
  dsp::Spectrum spectrum;

  void process(const float *hop, int lookahead) {
    size_t end = history.size() - dsp::kFrame;
    memmove(history.data(), history.data() + dsp::kFrame, end * sizeof(float));
    for (int n = 0; n < dsp::kFrame; ++n) history[end + n] = hop[n] * dsp::kFullScale;
    high_pass.process(&history[end]);
    dsp::stft_analyze(&history[history.size() - dsp::kWindow - lookahead * dsp::kFrame], &spectrum);
  }
};

py::dict analyze(const Floats &noisy, const std::optional<Floats> &clean, int lookahead,
                 const std::optional<std::string> &name, bool spectra) {
  const kernels::Kernels &kernels = backend(name);
  checked_lookahead(lookahead);
  check_mono(noisy, "noisy");
  if (clean) check_length(*clean, noisy.shape(0), "clean");
  py::ssize_t steps = noisy.shape(0) / dsp::kFrame;
  Floats features = matrix_of(steps, dsp::kFeatures), coherence = matrix_of(steps, dsp::kBands);
  Floats correlation = vector_of(steps);
  py::array_t<int32_t> period(std::vector<py::ssize_t>{steps});
  const char *names[6] = {"yy", "pp", "yp", "xx", "xy", "xp"};
  const char *spectrum_names[3] = {"noisy", "comb", "clean"};
  int statistics = clean ? 6 : 3, signals = clean ? 3 : 2;
  std::vector<Floats> bands;
  std::vector<float *> band_data;
  for (int i = 0; i < statistics; ++i) {
    bands.push_back(matrix_of(steps, dsp::kBands));
    band_data.push_back(bands.back().mutable_data());
  }
  std::vector<Complexes> bins;
  std::vector<std::complex<float> *> bin_data;
  for (int i = 0; spectra && i < signals; ++i) {
    bins.emplace_back(std::vector<py::ssize_t>{steps, dsp::kBins});
    bin_data.push_back(bins.back().mutable_data());
  }
  const float *in = noisy.data(), *target = clean ? clean->data() : nullptr;
  float *feature_data = features.mutable_data(), *coherence_data = coherence.mutable_data();
  float *correlation_data = correlation.mutable_data();
  int32_t *period_data = period.mutable_data();
  {
    py::gil_scoped_release release;
    base::FpScope fp_env;
    auto analysis = std::make_unique<dsp::Analysis>();
    analysis->reset(lookahead);
    CleanAnalysis clean_analysis;
    for (py::ssize_t t = 0; t < steps; ++t) {
      dsp::AnalysisFrame frame;
      analysis->process(kernels, Hop(in + t * dsp::kFrame).clean, &frame);
      memcpy(feature_data + t * dsp::kFeatures, frame.features, sizeof frame.features);
      memcpy(coherence_data + t * dsp::kBands, frame.coherence, sizeof frame.coherence);
      period_data[t] = frame.pitch.period;
      correlation_data[t] = frame.pitch.correlation;
      const dsp::Spectrum &y = *frame.noisy, &p = *frame.comb, &x = clean_analysis.spectrum;
      if (target) clean_analysis.process(Hop(target + t * dsp::kFrame).clean, lookahead);
      const dsp::Spectrum *left[6] = {&y, &p, &y, &x, &x, &x}, *right[6] = {&y, &p, &p, &x, &y, &p};
      for (int i = 0; i < statistics; ++i) dsp::band_product(*left[i], *right[i], band_data[i] + t * dsp::kBands);
      const dsp::Spectrum *all[3] = {&y, &p, &x};
      for (size_t i = 0; i < bin_data.size(); ++i) store(*all[i], bin_data[i] + t * dsp::kBins);
    }
  }
  py::dict result;
  result["features"] = features;
  result["coherence"] = coherence;
  result["period"] = period;
  result["correlation"] = correlation;
  for (int i = 0; i < statistics; ++i) result[names[i]] = bands[i];
  for (size_t i = 0; i < bins.size(); ++i) result[spectrum_names[i]] = bins[i];
  return result;
}

Floats synthesize(const Floats &noisy, const Floats &gains, const Floats &strengths, int lookahead, float postfilter,
                  const std::optional<std::string> &name) {
  const kernels::Kernels &kernels = backend(name);
  checked_lookahead(lookahead);
  check_mono(noisy, "noisy");
  py::ssize_t steps = noisy.shape(0) / dsp::kFrame;
  check_matrix(gains, steps, dsp::kBands, "gains");
  check_matrix(strengths, steps, dsp::kBands, "strengths");
  if (!(postfilter >= 0.0f && postfilter <= 1.0f))
    throw py::value_error("postfilter must be 0..1, got " + std::to_string(postfilter));
  Floats out = vector_of(steps * dsp::kFrame);
  const float *in = noisy.data(), *g = gains.data(), *r = strengths.data();
  float *to = out.mutable_data();
  py::gil_scoped_release release;
  base::FpScope fp_env;
  auto analysis = std::make_unique<dsp::Analysis>();
  auto synthesis = std::make_unique<dsp::Synthesis>();
  analysis->reset(lookahead);
  synthesis->reset();
  for (py::ssize_t t = 0; t < steps; ++t) {
    dsp::AnalysisFrame frame;
    analysis->process(kernels, Hop(in + t * dsp::kFrame).clean, &frame);
    synthesis->process(kernels, frame, g + t * dsp::kBands, r + t * dsp::kBands, postfilter, to + t * dsp::kFrame);
  }
  return out;
}

Floats synthesize_bins(const Floats &noisy, const Floats &bin_gains, int lookahead) {
  const kernels::Kernels &kernels = *kernels::find(nullptr);
  checked_lookahead(lookahead);
  check_mono(noisy, "noisy");
  py::ssize_t steps = noisy.shape(0) / dsp::kFrame;
  check_matrix(bin_gains, steps, dsp::kBins, "bin_gains");
  Floats out = vector_of(steps * dsp::kFrame);
  const float *in = noisy.data(), *gain = bin_gains.data();
  float *to = out.mutable_data();
  py::gil_scoped_release release;
  base::FpScope fp_env;
  auto analysis = std::make_unique<dsp::Analysis>();
  analysis->reset(lookahead);
  float overlap[dsp::kFrame] = {};
  for (py::ssize_t t = 0; t < steps; ++t) {
    dsp::AnalysisFrame frame;
    analysis->process(kernels, Hop(in + t * dsp::kFrame).clean, &frame);
    dsp::Spectrum y = *frame.noisy;
    for (int k = 0; k < dsp::kBins; ++k) {
      y.re[k] *= gain[t * dsp::kBins + k];
      y.im[k] *= gain[t * dsp::kBins + k];
    }
    float *frame_out = to + t * dsp::kFrame;
    dsp::stft_synthesize(y, overlap, frame_out);
    for (int n = 0; n < dsp::kFrame; ++n) frame_out[n] *= 1.0f / dsp::kFullScale;
  }
  return out;
}

// step: frames per call of the core, 0 for all at once.
py::dict network(const py::buffer &blob, const Floats &features, const std::optional<std::string> &name, int step) {
  const kernels::Kernels &kernels = backend(name);
  std::unique_ptr<Aligned> copy = aligned_copy(blob);
  model::BlobView view;
  model::BlobError error = model::parse_blob(copy->data, copy->size, &view);
  if (error == model::BlobError::kNotABlob) throw LinnetError{LINNET_ERR_NOT_A_BLOB, ""};
  if (error == model::BlobError::kVersion) throw LinnetError{LINNET_ERR_VERSION, ""};
  nn::Weights weights;
  if (error != model::BlobError::kNone || !weights.bind(view)) throw LinnetError{LINNET_ERR_CORRUPT, ""};
  if (features.ndim() != 2) throw py::value_error("features must have shape (steps, 70)");
  if (step < 0) throw py::value_error("frames_per_call is " + std::to_string(step) + ", expected 0 (all) or more");
  py::ssize_t steps = features.shape(0);
  check_matrix(features, steps, nn::kInputs, "features");
  Floats gains = matrix_of(steps, nn::kOutputs), strengths = matrix_of(steps, nn::kOutputs);
  Floats speech = vector_of(steps);
  nn::Network net;
  net.attach(weights);
  base::Arena measure;
  net.place(measure);
  Aligned memory(measure.used());
  base::Arena arena(memory.data);
  net.place(arena);
  net.reset();
  const float *in = features.data();
  float *g = gains.mutable_data(), *r = strengths.mutable_data(), *s = speech.mutable_data();
  {
    py::gil_scoped_release release;
    base::FpScope fp_env;
    std::vector<nn::NetworkOutput> outputs(static_cast<size_t>(steps));
    for (py::ssize_t t = 0, count; t < steps; t += count) {
      count = step == 0 ? steps : std::min<py::ssize_t>(step, steps - t);
      net.process(kernels, in + t * nn::kInputs, static_cast<int>(count), outputs.data() + t);
    }
    for (py::ssize_t t = 0; t < steps; ++t) {
      const nn::NetworkOutput &out = outputs[static_cast<size_t>(t)];
      memcpy(g + t * nn::kOutputs, out.gains, sizeof out.gains);
      memcpy(r + t * nn::kOutputs, out.strengths, sizeof out.strengths);
      s[t] = out.speech_probability;
    }
  }
  py::dict result;
  result["gains"] = gains;
  result["strengths"] = strengths;
  result["speech_probability"] = speech;
  return result;
}

Complexes fft(const Floats &x) {
  check_length(x, dsp::kWindow, "x");
  dsp::Spectrum s;
  dsp::fft_forward(x.data(), &s);
  Complexes out(std::vector<py::ssize_t>{dsp::kBins});
  store(s, out.mutable_data());
  return out;
}

Floats ifft(const Complexes &bins) {
  Floats out = vector_of(dsp::kWindow);
  dsp::fft_inverse(load(bins), out.mutable_data());
  return out;
}

Floats window() {
  Floats out = vector_of(dsp::kWindow);
  memcpy(out.mutable_data(), dsp::stft_window(), dsp::kWindow * sizeof(float));
  return out;
}

py::array_t<int32_t> band_centre() {
  py::array_t<int32_t> out(std::vector<py::ssize_t>{dsp::kBands});
  for (int b = 0; b < dsp::kBands; ++b) out.mutable_data()[b] = dsp::kBandCentre[b];
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

Floats high_pass(const Floats &x) {
  check_mono(x, "x");
  if (x.shape(0) % dsp::kFrame != 0) throw py::value_error("x must be whole frames of 480 samples");
  Floats out = vector_of(x.shape(0));
  memcpy(out.mutable_data(), x.data(), static_cast<size_t>(x.shape(0)) * sizeof(float));
  dsp::HighPass filter = {};
  for (py::ssize_t n = 0; n < x.shape(0); n += dsp::kFrame) filter.process(out.mutable_data() + n);
  return out;
}

Floats postfilter(const Floats &gains, const Floats &amplitude, float amount) {
  check_length(gains, dsp::kBands, "gains");
  check_length(amplitude, dsp::kBands, "amplitude");
  Floats out = vector_of(dsp::kBands);
  dsp::postfilter(gains.data(), amplitude.data(), amount, out.mutable_data());
  return out;
}

Floats sigmoid(const Floats &x, const std::optional<std::string> &name) {
  check_mono(x, "x");
  Floats out = vector_of(x.shape(0));
  backend(name).sigmoid(out.mutable_data(), x.data(), static_cast<int>(x.shape(0)));
  return out;
}

Floats tanh_of(const Floats &x, const std::optional<std::string> &name) {
  check_mono(x, "x");
  Floats out = vector_of(x.shape(0));
  backend(name).tanh(out.mutable_data(), x.data(), static_cast<int>(x.shape(0)));
  return out;
}

py::array_t<int8_t> quantize(const Floats &x, const std::optional<std::string> &name) {
  check_mono(x, "x");
  py::array_t<int8_t> out(std::vector<py::ssize_t>{x.shape(0)});
  backend(name).quantize(out.mutable_data(), x.data(), static_cast<int>(x.shape(0)));
  return out;
}

std::vector<std::string> backends() {
  std::vector<std::string> names;
  for (const kernels::Kernels *kernels : kernels::available()) names.emplace_back(kernels->name);
  return names;
}

}  // namespace

void bind_selftest(py::module_ &m);  // _core_selftest.cpp

PYBIND11_MODULE(_core, m) {
  m.doc() = "C++ core of linnet: streams, and the stages behind them for training and tests.";
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> error_type;
  error_type.call_once_and_store_result(
      [&] { return py::object(py::exception<LinnetError>(m, "LinnetError", PyExc_RuntimeError)); });
  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const LinnetError &e) {
      std::string text = linnet_status_text(static_cast<linnet_status>(e.status));
      if (!e.detail.empty()) text += " (" + e.detail + ")";
      py::object error = error_type.get_stored()(text);
      error.attr("status") = e.status;
      PyErr_SetObject(error_type.get_stored().ptr(), error.ptr());
    }
  });

  py::class_<Model, std::shared_ptr<Model>>(m, "Model", "A model, checked once; streams share it.")
      .def(py::init<const py::buffer &>(), py::arg("blob"))
      .def("to_bytes", &Model::to_bytes)
      .def_property_readonly("size", &Model::size)
      .def_property_readonly("topology", [](const Model &model) { return model.info().topology; })
      .def_property_readonly("delay_frames", [](const Model &model) { return model.info().delay_frames; })
      .def_property_readonly("frame_size", [](const Model &model) { return model.info().frame_size; })
      .def_property_readonly("weights", [](const Model &model) { return model.info().weights; })
      .def_property_readonly("multiply_adds", [](const Model &model) { return model.info().multiply_adds; })
      .def_property_readonly("frame_bytes", [](const Model &model) { return model.info().frame_bytes; })
      .def_property_readonly("stream_bytes", [](const Model &model) { return model.info().stream_bytes; });

  py::class_<Stream>(m, "Stream", "One mono stream at 48 kHz.")
      .def(py::init<std::shared_ptr<Model>, bool, const std::optional<std::string> &>(), py::arg("model").none(false),
           py::arg("any_block") = false, py::arg("backend") = std::nullopt)
      .def("process", &Stream::process, py::arg("samples"))
      .def("process_i16", &Stream::process_i16, py::arg("samples").noconvert())
      .def("conceal", &Stream::conceal, py::arg("count"))
      .def("conceal_i16", &Stream::conceal_i16, py::arg("count"))
      .def("gap", &Stream::gap, py::arg("count"))
      .def("reset", &Stream::reset)
      .def("set_attenuation_limit", &Stream::set_attenuation_limit, py::arg("db"))
      .def("set_postfilter", &Stream::set_postfilter, py::arg("amount"))
      .def("stats", &Stream::stats)
      .def_property_readonly("sample_rate", &Stream::sample_rate)
      .def_property_readonly("frame_size", &Stream::frame_size)
      .def_property_readonly("delay", &Stream::delay)
      .def_property_readonly("backend", &Stream::backend_name);

  const auto any_backend = std::optional<std::string>();
  m.def("version", &linnet_version);
  m.def("abi", &linnet_abi);
  m.def("backends", &backends);
  m.def("analyze", &analyze, py::arg("noisy"), py::arg("clean") = std::nullopt, py::arg("lookahead") = 2,
        py::arg("backend") = any_backend, py::arg("spectra") = false);
  m.def("synthesize", &synthesize, py::arg("noisy"), py::arg("gains"), py::arg("strengths"), py::arg("lookahead") = 2,
        py::arg("postfilter") = 0.0f, py::arg("backend") = any_backend);
  m.def("synthesize_bins", &synthesize_bins, py::arg("noisy"), py::arg("bin_gains"), py::arg("lookahead") = 2);
  m.def("network", &network, py::arg("blob"), py::arg("features"), py::arg("backend") = any_backend,
        py::arg("frames_per_call") = 0);
  m.def("fft", &fft, py::arg("x"));
  m.def("ifft", &ifft, py::arg("spectrum"));
  m.def("window", &window);
  m.def("band_centre", &band_centre);
  m.def("band_energy", &band_energy, py::arg("spectrum"));
  m.def("band_interpolate", &band_interpolate, py::arg("bands"));
  m.def("comb", &comb, py::arg("x"), py::arg("start"), py::arg("period"), py::arg("lookahead_samples"));
  m.def("high_pass", &high_pass, py::arg("x"));
  m.def("postfilter", &postfilter, py::arg("gains"), py::arg("amplitude"), py::arg("amount"));
  m.def("sigmoid", &sigmoid, py::arg("x"), py::arg("backend") = any_backend);
  m.def("tanh", &tanh_of, py::arg("x"), py::arg("backend") = any_backend);
  m.def("quantize", &quantize, py::arg("x"), py::arg("backend") = any_backend);
  bind_selftest(m);
}
