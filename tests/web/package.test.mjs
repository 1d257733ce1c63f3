// The main thread's side of the package, and the package as a whole, without a browser.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { LARGE, PACKAGE, read } from "./audio_thread.mjs";

const linnet = await import(pathToFileURL(join(PACKAGE, "dist", "index.js")));
const text = (name) => readFileSync(join(PACKAGE, name), "utf8");

test("the modules ask their host for nothing", () => {
  for (const name of ["linnet.wasm", "linnet-scalar.wasm"]) {
    const module = new WebAssembly.Module(read(name));
    assert.deepEqual(WebAssembly.Module.imports(module), []);
    const exported = WebAssembly.Module.exports(module).map((one) => one.name);
    assert.ok(exported.includes("memory") && exported.includes("process") && exported.length < 20);
    assert.ok(gzipSync(new Uint8Array(read(name)), { level: 9 }).length < 60000);
  }
  assert.equal(linnet.hasSimd(), true);
});

test("memory that a page does not get is an error with its number", async () => {
  const { Engine } = await import(pathToFileURL(join(PACKAGE, "dist", "engine.js")));
  const module = new WebAssembly.Module(read("linnet.wasm")), model = new Uint8Array(read("models/light.linnet"));
  const { grow } = WebAssembly.Memory.prototype;
  let left = 6;  // grown for the blob, and not for the stream
  WebAssembly.Memory.prototype.grow = function (pages) {
    if (pages > left) throw new RangeError("enough");
    left -= pages;
    return grow.call(this, pages);
  };
  try {
    assert.throws(() => new Engine(module, model, 48000), { name: "LinnetError", status: -4, message: /^no memory for \d+ bytes$/ });
  } finally {
    WebAssembly.Memory.prototype.grow = grow;
  }
  const { Instance } = WebAssembly;
  WebAssembly.Instance = function () {
    throw new RangeError("Out of memory");
  };
  try {
    const message = "no memory for linnet.wasm: Out of memory; close() the nodes that are done";
    assert.throws(() => new Engine(module, model, 48000), { name: "LinnetError", status: -4, message });
  } finally {
    WebAssembly.Instance = Instance;
  }
  assert.ok(new Engine(module, model, 48000).delay > 0);
});

test("the probe is a module of vectors, and only the module for them has any", async () => {
  const prefix = (name) => new Uint8Array(read(name)).filter((byte) => byte === 0xfd).length;
  assert.ok(prefix("linnet.wasm") > 10 * prefix("linnet-scalar.wasm"));
  const probe = /const PROBE = new Uint8Array\(\[([\d,\s]+)\]\)/.exec(text("dist/index.js"))[1];
  const bytes = probe.split(",").map((word) => word.trim()).filter(Boolean).map(Number);
  assert.equal(WebAssembly.validate(new Uint8Array(bytes)), true);
  assert.equal(WebAssembly.validate(new Uint8Array(bytes.with?.(27, 0) ?? [])), false);
});

test("the worklet is one file that bundlers do not inline, without words that a strict policy forbids", () => {
  assert.ok(statSync(join(PACKAGE, "dist/worklet.js")).size > 4096);
  assert.doesNotMatch(text("dist/worklet.js"), /^\s*(import|export)\b/m);
  for (const name of ["worklet.js", "index.js", "engine.js", "choice.js"]) {
    assert.doesNotMatch(text(`dist/${name}`), /\beval\(|new Function|SharedArrayBuffer|https?:\/\//, name);
  }
});

test("every file that is named is there", () => {
  const { exports, version } = JSON.parse(text("package.json"));
  assert.match(version, /^\d+\.\d+\.\d+/);
  for (const path of Object.values(exports).flatMap((one) => (typeof one === "string" ? [one] : Object.values(one)))) {
    assert.ok(existsSync(join(PACKAGE, path.replace(/\/\*$/, ""))), path);
  }
  const urls = [...text("dist/index.js").matchAll(/new URL\("(\.\/[^"]+)", import\.meta\.url\)/g)];
  assert.equal(urls.length, 4);
  for (const [, path] of urls) assert.ok(existsSync(join(PACKAGE, "dist", path)), path);
});

test("in a bundle that is no module, which has no address of its own, files are given", async () => {
  const folder = mkdtempSync(join(tmpdir(), "linnet-"));
  try {
    for (const name of ["index.js", "engine.js", "choice.js"]) {
      writeFileSync(join(folder, name), text(`dist/${name}`).replaceAll("import.meta.url", "undefined"));
    }
    writeFileSync(join(folder, "package.json"), '{"type": "module"}');
    const { measureModel } = await import(pathToFileURL(join(folder, "index.js")));
    assert.ok((await measureModel({ wasm: read("linnet.wasm"), model: read("models/light.linnet") })) > 0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("what is declared is what is exported", () => {
  const declared = [...text("dist/index.d.ts").matchAll(/^export (?:function|const|class) (\w+)/gm)];
  assert.deepEqual(declared.map(([, name]) => name).sort(), Object.keys(linnet).sort());
});

test("the cost of a model is measured, and less for a lighter one", async () => {
  const wasm = read("linnet.wasm");
  const time = async (model) => linnet.measureModel({ model, wasm });
  let light, large;
  for (let attempt = 0; attempt < 3; ++attempt) {  // the machine may be busy with something else
    light = await time(read("models/light.linnet"));
    large = await time(readFileSync(join(LARGE, "dist/large.linnet")));
    if (light > 1 && light < large) return;
  }
  assert.fail(`light ${light}, large ${large}`);
});

const context = (sampleRate = 48000, audioWorklet = { addModule: async () => {} }) => ({ sampleRate, audioWorklet });
test("bad options are refused by their names, with a remedy", async () => {
  const cases = [
    [context(44100), {}, RangeError, /not at 44100: make the context with new AudioContext\({ sampleRate: 48000 }\)/],
    [context(), { attenuationLimit: -1 }, RangeError, /attenuationLimit is -1: give a number from 0 to 100/],
    [context(), { attenuationLimit: "12" }, RangeError, /attenuationLimit is 12/],
    [context(), { postfilter: NaN }, RangeError, /postfilter is NaN: give a number from 0 to 1/],
    [context(), { channels: 9 }, RangeError, /channels is 9: give a whole number from 1 to 8/],
    [context(), { channels: "2" }, RangeError, /channels is 2: give a whole number/],
    [context(), { model: "lihgt" }, TypeError, /no model "lihgt": give auto, light, an URL/],
    [context(), { modell: "light" }, TypeError, /unknown option modell: there are model,/],
    [context(), { model: 42 }, TypeError, /model is 42: give an URL or the bytes/],
    [context(), { wasm: Promise.resolve() }, TypeError, /wasm is \[object Promise\]: give an URL or the bytes/],
    [context(), { worklet: {} }, TypeError, /worklet is \[object Object\]: give an URL or the bytes/],
    [context(), { budget: 0 }, RangeError, /budget is 0: give a share of the time, above 0 up to 1/],
    [context(), { budget: "0.1" }, RangeError, /budget is 0\.1: give a share/],
    [context(), { models: [] }, TypeError, /models is empty: give an array/],
    [context(), { models: "light" }, TypeError, /models is light: give an array/],
    [context(), { models: [{ name: "a", url: "/a" }] }, TypeError, /name a, quality undefined: give a string/],
    [context(), { models: [{ name: "a", quality: 1 }] }, TypeError, /the url of model a is undefined: give an URL/],
    [context(), { onerror: "told" }, TypeError, /onerror is told: give a function/],
    [context(), { onmodel: 1 }, TypeError, /onmodel is 1: give a function/],
    [context(48000, null), {}, linnet.LinnetError, /https/],
    [
      context(48000, { addModule: async () => { throw new Error("aborted"); } }),
      { worklet: "/w.js" },
      linnet.LinnetError,
      /worklet cannot be loaded from \/w\.js: aborted; it has to be served as JavaScript, .*script-src.*CORS/,
    ],
  ];
  for (const [place, options, kind, message] of cases) {
    await assert.rejects(linnet.createLinnetNode(place, options), (error) => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(linnet.pickModel({ budget: 2 }), RangeError);
  await assert.rejects(linnet.measureModel({ modle: "light" }), /unknown option modle/);
});
