// Times frames of the npm package's engine: node web.mjs ENGINE MODULE MODEL FRAMES prints the kernels and the median
// microseconds of a frame as JSON. The process's CPU time, which other programs do not change, of 20 frames at a time:
// node has no clock of it for less. The engine is the one of the audio thread, one call a frame.
import { readFileSync } from "node:fs";

const FRAME = 480, AT_ONCE = 20, WARMING = 500;  // the last in frames: until there is fast code

const [engine, module, model, frames] = process.argv.slice(2);
const { Engine } = await import(engine);
const stream = new Engine(new WebAssembly.Module(readFileSync(module)), new Uint8Array(readFileSync(model)), 48000);
const noise = new Float32Array(FRAME), output = new Float32Array(FRAME);
let state = 1;
const run = (count) => {
  for (let frame = 0; frame < count; ++frame) {
    for (let i = 0; i < FRAME; ++i) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      noise[i] = state / 2 ** 34;
    }
    stream.process([noise], [output]);
  }
};

run(WARMING);
const times = Array.from({ length: Math.ceil(Number(frames) / AT_ONCE) }, () => {
  const before = process.cpuUsage();
  run(AT_ONCE);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / AT_ONCE;
}).sort((a, b) => a - b);
console.log(JSON.stringify({ backend: stream.backend, microseconds: times[times.length >> 1] }));
