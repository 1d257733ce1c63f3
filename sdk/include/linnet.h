/* linnet: real-time speech enhancement, noise and reverberation suppression at 8 to 48 kHz.
 *
 * The whole public API. A model is checked once and never changes; any number of streams and threads share it. A stream
 * enhances one signal of 1 to 8 channels. Method: PercepNet (Valin et al., "A Perceptually-Motivated Approach for
 * Low-Complexity, Real-Time Enhancement of Fullband Speech", Interspeech 2020). For one model and one input the output
 * has the same bits on every CPU.
 *
 * Rates: a stream runs at 8000, 16000, 24000, 32000 or 48000 Hz, without a resampler, on the same model and with the
 * same delay in time; frames are 10 ms. What lies above half the rate is simply not there.
 *
 *     linnet_model *model = NULL;
 *     linnet_stream *stream = NULL;
 *     if (linnet_model_load("large.linnet", &model) != LINNET_OK) return;     // once in a program
 *     if (linnet_create(model, NULL, &stream) != LINNET_OK) return;           // once for each signal; microseconds
 *     linnet_process(stream, microphone, cleaned, 480);          // 10 ms; cleaned lags by linnet_delay() samples
 *     linnet_destroy(stream);
 *     linnet_model_destroy(model);                                            // after its streams
 *
 * Threads: functions that take a const linnet_model may be called by any number of threads at a time, from when the
 * model has been made until linnet_model_destroy is called. Of a stream, one thread at a time may call process,
 * conceal, gap, reset, init or destroy. The two setters and the functions that only ask may be called from any thread
 * once init or create has returned and until destroy is called, while process or reset runs as well. Streams are
 * independent of each other. process, conceal, gap and reset never allocate, lock, wait, log or enter the operating
 * system. They need up to 32 KB of stack.
 *
 * Channels: those of a stream are one signal, such as that of a stereo microphone. They are looked at together, and
 * what is done to one is done to all, so that the image stays: between ears, every sound keeps its differences of level
 * and time. Two cost less than one and a half times one. A voice in one channel gives way to a noise in another, which
 * is why channels that are no one signal, such as callers, belong in streams of their own. Channels come and go
 * interleaved or, in the functions named planar, in an array each. A number of samples is always that of each channel.
 *
 * Silence: after 200 frames (2 s) of zeros in all channels, or of a limit of 0 dB, a stream rests, and frames cost next
 * to nothing until sound returns or the limit is raised, which then takes effect 100 ms later. A background that is
 * known from before a silence is low again at once. In a rest the statistics keep their values, but for the frame's
 * number and a speech probability of 0. */
#ifndef LINNET_H
#define LINNET_H

#include <stddef.h>
#include <stdint.h>

#if defined(LINNET_BUILD_SHARED) && defined(_WIN32)
#define LINNET_API __declspec(dllexport)
#elif defined(LINNET_BUILD_SHARED) && defined(__GNUC__)
#define LINNET_API __attribute__((visibility("default")))
#else
#define LINNET_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define LINNET_VERSION_MAJOR 0 /* of this header; linnet_version() is that of the library */
#define LINNET_VERSION_MINOR 1
#define LINNET_VERSION_PATCH 0
#define LINNET_ABI 1            /* raised when a function or a struct changes incompatibly */
#define LINNET_ALIGNMENT 64     /* of memory given to linnet_model_init and linnet_init */
#define LINNET_BLOB_ALIGNMENT 8 /* of a model blob in memory; malloc and mmap satisfy it */

/* Opaque: a model, which streams share, and the state of one stream. */
typedef struct linnet_model linnet_model;
typedef struct linnet_stream linnet_stream;

typedef enum linnet_status {
  LINNET_OK = 0,
  LINNET_ERR_ARGUMENT = -1,   /* a null pointer, NaN, or a value outside the documented range */
  LINNET_ERR_ALIGNMENT = -2,  /* memory not aligned to LINNET_ALIGNMENT, a blob not to LINNET_BLOB_ALIGNMENT, or samples
                                 not to their type */
  LINNET_ERR_SIZE = -3,       /* samples not a whole number of frames (any_block and spread 0), or memory too small */
  LINNET_ERR_NO_MEMORY = -4,  /* the allocator returned NULL */
  LINNET_ERR_IO = -5,         /* the model file cannot be opened or read */
  LINNET_ERR_NOT_A_BLOB = -6, /* the data do not start with the magic of a linnet model */
  LINNET_ERR_VERSION = -7,    /* a blob of another format or feature version, or an intact one of a topology that this
                                 library does not know */
  LINNET_ERR_CORRUPT = -8,    /* a blob that is cut short, changed, or breaks a rule of the format */
  LINNET_ERR_RATE = -9,       /* a sample rate other than 8000, 16000, 24000, 32000 and 48000 */
  LINNET_ERR_STATE = -10,     /* no live model or stream lies there: never initialised, zeroed, or destroyed */
  LINNET_ERR_BACKEND = -11    /* a backend name that is unknown or that this CPU cannot run */
} linnet_status;

/* Set size to sizeof(linnet_config). Fields that do not lie whole within the caller's size take their defaults; what a
 * newer caller has beyond the library's fields is ignored; a size that does not hold size itself is an error. */
typedef struct linnet_config {
  size_t size;         /* sizeof(linnet_config) */
  int32_t sample_rate; /* Hz: 8000, 16000, 24000, 32000 or 48000; 0 means 48000; else LINNET_ERR_RATE */
  int32_t any_block;   /* 0: samples per call are whole frames; 1: any number, one frame (10 ms) more delay */
  const char *backend; /* NULL: the fastest for this CPU; else "scalar", "avx2", ...: for tests and benchmarks */
  int32_t spread;   /* 1: any number of samples too, with a frame's work divided over the calls of the next 10 ms, for
                       callbacks shorter than that; two frames more delay than with neither, the same bits */
  int32_t channels; /* 1..8; 0 means 1 */
} linnet_config;

/* All of one frame, of all channels together. Set size to sizeof(linnet_stats); the library fills no more than that.
 * Before the first frame: 0, 0, 0, 160 (0 if the model looks for no pitch) and 0. input_snr_db is the ratio of the
 * speech's power while there is speech to the noise's, both averaged over 1 s; it stays in pauses unless the noise
 * changes, needs about a second to settle, and is 0 in digital silence before the first sound. What the network takes
 * for noise counts as noise, reverberation and breath included. */
typedef struct linnet_stats {
  size_t size;              /* sizeof(linnet_stats), set by the caller */
  float speech_probability; /* 0..1, of the newest enhanced frame */
  float input_snr_db;       /* the input's speech to noise ratio, -30..60 */
  float mean_gain;          /* 0..1, what is left of the amplitudes of the rate's bands, averaged with equal weight */
  float pitch_hz;           /* pitch of the newest enhanced frame, 62.5..800; of no meaning without speech; 0: the
                               model looks for none */
  uint64_t frame;           /* number of frames done since the stream was made or reset */
} linnet_stats;

/* What a model is and costs. Set size to sizeof(linnet_model_info); the library fills no more than that. */
typedef struct linnet_model_info {
  size_t size;            /* sizeof(linnet_model_info), set by the caller */
  const char *topology;   /* name of the network's form, "percepnet" or "bandsplit"; lives as long as the library */
  int32_t delay_frames;   /* frames of 10 ms by which a stream of the default config lags */
  int32_t frame_size;     /* samples of a frame at 48 kHz: 480 */
  uint64_t weights;       /* with biases; of a sparse model those that it stores */
  uint64_t multiply_adds; /* of one frame's network */
  uint64_t frame_bytes;   /* of the model, read for one frame; two frames in one call share most of them */
  uint64_t stream_bytes;  /* what linnet_size gives for the default config, of one channel */
} linnet_model_info;

/* Bytes that linnet_model_init needs for this blob, of which only the header is looked at. */
LINNET_API linnet_status linnet_model_size(const void *blob, size_t blob_size, size_t *bytes);

/* Builds a model in caller-supplied memory, aligned to LINNET_ALIGNMENT. The blob is checked whole, borrowed, never
 * written, and must outlive the model. *out is set only on LINNET_OK. */
LINNET_API linnet_status linnet_model_init(void *memory, size_t bytes, const void *blob, size_t blob_size,
                                           linnet_model **out);

/* As linnet_model_init, in one allocation of its own; the blob is borrowed too. */
LINNET_API linnet_status linnet_model_create(const void *blob, size_t blob_size, linnet_model **out);

/* As linnet_model_create; reads the model file and owns the copy. path is UTF-8, on Windows as well. */
LINNET_API linnet_status linnet_model_load(const char *path, linnet_model **out);

LINNET_API linnet_status linnet_model_get_info(const linnet_model *model, linnet_model_info *info);

/* Frees what create or load allocated; a model of linnet_model_init is only marked dead. To be called after the model's
 * streams have been destroyed: afterwards a stream of it may only be given to linnet_destroy. NULL, and memory of
 * linnet_model_init that holds no live model, is ignored. */
LINNET_API void linnet_model_destroy(linnet_model *model);

/* Bytes that linnet_init needs for this model and config. */
LINNET_API linnet_status linnet_size(const linnet_model *model, const linnet_config *config, size_t *bytes);

/* Builds a stream in caller-supplied memory, aligned to LINNET_ALIGNMENT. The model must outlive it. Nothing of the
 * model is checked again or copied. config NULL means defaults. *out is set only on LINNET_OK. */
LINNET_API linnet_status linnet_init(void *memory, size_t bytes, const linnet_model *model, const linnet_config *config,
                                     linnet_stream **out);

/* As linnet_init, in one allocation of its own. */
LINNET_API linnet_status linnet_create(const linnet_model *model, const linnet_config *config, linnet_stream **out);

/* Frees what create allocated, which must not be used again; a stream of linnet_init is only marked dead. NULL, and
 * memory of linnet_init that holds no live stream, is ignored. */
LINNET_API void linnet_destroy(linnet_stream *stream);

/* Enhances so many samples of each channel, full scale +-1. in and out hold samples * channels values, interleaved: the
 * first sample of every channel, then the second. They may be the same array, any other overlap is LINNET_ERR_ARGUMENT.
 * NaN and infinity are taken as 0, other values clamped to +-4; the output is finite and within +-4. Cutting a stream
 * into calls differently changes no bit. samples 0 is allowed, with null arrays too. On an error nothing is written. */
LINNET_API linnet_status linnet_process(linnet_stream *stream, const float *in, float *out, size_t samples);

/* The same on 16-bit samples: in / 32768, out rounded to nearest even and saturated. */
LINNET_API linnet_status linnet_process_i16(linnet_stream *stream, const int16_t *in, int16_t *out, size_t samples);

/* The same on an array of samples values for each channel, in[0] .. in[channels - 1]. An array of out may be one of in,
 * but no two of out may be the same. */
LINNET_API linnet_status linnet_process_planar(linnet_stream *stream, const float *const in[], float *const out[],
                                               size_t samples);

/* Where input was lost: time goes on by so many samples, and neither the input nor the output gets a click. Of the
 * signal before, the last period (16 ms if the model looks for no pitch) is repeated and fades out within 10 ms; what
 * comes after fades in within 5 ms. conceal writes the output of that time, for a packet that did not arrive; gap
 * leaves it out and cross-fades, for a recording that missed samples. samples, and where they go, as in the functions
 * of linnet_process. */
LINNET_API linnet_status linnet_conceal(linnet_stream *stream, float *out, size_t samples);
LINNET_API linnet_status linnet_conceal_i16(linnet_stream *stream, int16_t *out, size_t samples);
LINNET_API linnet_status linnet_conceal_planar(linnet_stream *stream, float *const out[], size_t samples);
LINNET_API linnet_status linnet_gap(linnet_stream *stream, size_t samples);

/* Bit for bit as newly created; the two controls keep their values. */
LINNET_API linnet_status linnet_reset(linnet_stream *stream);

/* In Hz; number of channels; samples of a channel per 10 ms frame (480 at 48 kHz); exact delay from input to output in
 * samples at that rate, the same time at each. 0 if stream is not live. */
LINNET_API int linnet_sample_rate(const linnet_stream *stream);
LINNET_API int linnet_channels(const linnet_stream *stream);
LINNET_API int linnet_frame_size(const linnet_stream *stream);
LINNET_API int linnet_delay(const linnet_stream *stream);

/* Most that noise is attenuated, in dB, 0..100. 0: the output is the delayed input bit for bit; 100 (default): no
 * limit. A change is cross-faded over one frame, but holds at once before the first frame of a stream. */
LINNET_API linnet_status linnet_set_attenuation_limit(linnet_stream *stream, float db);

/* Strength of the envelope post-filter, 0 (off, default) .. 1 (as in the paper). */
LINNET_API linnet_status linnet_set_postfilter(linnet_stream *stream, float amount);

/* Newest statistics, never a mix of two frames; lock free. */
LINNET_API linnet_status linnet_get_stats(const linnet_stream *stream, linnet_stats *stats);

/* Name of the kernels that the stream runs ("scalar", "avx2", ...); "" if stream is not live. */
LINNET_API const char *linnet_backend(const linnet_stream *stream);

/* A model as it is here: how good, on any scale where larger is better, and what a frame of 10 ms of it takes. */
typedef struct linnet_candidate {
  double quality;
  double microseconds;
} linnet_candidate;

/* Which of measured models to run, as an index in *chosen; a function of these numbers alone, the same as chooseModel()
 * of the npm package. budget: share of the time of one core, above 0 to 1; a tenth leaves room for a thread that rests
 * between frames, on which they cost three to five times of what they do in a loop. current: the one that runs, or -1.
 * Chosen is the best model within the budget, the cheaper of equals; another than current must cost at most 0.8 of
 * the budget, so that two do not take turns. If none fits, the cheapest; -1, to enhance nothing, if even that takes
 * over half of the time. LINNET_ERR_ARGUMENT for no models, NaN, negative or infinite numbers, and current or budget
 * out of range.
 */
LINNET_API linnet_status linnet_choose(const linnet_candidate *models, size_t count, double budget, int current,
                                       int *chosen);

/* "1.2.3" of the library; LINNET_ABI of the library; a status in words (never NULL). */
LINNET_API const char *linnet_version(void);
LINNET_API int linnet_abi(void);
LINNET_API const char *linnet_status_text(linnet_status status);

#ifdef __cplusplus
}
#endif

#endif
