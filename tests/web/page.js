// What test_browsers.py runs in a browser: page.html?case=NAME reports what the case finds, as JSON, to the server.
import * as linnet from "/package/dist/index.js";
import { enhanceSender } from "/package/examples/peer_connection.js";
import { LinnetTrackProcessor } from "/package/examples/track_processor.js";
import { large } from "/large/dist/index.js";
import { noise } from "/tests/noise.mjs";
import { report, sha256 } from "/tests/report.mjs";

const SAMPLES = 96000;
const LIVE = 60;  // seconds in which nothing may be missed
const FILES = "/package/dist";

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds));

// Noise through a node of an offline context, the second channel half as loud as the first.
async function render(options, change, contextOptions = {}) {
  const context = new OfflineAudioContext({
    numberOfChannels: options.channels ?? 1, length: SAMPLES, sampleRate: 48000, ...contextOptions,
  });
  const node = await linnet.createLinnetNode(context, { onerror: () => {}, ...options });
  const failure = await node.ready.then(() => null, (error) => error);
  change?.(node);
  const buffer = context.createBuffer(options.channels ?? 1, SAMPLES, context.sampleRate);
  for (let c = 0; c < buffer.numberOfChannels; ++c) buffer.copyToChannel(noise(SAMPLES).map((x) => x / (1 + c)), c);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node).connect(context.destination);
  source.start();
  const rendered = await context.startRendering();
  const outputs = Array.from({ length: buffer.numberOfChannels }, (_, c) => rendered.getChannelData(c));
  return { node, failure, output: outputs[0], outputs };
}

async function liveNode(options) {
  const context = new AudioContext({ sampleRate: 48000 });
  const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
  const node = await linnet.createLinnetNode(context, options);
  context.createMediaStreamSource(microphone).connect(node).connect(context.destination);
  await node.ready;
  await context.resume();
  return { context, microphone, node };
}

const cases = {
  async hash() {
    const results = {};
    for (const model of ["light", "large"]) {
      const { node, output } = await render({ model, models: [...linnet.MODELS, large] });
      results[model] = { hash: await sha256(output), backend: node.backend, delay: node.delay };
    }
    const scalar = await render({ wasm: `${FILES}/linnet-scalar.wasm` });
    results.scalar = { hash: await sha256(scalar.output), backend: scalar.node.backend, delay: scalar.node.delay };
    const bytes = async (path) => new Uint8Array(await (await fetch(`${FILES}/${path}`)).arrayBuffer());
    const given = { wasm: await bytes("linnet.wasm"), model: await bytes("models/light.linnet") };
    results.bytes = { hash: await sha256((await render(given)).output) };
    for (const renderSizeHint of [480, 160]) {
      results[`quantum${renderSizeHint}`] = {
        hash: await sha256((await render({}, null, { renderSizeHint })).output),
      };
    }
    const { outputs } = await render({ channels: 2 });
    results.stereo = { hash: await Promise.all(outputs.map(sha256)) };
    for (const sampleRate of linnet.SAMPLE_RATES) {
      const { node, output } = await render({}, null, { sampleRate });
      results[`rate${sampleRate}`] = { hash: await sha256(output), delay: node.delay };
    }
    return results;
  },

  async bypass() {
    const { node, output } = await render({ bypass: true });
    return { late: same(output.subarray(node.delay), noise(SAMPLES).subarray(0, SAMPLES - node.delay)) };
  },

  async missing() {
    const found = [];
    for (const options of [{ model: "/nowhere.linnet" }, { wasm: "/nowhere.wasm" }, { model: `${FILES}/index.js` }]) {
      const { failure, output } = await render(options);
      found.push({ message: failure?.message, passes: same(output, noise(SAMPLES)) });
    }
    const worklet = await render({ worklet: "/nowhere.js" }).catch((error) => error);
    return { found, worklet: worklet.message, name: worklet.name };
  },

  // Under a policy without 'wasm-unsafe-eval'.
  async forbidden() {
    const { failure, output } = await render({});
    const page = await linnet.pickModel({}).then(() => null, (error) => error);
    return {
      page: page?.message ?? null, worklet: failure?.message ?? null,
      passes: same(output, noise(SAMPLES)), hash: await sha256(output),
    };
  },

  async auto() {
    const models = [...linnet.MODELS, large];
    const chosen = await linnet.pickModel({ budget: 1, models });
    const { node, failure } = await render({ model: "auto" });
    return { ...chosen, failure: failure?.message ?? null, model: node.model };
  },

  // What the audio thread says of its load is made up, as no machine has just the right one.
  async overload() {
    const models = [...linnet.MODELS, large];
    const changes = [];
    const context = new AudioContext({ sampleRate: 48000 });
    const node = await linnet.createLinnetNode(context, {
      model: "auto", models, budget: 1, onmodel: (change) => changes.push(change),
    });
    await node.ready;
    const first = node.model;
    const receive = node.port.onmessage;
    const say = (data) => receive.call(node.port, { data });
    const source = new ConstantSourceNode(context);
    source.connect(node).connect(context.destination);
    source.start();
    await context.resume();
    say({ type: "load", share: 1.01 });
    for (let i = 0; i < 100 && changes.length === 0; ++i) await pause(0.1);
    say({ type: "load", share: 1.5 });
    await context.close();
    return { first, changes, last: node.model, error: node.error };
  },

  async live() {
    const { context, microphone, node } = await liveNode({});
    await pause(2);
    const first = await node.stats();
    const before = context.playbackStats?.underrunEvents;
    await pause(LIVE);
    const underruns = context.playbackStats?.underrunEvents - before;
    node.attenuationLimit = 12;
    node.postfilter = 0.5;
    node.bypass = true;
    let refused = "";
    try {
      node.attenuationLimit = 101;
    } catch (error) {
      refused = error.message;
    }
    await pause(1);
    const second = await node.stats();
    node.close();
    const closed = await node.stats();
    for (const track of microphone.getTracks()) track.stop();
    await context.close();
    return { frames: [first.frame, second.frame], underruns, refused, closed, error: node.error?.message ?? null };
  },

  // What hangs if nobody says that there is no audio thread any more.
  async closed() {
    const context = () => new AudioContext({ sampleRate: 48000 });
    const messageOf = (promise) => promise.then(() => null, (error) => error.message);
    const [never, early, late] = [context(), context(), context()];
    const pending = messageOf(linnet.createLinnetNode(never));
    await never.close();
    const first = await linnet.createLinnetNode(early);
    const ready = messageOf(first.ready);
    first.close();
    const second = await linnet.createLinnetNode(late);
    await second.ready;
    await Promise.all([early.close(), late.close()]);
    return { refused: await pending, ready: await ready, stats: await second.stats() };
  },

  // A connection within this page: what is received of a microphone whose track was replaced.
  async connection() {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()];
    here.onicecandidate = ({ candidate }) => there.addIceCandidate(candidate);
    there.onicecandidate = ({ candidate }) => here.addIceCandidate(candidate);
    const sender = here.addTrack(microphone.getAudioTracks()[0], microphone);
    await here.setLocalDescription();
    await there.setRemoteDescription(here.localDescription);
    await there.setLocalDescription();
    await here.setRemoteDescription(there.localDescription);
    const { node, stop } = await enhanceSender(sender, {});
    await node.ready;
    const replaced = sender.track !== microphone.getAudioTracks()[0];
    await pause(2);
    const received = [...(await there.getStats()).values()].find(({ type }) => type === "inbound-rtp");
    const stats = await node.stats();
    await stop();
    const back = sender.track === microphone.getAudioTracks()[0];
    const second = await enhanceSender(sender, {});
    here.close();
    there.close();
    await second.stop();  // of a call that is over, and once more
    await second.stop();
    const states = [node, second.node].map(({ context }) => context.state);
    return { replaced, back, packets: received?.packetsReceived ?? 0, frames: stats.frame, states };
  },

  // The demo page, clicked through.
  async demo() {
    const frame = document.createElement("iframe");
    frame.src = "/demo/index.html";
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    document.documentElement.append(frame);
    await loaded;
    const find = (id) => frame.contentDocument.getElementById(id);
    const status = async (pattern) => {
      for (let i = 0; i < 100 && !pattern.test(find("status").textContent); ++i) await pause(0.1);
      return find("status").textContent;
    };
    const { mediaDevices } = frame.contentWindow.navigator, streams = [];
    const getUserMedia = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wish) => (streams.push(await getUserMedia(wish)), streams.at(-1));
    const tracks = () => streams.flatMap((stream) => stream.getTracks());
    const live = () => tracks().filter(({ readyState }) => readyState === "live");
    find("microphone").click();
    while (streams.length === 0) await pause(0.001);
    find("microphone").click();  // once more, before it has started
    const started = await status(/late/);
    await pause(1);
    const microphones = [streams.length, live().length];
    let announcements = 0;
    new MutationObserver(() => ++announcements).observe(find("status"), { childList: true });
    find("on").click();
    find("limit").value = 12;
    find("limit").dispatchEvent(new Event("input"));
    await pause(1);
    const canvas = find("after");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const lit = data.some((value, i) => i % 4 < 3 && value > 60);
    const decibels = [find("decibels").value, find("limit").getAttribute("aria-valuetext")];
    const numbers = find("numbers").textContent;
    const shown = { started, lit, decibels, microphones, announcements, numbers };
    find("model").add(new Option("nowhere"));
    find("model").value = "nowhere";
    find("model").dispatchEvent(new Event("change"));
    const failed = await status(/nowhere/);
    find("model").value = "light";
    find("microphone").click();
    await status(/late/);
    find("stop").click();
    return { ...shown, failed, stopped: await status(/Stopped/), left: live().length };
  },

  async processor() {
    const microphone = await navigator.mediaDevices.getUserMedia({ audio: true });
    const [track] = microphone.getAudioTracks();
    const found = [];
    for (const sampleRate of [48000, 44100]) {
      const audioContext = new AudioContext({ sampleRate });
      const processor = new LinnetTrackProcessor();
      await processor.init({ track, audioContext, kind: "audio" });
      await processor.node.ready;
      await pause(1);
      const { frame } = await processor.node.stats();
      found.push({ kind: processor.processedTrack.kind, frame });
      await processor.destroy();
      await audioContext.close();
    }
    const made = [];
    window.AudioContext = class extends AudioContext {
      constructor(options) {
        super(options);
        made.push(this);
      }
    };
    const failed = new LinnetTrackProcessor({ model: "nowhere" });
    const message = await failed.init({ track, kind: "audio" }).catch((error) => error.message);
    return { found, message, left: made.map(({ state }) => state) };
  },
};

report(cases[new URLSearchParams(location.search).get("case")]);
