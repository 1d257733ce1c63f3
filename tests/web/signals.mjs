// The frozen vectors that are signals, out of the npm package's module: node signals.mjs MODULE PROGRAM MODEL [NAMES],
// where PROGRAM is tests/dist/signals_run.cpp for WebAssembly, which asks for the functions of linnet.h. Those that it
// needs and that the module has are passed on to it here; samples are copied between the memories of the two.
import { readFileSync } from "node:fs";
import { run } from "./wasi.mjs";

const ERR_ARGUMENT = -1;
const PAGE = 65536, MOST = 48000;  // the latter in samples of a call
const RATE = 4, ANY_BLOCK = 8, SPREAD = 16, CHANNELS = 20;  // places in linnet_config

const [module, ...command] = process.argv.slice(2);
const compiled = new WebAssembly.Module(readFileSync(module));

// The module with one model, and a stream at most: memory is taken behind what it has, and goes with it.
class Shipped {
  constructor(blob) {
    this.exports = new WebAssembly.Instance(compiled, {}).exports;
    this.exports._initialize();
    this.free = this.exports.memory.buffer.byteLength;
    this.result = this.allocate(64);
    this.numbers = this.allocate(64);
    const at = this.allocate(blob.length);
    this.bytes(at, blob.length).set(blob);
    this.status = this.make("model", at, blob.length);
    this.model = this.made;
  }

  open(rate, anyBlock, channels) {
    this.planes = this.allocate(4 * channels);
    this.samples = Array.from({ length: channels }, () => this.allocate(4 * MOST));
    new Uint32Array(this.exports.memory.buffer, this.planes, channels).set(this.samples);
    const status = this.make("stream", this.model, rate, anyBlock, channels);
    this.stream = this.made;
    return status;
  }

  // Samples of each channel, which read(c, place) gives, and write(c, place, value) takes enhanced.
  process(count, read, write) {
    const plane = (c) => new Float32Array(this.exports.memory.buffer, this.samples[c], count);
    const each = (action) => this.samples.forEach((_, c) => action(c, plane(c)));
    each((c, samples) => samples.forEach((_, i) => (samples[i] = read(c, i))));
    const status = this.exports.process(this.stream, this.planes, count);
    each((c, samples) => samples.forEach((value, i) => write(c, i, value)));
    return status;
  }

  make(kind, ...described) {
    const status = this.exports[`${kind}_size`](...described, this.result);
    if (status !== 0) return status;
    const size = this.read(this.result), memory = this.allocate(size);
    const done = this.exports[`${kind}_init`](memory, size, ...described, this.result);
    this.made = this.read(this.result);
    return done;
  }

  allocate(size) {
    const at = this.free;
    this.free += Math.ceil(size / 64) * 64;
    const missing = this.free - this.exports.memory.buffer.byteLength;
    if (missing > 0) this.exports.memory.grow(Math.ceil(missing / PAGE));
    return at;
  }

  bytes(at, size) {
    return new Uint8Array(this.exports.memory.buffer, at, size);
  }

  read(at) {
    return new Uint32Array(this.exports.memory.buffer, at, 1)[0];
  }
}

// The functions of linnet.h for a program with a memory of its own. What is no stream of the module is an error.
function functions(memory) {
  const all = [null];  // by the handles that the program has; 0 is NULL
  let text = 0;  // a page of the program's for what it reads
  const view = () => new DataView(memory().buffer);
  const bytes = (at, size) => new Uint8Array(memory().buffer, at, size);
  const give = (at, value) => view().setUint32(at, value, true);
  const say = (exports, at) => {
    text ||= memory().grow(1) * PAGE;
    const from = new Uint8Array(exports.memory.buffer);
    const length = from.indexOf(0, at) - at;
    bytes(text, length + 1).set(from.subarray(at, at + length + 1));
    return text;
  };
  const known = {
    linnet_model_create(blob, size, out) {
      const shipped = new Shipped(bytes(blob, size));
      give(out, all.push(shipped) - 1);
      return shipped.status;
    },
    linnet_create(model, config, out) {
      const field = (place) => (config === 0 ? 0 : view().getInt32(config + place, true));
      if (field(SPREAD) !== 0) return ERR_ARGUMENT;
      const status = all[model].open(field(RATE) || 48000, field(ANY_BLOCK), field(CHANNELS) || 1);
      give(out, model);
      return status;
    },
    linnet_destroy() {},
    linnet_model_destroy(model) {
      all[model] = null;
    },
    linnet_process(stream, input, output, count) {
      const channels = all[stream].samples.length, of = (at) => new Float32Array(memory().buffer, at, channels * count);
      const from = of(input), to = of(output);
      return all[stream].process(
        count, (c, i) => from[channels * i + c], (c, i, value) => (to[channels * i + c] = value),
      );
    },
    linnet_process_planar(stream, inputs, outputs, count) {
      const of = (at) => new Float32Array(memory().buffer, at, count);
      const planes = (at) => all[stream].samples.map((_, c) => of(view().getUint32(at + 4 * c, true)));
      const from = planes(inputs), to = planes(outputs);
      return all[stream].process(count, (c, i) => from[c][i], (c, i, value) => (to[c][i] = value));
    },
    linnet_set_attenuation_limit: (stream, db) => all[stream].exports.set_attenuation_limit(all[stream].stream, db),
    linnet_set_postfilter: (stream, amount) => all[stream].exports.set_postfilter(all[stream].stream, amount),
    linnet_get_stats(stream, out) {
      const { exports, stream: at, numbers } = all[stream];
      const status = exports.get_stats(at, numbers, numbers + 16);
      bytes(out + 4, 16).set(all[stream].bytes(numbers, 16));
      return status;
    },
    linnet_backend: (stream) => say(all[stream].exports, all[stream].exports.backend(all[stream].stream)),
    linnet_status_text(status) {
      const { exports } = new Shipped(new Uint8Array(0));
      return say(exports, exports.status_text(status));
    },
  };
  const absent = ["linnet_process_i16", "linnet_conceal", "linnet_gap"];
  return { ...known, ...Object.fromEntries(absent.map((name) => [name, () => ERR_ARGUMENT])) };
}

process.exitCode = run(command, functions);
