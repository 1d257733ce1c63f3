// The audio thread's side of a node, without a browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { LARGE, Node, read } from "./audio_thread.mjs";
import { noise } from "./noise.mjs";

const SIGNAL = noise(48000);
const files = (module = "linnet.wasm") => ({ wasm: read(module), model: read("models/light.linnet") });

test("it says what it runs and how late it is", () => {
  for (const [module, backend] of [["linnet.wasm", "wasm128"], ["linnet-scalar.wasm", "scalar"]]) {
    const { messages } = new Node(files(module));
    assert.deepEqual({ ...messages[0] }, { type: "ready", delay: 1920, backend });
  }
});

test("every rate has its delay, the same time at each", () => {
  for (const rate of [8000, 16000, 24000, 32000, 48000]) {
    const { messages } = new Node(files(), rate);
    assert.deepEqual({ ...messages[0] }, { type: "ready", delay: rate / 25, backend: "wasm128" });
  }
});

test("blocks of any size and both modules give the same bits", () => {
  const expected = new Node(files()).run(SIGNAL, 128);
  assert.ok(expected.some((x) => x !== 0));
  for (const sizes of [[480], [160], [1], [127, 3000], [48000]]) {
    assert.deepEqual(new Node(files()).run(SIGNAL, ...sizes), expected);
  }
  assert.deepEqual(new Node(files("linnet-scalar.wasm")).run(SIGNAL, 128), expected);
});

test("a bypass is the input, as late as what is enhanced", () => {
  const node = new Node({ ...files(), bypass: true });
  const output = node.run(SIGNAL, 128);
  assert.deepEqual(output.subarray(1920), SIGNAL.subarray(0, SIGNAL.length - 1920));
  assert.ok(output.subarray(0, 1920).every((x) => x === 0));
  node.send({ type: "bypass", value: false });
  assert.notDeepEqual(node.run(SIGNAL, 128).subarray(1920), SIGNAL.subarray(0, SIGNAL.length - 1920));
});

test("the limit holds again after a bypass, and both are live", () => {
  const node = new Node({ ...files(), attenuationLimit: 6, bypass: true });
  node.send({ type: "bypass", value: false });
  assert.deepEqual(node.run(SIGNAL, 128), new Node({ ...files(), attenuationLimit: 6 }).run(SIGNAL, 128));
  node.send({ type: "attenuationLimit", value: 0 });
  node.send({ type: "reset" });
  assert.deepEqual(node.run(SIGNAL, 128).subarray(1920), SIGNAL.subarray(0, SIGNAL.length - 1920));
});

test("the post-filter changes the sound", () => {
  const plain = new Node(files()).run(SIGNAL, 128);
  assert.notDeepEqual(new Node({ ...files(), postfilter: 1 }).run(SIGNAL, 128), plain);
});

test("statistics are those of the newest frame", () => {
  const node = new Node(files());
  node.run(SIGNAL, 128);
  node.send({ type: "stats", id: 7 });
  const { type, id, stats } = node.messages.at(-1);
  assert.deepEqual([type, id, stats.frame], ["stats", 7, 100]);
  assert.ok(stats.meanGain > 0 && stats.meanGain <= 1 && stats.speechProbability >= 0);
});

test("frames are counted one by one for as long as a page stays open", () => {
  const node = new Node(files()), { engine } = node.processor, frame = new Float32Array(480);
  const words = () => new BigUint64Array(engine.exports.memory.buffer);
  const count = () => engine.stats().frame;
  while (count() < 1000) node.run(frame, 480);
  const before = words().slice();
  node.run(frame, 480);
  words().forEach((word, i, all) => {  // where it counts
    if (before[i] === 1000n && word === 1001n) all[i] = 2n ** 24n;
  });
  node.run(frame, 480);  // 47 hours
  assert.equal(count(), 2 ** 24 + 1);
});

test("an input without channels is silence, and an output without any is left alone", () => {
  const node = new Node(files());
  const output = new Float32Array(128).fill(1);
  assert.equal(node.processor.process([[]], [[output]]), true);
  assert.ok(output.every((x) => x === 0));
  assert.equal(node.processor.process([[]], [[]]), true);
});

test("several channels are one signal: equal ones give the bits of one", () => {
  const expected = new Node(files()).run(SIGNAL, 128);
  for (const channels of [2, 8]) {
    const node = new Node({ ...files(), channels });
    assert.deepEqual({ ...node.messages[0] }, { type: "ready", delay: 1920, backend: "wasm128" });
    for (const output of node.runAll(new Array(channels).fill(SIGNAL), 128)) assert.deepEqual(output, expected);
  }
});

test("channels keep their sides, in blocks of any size and in both modules", () => {
  const sides = [SIGNAL, SIGNAL.map((x) => x / 4), new Float32Array(SIGNAL.length)];
  const expected = new Node({ ...files(), channels: 3 }).runAll(sides, 128);
  const energy = (x) => x.reduce((sum, value) => sum + value * value, 0);
  const decibels = 10 * Math.log10(energy(expected[0]) / energy(expected[1]));
  assert.ok(Math.abs(decibels - 12.04) < 0.1, `${decibels} dB between the sides`);
  assert.ok(expected[2].every((x) => x === 0));
  assert.deepEqual(new Node({ ...files(), channels: 3 }).runAll(sides, 1, 4000, 480), expected);
  assert.deepEqual(new Node({ ...files("linnet-scalar.wasm"), channels: 3 }).runAll(sides, 128), expected);
});

test("a channel that is not there is silence, one too many is not heard", () => {
  const node = () => new Node({ ...files(), channels: 2 });
  const call = (inputs, count) => {
    const outputs = Array.from({ length: count }, () => new Float32Array(SIGNAL.length));
    node().processor.process([inputs], [outputs]);
    return outputs;
  };
  const silence = new Float32Array(SIGNAL.length);
  const expected = call([SIGNAL, silence], 2);
  assert.ok(expected[0].some((x) => x !== 0));
  assert.deepEqual(call([SIGNAL], 2), expected);
  assert.deepEqual(call([SIGNAL, silence, SIGNAL], 2), expected);
  assert.deepEqual(call([SIGNAL, silence], 1), [expected[0]]);
});

test("without an engine every channel passes", () => {
  const sides = [SIGNAL, SIGNAL.map((x) => -x)];
  assert.deepEqual(new Node({ channels: 2 }).runAll(sides, 128), sides);
  for (const channels of [0, 9, 1.5]) {
    const node = new Node({ ...files(), channels });
    assert.match(node.messages[0].message, /^channels is .*: give a whole number from 1 to 8$/);
    assert.deepEqual(node.runAll(sides, 128), sides);
  }
});

test("audio passes unchanged whatever is wrong", () => {
  const broken = read("models/light.linnet");
  new Uint8Array(broken)[1000] ^= 1;
  const cases = [
    [{}, null],
    [{ ...files(), model: broken }, /^the model: .+/],
    [{ ...files(), model: new ArrayBuffer(0) }, /^the model: .+/],
    [{ ...files(), wasm: new Uint8Array([1, 2, 3, 4]).buffer }, /^linnet\.wasm cannot be compiled: .+/],
    [{ ...files(), wasm: Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0).buffer }, /^linnet\.wasm is another module: /],
  ];
  for (const [options, message] of cases) {
    const node = new Node(options);
    assert.deepEqual(node.run(SIGNAL, 128), SIGNAL);
    assert.equal(node.alive, true);
    assert.deepEqual(node.messages.map(({ type }) => type), message ? ["error"] : []);
    if (message) assert.match(node.messages[0].message, message);
  }
  const other = new Node(files(), 44100);
  assert.equal(other.messages[0].name, "RangeError");
  assert.match(
    other.messages[0].message,
    /^linnet runs at 8000, 16000, 24000, 32000, 48000 Hz, not at 44100: make the context with .*sampleRate: 48000/,
  );
  assert.deepEqual(other.run(SIGNAL, 128), SIGNAL);
});

test("an error in the middle lets the rest pass", () => {
  const node = new Node(files());
  node.run(SIGNAL, 128);
  node.send({ type: "attenuationLimit", value: 1000 });
  assert.equal(node.messages.at(-1).type, "error");
  assert.match(node.messages.at(-1).message, /1000/);
  assert.deepEqual(node.run(SIGNAL, 128), SIGNAL);
  node.send({ type: "stats", id: 1 });
  assert.equal(node.messages.at(-1).stats, null);
});

const large = () => new Uint8Array(readFileSync(`${LARGE}/dist/large.linnet`)).buffer;

test("another model takes over by a cross-fade, warm, and no sample late", () => {
  const signal = noise(96000), changed = 19200, warm = changed + 24000, fade = 480;
  const node = new Node({ ...files(), attenuationLimit: 20 });
  const output = new Float32Array(signal.length);
  output.set(node.run(signal.subarray(0, changed), 128));
  node.send({ type: "model", model: large(), name: "large" });
  output.set(node.run(signal.subarray(changed), 128), changed);
  const before = new Node({ ...files(), attenuationLimit: 20 }).run(signal, 128);
  const after = new Float32Array(signal.length);
  const follower = new Node({ ...files(), model: large(), attenuationLimit: 20 });
  after.set(follower.run(signal.subarray(changed), 128), changed);
  assert.deepEqual(output.subarray(0, warm), before.subarray(0, warm));
  assert.deepEqual(output.subarray(warm + fade + 128), after.subarray(warm + fade + 128));
  for (let i = warm; i < warm + fade; ++i) {
    const share = (i - warm) / fade;
    assert.ok(Math.abs(output[i] - ((1 - share) * before[i] + share * after[i])) < 1e-6, `sample ${i}`);
  }
  assert.deepEqual(node.messages.filter(({ type }) => type === "changed").map(({ name }) => name), ["large"]);
});

test("another model takes over in every channel", () => {
  const sides = [noise(96000), noise(96000).map((x) => x / 2)];
  const node = new Node({ ...files(), channels: 2 });
  node.send({ type: "model", model: large(), name: "large" });
  const output = node.runAll(sides, 128);
  const after = new Node({ ...files(), model: large(), channels: 2 }).runAll(sides, 128);
  const end = 24000 + 480 + 128;
  for (const c of [0, 1]) assert.deepEqual(output[c].subarray(end), after[c].subarray(end));
});

test("controls reach both models of a change", () => {
  const node = new Node(files());
  node.send({ type: "model", model: large(), name: "large" });
  node.send({ type: "bypass", value: true });
  const output = node.run(SIGNAL, 128);
  assert.deepEqual(output.subarray(1920), SIGNAL.subarray(0, SIGNAL.length - 1920));
});

test("a model that cannot follow leaves the one that runs", () => {
  const node = new Node(files());
  node.send({ type: "model", model: new ArrayBuffer(100), name: "broken" });
  assert.deepEqual(node.messages.map(({ type }) => type), ["ready", "kept"]);
  assert.match(node.messages[1].message, /^the model: .+/);
  assert.deepEqual(node.run(SIGNAL, 128), new Node(files()).run(SIGNAL, 128));
});

test("overload is a bypass of its own: the program's stays as it is", () => {
  const node = new Node(files());
  node.send({ type: "overloaded", value: true });
  node.send({ type: "bypass", value: false });
  assert.deepEqual(node.run(SIGNAL, 128).subarray(1920), SIGNAL.subarray(0, SIGNAL.length - 1920));
});

test("the load is the share of the time, by a clock of whole milliseconds", () => {
  for (const share of [0.02, 0.3, 1.5]) {
    let time = 0, calls = 0;
    const now = () => Math.floor((time += calls++ % 2 === 0 ? (1 - share) * (8 / 3) : share * (8 / 3)));
    const node = new Node({ ...files(), watch: true }, 48000, now);
    node.run(noise(96128), 128);
    const loads = node.messages.filter(({ type }) => type === "load");
    assert.equal(loads.length, 1);
    assert.ok(Math.abs(loads[0].share - share) < 0.03, `${loads[0].share} for ${share}`);
  }
  const quiet = new Node(files());
  quiet.run(noise(96128), 128);
  assert.deepEqual(quiet.messages.map(({ type }) => type), ["ready"]);
});

test("a clock that is set meanwhile, as a day's is, does not count", () => {
  for (const step of [3600000, -3600000]) {
    let time = 0, calls = 0;
    const now = () => (time += calls++ === 101 ? step : 0);  // within a call
    const node = new Node({ ...files(), watch: true }, 48000, now);
    node.run(noise(96128), 128);
    const [{ share }] = node.messages.filter(({ type }) => type === "load");
    assert.ok(share >= 0 && share <= 0.05, `${share} for a step of ${step} ms`);
  }
});

test("a closed node is done", () => {
  const node = new Node(files());
  node.send({ type: "close" });
  node.run(SIGNAL, 128);
  assert.equal(node.alive, false);
});
