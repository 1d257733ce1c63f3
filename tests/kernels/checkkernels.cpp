// Holds every entry of every kernel table that this CPU can run against the scalar reference, bit for bit: random and
// extreme inputs, every length 0..67 and the model's sizes, every misalignment up to 31 bytes that the element type
// allows, in-place calls, guard bytes around all arrays and unmapped pages before the first and behind the last element
// (the way of checkasm in dav1d). The reference itself is held against definitions.h. With --bench the same calls are
// timed.
//
//     checkkernels [--backend NAME] [--bench [--model FILE]] [--rounds N] [--seed N]
//
// Exit status: 0 all passed, 1 a kernel failed, 2 bad option or no such backend.
#ifndef __wasm__
#include <signal.h>
#endif

#include <initializer_list>

#include "bench.h"
#include "definitions.h"
#include "entries.h"
#include "guarded.h"
#include "kernels/kernels.h"

namespace checkkernels {
namespace {

using linnet::kernels::available;
using linnet::kernels::find;
using linnet::kernels::scalar_kernels;

constexpr size_t kCapacity = size_t(4) << 20;
constexpr int kOffsets = 32;

// Where the arrays lie: hard against the page behind, hard against the page before, or offset bytes from alignment.
enum Placement { kAtEnd, kAtStart, kMisaligned };

struct Case {
  Sizes sizes;
  Pattern pattern;
  Placement placement;
  int offset;  // bytes, of the output; inputs get others
  int alias;   // input that is also the output, -1: none
};

class Checker {
 public:
  explicit Checker(uint64_t seed) : random_(seed) {
    for (Guarded *&block : blocks_) block = new Guarded(kCapacity);
    for (uint8_t *&plain : plain_) plain = static_cast<uint8_t *>(aligned_alloc(64, kCapacity));
    expected_ = static_cast<uint8_t *>(aligned_alloc(64, kCapacity));
  }
  ~Checker() {
    for (Guarded *block : blocks_) delete block;
    for (uint8_t *plain : plain_) free(plain);
    free(expected_);
  }
  Checker(const Checker &) = delete;
  Checker &operator=(const Checker &) = delete;

  // All cases of one entry, rounds times; false after the first failure, which it describes.
  bool check(const Kernels &table, const Entry &entry, int rounds, long *cases) {
    table_ = &table;
    entry_ = &entry;
    cases_ = 0;
    bool ok = true;
    for (int round = 0; ok && round < rounds; ++round) ok = check_all_sizes();
    *cases = cases_;
    return ok;
  }

  void report_running(const char *what) const { report(running_, what); }

 private:
  bool check_all_sizes() {
    const int model[] = {70, 128, 256, 480, 512, 640, 768, 1280, 1536, 2560};
    if (strcmp(entry_->name, "gemm_s8") == 0) return check_gemm_sizes();
    if (strcmp(entry_->name, "gru_update") == 0) return check_vector_sizes({0});
    if (strcmp(entry_->name, "activate") == 0) return check_vector_sizes({1, 2, 17});
    bool is_gemv = strstr(entry_->name, "gemv") != nullptr, is_correlate = strcmp(entry_->name, "correlate") == 0;
    if (is_gemv) {
      for (int rows = 0; rows <= 72; rows += 8) {
        for (int cols = 0; cols <= 68; cols += 4) {
          if (!check_sizes({rows, cols}, true)) return false;
        }
      }
      for (int n : model) {
        if (!check_sizes({40, (n + 3) / 4 * 4}, false) || !check_sizes({(n + 7) / 8 * 8, 12}, false)) return false;
      }
      const Sizes layers[] = {{512, 640}, {512, 1536}, {1536, 512}, {384, 1024}, {384, 128}, {40, 2560}, {8, 512}};
      for (Sizes layer : layers) {
        Pattern pattern = static_cast<Pattern>(random_.below(kPatterns));
        if (!run({layer, kUniform, kAtEnd, 0, -1}) || !run({layer, pattern, kMisaligned, 1, -1})) return false;
      }
      return true;
    }
    for (int n = 0; n <= 67; ++n) {
      if (!check_sizes({n, is_correlate ? random_.below(27) : 0}, true)) return false;
    }
    for (int n : model) {
      if (!check_sizes({n, is_correlate ? n / 8 + random_.below(9) : 0}, false)) return false;
    }
    return true;
  }

  // Every number of vectors up to more than two frames of 17, behind each other or at any stride; the matrices that
  // the network with shared layers has of either width.
  bool check_gemm_sizes() {
    for (int many = 0; many <= 35; ++many) {
      for (int cols = 0; cols <= 68; cols += 4) {
        if (!check_sizes({8 * random_.below(10), cols, many, draw_stride(cols)}, false)) return false;
      }
    }
    for (int rows = 0; rows <= 72; rows += 8) {
      for (int many : {1, 2, 7, 17}) {
        if (!check_sizes({rows, 44, many, draw_stride(44)}, true)) return false;
      }
    }
    for (int width : {40, 48, 64, 96, 128}) {
      for (Sizes layer : {Sizes{3 * width, width}, Sizes{width, 2 * width + 8}}) {
        for (int many : {17, 34}) {
          Sizes sizes = {layer.n, layer.m, many, draw_stride(layer.m)};
          Pattern pattern = static_cast<Pattern>(random_.below(kPatterns));
          if (!run({sizes, kConstant, kAtEnd, 0, -1}) || !run({sizes, pattern, kMisaligned, 1, -1})) return false;
        }
      }
    }
    return true;
  }

  // No vector, one, and as many as there are tokens, what they give behind each other or further apart.
  bool check_vector_sizes(std::initializer_list<int> biases) {
    for (int m : biases) {
      for (int n = 0; n <= 72; n += 8) {
        for (int many : {0, 1, 2, 3, 17}) {
          const int apart = n + random_.below(70);
          if (!check_sizes({n, m, many, n}, true) || !check_sizes({n, m, many, apart}, false)) return false;
        }
      }
      for (int n : {96, 128, 256, 480, 512}) {
        if (!check_sizes({n, m, 1, 0}, false)) return false;
      }
    }
    return true;
  }

  int draw_stride(int cols) { return random_.coin() ? cols : random_.below(2 * cols + 2); }

  bool check_sizes(Sizes sizes, bool every_offset) {
    for (int pattern = 0; pattern < kPatterns; ++pattern) {
      if (!run({sizes, static_cast<Pattern>(pattern), kAtEnd, 0, draw_alias()})) return false;
    }
    if (!run({sizes, kUniform, kAtStart, 0, draw_alias()})) return false;
    for (int offset = every_offset ? 0 : random_.below(kOffsets); offset < kOffsets; ++offset) {
      Pattern pattern = static_cast<Pattern>(random_.below(kPatterns));
      if (!run({sizes, pattern, kMisaligned, offset, draw_alias()})) return false;
      if (!every_offset) break;
    }
    return true;
  }

  int draw_alias() {
    if (entry_->must_alias) return 0;
    int alias = random_.below(kMaxInputs + 1) - 1;
    return alias >= 0 && (entry_->in_place >> alias & 1) != 0 ? alias : -1;
  }

  uint8_t *place(Guarded *block, const Array &array, const Case &c, int offset) {
    size_t bytes = array.count(c.sizes) * static_cast<size_t>(array.element);
    if (c.placement == kAtEnd) return block->at_end(bytes);
    if (c.placement == kAtStart) return block->at_start(0, bytes);
    size_t misaligned = static_cast<size_t>(offset % kOffsets / array.element * array.element);
    return block->at_start(Guarded::kMargin + misaligned, bytes);
  }

  bool run(const Case &c) {
    ++cases_;
    running_ = c;
    void *plain[kMaxInputs];
    size_t bytes[kMaxInputs] = {};
    int inputs = 0;
    for (; inputs < kMaxInputs && entry_->inputs[inputs].element != 0; ++inputs) {
      plain[inputs] = plain_[inputs];
      bytes[inputs] = entry_->inputs[inputs].count(c.sizes) * static_cast<size_t>(entry_->inputs[inputs].element);
    }
    entry_->fill(random_, c.pattern, c.sizes, plain);
    size_t out_bytes = entry_->output.count(c.sizes) * static_cast<size_t>(entry_->output.element);

    // The reference never runs in place (but where it must), so in-place calls are checked against separate arrays.
    const Kernels &reference = table_ == &scalar_kernels ? kDefinition : scalar_kernels;
    if (entry_->must_alias) memcpy(expected_, plain[0], out_bytes);
    entry_->call(reference, expected_, plain, c.sizes);

    uint8_t *out = place(blocks_[kMaxInputs], entry_->output, c, c.offset);
    void *placed[kMaxInputs];
    for (int i = 0; i < inputs; ++i) {
      placed[i] = c.alias == i ? out : place(blocks_[i], entry_->inputs[i], c, c.offset + 5 + 12 * i);
      if (bytes[i] != 0) memcpy(placed[i], plain[i], bytes[i]);
    }
    entry_->call(*table_, out, placed, c.sizes);

    if (out_bytes != 0 && memcmp(out, expected_, out_bytes) != 0) return report_difference(c, out, out_bytes);
    if (!blocks_[kMaxInputs]->intact()) return report(c, "wrote outside its output");
    for (int i = 0; i < inputs; ++i) {
      if (c.alias == i) continue;
      if (!blocks_[i]->intact()) return report(c, "wrote around an input");
      if (bytes[i] != 0 && memcmp(placed[i], plain[i], bytes[i]) != 0) return report(c, "changed an input");
    }
    return true;
  }

  bool report(const Case &c, const char *what) const {
    const char *patterns[] = {"uniform", "wide", "special", "tiny", "constant"};
    const char *placements[] = {"at the end", "at the start", "misaligned"};
    printf("  %s.%s %s: n %d, m %d, vectors %d, stride %d, %s inputs, %s, offset %d, in place %d\n", table_->name,
           entry_->name, what, c.sizes.n, c.sizes.m, c.sizes.many, c.sizes.stride, patterns[c.pattern],
           placements[c.placement], c.offset, c.alias);
    return false;
  }

  bool report_difference(const Case &c, const uint8_t *out, size_t bytes) const {
    size_t element = static_cast<size_t>(entry_->output.element), i = 0;
    while (i < bytes && memcmp(out + i, expected_ + i, element) == 0) i += element;
    uint32_t got = 0, want = 0;
    memcpy(&got, out + i, element);
    memcpy(&want, expected_ + i, element);
    char what[96];
    snprintf(what, sizeof what, "differs at %zu: %#x instead of %#x", i / element, got, want);
    return report(c, what);
  }

  Random random_;
  Guarded *blocks_[kMaxInputs + 1];
  uint8_t *plain_[kMaxInputs];
  uint8_t *expected_;
  const Kernels *table_ = nullptr;
  const Entry *entry_ = nullptr;
  Case running_ = {};
  long cases_ = 0;
};

#ifndef __wasm__
// Which call was running when the CPU refused an access or an instruction.
Checker *running_checker = nullptr;

void name_the_crash(int signal) {
  const char *what = signal == SIGILL ? "met an illegal instruction" : "touched memory outside its arrays";
  if (running_checker != nullptr) running_checker->report_running(what);
  printf("stopped by signal %d\n", signal);
  fflush(stdout);
  _exit(1);
}
#endif

struct Options {
  const char *backend = nullptr;
  const char *model = nullptr;  // for the benchmark
  bool bench = false;
  int rounds = 1;
  uint64_t seed = 1;
};

bool parse_number(const char *text, unsigned long long low, unsigned long long high, unsigned long long *value) {
  char *end;
  if (text == nullptr || *text < '0' || *text > '9') return false;
  *value = strtoull(text, &end, 10);
  return *end == '\0' && *value >= low && *value <= high;
}

// false after a message.
bool parse_options(int argc, char **argv, Options *options) {
  for (int i = 1; i < argc; ++i) {
    const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : nullptr;
    unsigned long long number = 0;
    if (strcmp(option, "--bench") == 0) {
      options->bench = true;
    } else if (strcmp(option, "--backend") == 0 || strcmp(option, "--model") == 0) {
      bool backend = strcmp(option, "--backend") == 0;
      if (value == nullptr) {
        fprintf(stderr, "checkkernels: %s needs a name, such as %s\n", option, backend ? "scalar" : "FILE.linnet");
        return false;
      }
      (backend ? options->backend : options->model) = argv[++i];
    } else if (strcmp(option, "--rounds") == 0 || strcmp(option, "--seed") == 0) {
      bool rounds = strcmp(option, "--rounds") == 0;
      if (!parse_number(value, rounds ? 1 : 0, rounds ? 1000000 : UINT64_MAX, &number)) {
        fprintf(stderr, "checkkernels: %s needs a whole number%s, not '%s'\n", option,
                rounds ? " from 1 to 1000000" : "", value == nullptr ? "" : value);
        return false;
      }
      ++i;
      if (rounds) {
        options->rounds = static_cast<int>(number);
      } else {
        options->seed = number;
      }
    } else {
      fprintf(stderr,
              "checkkernels: unknown option '%s'; there are --backend NAME, --bench, --model FILE, --rounds N, "
              "--seed N\n",
              option);
      return false;
    }
  }
  if (options->model != nullptr && !options->bench) {
    fprintf(stderr, "checkkernels: --model is for --bench\n");
    return false;
  }
  return true;
}

int check_tables(const Options &options) {
  int passed = 0, failed = 0;
  auto line = [&](const char *table, const char *entry, bool ok, long cases) {
    printf("%-9s %-14s %-6s %ld cases\n", table, entry, ok ? "ok" : "failed", cases);
    fflush(stdout);
    ++(ok ? passed : failed);
  };
  line("selection", "find", selection_holds(), 1);
  line("accuracy", "tanh", activations_accurate(), 400001);
  Checker checker(options.seed);
#ifndef __wasm__
  running_checker = &checker;
  for (int fault : {SIGSEGV, SIGBUS, SIGILL}) signal(fault, name_the_crash);
#endif
  for (const Kernels *table : available()) {
    if (options.backend != nullptr && strcmp(options.backend, table->name) != 0) continue;
    for (const Entry &entry : kEntries) {
      long cases = 0;
      bool ok = checker.check(*table, entry, options.rounds, &cases);
      line(table->name, entry.name, ok, cases);
    }
  }
#ifndef __wasm__
  running_checker = nullptr;
#endif
  printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace checkkernels

int main(int argc, char **argv) {
  checkkernels::Options options;
  if (!checkkernels::parse_options(argc, argv, &options)) return 2;
  if (options.backend != nullptr && checkkernels::find(options.backend) == nullptr) {
    fprintf(stderr, "checkkernels: no backend '%s' in this build and on this CPU; there are", options.backend);
    for (const checkkernels::Kernels *table : checkkernels::available()) fprintf(stderr, " %s", table->name);
    fprintf(stderr, "\n");
    return 2;
  }
  if (options.bench && options.model != nullptr) return checkkernels::bench_network(options.model, options.backend);
  if (options.bench) return checkkernels::bench_tables(options.backend);
  return checkkernels::check_tables(options);
}
