package org.linnet;

import android.content.res.AssetFileDescriptor;
import android.content.res.AssetManager;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/**
 * A model: checked once, never changed, shared by any number of streams and threads. Its memory is freed when it and
 * the last of its streams are closed, in whatever order.
 */
public final class LinnetModel implements AutoCloseable {
  /** The model in this library's assets. */
  public static final String SMALL = "linnet/small.linnet";

  private final long handle;
  private int users = 1; // this object, and its streams
  private boolean closed;

  private LinnetModel(long handle) {
    this.handle = handle;
  }

  /**
   * An asset of the app, such as {@link #SMALL}. Where it is stored without compression, it is mapped and takes no
   * memory of the process ({@code androidResources { noCompress += "linnet" }}); otherwise it is read.
   *
   * @throws IOException if there is no such asset
   * @throws LinnetException if it is not a model
   */
  public static LinnetModel fromAsset(AssetManager assets, String name) throws IOException {
    return create(content(notNull(assets, "assets"), notNull(name, "name")), name);
  }

  /**
   * A model file.
   *
   * @throws LinnetException if it cannot be read or is not a model
   */
  public static LinnetModel fromFile(String path) {
    if (notNull(path, "path").indexOf('\0') >= 0) {
      throw new IllegalArgumentException("path has a zero in it: " + path.replace('\0', '?'));
    }
    return new LinnetModel(made(Native.modelLoad(Native.text(path)), path));
  }

  /**
   * A model in memory, from the buffer's position to its limit. A direct buffer is used in place and must not be
   * written while the model lives; another one is copied.
   *
   * @throws LinnetException if it is not a model
   */
  public static LinnetModel fromBuffer(ByteBuffer blob) {
    return create(notNull(blob, "blob"), "the buffer");
  }

  private static LinnetModel create(ByteBuffer blob, String name) {
    if (blob.isDirect()) {
      long result = Native.modelCreate(blob, blob.position(), blob.remaining());
      // Assets begin at multiples of 4 bytes, a model wants 8: then it is copied like one that is not direct.
      if (result != Native.ERR_ALIGNMENT) {
        return new LinnetModel(made(result, name));
      }
    }
    ByteBuffer copy = ByteBuffer.allocateDirect(blob.remaining());
    copy.put(blob.duplicate()).rewind();
    return new LinnetModel(made(Native.modelCreate(copy, 0, copy.capacity()), name));
  }

  private static ByteBuffer content(AssetManager assets, String name) throws IOException {
    try (AssetFileDescriptor asset = assets.openFd(name);
        FileInputStream file = new FileInputStream(asset.getFileDescriptor())) {
      return file.getChannel().map(FileChannel.MapMode.READ_ONLY, asset.getStartOffset(), asset.getLength());
    } catch (FileNotFoundException compressed) {
      // What open() says next tells a compressed asset from one that is not there.
    }
    try (InputStream stream = assets.open(name)) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      byte[] part = new byte[65536];
      for (int count = stream.read(part); count > 0; count = stream.read(part)) {
        bytes.write(part, 0, count);
      }
      return ByteBuffer.wrap(bytes.toByteArray());
    }
  }

  /**
   * Which of measured models to run, as an index, or -1 to enhance nothing: the best that costs no more than the
   * budget, or the cheapest, unless it takes over half of the time. Another than the one that runs has to stay well
   * below the budget, so that two do not take turns.
   *
   * @param qualities how good each is, on any scale where larger is better
   * @param microseconds what a frame of 10 ms of each takes on this device
   * @param budget share of the time of one core, above 0 to 1; 0.1 leaves room for a thread that rests between frames
   * @param current index of the one that runs, or -1
   */
  public static int choose(double[] qualities, double[] microseconds, double budget, int current) {
    int count = notNull(qualities, "qualities").length;
    if (count == 0 || count != notNull(microseconds, "microseconds").length) {
      throw new IllegalArgumentException(
          count + " qualities, " + microseconds.length + " microseconds: give one of each for every model");
    }
    if (!(budget > 0 && budget <= 1)) {
      throw new IllegalArgumentException("budget is " + budget + ": give a share above 0 to 1");
    }
    if (current < -1 || current >= count) {
      throw new IllegalArgumentException("current is " + current + ": give -1, or an index below " + count);
    }
    for (int i = 0; i < count; ++i) {
      double time = microseconds[i];
      if (!(Math.abs(qualities[i]) <= Double.MAX_VALUE && time >= 0 && time <= Double.MAX_VALUE)) {
        throw new IllegalArgumentException(
            "model " + i + " of quality " + qualities[i] + " takes " + time
                + " microseconds: give finite numbers, and no time below 0");
      }
    }
    int[] chosen = new int[1];
    int status = Native.choose(qualities, microseconds, budget, current, chosen);
    if (status != 0) {
      throw new LinnetException("choice of a model", status);
    }
    return chosen[0];
  }

  private static long made(long result, String name) {
    return Linnet.made(result, "model " + name);
  }

  private static <T> T notNull(T value, String name) {
    if (value == null) {
      throw new IllegalArgumentException(name + " is null");
    }
    return value;
  }

  /** Name of the network's form, "percepnet" or "bandsplit". */
  public synchronized String topology() {
    return Native.modelTopology(alive());
  }

  /** Weights with biases; of a sparse model those that it stores. */
  public long weights() {
    return number(0);
  }

  /** Multiply-adds of one frame's network. */
  public long multiplyAdds() {
    return number(1);
  }

  /** Bytes of the model that are read for one frame. */
  public long frameBytes() {
    return number(2);
  }

  /** Bytes that a stream with the default config takes, which is of one channel. */
  public long streamBytes() {
    return number(3);
  }

  /** Frames of 10 ms by which a stream with the default config lags. */
  public int delayFrames() {
    return (int) number(4);
  }

  private synchronized long number(int index) {
    long[] numbers = new long[5];
    Native.modelNumbers(alive(), numbers);
    return numbers[index];
  }

  private long alive() {
    if (closed) {
      throw new IllegalStateException("the model is closed");
    }
    return handle;
  }

  /** For a stream of this model, which gives it back with {@link #release}. */
  synchronized long retain() {
    long result = alive();
    ++users;
    return result;
  }

  synchronized void release() {
    if (--users == 0) {
      Native.modelDestroy(handle);
    }
  }

  /** No further stream can be made; those that are there go on. */
  @Override
  public synchronized void close() {
    if (!closed) {
      closed = true;
      release();
    }
  }
}
