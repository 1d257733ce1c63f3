// Which model is chosen, as a table.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { PACKAGE } from "./audio_thread.mjs";

const { chooseModel, frameTime } = await import(pathToFileURL(join(PACKAGE, "dist", "choice.js")));
const model = (name, quality, microseconds) => ({ name, quality, microseconds });
const models = (...times) => times.map((microseconds, i) => model("abc"[i], i, microseconds));

const CHOICES = [
  ["all fit: the best", models(100, 200, 400), 0.1, "c", true],
  ["the best is too dear", models(100, 200, 1001), 0.1, "b", true],
  ["exactly the budget", models(100, 200, 1000), 0.1, "c", true],
  ["one alone", models(100), 0.1, "a", true],
  ["none fits: the cheapest", models(3000, 2000, 4000), 0.1, "b", false],
  ["a larger budget", models(3000, 2000, 4000), 0.4, "c", true],
  ["the whole time", models(9000, 10000, 10001), 1, "b", true],
  ["as good and cheaper", [model("x", 1, 5), model("y", 1, 4)], 0.1, "y", true],
  ["as cheap and better", [model("x", 1, 5000), model("y", 2, 5000)], 0.1, "y", false],
  ["a clock that stands still", models(0, 0), 0.1, "b", true],
];
for (const [what, measured, budget, name, fits] of CHOICES) {
  test(`chosen: ${what}`, () => {
    const before = structuredClone(measured);
    const found = chooseModel(measured, budget);
    const { microseconds } = measured.find((one) => one.name === name);
    assert.deepEqual(found, { name, share: microseconds / 10000, fits });
    assert.deepEqual(measured, before);
  });
}

test("bad numbers are refused", () => {
  for (const budget of [0, -1, 1.1, NaN, null]) {
    assert.throws(() => chooseModel(models(1), budget), RangeError, String(budget));
  }
  assert.throws(() => chooseModel([]), TypeError);
  assert.throws(() => chooseModel(models(NaN)), RangeError);
  assert.throws(() => chooseModel([{ name: "a", microseconds: 1 }]), RangeError);
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
