// The main thread's side of a node, without a browser: a node of a made-up graph, whose audio thread is that of
// audio_thread.mjs.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { Node, PACKAGE, read } from "./audio_thread.mjs";

const linnet = await import(pathToFileURL(join(PACKAGE, "dist", "index.js")));
const files = () => ({ wasm: read("linnet.wasm"), model: read("models/light.linnet") });

globalThis.AudioWorkletNode = class extends EventTarget {
  constructor(context, name, { processorOptions }) {
    super();
    this.context = context;
    const audio = new Node(processorOptions, context.sampleRate);
    const deliver = () => audio.messages.splice(0).forEach((data) => this.port.onmessage({ data }));
    this.port = { postMessage: (message) => queueMicrotask(() => { audio.send(message); deliver(); }) };
    queueMicrotask(deliver);
  }

  disconnect() {}
};

class Context extends EventTarget {
  sampleRate = 48000;
  state = "running";
  audioWorklet = { addModule: async () => {} };
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
  }
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
