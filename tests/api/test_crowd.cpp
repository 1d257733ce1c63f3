// A crowd: 64 streams of every rate and of one to eight channels on one model, in 16 threads, while one thread moves
// the controls of some of them, one asks for statistics, and two make and destroy models and streams. The streams whose
// controls rest give the bits that they give alone; the others stay sane, and do so too once all is quiet and they have
// been reset. A second argument is the number of rounds; without it there is one, of a quarter of the crowd. Run it in
// a tsan build to see races.
#include <atomic>
#include <thread>
#include <vector>

#include "common.h"

namespace {

constexpr int kMost = 64, kFrames = 12;
int streams = kMost / 4, threads = 4;
constexpr int32_t kRates[] = {8000, 16000, 24000, 32000, 48000};

model blob;
const char *path;

// One of the crowd, whose input and kind follow from its number.
struct Member {
  linnet_stream *stream = nullptr;
  bool disturbed = false;
  size_t channels = 1, frame = FRAME;
  std::vector<float> input, output, expected;
};

Member members[kMost];

linnet_config config_of(int number) {
  linnet_config config = make_config(number / 5 % 2);
  config.sample_rate = kRates[number % 5];
  config.channels = 1 + number / 3 % 8;
  config.spread = number / 7 % 2;
  return config;
}

linnet_stream *make(const linnet_model *from, int number) {
  const linnet_config config = config_of(number);
  linnet_stream *stream = nullptr;
  return linnet_create(from, &config, &stream) == LINNET_OK ? stream : nullptr;
}

// A frame or two at a time, in the order of a call that comes in such pieces; the number of errors.
int run(Member *member) {
  int errors = 0;
  for (size_t done = 0, frames = 1; done < kFrames; done += frames) {
    frames = done % 3 == 0 && done + 2 <= kFrames ? 2 : 1;
    const size_t at = done * member->frame * member->channels;
    errors += linnet_process(member->stream, member->input.data() + at, member->output.data() + at,
                             frames * member->frame) != LINNET_OK;
  }
  return errors;
}

void prepare() {
  for (int i = 0; i < streams; ++i) {
    Member &member = members[i];
    const linnet_config config = config_of(i);
    member.channels = static_cast<size_t>(config.channels);
    member.frame = static_cast<size_t>(config.sample_rate / 100);
    member.disturbed = i % 4 == 3;
    member.input.resize(kFrames * member.frame * member.channels);
    member.output.resize(member.input.size());
    make_signal(member.input.data(), member.input.size(), static_cast<uint32_t>(1000 + i));
    member.stream = make(blob.handle, i);
    CHECK(member.stream != nullptr && run(&member) == 0);
    member.expected = member.output;
    CHECK(linnet_reset(member.stream) == LINNET_OK);
  }
}

// Models of memory and of a file, and streams of them and of the model that the crowd shares.
int churn(int number) {
  int errors = 0;
  linnet_model *own = nullptr;
  const linnet_status status =
      number % 2 ? linnet_model_create(blob.data, blob.size, &own) : linnet_model_load(path, &own);
  if (status != LINNET_OK) return 1;
  for (const linnet_model *from :
       {static_cast<const linnet_model *>(own), static_cast<const linnet_model *>(blob.handle)}) {
    linnet_stream *stream = make(from, number % streams);
    float block[8 * FRAME] = {0};
    errors +=
        !stream || linnet_process(stream, block, block, static_cast<size_t>(linnet_frame_size(stream))) != LINNET_OK;
    linnet_destroy(stream);
  }
  linnet_model_destroy(own);
  return errors;
}

void round_of(int number) {
  std::atomic<bool> stop{false};
  std::atomic<int> errors{0};
  std::vector<std::thread> others, workers;
  others.emplace_back([&] {
    for (int i = number; !stop.load(); ++i) {
      linnet_stream *const stream = members[i % (streams / 4) * 4 + 3].stream;
      errors += linnet_set_attenuation_limit(stream, static_cast<float>(i % 101)) != LINNET_OK;
      errors += linnet_set_postfilter(stream, static_cast<float>(i % 11) / 10.0f) != LINNET_OK;
      std::this_thread::yield();
    }
  });
  others.emplace_back([&] {
    for (int i = 0; !stop.load(); ++i) {
      linnet_stats stats;
      stats.size = sizeof stats;
      errors += linnet_get_stats(members[i % streams].stream, &stats) != LINNET_OK;
      errors += !(stats.speech_probability >= 0 && stats.speech_probability <= 1 && stats.frame <= kFrames);
      std::this_thread::yield();
    }
  });
  for (int k = 0; k < 2; ++k) {
    others.emplace_back([&, k] {
      for (int i = k + number; !stop.load(); ++i) errors += churn(i);
    });
  }
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int i = t; i < streams; i += threads) errors += run(&members[i]);
    });
  }
  for (std::thread &worker : workers) worker.join();
  stop.store(true);
  for (std::thread &other : others) other.join();
  CHECK(errors.load() == 0);
  for (int i = 0; i < streams; ++i) {
    Member &member = members[i];
    if (member.disturbed) {
      CHECK(all_sane(member.output.data(), member.output.size()));
    } else {
      CHECK(same_bits(member.output.data(), member.expected.data(), member.output.size()));
    }
    CHECK(linnet_set_attenuation_limit(member.stream, 100) == LINNET_OK);
    CHECK(linnet_set_postfilter(member.stream, 0) == LINNET_OK && linnet_reset(member.stream) == LINNET_OK);
  }
}

}  // namespace

int main(int argc, char **argv) {
  const int rounds = argc > 2 ? atoi(argv[2]) : 1;
  if (argc > 2) streams = kMost, threads = 16;
  blob = load_model(argc, argv);
  path = argv[1];
  prepare();
  for (int i = 0; i < rounds; ++i) round_of(i);
  for (int i = 0; i < streams; ++i) {
    Member &member = members[i];
    CHECK(run(&member) == 0 && same_bits(member.output.data(), member.expected.data(), member.output.size()));
    linnet_destroy(member.stream);
  }
  printf("%d streams in %d threads, %d rounds\n", streams, threads, rounds);
  free_model(blob);
  return check_summary();
}
