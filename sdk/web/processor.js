// The audio thread's side of a node. Whatever goes wrong here, audio passes: unchanged, not enhanced and not delayed.
// Bytes arrive instead of a compiled module, because some builds of Chromium cannot pass one to a worklet.
import { Engine, LinnetError, compileError } from "./engine.js";

const WARM = 0.5;  // seconds that a new model listens before it is heard: it has to know the background
const FADE = 0.01;  // seconds of the cross-fade to it
const PERIOD = 2;  // seconds between reports of the load
const LONGEST = 100;  // milliseconds that a call counts for: the clock is the day's, and may be set meanwhile

class LinnetProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.engine = null;
    this.next = null;  // {engine, heard}: what follows this.engine, and how many samples it has had
    this.others = [];  // what this.next makes of the same input
    this.closed = false;
    this.limit = 100;
    this.bypass = false;
    this.overloaded = false;
    this.busy = this.passed = 0;  // milliseconds in the engine, samples, since the last report
    this.port.onmessage = ({ data }) => this.receive(data);
    const { wasm, model, channels, attenuationLimit, postfilter, bypass, overloaded, watch } = options.processorOptions;
    this.watch = Boolean(watch);
    if (!wasm) return;  // its maker knows why
    try {
      try {
        this.module = new WebAssembly.Module(wasm);
      } catch (error) {
        throw compileError(error);
      }
      const engine = new Engine(this.module, new Uint8Array(model), sampleRate, channels);
      this.engine = engine;
      this.channels = channels;
      this.limit = attenuationLimit;
      this.postfilter = postfilter;
      this.bypass = bypass;
      this.overloaded = Boolean(overloaded);
      this.applyControls();
      this.port.postMessage({ type: "ready", delay: engine.delay, backend: engine.backend });
    } catch (error) {
      this.fail(error);
    }
  }

  // A bypass of equal delay is a limit of 0 dB, which the engine cross-fades to, and with which it soon rests.
  applyControls() {
    for (const engine of [this.engine, this.next?.engine]) {
      engine?.setPostfilter(this.postfilter);
      engine?.setAttenuationLimit(this.bypass || this.overloaded ? 0 : this.limit);
    }
  }

  receive(message) {
    if (message.type === "close") {
      this.closed = true;
      this.engine = this.next = null;
    }
    if (!this.engine) {
      if (message.type === "stats") this.port.postMessage({ type: "stats", id: message.id, stats: null });
      return;
    }
    try {
      if (message.type === "model") this.change(message);
      if (message.type === "attenuationLimit") this.limit = message.value;
      if (message.type === "postfilter") this.postfilter = message.value;
      if (message.type === "bypass") this.bypass = message.value;
      if (message.type === "overloaded") this.overloaded = message.value;
      if (["attenuationLimit", "postfilter", "bypass", "overloaded"].includes(message.type)) this.applyControls();
      if (message.type === "reset") for (const engine of [this.engine, this.next?.engine]) engine?.reset();
      if (message.type === "stats") {
        this.port.postMessage({ type: "stats", id: message.id, stats: this.engine.stats() });
      }
    } catch (error) {
      this.fail(error);
    }
  }

  // The model of the message follows the one that runs, which stays if the new one cannot be used.
  change({ model, name }) {
    try {
      const engine = new Engine(this.module, new Uint8Array(model), sampleRate, this.channels);
      if (engine.delay !== this.engine.delay) {
        throw new LinnetError(`model ${name} is ${engine.delay} samples late, the one that runs ${this.engine.delay}`);
      }
      this.next = { engine, name, heard: 0 };
      this.applyControls();
    } catch (error) {
      this.port.postMessage({ type: "kept", message: error.message });
    }
  }

  fail(error) {
    this.engine = this.next = null;
    this.port.postMessage({ type: "error", name: error.name, message: error.message, status: error.status });
  }

  enhance(inputs, outputs) {
    this.engine.process(inputs, outputs);
    if (!this.next) return;
    const samples = outputs[0].length;
    if (this.others.length !== outputs.length || this.others[0].length !== samples) {
      this.others = outputs.map(() => new Float32Array(samples));
    }
    this.next.engine.process(inputs, this.others);
    const warm = WARM * sampleRate, fade = FADE * sampleRate;
    outputs.forEach((output, c) => {
      for (let i = 0; i < samples; ++i) {
        const share = Math.min(Math.max((this.next.heard + i - warm) / fade, 0), 1);
        output[i] += share * (this.others[c][i] - output[i]);
      }
    });
    this.next.heard += samples;
    if (this.next.heard < warm + fade) return;
    this.port.postMessage({ type: "changed", name: this.next.name });
    this.engine = this.next.engine;
    this.next = null;
    this.busy = this.passed = 0;  // two have run
  }

  // The only clock of this scope counts whole milliseconds. Its errors are as often up as down, so that the sum over
  // hundreds of calls is right.
  account(milliseconds, samples) {
    this.busy += Math.min(Math.max(milliseconds, 0), LONGEST);
    this.passed += samples;
    if (this.passed < PERIOD * sampleRate) return;
    const share = this.busy / ((1000 * this.passed) / sampleRate);
    if (!this.next) this.port.postMessage({ type: "load", share });
    this.busy = this.passed = 0;
  }

  // A node that nothing is connected to has no input channel, and goes on: what is still in the engine has to come out.
  process([input], [output]) {
    if (this.closed || output.length === 0) return !this.closed;
    if (this.engine) {
      try {
        const start = this.watch ? Date.now() : 0;
        this.enhance(input, output);
        if (this.watch) this.account(Date.now() - start, output[0].length);
        return true;
      } catch (error) {
        this.fail(error);
      }
    }
    for (let c = 0; c < output.length && c < input.length; ++c) output[c].set(input[c]);
    return true;
  }
}

registerProcessor("linnet", LinnetProcessor);
