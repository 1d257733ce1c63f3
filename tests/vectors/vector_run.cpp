// Prints one SHA-256 per test vector: the same lines on every CPU, backend, compiler and optimisation level, or the
// promise of equal bits is broken. A line is `NAME samples HASH stats HASH`: the output samples as bytes, and the
// statistics after every frame, which carry what the network said (speech probability, mean gain) and the pitch. Lines
// `network_NAME outputs HASH` feed random features to the network alone, so that a difference can be told from one of
// the signal path.
//
//     vector_run MODEL [--backend NAME] [--only NAME,NAME]
//     vector_run --backends        names that this CPU can run, fastest first
//     vector_run --compiler        what built this program
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "base/arena.h"
#include "kernels/kernels.h"
#include "linnet.h"
#include "model/blob.h"
#include "nn/network.h"
#include "recipes.h"
#include "sha256.h"

namespace {

using recipes::kLength;

constexpr size_t kFrame = 480;

[[noreturn]] void stop(const char *what, const char *why) {
  fprintf(stderr, "vector_run: %s: %s\n", what, why);
  exit(2);
}

// The model, at an address aligned to 64.
struct Model {
  std::vector<uint8_t> bytes;
  uint8_t *data = nullptr;
  size_t size = 0;

  explicit Model(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0 || ftell(file) <= 0) stop(path, "cannot be read");
    size = static_cast<size_t>(ftell(file));
    bytes.resize(size + 63);
    data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64;
    rewind(file);
    if (fread(data, 1, size, file) != size) stop(path, "cannot be read");
    fclose(file);
  }
};

// Whether name is in a list separated by commas; every name is in no list.
bool chosen(const char *only, const char *name) {
  if (!only) return true;
  const size_t length = strlen(name);
  for (const char *at = only; (at = strstr(at, name)) != nullptr; at += length) {
    if ((at == only || at[-1] == ',') && (at[length] == ',' || at[length] == 0)) return true;
  }
  return false;
}

// How a stream is used: the plain one for every recipe, the others for a few.
struct Use {
  const char *suffix;
  float limit, postfilter;
  bool any_block, i16;
};

constexpr Use kPlain = {"", 100, 0, false, false};
constexpr Use kOthers[] = {
    {"_postfilter", 100, 1, false, false}, {"_limit_12", 12, 0.5f, false, false}, {"_limit_0", 0, 0, false, false},
    {"_any_block", 100, 0, true, false},   {"_i16", 100, 0, false, true},
};

void add_stats(const linnet *stream, Sha256 *hash) {
  linnet_stats stats;
  stats.size = sizeof stats;
  linnet_get_stats(stream, &stats);
  hash->add(&stats.speech_probability, sizeof(float));
  hash->add(&stats.input_snr_db, sizeof(float));
  hash->add(&stats.mean_gain, sizeof(float));
  hash->add(&stats.pitch_hz, sizeof(float));
}

void run_vector(const Model &model, const char *backend, const recipes::Recipe &recipe, const Use &use) {
  static float x[kLength];
  static int16_t s[kLength];
  linnet_config config = {sizeof config, 48000, use.any_block ? 1 : 0, backend};
  linnet *stream = nullptr;
  const linnet_status status = linnet_create(model.data, model.size, &config, &stream);
  if (status != LINNET_OK) stop("linnet_create", linnet_status_text(status));
  linnet_set_attenuation_limit(stream, use.limit);
  linnet_set_postfilter(stream, use.postfilter);
  recipe.make(x);
  Sha256 samples, stats;
  for (size_t done = 0, n = 0; done < kLength; done += n) {
    n = use.any_block ? 1 + done * 7 % 701 : kFrame;
    if (n > kLength - done) n = kLength - done;
    if (use.i16) {
      for (size_t i = done; i < done + n; ++i) s[i] = static_cast<int16_t>(x[i] * 32767.0f);
      linnet_process_i16(stream, s + done, s + done, n);
    } else {
      linnet_process(stream, x + done, x + done, n);
    }
    add_stats(stream, &stats);
  }
  if (use.i16)
    samples.add(s, sizeof s);
  else
    samples.add(x, sizeof x);
  linnet_destroy(stream);
  char samples_text[65], stats_text[65];
  samples.finish(samples_text);
  stats.finish(stats_text);
  printf("%s%s samples %s stats %s\n", recipe.name, use.suffix, samples_text, stats_text);
}

// A hundred frames of random features: of the usual size, far beyond it, and zeros.
void run_network(const Model &model, const char *backend, const char *name, int32_t divisor) {
  linnet_core::model::BlobView view;
  linnet_core::nn::Network network;
  if (linnet_core::model::parse_blob(model.data, model.size, &view) != linnet_core::model::BlobError::kNone ||
      !network.bind(view)) {
    stop("network", "the model is refused");
  }
  linnet_core::base::Arena measuring;
  network.place(measuring);
  std::vector<uint8_t> memory(measuring.used() + 63);
  linnet_core::base::Arena arena(memory.data() + (64 - reinterpret_cast<uintptr_t>(memory.data()) % 64) % 64);
  network.place(arena);
  network.reset();

  const linnet_core::kernels::Kernels *kernels = linnet_core::kernels::find(backend);
  if (!kernels) stop("backend", "not available here");
  recipes::Random random{99};
  Sha256 hash;
  for (int frame = 0; frame < 100; ++frame) {
    float features[linnet_core::nn::kInputs];
    for (float &feature : features) feature = divisor ? recipes::unit(random.sample() / divisor) * 16.0f : 0.0f;
    linnet_core::nn::NetworkOutput output;
    network.process(*kernels, features, 1, &output);
    hash.add(output.gains, sizeof output.gains);
    hash.add(output.strengths, sizeof output.strengths);
    hash.add(&output.speech_probability, sizeof output.speech_probability);
  }
  char text[65];
  hash.finish(text);
  printf("%s outputs %s\n", name, text);
}

int run_all(const char *path, const char *backend, const char *only) {
  const Model model(path);
  constexpr struct {
    const char *name;
    int32_t divisor;
  } networks[] = {{"network_usual", 16}, {"network_large", 1}, {"network_zero", 0}};
  for (const auto &network : networks) {
    if (chosen(only, network.name)) run_network(model, backend, network.name, network.divisor);
  }
  for (const recipes::Recipe &recipe : recipes::kRecipes) {
    if (chosen(only, recipe.name)) run_vector(model, backend, recipe, kPlain);
  }
  const recipes::Recipe in_noise = {"speech_in_noise", recipes::speech_in_noise};
  for (const Use &use : kOthers) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", in_noise.name, use.suffix);
    if (chosen(only, name)) run_vector(model, backend, in_noise, use);
  }
  return 0;
}

}  // namespace

int main(int argc, char **argv) {
  const char *path = nullptr, *backend = nullptr, *only = nullptr;
  for (int i = 1; i < argc; ++i) {
    if (strcmp(argv[i], "--backends") == 0) {
      for (const auto *table : linnet_core::kernels::available()) puts(table->name);
      return 0;
    }
    if (strcmp(argv[i], "--compiler") == 0) {
#if defined(__clang__)
      puts("clang " __clang_version__);
#else
      puts("gcc " __VERSION__);
#endif
      return 0;
    }
    if (strcmp(argv[i], "--backend") == 0 && i + 1 < argc)
      backend = argv[++i];
    else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
      only = argv[++i];
    else if (argv[i][0] != '-' && !path)
      path = argv[i];
    else
      stop(argv[i], "unknown argument");
  }
  if (!path) stop("usage", "vector_run MODEL [--backend NAME] [--only NAME,NAME] | --backends | --compiler");
  return run_all(path, backend, only);
}
