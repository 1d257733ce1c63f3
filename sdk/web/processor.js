// The audio thread's side of a node. Whatever goes wrong here, audio passes: unchanged, not enhanced and not delayed.
// Bytes arrive instead of a compiled module, because some builds of Chromium cannot pass one to a worklet.
import { Engine, compileError } from "./engine.js";

class LinnetProcessor extends AudioWorkletProcessor {
  constructor(options) {
    super();
    this.engine = null;
    this.closed = false;
    this.limit = 100;
    this.bypass = false;
    this.port.onmessage = ({ data }) => this.receive(data);
    const { wasm, model, attenuationLimit, postfilter, bypass } = options.processorOptions;
    if (!wasm) return;  // its maker knows why
    try {
      let module;
      try {
        module = new WebAssembly.Module(wasm);
      } catch (error) {
        throw compileError(error);
      }
      const engine = new Engine(module, new Uint8Array(model), sampleRate);
      this.engine = engine;
      engine.setPostfilter(postfilter);
      this.limit = attenuationLimit;
      this.bypass = bypass;
      this.applyLimit();
      this.port.postMessage({ type: "ready", delay: engine.delay, backend: engine.backend });
    } catch (error) {
      this.fail(error);
    }
  }

  // A bypass of equal delay is a limit of 0 dB, which the engine cross-fades to.
  applyLimit() {
    this.engine.setAttenuationLimit(this.bypass ? 0 : this.limit);
  }

  receive(message) {
    if (message.type === "close") {
      this.closed = true;
      this.engine = null;
    }
    if (!this.engine) {
      if (message.type === "stats") this.port.postMessage({ type: "stats", id: message.id, stats: null });
      return;
    }
    try {
      if (message.type === "attenuationLimit") this.limit = message.value;
      if (message.type === "bypass") this.bypass = message.value;
      if (message.type === "attenuationLimit" || message.type === "bypass") this.applyLimit();
      if (message.type === "postfilter") this.engine.setPostfilter(message.value);
      if (message.type === "reset") this.engine.reset();
      if (message.type === "stats") {
        this.port.postMessage({ type: "stats", id: message.id, stats: this.engine.stats() });
      }
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error) {
    this.engine = null;
    this.port.postMessage({ type: "error", name: error.name, message: error.message, status: error.status });
  }

  // A node that nothing is connected to has no input channel, and goes on: what is still in the engine has to come out.
  process(inputs, outputs) {
    const input = inputs[0].length > 0 ? inputs[0][0] : null;
    const output = outputs[0][0];
    if (this.closed || !output) return !this.closed;
    if (this.engine) {
      try {
        this.engine.process(input, output);
        return true;
      } catch (error) {
        this.fail(error);
      }
    }
    if (input) output.set(input);
    return true;
  }
}

registerProcessor("linnet", LinnetProcessor);
