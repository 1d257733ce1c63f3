// The native methods of org.linnet.Native: the C API with Java's types. JNI_OnLoad is the only symbol beside that API,
// as it registers them by name. Handles are addresses; what makes something returns one, or a linnet_status, which no
// address looks like, tagged ones of 64-bit Android included. Java has checked ranges of arrays and buffers before.
//
// Arrays go through a part of a stream's own memory. The pointer to an array itself (GetPrimitiveArrayCritical) would
// save that copy of two kilobytes per frame, but may have to wait for the garbage collector and makes it wait.
#include <jni.h>

#include <cstdint>
#include <cstdlib>

#include "linnet.h"

namespace {

constexpr jint kPart = 960;     // of each channel: whole frames at every rate, at 48 kHz two, which share the weights
constexpr size_t kPath = 4096;  // PATH_MAX

// The reference keeps Java from freeing the memory of a model that lies in a buffer.
struct Model {
  linnet_model *model;
  jobject blob;
};

// What an array is copied to follows it: room for kPart samples of every channel.
struct Stream {
  linnet_stream *stream;
  jint channels;
};

Stream *stream_of(jlong handle) { return reinterpret_cast<Stream *>(static_cast<uintptr_t>(handle)); }
Model *model_of(jlong handle) { return reinterpret_cast<Model *>(static_cast<uintptr_t>(handle)); }
jlong handle_of(const void *made) { return static_cast<jlong>(reinterpret_cast<uintptr_t>(made)); }

// Bytes of a text, which end with a zero. False if they are more than there is room for.
bool copy(JNIEnv *env, jbyteArray bytes, char (&text)[kPath]) {
  const jsize length = env->GetArrayLength(bytes);
  if (length > static_cast<jsize>(kPath)) return false;
  env->GetByteArrayRegion(bytes, 0, length, reinterpret_cast<jbyte *>(text));
  return !env->ExceptionCheck();
}

// A model that has been made, or not.
jlong keep(JNIEnv *env, linnet_status status, linnet_model *made, jobject blob) {
  if (status != LINNET_OK) return status;
  auto *model = static_cast<Model *>(malloc(sizeof(Model)));
  const jobject kept = blob ? env->NewGlobalRef(blob) : nullptr;
  if (model && (kept || !blob)) {
    *model = {made, kept};
    return handle_of(model);
  }
  linnet_model_destroy(made);
  if (kept) env->DeleteGlobalRef(kept);
  free(model);
  return LINNET_ERR_NO_MEMORY;
}

jlong model_load(JNIEnv *env, jclass, jbyteArray path) {
  char text[kPath];
  if (!copy(env, path, text)) return LINNET_ERR_IO;
  linnet_model *model = nullptr;
  const linnet_status status = linnet_model_load(text, &model);
  return keep(env, status, model, nullptr);
}

jlong model_create(JNIEnv *env, jclass, jobject blob, jint position, jint size) {
  const auto *start = static_cast<const unsigned char *>(env->GetDirectBufferAddress(blob));
  if (!start) return LINNET_ERR_ARGUMENT;
  linnet_model *model = nullptr;
  const linnet_status status = linnet_model_create(start + position, static_cast<size_t>(size), &model);
  return keep(env, status, model, blob);
}

void model_destroy(JNIEnv *env, jclass, jlong handle) {
  Model *model = model_of(handle);
  linnet_model_destroy(model->model);
  if (model->blob) env->DeleteGlobalRef(model->blob);
  free(model);
}

linnet_model_info info_of(jlong model) {
  linnet_model_info info = {};
  info.size = sizeof info;
  linnet_model_get_info(model_of(model)->model, &info);
  return info;
}

jstring model_topology(JNIEnv *env, jclass, jlong model) { return env->NewStringUTF(info_of(model).topology); }

void model_numbers(JNIEnv *env, jclass, jlong model, jlongArray out) {
  const linnet_model_info info = info_of(model);
  const jlong numbers[] = {static_cast<jlong>(info.weights), static_cast<jlong>(info.multiply_adds),
                           static_cast<jlong>(info.frame_bytes), static_cast<jlong>(info.stream_bytes),
                           info.delay_frames};
  env->SetLongArrayRegion(out, 0, 5, numbers);
}

jint choose(JNIEnv *env, jclass, jdoubleArray qualities, jdoubleArray microseconds, jdouble budget, jint current,
            jintArray out) {
  const jsize count = env->GetArrayLength(qualities);
  const auto size = static_cast<size_t>(count);
  auto *models = static_cast<linnet_candidate *>(malloc(size * sizeof(linnet_candidate)));
  if (!models) return LINNET_ERR_NO_MEMORY;
  for (jsize i = 0; i < count; ++i) {
    env->GetDoubleArrayRegion(qualities, i, 1, &models[i].quality);
    env->GetDoubleArrayRegion(microseconds, i, 1, &models[i].microseconds);
  }
  jint chosen = -1;
  const linnet_status status =
      env->ExceptionCheck() ? LINNET_ERR_ARGUMENT : linnet_choose(models, size, budget, current, &chosen);
  free(models);
  if (status == LINNET_OK) env->SetIntArrayRegion(out, 0, 1, &chosen);
  return status;
}

jlong stream_create(JNIEnv *env, jclass, jlong model, jint rate, jint channels, jboolean any_block, jboolean spread,
                    jbyteArray backend) {
  char name[kPath];
  if (backend && !copy(env, backend, name)) return LINNET_ERR_BACKEND;
  linnet_config config = {};
  config.size = sizeof config;
  config.sample_rate = rate == 0 ? -1 : rate;  // C has its default for 0, here that is no rate
  config.channels = channels;
  config.any_block = any_block;
  config.spread = spread;
  config.backend = backend ? name : nullptr;
  const size_t part = static_cast<size_t>(kPart) * static_cast<size_t>(channels) * sizeof(float);
  auto *stream = static_cast<Stream *>(malloc(sizeof(Stream) + part));
  if (!stream) return LINNET_ERR_NO_MEMORY;
  stream->channels = channels;
  const linnet_status status = linnet_create(model_of(model)->model, &config, &stream->stream);
  if (status == LINNET_OK) return handle_of(stream);
  free(stream);
  return status;
}

void stream_destroy(JNIEnv *, jclass, jlong handle) {
  linnet_destroy(stream_of(handle)->stream);
  free(stream_of(handle));
}

// The two types of samples: how an array of them is read and written, and what takes them.
struct Floats {
  using Array = jfloatArray;
  using Sample = float;
  static void get(JNIEnv *env, Array array, jint at, jint count, Sample *to) {
    env->GetFloatArrayRegion(array, at, count, to);
  }
  static void set(JNIEnv *env, Array array, jint at, jint count, const Sample *from) {
    env->SetFloatArrayRegion(array, at, count, from);
  }
  static constexpr auto process = linnet_process;
  static constexpr auto conceal = linnet_conceal;
};

struct Shorts {
  using Array = jshortArray;
  using Sample = int16_t;
  static void get(JNIEnv *env, Array array, jint at, jint count, Sample *to) {
    env->GetShortArrayRegion(array, at, count, to);
  }
  static void set(JNIEnv *env, Array array, jint at, jint count, const Sample *from) {
    env->SetShortArrayRegion(array, at, count, from);
  }
  static constexpr auto process = linnet_process_i16;
  static constexpr auto conceal = linnet_conceal_i16;
};

// in is null for what is to be concealed.
template <class Type>
jint process_array(JNIEnv *env, jlong handle, typename Type::Array in, jint from, typename Type::Array out, jint to,
                   jint samples) {
  Stream *stream = stream_of(handle);
  auto *part = reinterpret_cast<typename Type::Sample *>(stream + 1);
  for (jint done = 0; done < samples;) {
    const jint count = samples - done < kPart ? samples - done : kPart;
    const jint at = done * stream->channels;
    const jint values = count * stream->channels;
    const auto size = static_cast<size_t>(count);
    if (in) Type::get(env, in, from + at, values, part);
    if (env->ExceptionCheck()) return LINNET_ERR_ARGUMENT;
    const linnet_status status =
        in ? Type::process(stream->stream, part, part, size) : Type::conceal(stream->stream, part, size);
    if (status != LINNET_OK) return status;
    Type::set(env, out, to + at, values, part);
    if (env->ExceptionCheck()) return LINNET_ERR_ARGUMENT;
    done += count;
  }
  return LINNET_OK;
}

template <class Type>
jint process_arrays(JNIEnv *env, jclass, jlong stream, typename Type::Array in, jint from, typename Type::Array out,
                    jint to, jint samples) {
  return process_array<Type>(env, stream, in, from, out, to, samples);
}

template <class Type>
jint conceal_array(JNIEnv *env, jclass, jlong stream, typename Type::Array out, jint to, jint samples) {
  return process_array<Type>(env, stream, nullptr, 0, out, to, samples);
}

template <class Type>
jint process_buffers(JNIEnv *env, jclass, jlong stream, jobject in, jint from, jobject out, jint to, jint samples) {
  const auto *source = static_cast<const typename Type::Sample *>(env->GetDirectBufferAddress(in));
  auto *target = static_cast<typename Type::Sample *>(env->GetDirectBufferAddress(out));
  if (!source || !target) return LINNET_ERR_ARGUMENT;
  return Type::process(stream_of(stream)->stream, source + from, target + to, static_cast<size_t>(samples));
}

template <class Type>
jint conceal_buffer(JNIEnv *env, jclass, jlong stream, jobject out, jint to, jint samples) {
  auto *target = static_cast<typename Type::Sample *>(env->GetDirectBufferAddress(out));
  if (!target) return LINNET_ERR_ARGUMENT;
  return Type::conceal(stream_of(stream)->stream, target + to, static_cast<size_t>(samples));
}

jint gap(JNIEnv *, jclass, jlong stream, jint samples) {
  return linnet_gap(stream_of(stream)->stream, static_cast<size_t>(samples));
}

jint reset(JNIEnv *, jclass, jlong stream) { return linnet_reset(stream_of(stream)->stream); }
jint sample_rate(JNIEnv *, jclass, jlong stream) { return linnet_sample_rate(stream_of(stream)->stream); }
jint frame_size(JNIEnv *, jclass, jlong stream) { return linnet_frame_size(stream_of(stream)->stream); }
jint delay(JNIEnv *, jclass, jlong stream) { return linnet_delay(stream_of(stream)->stream); }

jint set_attenuation_limit(JNIEnv *, jclass, jlong stream, jfloat db) {
  return linnet_set_attenuation_limit(stream_of(stream)->stream, db);
}

jint set_postfilter(JNIEnv *, jclass, jlong stream, jfloat amount) {
  return linnet_set_postfilter(stream_of(stream)->stream, amount);
}

jint stats(JNIEnv *env, jclass, jlong stream, jfloatArray numbers, jlongArray frame) {
  linnet_stats stats = {};
  stats.size = sizeof stats;
  const linnet_status status = linnet_get_stats(stream_of(stream)->stream, &stats);
  if (status != LINNET_OK) return status;
  const jfloat values[] = {stats.speech_probability, stats.input_snr_db, stats.mean_gain, stats.pitch_hz};
  const auto count = static_cast<jlong>(stats.frame);
  env->SetFloatArrayRegion(numbers, 0, 4, values);
  if (!env->ExceptionCheck()) env->SetLongArrayRegion(frame, 0, 1, &count);
  return LINNET_OK;
}

jstring backend(JNIEnv *env, jclass, jlong stream) {
  return env->NewStringUTF(linnet_backend(stream_of(stream)->stream));
}

jstring version(JNIEnv *env, jclass) { return env->NewStringUTF(linnet_version()); }

jstring status_text(JNIEnv *env, jclass, jint status) {
  return env->NewStringUTF(linnet_status_text(static_cast<linnet_status>(status)));
}

template <class Function>
JNINativeMethod method(const char *name, const char *signature, Function *function) {
  return {const_cast<char *>(name), const_cast<char *>(signature), reinterpret_cast<void *>(function)};
}

}  // namespace

extern "C" JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *machine, void *) {
  void *found = nullptr;
  if (machine->GetEnv(&found, JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
  auto *env = static_cast<JNIEnv *>(found);
  const jclass native = env->FindClass("org/linnet/Native");
  if (!native) return JNI_ERR;
  const JNINativeMethod methods[] = {
      method("modelLoad", "([B)J", model_load),
      method("modelCreate", "(Ljava/nio/ByteBuffer;II)J", model_create),
      method("modelDestroy", "(J)V", model_destroy),
      method("modelTopology", "(J)Ljava/lang/String;", model_topology),
      method("modelNumbers", "(J[J)V", model_numbers),
      method("choose", "([D[DDI[I)I", choose),
      method("streamCreate", "(JIIZZ[B)J", stream_create),
      method("streamDestroy", "(J)V", stream_destroy),
      method("process", "(J[FI[FII)I", process_arrays<Floats>),
      method("process", "(J[SI[SII)I", process_arrays<Shorts>),
      method("process", "(JLjava/nio/FloatBuffer;ILjava/nio/FloatBuffer;II)I", process_buffers<Floats>),
      method("process", "(JLjava/nio/ShortBuffer;ILjava/nio/ShortBuffer;II)I", process_buffers<Shorts>),
      method("conceal", "(J[FII)I", conceal_array<Floats>),
      method("conceal", "(J[SII)I", conceal_array<Shorts>),
      method("conceal", "(JLjava/nio/FloatBuffer;II)I", conceal_buffer<Floats>),
      method("conceal", "(JLjava/nio/ShortBuffer;II)I", conceal_buffer<Shorts>),
      method("gap", "(JI)I", gap),
      method("reset", "(J)I", reset),
      method("sampleRate", "(J)I", sample_rate),
      method("frameSize", "(J)I", frame_size),
      method("delay", "(J)I", delay),
      method("setAttenuationLimit", "(JF)I", set_attenuation_limit),
      method("setPostfilter", "(JF)I", set_postfilter),
      method("stats", "(J[F[J)I", stats),
      method("backend", "(J)Ljava/lang/String;", backend),
      method("version", "()Ljava/lang/String;", version),
      method("statusText", "(I)Ljava/lang/String;", status_text),
  };
  const jint count = sizeof methods / sizeof *methods;
  return env->RegisterNatives(native, methods, count) == JNI_OK ? JNI_VERSION_1_6 : JNI_ERR;
}
