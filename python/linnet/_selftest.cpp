// The self-test of the binding: the frozen vectors and the bench on the core that Python uses, see sdk/selftest/.
#include <cstring>
#include <mutex>
#include <optional>
#include <string>

#include "_binding.h"
#include "selftest/bench.h"
#include "selftest/check.h"

using namespace binding;  // NOLINT

namespace {

// Both below keep their signals in static memory, and not every Python has a global lock. It is free while one waits.
std::unique_lock<std::mutex> one_at_a_time() {
  static std::mutex busy;
  const py::gil_scoped_release release;
  return std::unique_lock<std::mutex>(busy);
}

py::list run_selftest(const std::optional<std::string> &backend) {
  py::list hashes;
  const auto append = [](void *list, const char *vector, const char *what, const char *hash, const char *expected) {
    static_cast<py::list *>(list)->append(py::make_tuple(vector, what, hash, expected));
  };
  const auto alone = one_at_a_time();
  const char *why = selftest::check(backend ? backend->c_str() : nullptr, append, &hashes);
  if (why) throw py::value_error(why);
  return hashes;
}

py::object run_bench(const py::bytes &model, const std::optional<std::string> &backend, int frames, bool json) {
  const auto path = static_cast<std::string>(model);
  selftest::BenchRequest request;
  request.model = path.c_str();
  request.backend = backend ? backend->c_str() : nullptr;
  request.frames = frames;
  selftest::BenchResults results;
  const auto alone = one_at_a_time();
  const char *why = selftest::bench(request, &results);
  if (why) throw py::value_error(why);
  selftest::Text report;
  selftest::write_report(results, json, &report);
  // The name of a file need not be text.
  const auto length = static_cast<py::ssize_t>(strlen(report.bytes()));
  return py::reinterpret_steal<py::object>(PyUnicode_DecodeUTF8(report.bytes(), length, "replace"));
}

}  // namespace

void bind_selftest(py::module_ &m) {
  m.def("selftest", &run_selftest, py::arg("backend") = std::optional<std::string>());
  m.def("safe_callback", &selftest::safe_callback, py::arg("frame_us"));
  m.def("bench", &run_bench, py::arg("model"), py::arg("backend"), py::arg("frames"), py::arg("json"));
}
