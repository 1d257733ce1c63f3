// One stream of the WebAssembly module, for the worklet and the main thread alike. The build copies this file into
// worklet.js, whose scope has neither imports nor TextDecoder nor a clock, so that nothing of these may be used here.

/** Rates in Hz that a stream can have. As in linnet.h; others are refused. */
export const SAMPLE_RATES = [8000, 16000, 24000, 32000, 48000];

/** Channels that a stream can have at most, as one signal. */
export const MOST_CHANNELS = 8;

/** The rate to make a context with if any will do. */
export const BEST_RATE = SAMPLE_RATES[SAMPLE_RATES.length - 1];

/** An error of the engine; `status` is the linnet_status, 0 if the module itself is at fault. */
export class LinnetError extends Error {
  constructor(message, status = 0) {
    super(message);
    this.name = "LinnetError";
    this.status = status;
  }
}

/** Throws a RangeError for a rate that no stream can have. */
export function checkRate(rate) {
  if (!SAMPLE_RATES.includes(rate)) {
    throw new RangeError(
      `linnet runs at ${SAMPLE_RATES.join(", ")} Hz, not at ${rate}: make the context with ` +
        `new AudioContext({ sampleRate: ${BEST_RATE} }), and the browser resamples`,
    );
  }
}

/** A number within low..high, or a RangeError that names it. */
export function checkNumber(name, value, low, high) {
  if (typeof value !== "number" || !(value >= low && value <= high)) {
    throw new RangeError(`${name} is ${String(value)}: give a number from ${low} to ${high}`);
  }
  return value;
}

/** Throws a RangeError for a number of channels that no stream can have. */
export function checkChannels(channels) {
  if (!Number.isInteger(channels) || channels < 1 || channels > MOST_CHANNELS) {
    throw new RangeError(`channels is ${String(channels)}: give a whole number from 1 to ${MOST_CHANNELS}`);
  }
}

/** What went wrong with the compilation of a module, in words that say what to do. */
export function compileError(error) {
  const message = String(error && error.message);
  if (/content security|unsafe-eval|disallowed by embedder|call to WebAssembly/i.test(message)) {
    return new LinnetError(
      "the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to its script-src " +
        `('unsafe-eval' is not needed): ${message}`,
    );
  }
  return new LinnetError(`linnet.wasm cannot be compiled: ${message}`);
}

/** One enhanced signal, of one channel or several that share one set of gains. */
export class Engine {
  /**
   * @param {WebAssembly.Module} module linnet.wasm
   * @param {Uint8Array} model a .linnet file
   * @param {number} rate in Hz
   * @param {number} channels 1..8
   */
  constructor(module, model, rate, channels = 1) {
    checkRate(rate);
    checkChannels(channels);
    if (!WebAssembly.Module.exports(module).some(({ name }) => name === "stream_init")) {
      throw new LinnetError("linnet.wasm is another module: give that of this package");
    }
    try {
      this.exports = new WebAssembly.Instance(module, {}).exports;
    } catch (error) {
      throw new LinnetError(`no memory for linnet.wasm: ${error.message}; close() the nodes that are done`, -4);
    }
    this.exports._initialize();
    this.parts = new Array(channels).fill(new Float32Array(0));
    this.capacity = 1024;  // samples of a channel per call of the module
    this.free = this.exports.memory.buffer.byteLength;  // where allocate goes on
    const result = this.allocate(64);
    const blob = this.allocate(model.length);
    new Uint8Array(this.exports.memory.buffer, blob, model.length).set(model);
    this.model = this.make("model", result, blob, model.length);
    this.stream = this.make("stream", result, this.model, rate, 1, channels);
    this.planes = this.allocate(4 * channels);
    this.samples = Array.from({ length: channels }, () => this.allocate(4 * this.capacity));
    this.numbers = this.allocate(64);
    new Uint32Array(this.exports.memory.buffer, this.planes, channels).set(this.samples);
    /** Samples from input to output, exact. */
    this.delay = this.exports.delay(this.stream);
    /** Kernels that it runs: "wasm128" or "scalar". */
    this.backend = this.text(this.exports.backend(this.stream));
  }

  /**
   * Enhances full scale +-1 samples: an array for each channel, of one length, any, for input and output; a channel
   * that the input lacks is silent, one that the output lacks is lost.
   */
  process(inputs, outputs) {
    const samples = outputs[0].length, channels = this.samples.length;
    for (let done = 0; done < samples; done += this.capacity) {
      const count = Math.min(this.capacity, samples - done);
      for (let c = 0; c < channels; ++c) {
        const part = this.view(c, count);
        if (c >= inputs.length) part.fill(0);
        else part.set(count === samples ? inputs[c] : inputs[c].subarray(done, done + count));
      }
      this.check(this.exports.process(this.stream, this.planes, count), "the samples");
      for (let c = 0; c < channels && c < outputs.length; ++c) outputs[c].set(this.view(c, count), done);
    }
  }

  /** Most that noise is attenuated, 0..100 dB; with 0 the output is the delayed input. */
  setAttenuationLimit(db) {
    this.check(this.exports.set_attenuation_limit(this.stream, db), `attenuationLimit ${db}`);
  }

  /** Strength of the post-filter, 0..1. */
  setPostfilter(amount) {
    this.check(this.exports.set_postfilter(this.stream, amount), `postfilter ${amount}`);
  }

  /** Of the newest frame. */
  stats() {
    const { buffer } = this.exports.memory, behind = this.numbers + 16;
    this.check(this.exports.get_stats(this.stream, this.numbers, behind), "the statistics");
    const [speechProbability, inputSnr, meanGain, pitch] = new Float32Array(buffer, this.numbers, 4);
    const [frame] = new Float64Array(buffer, behind, 1);
    return { speechProbability, inputSnr, meanGain, pitch, frame };
  }

  /** As newly made; the controls keep their values. */
  reset() {
    this.check(this.exports.reset(this.stream), "the stream");
  }

  // A model or a stream in memory of its own; result is where the module writes what it has found or made.
  make(kind, result, ...described) {
    this.check(this.exports[`${kind}_size`](...described, result), `the ${kind}`);
    const bytes = this.read(result), memory = this.allocate(bytes);
    this.check(this.exports[`${kind}_init`](memory, bytes, ...described, result), `the ${kind}`);
    return this.read(result);
  }

  // Memory behind what the module has of its own, aligned to 64. It goes with the instance, never before.
  allocate(bytes) {
    const at = this.free, { memory } = this.exports;
    this.free += Math.ceil(bytes / 64) * 64;
    const missing = this.free - memory.buffer.byteLength;
    try {
      if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    } catch {
      throw new LinnetError(`no memory for ${bytes} bytes`, -4);
    }
    return at;
  }

  read(at) {
    return new Uint32Array(this.exports.memory.buffer, at, 1)[0];
  }

  // The first samples of the module's buffer of a channel. The same view from call to call, as garbage would interrupt
  // the audio thread; it dies when the memory grows.
  view(channel, count) {
    const { buffer } = this.exports.memory, part = this.parts[channel];
    if (part.length === count && part.buffer === buffer) return part;
    return (this.parts[channel] = new Float32Array(buffer, this.samples[channel], count));
  }

  text(at) {
    const bytes = new Uint8Array(this.exports.memory.buffer);
    let text = "";
    for (; bytes[at] !== 0; ++at) text += String.fromCharCode(bytes[at]);
    return text;
  }

  check(status, what) {
    if (status !== 0) throw new LinnetError(`${what}: ${this.text(this.exports.status_text(status))}`, status);
  }
}
