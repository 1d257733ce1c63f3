// Speech enhancement as a node of the Web Audio API: see README.md. Three files are fetched beside this one (worklet,
// module, model), each of which an option replaces. Their URLs are written out, because bundlers look for that form.
import { FRAME, checkBudget, chooseModel, frameTime } from "./choice.js";
import {
  BEST_RATE, Engine, LinnetError, SAMPLE_RATES, checkChannels, checkNumber, checkRate, compileError,
} from "./engine.js";

export { LinnetError, SAMPLE_RATES, chooseModel };

/** Models that come with the package, cheapest first. quality: mean PESQ-WB of 110 noisy mixtures. */
export const MODELS = [{
  name: "light", quality: 1.861,
  // Not before it is asked for: a bundle that is no ES module has no address of its own, and can be given all files.
  get url() { return new URL("./models/light.linnet", import.meta.url); },
}];

const MEASUREMENT = 100;  // milliseconds, of all models together
const WARMING = 50;  // of these, until there is fast code
const PACED = 3;  // how much more a frame costs on an audio thread, which rests between frames

// All options, and what they are if they are not given.
const DEFAULTS = {
  model: "light", models: MODELS, channels: 1, wasm: null, worklet: null, budget: 0.1, attenuationLimit: 100,
  postfilter: 0, bypass: false, onerror: null, onmodel: null,
};

// A module of one function that has a vector.
const PROBE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
]);

/** Whether this engine knows the 128-bit vectors of WebAssembly (Safari from 16.4 on, all others since 2021). */
export function hasSimd() {
  return WebAssembly.validate(PROBE);
}

// Of any realm: where tests run in one of their own, node's bytes are no ArrayBuffer of it. The same holds for URLs.
function isBytes(source) {
  return typeof source?.byteLength === "number";
}

function checkSource(name, source) {
  if (typeof (source?.href ?? source) !== "string" && !isBytes(source)) {
    throw new TypeError(`${name} is ${String(source)}: give an URL or the bytes of the file`);
  }
}

function checkModels(models) {
  if (!Array.isArray(models) || models.length === 0) {
    throw new TypeError(`models is ${String(models) || "empty"}: give an array of { name, quality, url }`);
  }
  for (const { name, quality, url } of models) {
    if (typeof name !== "string" || !Number.isFinite(quality)) {
      throw new TypeError(`a model has name ${String(name)}, quality ${String(quality)}: give a string and a number`);
    }
    checkSource(`the url of model ${name}`, url);
  }
}

// How files start. A server may have a page for the address of what it has not, with a status of 200.
const STARTS = { "linnet.wasm": "\0asm", "the model": "linnet\x1a\n" };

// The bytes of an URL or of bytes, as an ArrayBuffer of their own.
async function load(source, what) {
  if (isBytes(source)) {
    const { buffer = source, byteOffset = 0, byteLength } = source;
    return new Uint8Array(buffer, byteOffset, byteLength).slice().buffer;
  }
  let response, bytes;
  try {
    response = await fetch(source);
    bytes = await response.arrayBuffer();
  } catch (error) {
    throw new LinnetError(
      `${what} cannot be fetched from ${source}: ${error.message}; the page's Content-Security-Policy (connect-src) ` +
        "has to allow it, another origin too (CORS)",
    );
  }
  if (!response.ok) throw new LinnetError(`${what} cannot be fetched from ${source}: status ${response.status}`);
  const found = String.fromCharCode(...new Uint8Array(bytes.slice(0, 15)));
  if (!found.startsWith(STARTS[what])) {
    throw new LinnetError(
      `${what} is not at ${source}: what comes starts with ${JSON.stringify(found)}; give the file's own URL`,
    );
  }
  return bytes;
}

function wasmSource(source) {
  if (source) return source;
  return hasSimd() ? new URL("./linnet.wasm", import.meta.url) : new URL("./linnet-scalar.wasm", import.meta.url);
}

// What a model is loaded from: for a name in the list its URL, for an URL or bytes these.
function modelSource(model, models) {
  const known = models.find(({ name }) => name === model);
  if (known) return known.url;
  if (typeof model !== "string" || /[/.:]/.test(model)) return model;
  const names = models.map(({ name }) => name).join(", ");
  throw new TypeError(`there is no model "${model}": give auto, ${names}, an URL or the bytes of a .linnet file`);
}

// All options, out of those that are given, which are not undefined or null. Throws for what cannot be one.
function complete(given) {
  given ??= {};
  const known = Object.keys(DEFAULTS);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new TypeError(`unknown option ${unknown.join(", ")}: there are ${known.join(", ")}`);
  const options = Object.fromEntries(known.map((name) => [name, given[name] ?? DEFAULTS[name]]));
  checkNumber("attenuationLimit", options.attenuationLimit, 0, 100);
  checkNumber("postfilter", options.postfilter, 0, 1);
  checkChannels(options.channels);
  checkBudget(options.budget);
  if (options.models !== MODELS) checkModels(options.models);
  for (const name of ["model", "wasm", "worklet"]) if (options[name] !== null) checkSource(name, options[name]);
  for (const name of ["onerror", "onmodel"]) {
    const call = options[name];
    if (call !== null && typeof call !== "function") throw new TypeError(`${name} is ${String(call)}: give a function`);
  }
  return options;
}

async function compile(wasm) {
  const code = await load(wasmSource(wasm), "linnet.wasm");
  try {
    return await WebAssembly.compile(code);
  } catch (error) {
    throw compileError(error);
  }
}

// Microseconds that a frame takes, out of so many milliseconds of frames, after others that are not counted: engines
// replace a module's first, slow code while it runs.
function measure(module, blob, warming, milliseconds) {
  const engine = new Engine(module, new Uint8Array(blob), BEST_RATE);
  const noise = new Float32Array(480);
  const output = new Float32Array(480);
  let state = 1;
  const frame = () => {
    for (let i = 0; i < noise.length; ++i) {
      state = (Math.imul(state, 1664525) + 1013904223) | 0;
      noise[i] = state / 2 ** 34;
    }
    engine.process([noise], [output]);
  };
  const run = (least) => {
    const start = performance.now();
    let frames = 0, passed = 0;
    for (; passed < least; passed = performance.now() - start) {
      for (let i = 0; i < 4; ++i) frame();
      frames += 4;
    }
    return { frames, milliseconds: passed };
  };
  run(warming);
  return frameTime(Array.from({ length: 5 }, () => run(milliseconds / 5)));
}

/**
 * Microseconds that a frame of 10 ms takes on this thread, hot: 100 ms of work, in which the thread does nothing else.
 * An audio thread that rests between frames takes about three times as long, for which budgets leave room.
 */
export async function measureModel(given) {
  const { model, models, wasm } = complete(given);
  const [module, blob] = await Promise.all([compile(wasm), load(modelSource(model, models), "the model")]);
  return measure(module, blob, WARMING, MEASUREMENT - WARMING);
}

/**
 * Measures models, cheapest first, until one costs more than the budget, and chooses among them: 100 ms of work.
 *
 * @param {{budget?: number, models?: {name: string, quality: number, url: URL|string}[], wasm?: any}} given budget:
 *     share of the time of one core, hot
 */
export async function pickModel(given) {
  const { budget, models, wasm } = complete(given);
  const module = await compile(wasm);
  const measured = [];
  for (const { name, quality, url } of models) {
    const blob = await load(url, "the model");
    const warming = measured.length === 0 ? WARMING : 0;  // what follows finds fast code
    const microseconds = measure(module, blob, warming, (MEASUREMENT - WARMING) / models.length);
    measured.push({ name, quality, microseconds });
    if (microseconds > budget * FRAME) break;
  }
  return { ...chooseModel(measured, budget), measured };
}

// Made when it is needed: where there is no Web Audio, as on a server, this file can still be imported.
let nodeClass = null;
function linnetNode() {
  return (nodeClass ??= class LinnetNode extends AudioWorkletNode {
    #values;
    #waiting = new Map();
    #next = 0;
    #closed = false;
    #settle;
    #watched;  // {measured, budget}: what "auto" has found
    #pending = null;  // {name, previous, share}: what the audio thread was told to change to
    #onmodel;
    #onstate = () => this.context.state === "closed" && this.#end("the context");

    constructor(context, files, options, failure) {
      super(context, "linnet", {
        numberOfInputs: 1,
        numberOfOutputs: 1,
        outputChannelCount: [options.channels],
        channelCount: options.channels,
        channelCountMode: "explicit",
        processorOptions: {
          ...files,
          ...options.values,
          channels: options.channels,
          overloaded: options.overloaded,
          watch: options.watched !== null,
        },
      });
      this.#values = options.values;
      this.#watched = options.watched;
      this.#onmodel = options.onmodel;
      this.model = options.overloaded ? null : options.name;
      this.delay = 0;
      this.backend = "";
      this.error = null;
      this.ready = new Promise((resolve, reject) => {
        this.#settle = { resolve, reject };
      });
      this.ready.catch(() => {});  // who does not wait for it is told by onerror
      this.onerror = options.onerror;
      this.port.onmessage = ({ data }) => this.#receive(data);
      this.port.onmessageerror = () => this.#fail(new LinnetError("a message of the audio thread cannot be read"));
      this.addEventListener("processorerror", () => this.#fail(new LinnetError("the audio thread gave up the node")));
      // One that is offline cannot be closed, but says that it is when it is done, and still answers.
      if (context.close) context.addEventListener("statechange", this.#onstate);
      if (failure) this.#fail(failure);
    }

    #receive(message) {
      if (this.#closed) return;
      if (message.type === "ready") {
        this.delay = message.delay;
        this.backend = message.backend;
        this.#settle.resolve(this);
      } else if (message.type === "error") {
        const error = message.name === "RangeError" ? RangeError : LinnetError;
        this.#fail(new error(message.message, message.status));
      } else if (message.type === "load") {
        this.#balance(message.share);
      } else if (message.type === "kept") {
        this.#keep(message.message);
      } else if (message.type === "changed") {
        this.#changed();
      } else if (message.type === "stats") {
        this.#waiting.get(message.id)?.(message.stats);
        this.#waiting.delete(message.id);
      }
    }

    #fail(error) {
      if (this.error || this.#closed) return;
      this.error = error;
      this.#settle.reject(error);
      this.#forget();
      (this.onerror ?? ((reason) => console.error(`linnet: ${reason.message}; audio passes unchanged`)))(error);
    }

    // The load of the audio thread says how much more a frame of each model costs now than when it was measured.
    async #balance(share) {
      if (!this.#watched || this.#pending || this.model === null) return;
      const { measured, budget } = this.#watched;
      const running = measured.find(({ name }) => name === this.model);
      const factor = (share * FRAME) / Math.max(running.microseconds, 1);
      const now = measured.map((one) => ({ ...one, microseconds: one.microseconds * factor }));
      const { name } = chooseModel(now, Math.min(PACED * budget, 1), this.model);
      if (name === this.model) return;
      this.#pending = { name, previous: this.model, share };
      if (name === null) {
        this.port.postMessage({ type: "overloaded", value: true });
        this.#changed();
        return;
      }
      try {
        const model = await load(measured.find((one) => one.name === name).url, "the model");
        if (this.#closed) return;
        this.port.postMessage({ type: "model", model, name }, [model]);
      } catch (error) {
        this.#keep(error.message);
      }
    }

    #changed() {
      const change = this.#pending;
      this.#pending = null;
      this.model = change.name;
      this.#onmodel?.(change);
    }

    // What cannot be had now is not asked for again; there may be others, and a copy of the input if it comes to that.
    #keep(reason) {
      if (this.#closed) return;
      const missing = this.#pending.name;
      this.#watched.measured = this.#watched.measured.filter(({ name }) => name !== missing);
      this.#pending = null;
      console.warn(`linnet: ${this.model} goes on: ${reason}`);
    }

    #end(what) {
      this.#closed = true;
      this.context.removeEventListener("statechange", this.#onstate);
      this.#settle.reject(new LinnetError(`${what} was closed before the node enhanced`));
      this.#forget();
    }

    // Nobody will answer them any more.
    #forget() {
      for (const resolve of this.#waiting.values()) resolve(null);
      this.#waiting.clear();
    }

    #set(type, value) {
      this.#values = { ...this.#values, [type]: value };
      this.port.postMessage({ type, value });
    }

    get attenuationLimit() {
      return this.#values.attenuationLimit;
    }
    set attenuationLimit(db) {
      this.#set("attenuationLimit", checkNumber("attenuationLimit", db, 0, 100));
    }
    get postfilter() {
      return this.#values.postfilter;
    }
    set postfilter(amount) {
      this.#set("postfilter", checkNumber("postfilter", amount, 0, 1));
    }
    get bypass() {
      return this.#values.bypass;
    }
    set bypass(on) {
      this.#set("bypass", Boolean(on));
    }

    stats() {
      if (this.error || this.#closed) return Promise.resolve(null);
      const id = this.#next++;
      return new Promise((resolve) => {
        this.#waiting.set(id, resolve);
        this.port.postMessage({ type: "stats", id });
      });
    }

    reset() {
      this.port.postMessage({ type: "reset" });
    }

    close() {
      this.disconnect();
      this.port.postMessage({ type: "close" });
      this.#end("the node");
    }
  });
}

// A context may be told of a processor once: here is the URL, or what it waits for.
const told = new WeakMap();
function addWorklet(context, worklet) {
  if (!told.has(context)) told.set(context, addModule(context, worklet ?? new URL("./worklet.js", import.meta.url)));
  return told.get(context);
}

function checkOpen({ state }) {
  if (state === "closed") throw new LinnetError("the context is closed: make another");
}

async function addModule(context, source) {
  const url = isBytes(source) ? URL.createObjectURL(new Blob([source], { type: "text/javascript" })) : source;
  try {
    await context.audioWorklet.addModule(url);
    return url;
  } catch (error) {
    told.delete(context);
    checkOpen(context);
    throw new LinnetError(
      `the worklet cannot be loaded from ${url}: ${error.message}; it has to be served as JavaScript, and the page's ` +
        "Content-Security-Policy has to allow it (script-src, for bytes blob:), another origin too (CORS)",
    );
  } finally {
    if (isBytes(source)) URL.revokeObjectURL(url);
  }
}

/**
 * A node that enhances speech: see index.d.ts for its options and README.md for how to use it.
 *
 * Rejects for what a program has to be changed for: an option, the context's rate, a worklet that cannot be loaded.
 * What may happen in the field, such as a model that cannot be fetched, rejects the node's `ready`: the node is there
 * and audio passes.
 */
export async function createLinnetNode(context, given) {
  const options = complete(given);
  checkRate(context.sampleRate);
  if (!context.audioWorklet) {
    throw new LinnetError("this page has no AudioWorklet: serve it by https or from localhost");
  }
  checkOpen(context);
  const { models, wasm, budget } = options;
  const model = options.model === "auto" ? null : modelSource(options.model, models);
  const worklet = await addWorklet(context, options.worklet);
  let files = {}, failure = null, choice = null;
  try {
    if (!model) choice = await pickModel({ budget, models, wasm });
    // If none can be carried, the first one copies its input.
    const chosen = model ?? modelSource(choice.name ?? models[0].name, models);
    const [code, blob] = await Promise.all([load(wasmSource(wasm), "linnet.wasm"), load(chosen, "the model")]);
    files = { wasm: code, model: blob };
  } catch (error) {
    failure = error;
  }
  const { channels, attenuationLimit, postfilter, bypass, onerror, onmodel } = options;
  const values = { attenuationLimit, postfilter, bypass: Boolean(bypass) };
  const name = choice?.name ?? models.find((one) => one.name === options.model)?.name ?? null;
  const measured = choice?.measured.map((one) => ({ ...one, url: modelSource(one.name, models) }));
  const watched = choice ? { measured, budget } : null;
  const overloaded = choice !== null && choice.name === null;
  const settings = { values, channels, onerror, onmodel, name, watched, overloaded };
  checkOpen(context);  // all this took its time
  try {
    return new (linnetNode())(context, files, settings, failure);
  } catch (error) {
    if (error.name !== "InvalidStateError") throw error;
    told.delete(context);
    throw new LinnetError(`${worklet} is another script: give the worklet.js of this package (${error.message})`);
  }
}
