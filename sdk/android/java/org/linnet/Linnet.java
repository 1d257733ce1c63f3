package org.linnet;

import java.nio.Buffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;

/**
 * One enhanced signal, of 1 to 8 channels at 8 to 48 kHz, as linnet.h has it.
 *
 * <pre>{@code
 * try (LinnetModel model = LinnetModel.fromAsset(getAssets(), LinnetModel.SMALL);
 *     Linnet linnet = new Linnet(model)) {
 *   while (record.read(samples, 0, 480, AudioRecord.READ_BLOCKING) == 480) {
 *     linnet.process(samples, samples, 480); // 10 ms in place; lags by linnet.delay() samples
 *   }
 * }
 * }</pre>
 *
 * <p>{@code process}, {@code conceal}, {@code gap}, {@code reset} and {@code stats} allocate nothing, neither in Java
 * nor below, and take no lock. One thread at a time may call process, conceal, gap or reset, any thread the setters
 * and what only asks, all until close is called. Samples are full scale +-1, or 16 bits; the count is of whole frames,
 * or any with {@link Config#anyBlock} or {@link Config#spread}. Bad arguments are an
 * IllegalArgumentException, a closed stream is an IllegalStateException.
 *
 * <p>Channels are interleaved, as AudioRecord and Oboe have them: the first sample of every channel, then the second. A
 * number of samples is always that of each channel, so that arrays and buffers hold samples * channels values; offsets
 * and positions count values.
 */
public final class Linnet implements AutoCloseable {
  /** What a stream is made with. */
  public static final class Config {
    /** In Hz: 8000, 16000, 24000, 32000 or 48000. */
    public int sampleRate = 48000;

    /** 1 to 8, of one signal, such as that of a stereo microphone. What is none belongs in streams of its own. */
    public int channels = 1;

    /** Any number of samples per call, one frame (10 ms) more delay. */
    public boolean anyBlock;

    /** That, with a frame's work divided over the calls of the next 10 ms: two frames more delay. */
    public boolean spread;

    /** Kernels by name, for tests and benchmarks; null: the fastest of this CPU. */
    public String backend;
  }

  /** Statistics of one frame, to be filled by {@link Linnet#stats}. */
  public static final class Stats {
    private final float[] numbers = new float[4];
    private final long[] frame = new long[1];

    /** 0..1. */
    public float speechProbability() {
      return numbers[0];
    }

    /** The input's speech to noise ratio in dB, -30..60. */
    public float inputSnrDb() {
      return numbers[1];
    }

    /** 0..1, what is left of the bands' amplitudes. */
    public float meanGain() {
      return numbers[2];
    }

    /** In Hz; 0 if the model looks for none. */
    public float pitchHz() {
      return numbers[3];
    }

    /** Frames done since the stream was made or reset. */
    public long frame() {
      return frame[0];
    }
  }

  private static final int MAX_CHANNELS = 8;

  private final LinnetModel model;
  private final int channels;
  private final int frameSize;
  private final boolean anyCount;
  private volatile long handle;

  /** A stream of one channel at 48 kHz that takes whole frames. */
  public Linnet(LinnetModel model) {
    this(model, new Config());
  }

  /**
   * A stream of a model, which may be closed before it.
   *
   * @throws LinnetException for a rate or a backend that there is not, or without memory
   */
  public Linnet(LinnetModel model, Config config) {
    if (model == null || config == null) {
      throw new IllegalArgumentException((model == null ? "model" : "config") + " is null");
    }
    if (config.channels < 1 || config.channels > MAX_CHANNELS) {
      throw new IllegalArgumentException(
          "channels is " + config.channels + ": give 1 to " + MAX_CHANNELS + ", or make several streams");
    }
    this.model = model;
    channels = config.channels;
    long shared = model.retain();
    try {
      String kernels = config.backend == null ? "" : " by " + config.backend;
      String what = "a stream at " + config.sampleRate + " Hz" + kernels;
      byte[] backend = config.backend == null ? null : Native.text(config.backend);
      boolean any = config.anyBlock;
      handle = made(Native.streamCreate(shared, config.sampleRate, channels, any, config.spread, backend), what);
    } finally {
      if (handle == 0) {
        model.release();
      }
    }
    frameSize = Native.frameSize(handle);
    anyCount = config.anyBlock || config.spread;
  }

  /** Enhances the first samples of an array; in and out may be the same. */
  public void process(float[] in, float[] out, int samples) {
    process(in, 0, out, 0, samples);
  }

  /** Enhances samples of an array from an index on; in and out may be the same array with the same index. */
  public void process(float[] in, int inOffset, float[] out, int outOffset, int samples) {
    checkRange("in", in == null ? -1 : in.length, inOffset, samples);
    checkRange("out", out == null ? -1 : out.length, outOffset, samples);
    checkOverlap(in == out, inOffset, outOffset, samples);
    check(Native.process(alive(), in, inOffset, out, outOffset, checkCount(samples)));
  }

  /** The same on 16-bit samples. */
  public void process(short[] in, short[] out, int samples) {
    process(in, 0, out, 0, samples);
  }

  /** The same on 16-bit samples. */
  public void process(short[] in, int inOffset, short[] out, int outOffset, int samples) {
    checkRange("in", in == null ? -1 : in.length, inOffset, samples);
    checkRange("out", out == null ? -1 : out.length, outOffset, samples);
    checkOverlap(in == out, inOffset, outOffset, samples);
    check(Native.process(alive(), in, inOffset, out, outOffset, checkCount(samples)));
  }

  /** Enhances samples of direct buffers in native byte order, from their positions on, which stay where they are. */
  public void process(FloatBuffer in, FloatBuffer out, int samples) {
    checkBuffer("in", in, in != null && in.isDirect(), in == null ? null : in.order(), samples);
    checkBuffer("out", out, out != null && out.isDirect(), out == null ? null : out.order(), samples);
    checkWritable(out);
    checkPlaces(Native.process(alive(), in, in.position(), out, out.position(), checkCount(samples)));
  }

  /** The same on 16-bit samples. */
  public void process(ShortBuffer in, ShortBuffer out, int samples) {
    checkBuffer("in", in, in != null && in.isDirect(), in == null ? null : in.order(), samples);
    checkBuffer("out", out, out != null && out.isDirect(), out == null ? null : out.order(), samples);
    checkWritable(out);
    checkPlaces(Native.process(alive(), in, in.position(), out, out.position(), checkCount(samples)));
  }

  /** Where input was lost: writes the output of that time, for a packet that did not arrive. */
  public void conceal(float[] out, int samples) {
    conceal(out, 0, samples);
  }

  /** The same from an index on. */
  public void conceal(float[] out, int outOffset, int samples) {
    checkRange("out", out == null ? -1 : out.length, outOffset, samples);
    check(Native.conceal(alive(), out, outOffset, checkCount(samples)));
  }

  /** The same on 16-bit samples. */
  public void conceal(short[] out, int samples) {
    conceal(out, 0, samples);
  }

  /** The same from an index on. */
  public void conceal(short[] out, int outOffset, int samples) {
    checkRange("out", out == null ? -1 : out.length, outOffset, samples);
    check(Native.conceal(alive(), out, outOffset, checkCount(samples)));
  }

  /** The same into a direct buffer in native byte order, from its position on, which stays where it is. */
  public void conceal(FloatBuffer out, int samples) {
    checkBuffer("out", out, out != null && out.isDirect(), out == null ? null : out.order(), samples);
    checkWritable(out);
    checkPlaces(Native.conceal(alive(), out, out.position(), checkCount(samples)));
  }

  /** The same on 16-bit samples. */
  public void conceal(ShortBuffer out, int samples) {
    checkBuffer("out", out, out != null && out.isDirect(), out == null ? null : out.order(), samples);
    checkWritable(out);
    checkPlaces(Native.conceal(alive(), out, out.position(), checkCount(samples)));
  }

  /** Where input was lost: leaves its time out and cross-fades, for a recording that missed samples. */
  public void gap(int samples) {
    if (samples < 0) {
      throw new IllegalArgumentException("samples is " + samples + ": give 0 or more");
    }
    check(Native.gap(alive(), checkCount(samples)));
  }

  /** Bit for bit as newly made; the controls keep their values. */
  public void reset() {
    check(Native.reset(alive()));
  }

  /** In Hz. */
  public int sampleRate() {
    return Native.sampleRate(alive());
  }

  /** Number of channels. */
  public int channels() {
    return channels;
  }

  /** Samples of a channel in 10 ms: 480 at 48 kHz. */
  public int frameSize() {
    return frameSize;
  }

  /** Samples from input to output, exact. */
  public int delay() {
    return Native.delay(alive());
  }

  /** Most that noise is attenuated, 0..100 dB. 0: the delayed input bit for bit; 100, the default: no limit. */
  public void setAttenuationLimit(float db) {
    checkNumber("the attenuation limit", db, 100);
    check(Native.setAttenuationLimit(alive(), db));
  }

  /** Strength of the envelope post-filter, 0 (off, the default) to 1. */
  public void setPostfilter(float amount) {
    checkNumber("the post-filter", amount, 1);
    check(Native.setPostfilter(alive(), amount));
  }

  /** Fills in what is known of the newest frame. */
  public void stats(Stats stats) {
    if (stats == null) {
      throw new IllegalArgumentException("stats is null");
    }
    check(Native.stats(alive(), stats.numbers, stats.frame));
  }

  /** Name of the kernels that run: "neon_dot", "avx2", ... */
  public String backend() {
    return Native.backend(alive());
  }

  /** Version of the library. */
  public static String version() {
    return Native.version();
  }

  /** Frees the stream, after the last call of process; any thread may, and more than one. */
  @Override
  public synchronized void close() {
    long closing = handle;
    handle = 0;
    if (closing != 0) {
      Native.streamDestroy(closing);
      model.release();
    }
  }

  /** A handle, or the exception for a status; addresses may be below 0 too, but are never so near to it. */
  static long made(long result, String what) {
    if (result < 0 && result >= -100) {
      throw new LinnetException(what, (int) result);
    }
    return result;
  }

  private long alive() {
    long result = handle;
    if (result == 0) {
      throw new IllegalStateException("the stream is closed");
    }
    return result;
  }

  private long values(int samples) {
    return (long) samples * channels;
  }

  private String counted(int samples) {
    return samples + " samples" + (channels == 1 ? "" : " of " + channels + " channels");
  }

  private int checkCount(int samples) {
    if (!anyCount && samples % frameSize != 0) {
      throw new IllegalArgumentException(
          "samples is " + samples + ": give a multiple of " + frameSize + ", or set anyBlock in the Config");
    }
    return samples;
  }

  private void checkRange(String name, int length, int offset, int samples) {
    if (length < 0) {
      throw new IllegalArgumentException(name + " is null");
    }
    if (samples < 0 || offset < 0 || values(samples) > length - offset) {
      throw new IllegalArgumentException(
          counted(samples) + " from " + offset + " on are not in " + name + ", whose length is " + length);
    }
  }

  private void checkOverlap(boolean same, int inOffset, int outOffset, int samples) {
    if (same && inOffset != outOffset && Math.abs((long) inOffset - outOffset) < values(samples)) {
      throw new IllegalArgumentException(
          "in from " + inOffset + " and out from " + outOffset + " overlap: give the same place, or places apart");
    }
  }

  private void checkBuffer(String name, Buffer buffer, boolean direct, ByteOrder order, int samples) {
    if (buffer == null || !direct || order != ByteOrder.nativeOrder()) {
      throw new IllegalArgumentException(
          name + " is not a direct buffer in native order: allocateDirect(n).order(ByteOrder.nativeOrder())");
    }
    if (samples < 0 || values(samples) > buffer.remaining()) {
      throw new IllegalArgumentException(
          counted(samples) + " are not in " + name + ", which has " + buffer.remaining() + " from its position on");
    }
  }

  private static void checkWritable(Buffer out) {
    if (out.isReadOnly()) {
      throw new IllegalArgumentException("out is read-only");
    }
  }

  /** What only the library sees: where the memory of buffers lies. */
  private static void checkPlaces(int status) {
    if (status == Native.ERR_ARGUMENT) {
      throw new IllegalArgumentException("in and out overlap: give the same place, or places apart");
    }
    if (status == Native.ERR_ALIGNMENT) {
      throw new IllegalArgumentException("a buffer begins inside a sample: cut it out at whole samples");
    }
    check(status);
  }

  private static void checkNumber(String name, float value, float high) {
    if (!(value >= 0 && value <= high)) {
      throw new IllegalArgumentException(name + " is " + value + ": give a number from 0 to " + (int) high);
    }
  }

  private static void check(int status) {
    if (status != 0) {
      throw new LinnetException("linnet", status);
    }
  }
}
