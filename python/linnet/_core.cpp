// linnet._core: the C API bound to Python, and the constants and shapes that Python asks for instead of repeating them.
// Thin on purpose: arrays in, arrays out, no policy. The laboratory is bound in _lab.cpp, the self-test in
// _selftest.cpp.
#include <algorithm>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "_binding.h"
#include "base/bands.h"
#include "base/sanitise.h"
#include "dsp/constants.h"
#include "dsp/erb.h"
#include "kernels/kernels.h"
#include "linnet.h"
#include "nn/network.h"

using namespace linnet;   // NOLINT: the binding is about nothing else
using namespace binding;  // NOLINT

namespace {

using Shorts = py::array_t<int16_t, py::array::c_style>;

// The bytes, and the model that lies on them. Never changed once made.
class Model {
 public:
  explicit Model(const py::buffer &blob) : blob_(blob) {
    const py::gil_scoped_release release;
    check(linnet_model_create(blob_.data(), blob_.size(), &model_));
    info_.size = sizeof info_;
    check(linnet_model_get_info(model_, &info_));
  }
  ~Model() { linnet_model_destroy(model_); }
  Model(const Model &) = delete;
  Model &operator=(const Model &) = delete;

  const linnet_model *get() const { return model_; }
  const linnet_model_info &info() const { return info_; }
  size_t size() const { return blob_.size(); }
  py::bytes to_bytes() const { return py::bytes(static_cast<const char *>(blob_.data()), blob_.size()); }

 private:
  Bytes blob_;
  linnet_model *model_ = nullptr;
  linnet_model_info info_ = {};
};

class Stream {
 public:
  Stream(std::shared_ptr<Model> model, bool any_block, const std::optional<std::string> &backend_name, bool spread,
         int sample_rate, int channels)
      : model_(std::move(model)), channels_(channels) {
    linnet_config config = {};
    config.size = sizeof config;
    config.sample_rate = sample_rate;
    config.any_block = any_block;
    config.spread = spread;
    config.channels = channels;
    config.backend = backend_name ? backend_name->c_str() : nullptr;
    const linnet_status status = linnet_create(model_->get(), &config, &stream_);
    check(status, status == LINNET_ERR_RATE       ? "got " + std::to_string(sample_rate)
                  : status == LINNET_ERR_ARGUMENT ? std::to_string(channels) + " channels"
                                                  : backend_name.value_or(""));
  }
  ~Stream() { linnet_destroy(stream_); }
  Stream(const Stream &) = delete;
  Stream &operator=(const Stream &) = delete;

  Floats process(const Floats &in) { return run(in, linnet_process); }
  Shorts process_i16(const Shorts &in) { return run(in, linnet_process_i16); }

  Floats conceal(size_t count) { return write<Floats>(count, linnet_conceal); }
  Shorts conceal_i16(size_t count) { return write<Shorts>(count, linnet_conceal_i16); }

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
  int channels() const { return channels_; }
  int frame_size() const { return linnet_frame_size(stream_); }
  int delay() const { return linnet_delay(stream_); }
  std::string backend_name() const { return linnet_backend(stream_); }

 private:
  template <class Array, class Process>
  Array run(const Array &in, Process process) {
    if (channels_ == 1) {
      check_mono(in, "samples");
    } else {
      check_matrix(in, in.ndim() > 0 ? in.shape(0) : 0, channels_, "samples");
    }
    const auto *from = in.data();
    return write<Array>(static_cast<size_t>(in.shape(0)), [&](linnet_stream *stream, auto *to, size_t count) {
      return process(stream, from, to, count);
    });
  }

  // The samples that a function of the C API writes, so many of each channel: (count,) or (count, channels).
  template <class Array, class Write>
  Array write(size_t count, Write write) {
    const py::ssize_t rows = static_cast<py::ssize_t>(count);
    Array out = channels_ == 1 ? vector_of<Array>(rows) : matrix_of<Array>(rows, channels_);
    auto *to = out.mutable_data();
    const py::gil_scoped_release release;
    const std::lock_guard<std::mutex> one(busy_);
    check(write(stream_, to, count), std::to_string(count) + " samples");
    return out;
  }

  std::shared_ptr<Model> model_;  // outlives the stream
  const int channels_;
  linnet_stream *stream_ = nullptr;
  std::mutex busy_;  // the C API leaves this to the caller, and Python threads share objects without a thought
};

std::vector<std::string> backends() {
  std::vector<std::string> names;
  for (const kernels::Kernels *kernels : kernels::available()) names.emplace_back(kernels->name);
  return names;
}

Integers band_centre() {
  Integers out = vector_of<Integers>(dsp::kBands);
  std::copy(std::begin(dsp::kBandCentre), std::end(dsp::kBandCentre), out.mutable_data());
  return out;
}

// With the number in the place that the name has for it.
std::string full_name(const nn::Shape &shape) {
  std::string name = shape.name;
  const size_t at = name.find('#');
  if (at != std::string::npos) name.replace(at, 1, std::to_string(shape.number));
  return shape.group + name;
}

// The arguments are fields of a model's header.
py::list matrices(uint32_t topology, uint32_t dense, uint32_t hidden, uint32_t strength, const py::bytes &shape) {
  model::Header header = {};
  header.topology = topology;
  header.lookahead = nn::kMaxLookahead;
  header.dense_width = dense;
  header.hidden_width = hidden;
  header.strength_width = strength;
  const std::string bytes = shape;
  if (bytes.size() != sizeof header.shape) throw py::value_error("shape must have 12 bytes");
  memcpy(&header.shape, bytes.data(), bytes.size());

  std::vector<nn::Shape> shapes;
  if (topology == static_cast<uint32_t>(model::Topology::kBandSplit)) {
    nn::BandSplitWeights::Widths widths;
    if (!nn::BandSplitWeights::read(header, &widths)) throw py::value_error("widths outside the ranges of bandsplit");
    for (int i = 0; i < nn::BandSplitWeights::matrices(widths); ++i)
      shapes.push_back(nn::BandSplitWeights::shape(i, widths));
  } else if (topology == static_cast<uint32_t>(model::Topology::kPercepNet)) {
    const nn::PercepNetWeights::Widths widths = {dense, hidden, strength};
    if (!nn::PercepNetWeights::in_range(widths)) throw py::value_error("widths outside the ranges of percepnet");
    for (int i = 0; i < nn::PercepNetWeights::kMatrices; ++i) shapes.push_back(nn::PercepNetWeights::shape(i, widths));
  } else {
    throw py::value_error("topology " + std::to_string(topology) + " is not known");
  }
  py::list list;
  for (const nn::Shape &one : shapes) {
    list.append(py::make_tuple(full_name(one), one.rows, one.cols, one.form == nn::Shape::kFloat,
                               one.form == nn::Shape::kInt8OrSparse, one.rows * one.biases));
  }
  return list;
}

}  // namespace

// Needs no global lock of the interpreter: models never change, the calls of a stream wait for each other.
PYBIND11_MODULE(_core, m, py::mod_gil_not_used()) {
  m.doc() = "C++ core of linnet: models and streams, their constants, and the laboratory.";
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

  py::class_<Stream>(m, "Stream", "One stream, of one signal of 1 to 8 channels.")
      .def(py::init<std::shared_ptr<Model>, bool, const std::optional<std::string> &, bool, int, int>(),
           py::arg("model").none(false), py::arg("any_block") = false, py::arg("backend") = std::nullopt,
           py::arg("spread") = false, py::arg("sample_rate") = dsp::kSampleRate, py::arg("channels") = 1)
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
      .def_property_readonly("channels", &Stream::channels)
      .def_property_readonly("frame_size", &Stream::frame_size)
      .def_property_readonly("delay", &Stream::delay)
      .def_property_readonly("backend", &Stream::backend_name);

  m.def("version", &linnet_version);
  m.def("abi", &linnet_abi);
  m.def("backends", &backends);

  m.attr("RATE") = dsp::kSampleRate;
  py::tuple rates(std::size(dsp::kRates));
  for (size_t i = 0; i < std::size(dsp::kRates); ++i) rates[i] = dsp::kRates[i].hertz;
  m.attr("RATES") = rates;
  m.attr("FRAME") = dsp::kFrame;
  m.attr("WINDOW") = dsp::kWindow;
  m.attr("BINS") = dsp::kBins;
  m.attr("USED_BINS") = dsp::kUsedBins;
  m.attr("BANDS") = dsp::kBands;
  m.attr("FEATURES") = dsp::kFeatures;
  m.attr("TOKENS") = nn::kTokens;
  m.attr("LOW_BINS") = base::kLowBins;
  m.attr("FINE") = base::kFineInputs;
  m.attr("MAX_LOOKAHEAD") = dsp::kMaxLookahead;
  m.attr("MAX_CHANNELS") = dsp::kMaxChannels;
  m.attr("MAX_SAMPLE") = base::kMaxSample;
  m.def("band_centre", &band_centre);

  const nn::PercepNetWeights::Widths largest = nn::PercepNetWeights::kLargest;
  m.attr("LARGEST_WIDTHS") = py::dict(py::arg("dense") = largest.dense, py::arg("hidden") = largest.hidden,
                                      py::arg("strength") = largest.strength);
  using Shared = nn::BandSplitWeights;
  m.attr("LARGEST_BAND_SPLIT") =
      py::dict(py::arg("channels") = Shared::kMaxChannels, py::arg("context") = Shared::kMaxContext,
               py::arg("blocks") = Shared::kMaxBlocks, py::arg("summary") = Shared::kMaxSummary,
               py::arg("taps") = base::kMaxTaps);
  m.def("matrices", &matrices, py::arg("topology"), py::arg("dense"), py::arg("hidden"), py::arg("strength"),
        py::arg("shape"));

  bind_lab(m);
  bind_selftest(m);
}
