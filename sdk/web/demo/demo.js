// The demo page: a microphone or a file through a node, spectrograms of both sides, the controls. The input's picture
// is delayed as much as the node delays its output, so that both show the same sound.
import { large } from "/large/dist/index.js";
import { MODELS, createLinnetNode } from "/package/dist/index.js";

const find = (id) => document.getElementById(id);
const LOWEST = -110, RANGE = 90;  // dB
const MOST_CHANNELS = 8;
let running = null;  // {context, node, volume, end}
let turn = 0;  // how often something was started or stopped: what was begun before is thrown away
let again = null;  // starts once more what was started last
let changed = "";  // what "auto" had to do meanwhile

// Screen readers say what is new here; the numbers, which change all the time, are left for who looks for them.
function say(text) {
  if (find("status").textContent !== text) find("status").textContent = text;
}

function limit() {
  const db = Number(find("limit").value);
  return db === 40 ? 100 : db;
}

function painter(analyser, canvas) {
  const levels = new Float32Array(analyser.frequencyBinCount);
  const pen = canvas.getContext("2d");
  const column = pen.createImageData(1, canvas.height);
  return () => {
    analyser.getFloatFrequencyData(levels);
    for (let y = 0; y < canvas.height; ++y) {
      const bin = Math.floor(((canvas.height - 1 - y) / canvas.height) * levels.length);
      const shade = Math.max(0, Math.min(1, (levels[bin] - LOWEST) / RANGE));
      column.data.set([255 * shade ** 0.7, 255 * shade ** 2, 255 * Math.sin(Math.PI * shade) * 0.6, 255], 4 * y);
    }
    pen.drawImage(canvas, -1, 0);
    pen.putImageData(column, canvas.width - 1, 0);
  };
}

async function stop() {
  const last = running;
  running = null;
  ++turn;
  find("stop").disabled = find("controls").disabled = true;
  find("numbers").textContent = "";
  if (!last) return;
  last.end();
  last.node.close();
  await last.context.close();
}

// open(context): how to make the sound, and how it ends.
async function start(open, listen) {
  const stopped = stop(), mine = turn;
  await stopped;
  if (mine !== turn) return;
  find("stop").disabled = false;
  find("listen").checked = listen;
  say("Loading");
  changed = "";
  const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
  let sound = null;
  try {
    sound = await open(context);
    const node = await createLinnetNode(context, {
      model: find("model").value,
      models: [...MODELS, large],
      channels: sound.channels,
      onmodel: ({ name, share }) => (changed = `; ${name ?? "a copy"} since the load was ${Math.round(100 * share)} %`),
      attenuationLimit: limit(),
      postfilter: Number(find("postfilter").value),
      bypass: !find("on").checked,
      onerror: (error) => say(`Not enhanced: ${error.message}`),
    });
    await node.ready;
    if (mine !== turn) throw new Error("something else was started");
    const late = new DelayNode(context, { delayTime: node.delay / context.sampleRate });
    const analyser = () => new AnalyserNode(context, { fftSize: 1024, smoothingTimeConstant: 0 });
    const [before, after] = [analyser(), analyser()];
    const volume = new GainNode(context, { gain: find("listen").checked ? 1 : 0 });
    const source = sound.source();
    source.connect(late).connect(before);
    source.connect(node).connect(after);
    node.connect(volume).connect(context.destination);
    running = { context, node, volume, end: sound.end };
    find("controls").disabled = false;
    show(running, [painter(before, find("before")), painter(after, find("after"))]);
    await context.resume();
  } catch (error) {
    sound?.end();
    if (context.state !== "closed") await context.close();
    if (mine !== turn) return;
    await stop();
    say(error.message);
  }
}

async function show(mine, paint) {
  for (let frame = 0; running === mine; ++frame) {
    await new Promise(requestAnimationFrame);
    for (const one of paint) one();
    if (frame % 15 > 0) continue;
    const stats = await mine.node.stats();
    if (!stats || running !== mine) continue;
    const { model, backend, delay } = mine.node;
    say(`${model ?? "copy"}, ${backend}, ${(1000 * delay) / 48000} ms late${changed}`);
    const [speech, snr] = [100 * stats.speechProbability, stats.inputSnr].map(Math.round);
    find("numbers").textContent = `speech ${speech} %, input ${snr} dB SNR`;
  }
}

async function microphone(context) {
  const audio = { noiseSuppression: false, autoGainControl: false, echoCancellation: true };
  const stream = await navigator.mediaDevices.getUserMedia({ audio });
  const end = () => stream.getTracks().forEach((track) => track.stop());
  return { source: () => context.createMediaStreamSource(stream), end, channels: 1 };
}

const recording = (file) => async (context) => {
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const source = () => {
    const node = new AudioBufferSourceNode(context, { buffer, loop: true });
    node.start();
    return node;
  };
  return { source, end: () => {}, channels: Math.min(buffer.numberOfChannels, MOST_CHANNELS) };
};

function play(open, listen) {
  again = () => start(open, find("listen").checked);
  return start(open, listen);
}
find("microphone").addEventListener("click", () => play(microphone, false));
find("file").addEventListener("click", ({ target }) => (target.value = ""));  // so that the same one is a change
find("file").addEventListener("change", ({ target }) => target.files[0] && play(recording(target.files[0]), true));
find("stop").addEventListener("click", () => stop().then(() => say("Stopped.")));
find("model").addEventListener("change", () => !find("stop").disabled && again());
find("on").addEventListener("change", ({ target }) => (running.node.bypass = !target.checked));
find("postfilter").addEventListener("input", ({ target }) => (running.node.postfilter = Number(target.value)));
find("limit").addEventListener("input", () => {
  find("decibels").value = limit() === 100 ? "none" : `${limit()} dB`;
  find("limit").setAttribute("aria-valuetext", find("decibels").value);
  running.node.attenuationLimit = limit();
});
find("listen").addEventListener("change", ({ target }) => {
  if (running) running.volume.gain.value = target.checked ? 1 : 0;
});
