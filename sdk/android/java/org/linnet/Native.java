package org.linnet;

import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.charset.StandardCharsets;

/**
 * The functions of jni.cpp, which finds this class and registers them. Handles are addresses, statuses those of
 * linnet.h; what makes something returns its handle, or a status below 0. Nothing here checks a range of an array or a
 * buffer.
 */
final class Native {
  static final int ERR_ARGUMENT = -1;
  static final int ERR_ALIGNMENT = -2;

  static {
    System.loadLibrary("linnet");
  }

  private Native() {}

  /** A path or name for a native method: UTF-8 with a zero at the end. */
  static byte[] text(String text) {
    return (text + '\0').getBytes(StandardCharsets.UTF_8);
  }

  static native long modelLoad(byte[] path);

  static native long modelCreate(ByteBuffer blob, int position, int size);

  static native void modelDestroy(long model);

  static native String modelTopology(long model);

  /** Into five numbers: weights, multiply-adds of a frame, bytes read for one, bytes of a stream, frames of delay. */
  static native void modelNumbers(long model, long[] numbers);

  /** Into one number: the index of the model to run, or -1. */
  static native int choose(double[] qualities, double[] microseconds, double budget, int current, int[] chosen);

  static native long streamCreate(
      long model, int sampleRate, int channels, boolean anyBlock, boolean spread, byte[] backend);

  static native void streamDestroy(long stream);

  static native int process(long stream, float[] in, int inOffset, float[] out, int outOffset, int samples);

  static native int process(long stream, short[] in, int inOffset, short[] out, int outOffset, int samples);

  static native int process(long stream, FloatBuffer in, int inOffset, FloatBuffer out, int outOffset, int samples);

  static native int process(long stream, ShortBuffer in, int inOffset, ShortBuffer out, int outOffset, int samples);

  static native int conceal(long stream, float[] out, int outOffset, int samples);

  static native int conceal(long stream, short[] out, int outOffset, int samples);

  static native int conceal(long stream, FloatBuffer out, int outOffset, int samples);

  static native int conceal(long stream, ShortBuffer out, int outOffset, int samples);

  static native int gap(long stream, int samples);

  static native int reset(long stream);

  static native int sampleRate(long stream);

  static native int frameSize(long stream);

  static native int delay(long stream);

  static native int setAttenuationLimit(long stream, float db);

  static native int setPostfilter(long stream, float amount);

  /** Into four numbers: speech probability, input's ratio in dB, mean gain, pitch in Hz; and the frame. */
  static native int stats(long stream, float[] numbers, long[] frame);

  static native String backend(long stream);

  static native String version();

  static native String statusText(int status);
}
