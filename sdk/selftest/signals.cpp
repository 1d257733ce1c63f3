// See signals.h. Inputs come from recipes.h; each goes through a stream in frames, one of them also with controls set,
// two frames at a time, in blocks of odd sizes, as 16-bit samples, spread, around rests of the stream and with losses.
// Some go through streams of lower rates, which get a sample of it at each of their instants, some through streams of
// several channels.
#include "selftest/signals.h"

#include <cstdio>
#include <cstring>

#include "linnet.h"
#include "selftest/fp_mode.h"
#include "selftest/recipes.h"
#include "selftest/sha256.h"

namespace selftest {
namespace {

using recipes::kLength;

// The caller's floating-point mode around calls of the library; the arithmetic of the test stays outside.
class Caller {
 public:
  explicit Caller(const fp_named_mode *mode) : bits_(mode ? mode->bits : 0) {}
  void enter() {
    normal_ = fp_get_mode();
    fp_set_mode(normal_ | bits_);
    before_ = fp_get_mode();
  }
  void leave() {
    changed_ = changed_ || fp_get_mode() != before_;
    fp_set_mode(normal_);
  }
  bool changed() const { return changed_; }

 private:
  uint64_t bits_, normal_ = 0, before_ = 0;
  bool changed_ = false;
};

// How a stream is used: the plain one for every recipe, the others for one. `seconds` has a letter for each second: the
// recipe's signal (s), or zeros (z) or the signal with a limit of 0 dB (0), which let the stream rest.
struct Use {
  const char *suffix, *seconds;
  float limit, postfilter;
  bool any_block, i16, spread, losses;
  size_t frames;  // per call, without any_block and spread
  int rate = 48000;
  int channels = 1;
};

constexpr Use kPlain = {"", "s", 100, 0, false, false, false, false, 1};
constexpr Use kOthers[] = {
    {"_postfilter", "s", 100, 1, false, false, false, false, 1},
    {"_limit_12", "s", 12, 0.5f, false, false, false, false, 1},
    {"_limit_0", "s", 0, 0, false, false, false, false, 1},
    {"_any_block", "s", 100, 0, true, false, false, false, 1},
    {"_i16", "s", 100, 0, false, true, false, false, 1},
    {"_two_frames", "s", 100, 0, false, false, false, false, 2},
    {"_spread", "s", 100, 0, false, false, true, false, 1},
    {"_pause", "szzzs", 100, 0, false, false, false, false, 1},
    {"_bypass", "000s", 100, 0, false, false, false, false, 1},
    {"_losses", "s", 100, 0, true, false, false, true, 1},
};

constexpr Use kRates[] = {
    {"_8k", "s", 100, 0, false, false, false, false, 1, 8000},
    {"_16k", "s", 100, 0, false, false, false, false, 1, 16000},
    {"_24k", "s", 100, 0, false, false, false, false, 1, 24000},
    {"_32k", "s", 100, 0, false, false, false, false, 1, 32000},
};
constexpr Use kOthersOfRates[] = {
    {"_8k_losses", "s", 12, 0, true, false, false, true, 1, 8000},
    {"_16k_postfilter", "s", 100, 1, false, true, false, false, 2, 16000},
    {"_16k_spread", "s", 100, 0, false, false, true, false, 1, 16000},
    {"_24k_pause", "szzzs", 100, 0, false, false, false, false, 1, 24000},
    {"_32k_losses", "s", 100, 0, true, false, false, true, 1, 32000},
};

constexpr size_t kMostSamples = 4 * kLength;  // of all channels, in a second
constexpr Use kChannels[] = {
    {"_stereo", "s", 100, 0, false, false, false, false, 1, 48000, 2},
    {"_stereo_postfilter", "s", 100, 1, false, false, false, false, 2, 48000, 2},
    {"_stereo_i16", "s", 12, 0, false, true, false, false, 1, 48000, 2},
    {"_stereo_spread", "s", 100, 0, false, false, true, false, 1, 48000, 2},
    {"_stereo_losses", "s", 100, 0, true, false, false, true, 1, 48000, 2},
    {"_stereo_pause", "szzzs", 100, 0, false, false, false, false, 1, 48000, 2},
    {"_stereo_16k", "s", 100, 0, false, false, false, false, 1, 16000, 2},
    {"_3_channels", "s", 100, 0.5f, true, false, false, false, 1, 48000, 3},
    {"_8_channels_24k", "s", 100, 0, false, false, false, false, 1, 24000, 8},
};

// A recipe's signal at the instants of a rate, interleaved. The first channel has it as it is; the others hear it at
// half the level, every second one turned round, each in a noise of its own.
void fill_channels(float *x, const Use &use, bool silent, size_t length) {
  const size_t channels = static_cast<size_t>(use.channels);
  for (size_t n = 0; n < length; ++n) x[n] = x[n * kLength / length];
  recipes::Random random{20};
  for (size_t n = length; channels > 1 && n-- > 0;) {
    const float first = x[n];
    for (size_t c = channels - 1; c > 0; --c) {
      const float noise = recipes::unit(random.sample() / 8), heard = c % 2 == 0 ? first : -first;
      x[n * channels + c] = silent ? 0.0f : 0.5f * heard + noise;
    }
    x[n * channels] = first;
  }
}

void add_stats(const linnet_stream *stream, Caller *caller, Sha256 *hash) {
  linnet_stats stats;
  stats.size = sizeof stats;
  caller->enter();
  linnet_get_stats(stream, &stats);
  caller->leave();
  hash->add(&stats.speech_probability, sizeof(float));
  hash->add(&stats.input_snr_db, sizeof(float));
  hash->add(&stats.mean_gain, sizeof(float));
  hash->add(&stats.pitch_hz, sizeof(float));
}

const char *run_recipe(const Request &request, const recipes::Recipe &recipe, const Use &use, Report report,
                       void *context) {
  static float x[kMostSamples];
  static int16_t s[kMostSamples];
  Caller caller(request.mode ? fp_find_mode(request.mode) : nullptr);
  const size_t length = static_cast<size_t>(use.rate), frame = length / 100;
  const size_t channels = static_cast<size_t>(use.channels);
  linnet_config config = {sizeof config,   use.rate,           use.any_block ? 1 : 0,
                          request.backend, use.spread ? 1 : 0, use.channels};
  linnet_model *model = nullptr;
  linnet_stream *stream = nullptr;
  caller.enter();
  linnet_status status = linnet_model_create(request.model, request.model_size, &model);
  if (status == LINNET_OK) status = linnet_create(model, &config, &stream);
  if (status == LINNET_OK) status = linnet_set_postfilter(stream, use.postfilter);
  caller.leave();
  Sha256 samples, stats;
  for (const char *second = use.seconds; *second; ++second) {
    *second == 'z' ? recipes::silence(x) : recipe.make(x);
    fill_channels(x, use, *second == 'z', length);
    if (status == LINNET_OK) status = linnet_set_attenuation_limit(stream, *second == '0' ? 0 : use.limit);
    for (size_t done = 0, n = 0, call = 0; status == LINNET_OK && done < length; done += n, ++call) {
      n = use.any_block || use.spread ? 1 + done * 7 % 701 : use.frames * frame;
      if (n > length - done) n = length - done;
      float *const block = x + done * channels;
      int16_t *const shorts = s + done * channels;
      for (size_t i = 0; use.i16 && i < n * channels; ++i) shorts[i] = static_cast<int16_t>(block[i] * 32767.0f);
      caller.enter();
      if (use.losses && call % 9 == 4) {
        status = linnet_conceal(stream, block, n);
      } else if (use.losses && call % 9 == 7) {
        status = linnet_gap(stream, n);
      } else if (use.i16) {
        status = linnet_process_i16(stream, shorts, shorts, n);
      } else {
        status = linnet_process(stream, block, block, n);
      }
      caller.leave();
      add_stats(stream, &caller, &stats);
    }
    use.i16 ? samples.add(s, channels * length * sizeof *s) : samples.add(x, channels * length * sizeof *x);
  }
  linnet_destroy(stream);
  linnet_model_destroy(model);
  if (status != LINNET_OK) return linnet_status_text(status);
  if (caller.changed()) return "the caller's floating-point mode was not restored";

  char name[64], text[65];
  snprintf(name, sizeof name, "%s%s", recipe.name, use.suffix);
  samples.finish(text);
  report(context, name, "samples", text);
  stats.finish(text);
  report(context, name, "stats", text);
  return nullptr;
}

}  // namespace

bool chosen(const char *only, const char *name) {
  if (!only) return true;
  const size_t length = strlen(name);
  for (const char *at = only; (at = strstr(at, name)) != nullptr; at += length) {
    if ((at == only || at[-1] == ',') && (at[length] == ',' || at[length] == 0)) return true;
  }
  return false;
}

const char *run_signals(const Request &request, Report report, void *context) {
  const char *why = nullptr;
  for (const recipes::Recipe &recipe : recipes::kRecipes) {
    if (!why && chosen(request.only, recipe.name)) why = run_recipe(request, recipe, kPlain, report, context);
  }
  const recipes::Recipe in_noise = {"speech_in_noise", recipes::speech_in_noise};
  const auto run = [&](const recipes::Recipe &recipe, const Use &use) {
    char name[64];
    snprintf(name, sizeof name, "%s%s", recipe.name, use.suffix);
    if (!why && chosen(request.only, name)) why = run_recipe(request, recipe, use, report, context);
  };
  for (const Use &use : kOthers) run(in_noise, use);
  const recipes::Recipe at_rates[] = {in_noise,
                                      {"full_scale_noise", recipes::full_scale_noise},
                                      {"raw_bits", recipes::raw_bits},
                                      {"denormal_tail", recipes::denormal_tail}};
  for (const Use &use : kRates) {
    for (const recipes::Recipe &recipe : at_rates) run(recipe, use);
  }
  for (const Use &use : kOthersOfRates) run(in_noise, use);
  for (const Use &use : kChannels) run(in_noise, use);
  return why;
}

}  // namespace selftest
