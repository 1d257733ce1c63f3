// The main thread's side of a node, without a browser: a node of a made-up graph, whose audio thread is that of
// audio_thread.mjs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import vm from "node:vm";
import { LARGE, Node, PACKAGE, read } from "./audio_thread.mjs";

const linnet = await import(pathToFileURL(join(PACKAGE, "dist", "index.js")));
const files = () => ({ wasm: read("linnet.wasm"), model: read("models/light.linnet") });

globalThis.AudioWorkletNode = class extends EventTarget {
  constructor(context, name, { processorOptions }) {
    super();
    if (!context.told) throw new DOMException(`there is no ${name}`, "InvalidStateError");
    this.context = context;
    const audio = new Node(processorOptions, context.sampleRate);
    const deliver = () => {
      if (context.state !== "closed") audio.messages.splice(0).forEach((data) => this.port.onmessage({ data }));
    };
    this.port = { postMessage: (message) => setImmediate(() => { audio.send(message); deliver(); }) };
    setImmediate(deliver);
  }

  disconnect() {}
};

class Context extends EventTarget {
  sampleRate = 48000;
  state = "running";
  told = false;
  audioWorklet = {
    addModule: async (url) => {
      const text = new URL(url).protocol === "blob:" ? await (await fetch(url)).text() : readFileSync(url, "utf8");
      this.told = text.includes("registerProcessor");
    },
  };

  async close() {
    this.state = "closed";
    this.dispatchEvent(new Event("statechange"));
  }
}

test("what is undefined or null is not given", async () => {
  const names = ["models", "channels", "worklet", "budget", "attenuationLimit", "postfilter", "bypass", "onerror"];
  for (const nothing of [undefined, null]) {
    const options = Object.fromEntries(names.map((name) => [name, nothing]));
    const node = await linnet.createLinnetNode(new Context(), { ...options, ...files() });
    await node.ready;
    assert.deepEqual([node.attenuationLimit, node.postfilter, node.bypass], [100, 0, false]);
    const light = { name: "light", quality: 1, url: read("models/light.linnet") };
    const other = await linnet.createLinnetNode(new Context(), { ...files(), model: nothing, models: [light] });
    await other.ready;
    assert.equal(other.model, "light");
    const failed = await linnet.createLinnetNode(new Context(), nothing);  // files of the disk cannot be fetched
    assert.match(failed.error.message, /^(linnet\.wasm|the model) cannot be fetched from file:/);
  }
});

test("an URL is what says its address, of whatever realm", async () => {
  const model = { href: "data:application/octet-stream,linnet", toString: () => model.href };
  const node = await linnet.createLinnetNode(new Context(), { ...files(), model, onerror: () => {} });
  await assert.rejects(node.ready, /^LinnetError: the model is not at data:/);
});

test("a model is named as in the list, whatever its name, and not at all by its URL or bytes", async () => {
  const names = [];
  const bytes = read("models/light.linnet"), models = [{ name: "v1.2/light", quality: 1, url: bytes }];
  const { fetch } = globalThis;
  globalThis.fetch = async () => new Response(bytes);
  try {
    for (const model of ["v1.2/light", "auto", "/models/own.linnet", new URL("https://own/own.linnet"), bytes]) {
      const node = await linnet.createLinnetNode(new Context(), { ...files(), model, models, budget: 1 });
      await node.ready;
      names.push(node.model);
    }
  } finally {
    globalThis.fetch = fetch;
  }
  assert.deepEqual(names, ["v1.2/light", "v1.2/light", null, null, null]);
});

test("a file that does not come, or another than was asked for, is named with a remedy", async () => {
  const page = "<!doctype html><title>Not found</title>";
  const answers = {
    "/page": (response) => response.end(page),  // status 200, as servers of single pages give for any path
    "/missing": (response) => response.writeHead(404).end(page),
    "/short": (response) => {
      response.writeHead(200, { "Content-Length": 100 }).write("linnet", () => response.destroy());
    },
    "/empty": (response) => response.end(),
  };
  const server = createServer(({ url }, response) => answers[url](response)).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const place = `http://127.0.0.1:${server.address().port}`;
  const nowhere = "http://127.0.0.1:1/light.linnet";
  try {
    for (const [options, message] of [
      [{ model: `${place}/page` }, `the model is not at ${place}/page: what comes starts with "<!doctype html>"`],
      [{ wasm: `${place}/page` }, `linnet.wasm is not at ${place}/page: what comes starts with "<!doctype html>"`],
      [{ model: `${place}/empty` }, `the model is not at ${place}/empty: what comes starts with ""`],
      [{ model: `${place}/missing` }, `the model cannot be fetched from ${place}/missing: status 404`],
      [{ model: `${place}/short` }, `the model cannot be fetched from ${place}/short: terminated; `],
      [{ wasm: nowhere }, `linnet.wasm cannot be fetched from ${nowhere}: fetch failed; `],
    ]) {
      const node = await linnet.createLinnetNode(new Context(), { ...files(), ...options, onerror: () => {} });
      await assert.rejects(node.ready, (error) => {
        assert.ok(error instanceof linnet.LinnetError, String(error));
        assert.ok(error.message.startsWith(message), error.message);
        return true;
      });
    }
  } finally {
    server.close();
  }
});

test("bytes are taken from any memory: shared, of another realm, a part of something larger", async () => {
  const bytes = new Uint8Array(read("models/light.linnet"));
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 64), 64);
  shared.set(bytes);
  const code = new Uint8Array(read("linnet.wasm"));
  const wasm = new Uint8Array(new SharedArrayBuffer(code.length));
  wasm.set(code);
  const foreign = vm.runInNewContext("new ArrayBuffer(size)", { size: bytes.length });
  new Uint8Array(foreign).set(bytes);
  for (const model of [shared, foreign, new DataView(shared.buffer, 64)]) {
    await (await linnet.createLinnetNode(new Context(), { wasm: wasm.buffer, model })).ready;
    assert.ok((await linnet.measureModel({ wasm, model })) > 0);
  }
});

test("a worklet may be bytes, of which nothing is kept; another script is named, and ours can follow", async () => {
  const { createObjectURL } = URL, urls = [];
  URL.createObjectURL = (blob) => (urls.push(createObjectURL(blob)), urls.at(-1));
  try {
    await (await linnet.createLinnetNode(new Context(), { ...files(), worklet: read("worklet.js") })).ready;
  } finally {
    URL.createObjectURL = createObjectURL;
  }
  assert.equal(urls.length, 1);
  await assert.rejects(fetch(urls[0]));

  const context = new Context(), worklet = pathToFileURL(join(PACKAGE, "dist", "choice.js"));
  await assert.rejects(linnet.createLinnetNode(context, { ...files(), worklet }), (error) => {
    assert.ok(error instanceof linnet.LinnetError, String(error));
    const remedy = "give the worklet.js of this package";
    assert.equal(error.message, `${worklet} is another script: ${remedy} (there is no linnet)`);
    return true;
  });
  await (await linnet.createLinnetNode(context, files())).ready;
});

const closed = (what) => ({ name: "LinnetError", message: `${what} was closed before the node enhanced` });

test("a context that is closed, or is while files come, is refused", async () => {
  const context = new Context(), refused = { name: "LinnetError", message: "the context is closed: make another" };
  const pending = linnet.createLinnetNode(context, files());
  await context.close();
  await assert.rejects(pending, refused);
  await assert.rejects(linnet.createLinnetNode(context, files()), refused);

  const late = new Context();
  late.audioWorklet.addModule = async () => (await late.close(), Promise.reject(new Error("aborted")));
  await assert.rejects(linnet.createLinnetNode(late, files()), refused);
});

test("whoever waits for a node is told when it or its context is closed", async () => {
  const ways = { "the node": (node) => node.close(), "the context": ({ context }) => context.close() };
  for (const [what, close] of Object.entries(ways)) {
    const early = await linnet.createLinnetNode(new Context(), files());
    close(early);
    await assert.rejects(early.ready, closed(what));

    const node = await linnet.createLinnetNode(new Context(), files());
    await node.ready;
    const asked = node.stats();
    close(node);
    assert.equal(await asked, null);
    assert.equal(await node.stats(), null);
    node.close();
    node.attenuationLimit = 6;
    assert.equal(node.error, null);
  }
});

test("a closed node is told of no change, and its context is not listened to any more", async () => {
  const changes = [], warnings = [], { warn } = console;
  const large = new Uint8Array(readFileSync(join(LARGE, "dist/large.linnet")));
  const models = [read("models/light.linnet"), large].map((url, quality) => ({ name: "ab"[quality], quality, url }));
  console.warn = (text) => warnings.push(text);
  try {
    const context = new Context();
    const onmodel = (change) => changes.push(change);
    const node = await linnet.createLinnetNode(context, { ...files(), model: "auto", models, budget: 1, onmodel });
    await node.ready;
    const { onmessage } = node.port;
    const removed = [];
    context.removeEventListener = (type) => removed.push(type);
    onmessage({ data: { type: "load", share: 1.01 } });
    node.close();
    for (const type of ["changed", "kept"]) onmessage({ data: { type, message: "late" } });
    assert.deepEqual(removed, ["statechange"]);
  } finally {
    console.warn = warn;
  }
  assert.deepEqual([changes, warnings], [[], []]);
});

test("a model that cannot be had is left out of the choice, in which the others stay", async () => {
  const changes = [], warnings = [], { warn } = console;
  console.warn = (text) => warnings.push(text);
  const settled = () => new Promise((resolve) => setTimeout(resolve, 50));
  const sources = [read("models/light.linnet"), readFileSync(join(LARGE, "dist/large.linnet"))];
  const models = sources.map((url, quality) => ({ name: "ab"[quality], quality, url: new Uint8Array(url) }));
  try {
    const options = { ...files(), model: "auto", models, budget: 1, onmodel: ({ name }) => changes.push(name) };
    const node = await linnet.createLinnetNode(new Context(), options);
    await node.ready;
    models[0].url.fill(0);
    const say = (share) => node.port.onmessage({ data: { type: "load", share } });
    assert.equal(node.model, "b");
    say(1.01);
    await settled();
    assert.deepEqual([node.model, node.error], ["b", null]);
    assert.match(warnings[0], /^linnet: b goes on: the model: /);
    say(0.4);
    say(1.5);
    assert.deepEqual([node.model, ...changes], [null, null]);
  } finally {
    console.warn = warn;
  }
});
