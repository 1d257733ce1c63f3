// The self-test of the binding: the frozen vectors on the core that Python uses, see sdk/selftest/check.h.
#include <optional>
#include <string>

#include "_binding.h"
#include "selftest/check.h"

using namespace binding;  // NOLINT

namespace {

py::list run_selftest(const std::optional<std::string> &backend) {
  py::list hashes;
  const auto append = [](void *list, const char *vector, const char *what, const char *hash, const char *expected) {
    static_cast<py::list *>(list)->append(py::make_tuple(vector, what, hash, expected));
  };
  const char *why = selftest::check(backend ? backend->c_str() : nullptr, append, &hashes);
  if (why) throw py::value_error(why);
  return hashes;
}

}  // namespace

void bind_selftest(py::module_ &m) {
  m.def("selftest", &run_selftest, py::arg("backend") = std::optional<std::string>());
}
