// The scope of an audio worklet as far as worklet.js may use it, without a browser: no imports, no fetch, no clock, no
// TextDecoder. A node is a processor with a port whose messages are kept.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import vm from "node:vm";

export const PACKAGE = process.env.LINNET_PACKAGE;
export const LARGE = join(PACKAGE, "../large");

export function read(name) {
  const bytes = readFileSync(join(PACKAGE, "dist", name));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

export class Node {
  /** now: what the scope's clock says, in milliseconds; without it there is none. */
  constructor(options, sampleRate = 48000, now = undefined) {
    let Processor = null;
    class AudioWorkletProcessor {
      constructor() {
        this.port = { onmessage: null, postMessage: (message) => sent.push(message) };
      }
    }
    const sent = (this.messages = []);
    const scope = { AudioWorkletProcessor, sampleRate, Date: now && { now } };
    scope.registerProcessor = (name, made) => (Processor = name === "linnet" ? made : null);
    vm.runInNewContext(readFileSync(join(PACKAGE, "dist", "worklet.js"), "utf8"), scope);
    this.processor = new Processor({
      processorOptions: { channels: 1, attenuationLimit: 100, postfilter: 0, bypass: false, ...options },
    });
  }

  send(message) {
    this.processor.port.onmessage({ data: message });
  }

  /** The output of a whole signal of one channel, in blocks of these sizes in turn. */
  run(input, ...sizes) {
    return this.runAll([input], ...sizes)[0];
  }

  /** The same of several channels. */
  runAll(inputs, ...sizes) {
    const samples = inputs[0].length, outputs = inputs.map(() => new Float32Array(samples));
    for (let at = 0, call = 0; at < samples; ++call) {
      const end = Math.min(at + sizes[call % sizes.length], samples);
      const block = (channels) => channels.map((channel) => channel.subarray(at, end));
      this.alive = this.processor.process([block(inputs)], [block(outputs)]);
      at = end;
    }
    return outputs;
  }
}
