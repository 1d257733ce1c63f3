/* linnet: real-time speech enhancement, noise and reverberation suppression at 48 kHz.
 *
 * The whole public API. One instance enhances one mono stream; any number of instances may share one model blob.
 * Method: PercepNet (Valin et al., "A Perceptually-Motivated Approach for Low-Complexity, Real-Time Enhancement of
 * Fullband Speech", Interspeech 2020). For one model and one input the output has the same bits on every CPU.
 *
 *     linnet *stream = NULL;
 *     if (linnet_create_from_file("base.linnet", NULL, &stream) != LINNET_OK) return;
 *     linnet_process(stream, microphone, cleaned, 480);          // 10 ms; cleaned lags by linnet_delay() samples
 *     linnet_destroy(stream);
 *
 * Threads: one thread at a time may call process, reset, init or destroy of an instance. The two setters and the
 * functions that only ask may be called from any thread once init or create has returned and until destroy is called,
 * while process or reset runs as well. Instances are independent of each other.
 * process and reset never allocate, lock, wait, log or enter the operating system. They need up to 32 KB of stack. */
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

#define LINNET_ABI 1            /* raised when a function or a struct changes incompatibly */
#define LINNET_ALIGNMENT 64     /* of memory given to linnet_init */
#define LINNET_BLOB_ALIGNMENT 8 /* of a model blob in memory; malloc and mmap satisfy it */

/* Opaque state of one stream. */
typedef struct linnet linnet;

typedef enum linnet_status {
  LINNET_OK = 0,
  LINNET_ERR_ARGUMENT = -1,   /* a null pointer, NaN, or a value outside the documented range */
  LINNET_ERR_ALIGNMENT = -2,  /* memory not aligned to LINNET_ALIGNMENT, a blob not to LINNET_BLOB_ALIGNMENT, or samples
                                 not to their type */
  LINNET_ERR_SIZE = -3,       /* samples not a whole number of frames (any_block 0), or memory too small */
  LINNET_ERR_NO_MEMORY = -4,  /* the allocator returned NULL */
  LINNET_ERR_IO = -5,         /* the model file cannot be opened or read */
  LINNET_ERR_NOT_A_BLOB = -6, /* the data do not start with the magic of a linnet model */
  LINNET_ERR_VERSION = -7,    /* a blob of another format or feature version */
  LINNET_ERR_CORRUPT = -8,    /* a blob that is cut short, changed, or breaks a rule of the format */
  LINNET_ERR_RATE = -9,       /* a sample rate other than 48000 */
  LINNET_ERR_STATE = -10,     /* memory that holds no live instance: never initialised, zeroed, or destroyed there */
  LINNET_ERR_BACKEND = -11    /* a backend name that is unknown or that this CPU cannot run */
} linnet_status;

/* Set size to sizeof(linnet_config). Fields that do not lie whole within the caller's size take their defaults; what a
 * newer caller has beyond the library's fields is ignored; a size that does not hold size itself is an error. */
typedef struct linnet_config {
  size_t size;         /* sizeof(linnet_config) */
  int32_t sample_rate; /* Hz; 0 means 48000, the only rate so far */
  int32_t any_block;   /* 0: samples per call are whole frames; 1: any number, one frame (10 ms) more delay */
  const char *backend; /* NULL: the fastest for this CPU; else "scalar", "avx2", ...: for tests and benchmarks */
} linnet_config;

/* Set size to sizeof(linnet_stats); the library fills no more than that. Before the first frame: 0, 0, 0 and 160. */
typedef struct linnet_stats {
  size_t size;              /* sizeof(linnet_stats), set by the caller */
  float speech_probability; /* 0..1, of the newest enhanced frame */
  float input_snr_db;       /* estimate of the input's speech to noise ratio, smoothed over about 1 s, -30..60 */
  float mean_gain;          /* 0..1, band gains averaged with equal weight, newest frame */
  float pitch_hz;           /* pitch of the newest enhanced frame, 62.5..800; of no meaning without speech */
} linnet_stats;

/* Bytes that linnet_init needs for this model and config. Errors: those of the blob and the config. */
LINNET_API linnet_status linnet_size(const void *blob, size_t blob_size, const linnet_config *config, size_t *bytes);

/* Builds an instance in caller-supplied memory, aligned to LINNET_ALIGNMENT. The blob is checked whole, borrowed,
 * never written, and must outlive the instance. config NULL means defaults. *out is set only on LINNET_OK. */
LINNET_API linnet_status linnet_init(void *memory, size_t bytes, const void *blob, size_t blob_size,
                                     const linnet_config *config, linnet **out);

/* As linnet_init, in one allocation of its own. */
LINNET_API linnet_status linnet_create(const void *blob, size_t blob_size, const linnet_config *config, linnet **out);

/* As linnet_create; reads the model file and owns the copy. */
LINNET_API linnet_status linnet_create_from_file(const char *path, const linnet_config *config, linnet **out);

/* Frees what create allocated, which must not be used again; an instance of linnet_init is only marked dead. NULL, and
 * memory of linnet_init that holds no live instance, is ignored. */
LINNET_API void linnet_destroy(linnet *stream);

/* Enhances samples (mono, full scale +-1); in and out may be the same array, any other overlap is LINNET_ERR_ARGUMENT.
 * NaN and infinity are taken as 0, other values clamped to +-4; the output is finite and within +-4. Cutting a stream
 * into calls differently changes no bit. samples 0 is allowed, with null arrays too. On an error nothing is written. */
LINNET_API linnet_status linnet_process(linnet *stream, const float *in, float *out, size_t samples);

/* The same on 16-bit samples: in / 32768, out rounded to nearest even and saturated. */
LINNET_API linnet_status linnet_process_i16(linnet *stream, const int16_t *in, int16_t *out, size_t samples);

/* Bit for bit as newly created; the two controls keep their values. */
LINNET_API linnet_status linnet_reset(linnet *stream);

/* 48000; samples per 10 ms frame (480); exact delay from input to output in samples. 0 if stream is not live. */
LINNET_API int linnet_sample_rate(const linnet *stream);
LINNET_API int linnet_frame_size(const linnet *stream);
LINNET_API int linnet_delay(const linnet *stream);

/* Most that noise is attenuated, in dB, 0..100. 0: the output is the delayed input bit for bit; 100 (default): no
 * limit. A change is cross-faded over one frame, but holds at once before the first frame of a stream. */
LINNET_API linnet_status linnet_set_attenuation_limit(linnet *stream, float db);

/* Strength of the envelope post-filter, 0 (off, default) .. 1 (as in the paper). */
LINNET_API linnet_status linnet_set_postfilter(linnet *stream, float amount);

/* Newest statistics; lock free. */
LINNET_API linnet_status linnet_get_stats(const linnet *stream, linnet_stats *stats);

/* Name of the kernels that the instance runs ("scalar", "avx2", ...); "" if stream is not live. */
LINNET_API const char *linnet_backend(const linnet *stream);

/* "1.2.3" of the library; LINNET_ABI of the library; a status in words (never NULL). */
LINNET_API const char *linnet_version(void);
LINNET_API int linnet_abi(void);
LINNET_API const char *linnet_status_text(linnet_status status);

#ifdef __cplusplus
}
#endif

#endif
