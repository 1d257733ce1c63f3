import android.content.res.AssetManager;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.ShortBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.security.MessageDigest;
import java.util.Arrays;
import org.linnet.Linnet;
import org.linnet.LinnetException;
import org.linnet.LinnetModel;

/**
 * Prints "name value" lines about the package's classes: Harness MODEL FOLDER CHOICES, the second one for files of its
 * own, the third one a table of what {@link LinnetModel#choose} answers.
 */
public final class Harness {
  private static final int SAMPLES = 96000;

  private interface Action {
    void run() throws IOException;
  }

  public static void main(String[] words) throws Exception {
    Path model = Paths.get(words[0]);
    Path folder = Paths.get(words[1]);
    say("version", Linnet.version());
    bits(model);
    channels(model);
    lost(model);
    controls(model);
    models(model, folder);
    choices(Paths.get(words[2]));
    mistakes(model, folder);
    allocation(model, 1);
    allocation(model, 2);
    say("end", "reached");
  }

  private static void say(String name, Object value) {
    System.out.println(name + " " + value);
  }

  /** Noise in bursts by integer arithmetic. */
  private static float[] noise() {
    float[] samples = new float[SAMPLES];
    int value = 1;
    for (int i = 0; i < SAMPLES; ++i) {
      value = value * 1664525 + 1013904223;
      samples[i] = i / 16000 % 2 == 0 ? (value >> 16) / 131072f : 0;
    }
    return samples;
  }

  /** Several channels in turn: the noise, from another sample on in each. */
  private static float[] several(int channels) {
    float[] noise = noise();
    float[] samples = new float[SAMPLES * channels];
    for (int i = 0; i < samples.length; ++i) {
      samples[i] = noise[(i / channels + 1000 * (i % channels)) % SAMPLES];
    }
    return samples;
  }

  private static short[] shorts(float[] samples) {
    short[] result = new short[samples.length];
    for (int i = 0; i < samples.length; ++i) {
      result[i] = (short) (samples[i] * 32768);
    }
    return result;
  }

  private static ByteBuffer bytes(int count) {
    return ByteBuffer.allocateDirect(count).order(ByteOrder.nativeOrder());
  }

  private static String hash(ByteBuffer bytes) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    digest.update(bytes);
    StringBuilder text = new StringBuilder();
    for (byte one : digest.digest()) {
      text.append(String.format("%02x", one));
    }
    return text.toString();
  }

  private static String hash(float[] samples) throws Exception {
    ByteBuffer bytes = ByteBuffer.allocate(4 * samples.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(samples);
    return hash(bytes);
  }

  private static String hash(short[] samples) throws Exception {
    ByteBuffer bytes = ByteBuffer.allocate(2 * samples.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asShortBuffer().put(samples);
    return hash(bytes);
  }

  private static void bits(Path path) throws Exception {
    float[] noise = noise();
    LinnetModel model = LinnetModel.fromFile(path.toString());
    try (Linnet linnet = new Linnet(model)) {
      float[] out = noise.clone();
      for (int at = 0; at < SAMPLES; at += 480) {
        linnet.process(out, at, out, at, 480);
      }
      say("arrays", hash(out));
      say("backend", linnet.backend());
      say("delay", linnet.delay());
    }
    // The streams go on with a model that is closed.
    Linnet whole = new Linnet(model);
    Linnet direct = new Linnet(model);
    Linnet sixteen = new Linnet(model);
    Linnet sixteenDirect = new Linnet(model);
    Linnet.Config config = new Linnet.Config();
    config.anyBlock = true;
    Linnet any = new Linnet(model, config);
    config = new Linnet.Config();
    config.spread = true;
    config.backend = "scalar";
    Linnet spread = new Linnet(model, config);
    config = new Linnet.Config();
    config.sampleRate = 16000;
    Linnet narrow = new Linnet(model, config);
    model.close();

    float[] out = new float[SAMPLES];
    whole.process(noise, out, SAMPLES);
    say("whole", hash(out));

    ByteBuffer in = bytes(4 * SAMPLES + 4);
    ByteBuffer result = bytes(4 * SAMPLES);
    FloatBuffer floats = in.asFloatBuffer();
    floats.put(0, 9f);
    floats.position(1);
    floats.put(noise).position(1);
    direct.process(floats, result.asFloatBuffer(), SAMPLES);
    say("direct", hash(result));
    say("position", floats.position());

    short[] words = shorts(noise);
    short[] cleaned = new short[SAMPLES];
    sixteen.process(words, cleaned, SAMPLES);
    say("shorts", hash(cleaned));
    ShortBuffer buffer = bytes(2 * SAMPLES).asShortBuffer();
    buffer.put(words).rewind();
    sixteenDirect.process(buffer, buffer, SAMPLES);
    short[] copy = new short[SAMPLES];
    buffer.get(copy);
    say("shortBuffers", hash(copy));

    out = noise.clone();
    for (int at = 0, size = 1; at < SAMPLES; at += size, size = Math.min(size % 1500 + 7, SAMPLES - at)) {
      any.process(out, at, out, at, size);
    }
    say("any", hash(out));
    out = noise.clone();
    for (int at = 0; at < SAMPLES; at += 160) {
      spread.process(out, at, out, at, 160);
    }
    say("spread", hash(out));
    say("spreadBackend", spread.backend());
    narrow.process(noise, out, SAMPLES);
    say("narrow", hash(out));
    say("narrowSizes", narrow.sampleRate() + " " + narrow.frameSize() + " " + narrow.delay());
    for (Linnet one : new Linnet[] {whole, direct, sixteen, sixteenDirect, any, spread, narrow}) {
      one.close();
      one.close();
    }
  }

  private static Linnet.Config of(int channels) {
    Linnet.Config config = new Linnet.Config();
    config.channels = channels;
    return config;
  }

  private static void channels(Path path) throws Exception {
    float[] signal = several(2);
    try (LinnetModel model = LinnetModel.fromFile(path.toString())) {
      try (Linnet linnet = new Linnet(model, of(2))) {
        float[] out = signal.clone();
        for (int at = 0; at < SAMPLES; at += 480) {
          linnet.process(out, 2 * at, out, 2 * at, 480);
        }
        say("stereoArrays", hash(out));
        say("stereoSizes", linnet.channels() + " " + linnet.frameSize() + " " + linnet.delay());
        linnet.reset();
        linnet.process(signal, out, SAMPLES);
        say("stereoWhole", hash(out));
        linnet.reset();
        FloatBuffer in = bytes(4 * signal.length + 4).asFloatBuffer();
        in.position(1);
        in.put(signal).position(1);
        ByteBuffer result = bytes(4 * signal.length);
        linnet.process(in, result.asFloatBuffer(), SAMPLES);
        say("stereoDirect", hash(result));
        linnet.reset();
        short[] words = shorts(signal);
        linnet.process(words, words, SAMPLES);
        say("stereoShorts", hash(words));
        linnet.reset();
        ShortBuffer buffer = bytes(2 * signal.length).asShortBuffer();
        buffer.put(shorts(signal)).rewind();
        linnet.process(buffer, buffer, SAMPLES);
        buffer.get(words);
        say("stereoShortBuffers", hash(words));
      }
      Linnet.Config config = of(2);
      config.anyBlock = true;
      try (Linnet linnet = new Linnet(model, config)) {
        float[] out = signal.clone();
        for (int at = 0, size = 1; at < SAMPLES; at += size, size = Math.min(size % 1500 + 7, SAMPLES - at)) {
          linnet.process(out, 2 * at, out, 2 * at, size);
        }
        say("stereoAny", hash(out));
      }
      config = of(8);
      config.sampleRate = 16000;
      try (Linnet linnet = new Linnet(model, config)) {
        float[] out = several(8);
        linnet.process(out, out, SAMPLES);
        say("eightNarrow", hash(out));
        say("eightSizes", linnet.channels() + " " + linnet.frameSize() + " " + linnet.delay());
      }
    }
  }

  /** A tenth of a second at a time, of which two are lost. */
  private static void lost(Path path) throws Exception {
    try (LinnetModel model = LinnetModel.fromFile(path.toString())) {
      for (int channels = 1; channels <= 2; ++channels) {
        float[] out = several(channels);
        try (Linnet linnet = new Linnet(model, of(channels))) {
          for (int at = 0; at < 48000; at += 4800) {
            if (at == 9600) {
              linnet.conceal(out, at * channels, 2400);
              FloatBuffer rest = bytes(4 * 2400 * channels).asFloatBuffer();
              linnet.conceal(rest, 2400);
              rest.get(out, (at + 2400) * channels, 2400 * channels);
            } else if (at == 19200) {
              short[] words = new short[960 * channels];
              linnet.conceal(words, 480 * channels, 480);
              ShortBuffer more = bytes(2 * 480 * channels).asShortBuffer();
              linnet.conceal(more, 480);
              more.get(words, 0, 480 * channels);
              say("concealedShorts" + channels, hash(words));
              linnet.gap(3840);
            } else {
              linnet.process(out, at * channels, out, at * channels, 4800);
            }
          }
          say("lost" + channels, hash(Arrays.copyOf(out, 48000 * channels)));
        }
      }
    }
  }

  private static void controls(Path path) throws Exception {
    float[] noise = noise();
    float[] out = new float[SAMPLES];
    try (LinnetModel model = LinnetModel.fromFile(path.toString());
        Linnet linnet = new Linnet(model)) {
      linnet.setAttenuationLimit(12);
      linnet.setPostfilter(0.5f);
      linnet.process(noise, out, SAMPLES);
      say("controls", hash(out));
      Linnet.Stats stats = new Linnet.Stats();
      linnet.stats(stats);
      say(
          "stats",
          String.format(
              "%.9g %.9g %.9g %.9g %d",
              stats.speechProbability(), stats.inputSnrDb(), stats.meanGain(), stats.pitchHz(), stats.frame()));
      linnet.reset();
      linnet.stats(stats);
      say("frameAfterReset", stats.frame());
      linnet.setAttenuationLimit(0);
      linnet.process(noise, out, SAMPLES);
      say(
          "bypass",
          Arrays.equals(
              Arrays.copyOf(noise, SAMPLES - linnet.delay()), Arrays.copyOfRange(out, linnet.delay(), SAMPLES)));
    }
  }

  private static String first(LinnetModel model) throws Exception {
    try (Linnet linnet = new Linnet(model)) {
      float[] out = noise();
      linnet.process(out, out, SAMPLES);
      return hash(out);
    } finally {
      model.close();
    }
  }

  private static void models(Path path, Path folder) throws Exception {
    byte[] blob = Files.readAllBytes(path);
    Files.write(folder.resolve("model.linnet"), blob);
    Files.write(folder.resolve("packed.linnet"), blob);
    Path app = folder.resolve("app.apk");
    say("mapped", first(LinnetModel.fromAsset(new AssetManager(folder, app, 4096 + 8), "model.linnet")));
    say("unaligned", first(LinnetModel.fromAsset(new AssetManager(folder, app, 4096 + 4), "model.linnet")));
    say("packed", first(LinnetModel.fromAsset(new AssetManager(folder, app, 0), "packed.linnet")));
    ByteBuffer shifted = ByteBuffer.allocate(blob.length + 3);
    shifted.position(3);
    shifted.put(blob).position(3);
    say("heap", first(LinnetModel.fromBuffer(shifted)));
    LinnetModel borrowed = LinnetModel.fromBuffer(direct(blob));
    for (int i = 0; i < 20; ++i) {
      System.gc(); // nothing but the model holds the buffer
      direct(new byte[blob.length]);
    }
    say("borrowed", first(borrowed));
    try (LinnetModel model = LinnetModel.fromFile(path.toString())) {
      say("topology", model.topology());
      say(
          "numbers",
          model.weights() + " " + model.multiplyAdds() + " " + model.frameBytes() + " " + model.streamBytes());
      say("delayFrames", model.delayFrames());
    }
    Path odd = folder.resolve("\u043c\u043e\u0434\u0435\u043b\u044c \ud83d\udc26.linnet");
    Files.write(odd, blob);
    say("oddName", first(LinnetModel.fromFile(odd.toString())));
  }

  private static void choices(Path table) throws IOException {
    int count = 0;
    for (String line : Files.readAllLines(table)) {
      if (line.startsWith("#")) {
        continue;
      }
      String[] words = line.trim().split("[ :]+");
      double[][] models = new double[2][(words.length - 3) / 2];
      for (int i = 3; i < words.length; ++i) {
        models[(i - 3) % 2][(i - 3) / 2] = Double.parseDouble(words[i]);
      }
      int current = Integer.parseInt(words[1]);
      int chosen = LinnetModel.choose(models[0], models[1], Double.parseDouble(words[0]), current);
      if (chosen != Integer.parseInt(words[2])) {
        say("wrongChoice", chosen + " for " + line);
      }
      ++count;
    }
    say("choices", count);
  }

  private static ByteBuffer direct(byte[] content) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(content.length);
    buffer.put(content).rewind();
    return buffer;
  }

  private static void refused(String name, Action action) {
    try {
      action.run();
      say(name, "accepted");
    } catch (Exception error) {
      String status = error instanceof LinnetException ? " " + ((LinnetException) error).status() : "";
      String message = error.getMessage();
      message = message.length() > 200 ? message.substring(message.length() - 100) : message;
      say(name, error.getClass().getSimpleName() + status + ": " + message);
    }
  }

  private static void mistakes(Path path, Path folder) throws Exception {
    LinnetModel model = LinnetModel.fromFile(path.toString());
    Linnet linnet = new Linnet(model);
    float[] frame = new float[960];
    FloatBuffer buffer = bytes(4 * 480).asFloatBuffer();
    refused("noFile", () -> LinnetModel.fromFile("/nowhere/model.linnet"));
    refused("nullPath", () -> LinnetModel.fromFile(null));
    refused("zeroPath", () -> LinnetModel.fromFile("a\0b"));
    refused("longPath", () -> LinnetModel.fromFile(new String(new char[5000]).replace('\0', 'a')));
    refused("notAModel", () -> LinnetModel.fromBuffer(ByteBuffer.wrap(new byte[4096])));
    refused("empty", () -> LinnetModel.fromBuffer(ByteBuffer.allocateDirect(0)));
    refused("cut", () -> LinnetModel.fromBuffer(ByteBuffer.wrap(Files.readAllBytes(path), 0, 4096)));
    refused("noAsset", () -> LinnetModel.fromAsset(new AssetManager(folder, folder.resolve("a"), 0), "nowhere"));
    refused("nullModel", () -> new Linnet(null));
    refused("rate", () -> with(model, 44100, null));
    refused("noRate", () -> with(model, 0, null));
    refused("unknownBackend", () -> with(model, 48000, "quantum"));
    refused("noChannel", () -> new Linnet(model, of(0)));
    refused("nineChannels", () -> new Linnet(model, of(9)));
    refused("count", () -> linnet.process(frame, frame, 481));
    refused("nullArray", () -> linnet.process((float[]) null, frame, 480));
    refused("tooMany", () -> linnet.process(frame, frame, 1440));
    refused("outOfArray", () -> linnet.process(frame, 481, frame, 481, 480));
    refused("negative", () -> linnet.process(frame, -1, frame, -1, 480));
    refused("overflow", () -> linnet.process(frame, Integer.MAX_VALUE, frame, 0, 480));
    refused("overlap", () -> linnet.process(frame, 0, frame, 240, 480));
    refused("heapBuffer", () -> linnet.process(FloatBuffer.allocate(480), buffer, 480));
    refused("order", () -> linnet.process(ByteBuffer.allocateDirect(1920).asFloatBuffer(), buffer, 480));
    refused("shortBuffer", () -> linnet.process(buffer, buffer, 960));
    refused("readOnly", () -> linnet.process(buffer, buffer.asReadOnlyBuffer(), 480));
    refused("directOverlap", () -> {
      FloatBuffer both = bytes(4 * 960).asFloatBuffer();
      FloatBuffer later = both.duplicate();
      later.position(1);
      linnet.process(both, later, 480);
    });
    ByteBuffer odd = bytes(4 * 480 + 1);
    odd.position(1);
    ByteBuffer inside = odd.slice().order(ByteOrder.nativeOrder());
    refused("inSample", () -> linnet.process(inside.asFloatBuffer(), buffer, 480));
    refused("concealInSample", () -> linnet.conceal(inside.asShortBuffer(), 480));
    Linnet stereo = new Linnet(model, of(2));
    refused("tooManyOfTwo", () -> stereo.process(frame, frame, 960));
    float[] frames = new float[1680];
    refused("overlapOfTwo", () -> stereo.process(frames, 0, frames, 720, 480));
    refused("shortBufferOfTwo", () -> stereo.process(buffer, buffer, 480));
    refused("overflowOfTwo", () -> stereo.process(frame, frame, 1 << 30));
    stereo.close();
    refused("concealOutOfArray", () -> linnet.conceal(frame, 481, 480));
    refused("concealHeapBuffer", () -> linnet.conceal(ShortBuffer.allocate(480), 480));
    refused("concealReadOnly", () -> linnet.conceal(buffer.asReadOnlyBuffer(), 480));
    double[] one = {1, 2};
    refused("noChoice", () -> LinnetModel.choose(new double[0], new double[0], 0.1, -1));
    refused("unevenChoice", () -> LinnetModel.choose(one, new double[3], 0.1, -1));
    refused("nullChoice", () -> LinnetModel.choose(one, null, 0.1, -1));
    refused("choiceBudget", () -> LinnetModel.choose(one, one, 0, -1));
    refused("choiceCurrent", () -> LinnetModel.choose(one, one, 0.1, 2));
    refused("choiceTime", () -> LinnetModel.choose(one, new double[] {1, Double.NaN}, 0.1, -1));
    refused("limit", () -> linnet.setAttenuationLimit(101));
    refused("limitNaN", () -> linnet.setAttenuationLimit(Float.NaN));
    refused("postfilter", () -> linnet.setPostfilter(-1));
    refused("negativeGap", () -> linnet.gap(-480));
    refused("nullStats", () -> linnet.stats(null));
    linnet.close();
    refused("closed", () -> linnet.process(frame, frame, 480));
    model.close();
    refused("closedModel", () -> new Linnet(model));
    refused("closedTopology", model::topology);
  }

  private static void with(LinnetModel model, int rate, String backend) {
    Linnet.Config config = new Linnet.Config();
    config.sampleRate = rate;
    config.backend = backend;
    new Linnet(model, config).close();
  }

  /** Bytes that 20,000 calls of each kind allocate in Java. */
  private static void allocation(Path path, int channels) {
    com.sun.management.ThreadMXBean threads =
        (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    long self = Thread.currentThread().getId();
    float[] floats = new float[960 * channels];
    short[] shorts = new short[960 * channels];
    FloatBuffer floatBuffer = bytes(4 * 960 * channels).asFloatBuffer();
    ShortBuffer shortBuffer = bytes(2 * 960 * channels).asShortBuffer();
    Linnet.Stats stats = new Linnet.Stats();
    try (LinnetModel model = LinnetModel.fromFile(path.toString());
        Linnet linnet = new Linnet(model, of(channels))) {
      long before = 0;
      for (int call = -5000; call < 20000; ++call) {
        if (call == 0) {
          before = threads.getThreadAllocatedBytes(self);
        }
        linnet.process(floats, floats, 480);
        linnet.process(shorts, 0, shorts, 0, 960);
        linnet.process(floatBuffer, floatBuffer, 480);
        linnet.process(shortBuffer, shortBuffer, 480);
        linnet.conceal(floats, 480);
        linnet.conceal(shortBuffer, 480);
        linnet.gap(480);
        linnet.setAttenuationLimit(call % 100 < 0 ? 100 : call % 100);
        linnet.stats(stats);
      }
      long allocated = threads.getThreadAllocatedBytes(self) - before;
      say("allocated" + channels, allocated + " in " + stats.frame());
    }
  }
}
