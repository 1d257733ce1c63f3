// Which model is chosen: the table that linnet_choose of the C library is held against too.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { PACKAGE } from "./audio_thread.mjs";

const { chooseModel, frameTime } = await import(pathToFileURL(join(PACKAGE, "dist", "choice.js")));
const models = (...pairs) => pairs.map(([quality, microseconds], i) => ({ name: "abcdefgh"[i], quality, microseconds }));
const nameOf = (index) => (index === "-1" ? null : "abcdefgh"[index]);

const table = readFileSync(new URL("../data/choices.txt", import.meta.url), "utf8");
const lines = table.split("\n").filter((line) => line && !line.startsWith("#"));
test("the answers are those of the table", () => {
  assert.ok(lines.length > 20);
  for (const line of lines) {
    const [budget, current, expected, ...pairs] = line.split(/\s+/);
    const measured = models(...pairs.map((pair) => pair.split(":").map(Number)));
    const before = structuredClone(measured);
    const found = chooseModel(measured, Number(budget), nameOf(current));
    assert.equal(found.name, nameOf(expected), line);
    assert.equal(found.share, (measured.find(({ name }) => name === found.name)?.microseconds ?? 0) / 10000, line);
    assert.deepEqual(measured, before);
  }
});

test("it says whether the budget was kept", () => {
  for (const [measured, budget, fits] of [[models([0, 1000]), 0.1, true], [models([0, 1001]), 0.1, false]]) {
    assert.equal(chooseModel(measured, budget).fits, fits);
  }
});

test("bad numbers are refused", () => {
  for (const budget of [0, -1, 1.1, NaN, null]) {
    assert.throws(() => chooseModel(models([0, 1]), budget), RangeError, String(budget));
  }
  assert.throws(() => chooseModel([]), TypeError);
  for (const microseconds of [-1, NaN, Infinity]) assert.throws(() => chooseModel(models([0, microseconds])), RangeError);
  assert.throws(() => chooseModel([{ name: "a", microseconds: 1 }]), RangeError);
  assert.throws(() => chooseModel(models([0, 1]), 0.1, "z"), TypeError);
});

test("of several runs the median counts", () => {
  const run = (microseconds, frames = 10) => ({ frames, milliseconds: (microseconds * frames) / 1000 });
  for (const [runs, expected] of [
    [[run(100)], 100],
    [[run(100), run(900), run(110)], 110],
    [[run(100), run(200), run(300), run(400)], 200],
    [[run(5, 1000), run(7, 10), run(6, 100)], 6],
  ]) {
    assert.equal(Math.round(frameTime(runs)), expected);
  }
  assert.throws(() => frameTime([]), TypeError);
});
