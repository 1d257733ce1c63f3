// The report of a bench, for readers and for programs: see bench.h.
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "linnet.h"
#include "selftest/bench.h"
#include "selftest/estimates.h"
#include "selftest/vectors.h"

namespace selftest {
namespace {

// A string of JSON.
void add_quoted(Text *text, const char *string) {
  text->add("\"");
  for (const char *at = string; *at; ++at) {
    const unsigned char byte = static_cast<unsigned char>(*at);
    if (byte == '"' || byte == '\\')
      text->add("\\%c", byte);
    else if (byte < 0x20)
      text->add("\\u%04x", byte);
    else
      text->add("%c", byte);
  }
  text->add("\"");
}

void add_times(Text *text, const char *name, const FrameTimes &times) {
  text->add(" \"%s\": {\"median_us\": %.2f, \"p99_us\": %.2f, \"worst_us\": %.2f},\n", name, times.median, times.p99,
            times.worst);
}

// Calls what for each estimate of a model of this shape on a kind of core that this CPU has.
template <typename What>
void each_estimate(const BenchResults &results, What what) {
  for (int kind = 0; kind < results.cpu.size; ++kind) {
    for (size_t i = 0; i < kEstimateCount; ++i) {
      const Estimate &estimate = kEstimates[i];
      if (strcmp(estimate.core, results.cpu.kinds[kind].id) == 0 &&
          estimate.multiply_adds == results.info.multiply_adds) {
        what(estimate);
      }
    }
  }
}

void add_json(const BenchResults &results, Text *text) {
  text->add("{\n \"linnet\": \"%s\",\n \"compiler\": ", linnet_version());
  add_quoted(text, compiler());
  text->add(",\n \"cores\": [");
  for (int kind = 0; kind < results.cpu.size; ++kind) {
    const Core &core = results.cpu.kinds[kind];
    text->add("%s\n  {\"name\": ", kind ? "," : "");
    add_quoted(text, core.name);
    text->add(", \"id\": ");
    add_quoted(text, core.id);
    text->add(", \"count\": %d, \"used\": %s}", core.count, kind == results.cpu.ran_on ? "true" : "false");
  }
  text->add("\n ],\n \"backend\": \"%s\",\n \"model\": ", results.backend);
  add_quoted(text, results.model);
  text->add(",\n \"topology\": \"%s\",\n", results.info.topology);
  text->add(" \"weights\": %llu,\n", static_cast<unsigned long long>(results.info.weights));
  text->add(" \"multiply_adds\": %llu,\n", static_cast<unsigned long long>(results.info.multiply_adds));
  text->add(" \"model_bytes\": %llu,\n", static_cast<unsigned long long>(results.model_bytes));
  text->add(" \"stream_bytes\": %llu,\n", static_cast<unsigned long long>(results.info.stream_bytes));
  text->add(" \"peak_bytes\": %llu,\n", static_cast<unsigned long long>(results.peak_bytes));
  text->add(" \"frames\": %d,\n", results.frames);
  add_times(text, "paced", results.paced);
  add_times(text, "hot", results.hot);
  text->add(" \"margin\": %g,\n \"safe_callback\": %d,\n \"estimates\": [", kMargin, safe_callback(results.paced.p99));
  const char *separator = "";
  each_estimate(results, [&](const Estimate &estimate) {
    text->add("%s\n  {\"cpu\": \"%s\", \"backend\": \"%s\", \"us\": %.1f, \"low_us\": %.1f, \"high_us\": %.1f}",
              separator, estimate.cpu, estimate.backend, estimate.us, estimate.low_us, estimate.high_us);
    separator = ",";
  });
  text->add("\n ]\n}\n");
}

void add_row(Text *text, const char *name, const FrameTimes &times) {
  text->add("%-8s %10.1f %9.1f %9.1f %15.2f\n", name, times.median, times.p99, times.worst, times.median / 100);
}

void add_text(const BenchResults &results, Text *text) {
  const linnet_model_info &info = results.info;
  text->add("linnet %s, %s\nCPU      ", linnet_version(), compiler());
  if (results.cpu.size == 0) text->add("the system does not tell");
  for (int kind = 0; kind < results.cpu.size; ++kind) {
    text->add("%s%d x %s", kind ? ", " : "", results.cpu.kinds[kind].count, results.cpu.kinds[kind].name);
  }
  if (results.cpu.size > 1 && results.cpu.ran_on >= 0) {
    text->add("; at the end on %s", results.cpu.kinds[results.cpu.ran_on].name);
  }
  text->add("\nbackend  %s\n", results.backend);
  text->add("model    %s, %s: %.2f M weights, %.2f M multiply-adds per frame\n", results.model, info.topology,
            static_cast<double>(info.weights) / 1e6, static_cast<double>(info.multiply_adds) / 1e6);
  text->add("memory   %.1f KB per stream, model %.1f KB", static_cast<double>(info.stream_bytes) / 1e3,
            static_cast<double>(results.model_bytes) / 1e3);
  if (results.peak_bytes) text->add(", this process at most %.1f MB", static_cast<double>(results.peak_bytes) / 1e6);
  text->add("\n\none frame, 10 ms  median us    p99 us  worst us  %% of a core\n");
  add_row(text, "paced", results.paced);
  add_row(text, "hot", results.hot);
  const int samples = safe_callback(results.paced.p99);
  if (samples) {
    text->add(
        "\nsmallest safe callback: %d samples, %.2f ms, the smallest that is %g times as long as 99 of 100 paced "
        "frames\n",
        samples, samples / 48.0, kMargin);
  } else {
    text->add("\nsmallest safe callback: none, no frame of 10 ms is %g times as long as 99 of 100 paced frames\n",
              kMargin);
  }
  bool known = false;
  each_estimate(results, [&](const Estimate &estimate) {
    known = true;
    text->add("estimate: %.0f us on %s, %s (%.0f .. %.0f)\n", estimate.us, estimate.cpu, estimate.backend,
              estimate.low_us, estimate.high_us);
  });
  if (!known) text->add("estimate: none for this CPU and a model of this shape\n");
}

}  // namespace

void Text::add(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(bytes_ + used_, sizeof bytes_ - used_, format, arguments);
  va_end(arguments);
  if (length < 0) return;
  used_ += static_cast<size_t>(length);
  if (used_ >= sizeof bytes_) used_ = sizeof bytes_ - 1;
}

void write_report(const BenchResults &results, bool json, Text *report) {
  if (json)
    add_json(results, report);
  else
    add_text(results, report);
}

}  // namespace selftest
