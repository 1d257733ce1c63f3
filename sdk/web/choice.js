// Which model a device can afford. The decision is a function of numbers alone, the same as linnet_choose of linnet.h;
// both are held against one table.

/** Duration of a frame in microseconds. */
export const FRAME = 10000;

const HYSTERESIS = 0.8;  // of the budget, for another model than the one that runs
const BEARABLE = 0.5;  // of the time: more than that is not enhanced

/** Throws a RangeError for what is no share of the time. */
export function checkBudget(budget) {
  if (typeof budget !== "number" || !(budget > 0 && budget <= 1)) {
    throw new RangeError(`budget is ${String(budget)}: give a share of the time, above 0 up to 1`);
  }
}

/**
 * The best of some measured models that cost no more than a share of the time. Another than the one that runs has to
 * stay below 0.8 of it, so that two do not take turns. If none does, the cheapest, or none at all if that takes over
 * half of the time.
 *
 * @param {{name: string, quality: number, microseconds: number}[]} measured quality: larger is better; microseconds:
 *     what a frame of 10 ms takes
 * @param {number} budget share of the time, above 0 up to 1
 * @param {string?} current name of the one that runs, or null
 * @returns {{name: string?, share: number, fits: boolean}} name: null if audio is better left alone; share: of the time
 *     that the chosen one takes; fits: whether it is within the budget
 */
export function chooseModel(measured, budget = 0.1, current = null) {
  if (!Array.isArray(measured) || measured.length === 0) {
    throw new TypeError("there is no model to choose from: give at least one");
  }
  checkBudget(budget);
  if (current !== null && !measured.some(({ name }) => name === current)) {
    throw new TypeError(`model ${current} runs and was not measured: give it with the others`);
  }
  for (const { name, quality, microseconds } of measured) {
    if (!(microseconds >= 0 && microseconds < Infinity) || !Number.isFinite(quality)) {
      throw new RangeError(`model ${name} has quality ${quality} and ${microseconds} microseconds: measure it first`);
    }
  }
  const cheaper = (a, b) => a.microseconds - b.microseconds || b.quality - a.quality;
  const better = (a, b) => b.quality - a.quality || cheaper(a, b);
  const limit = budget * FRAME;
  const own = (name) => (current === null || name === current ? limit : HYSTERESIS * limit);
  const [best] = measured.filter(({ name, microseconds }) => microseconds <= own(name)).sort(better);
  const [cheapest] = [...measured].sort(cheaper);
  const chosen = best ?? (cheapest.microseconds <= BEARABLE * FRAME ? cheapest : null);
  return { name: chosen?.name ?? null, share: (chosen?.microseconds ?? 0) / FRAME, fits: Boolean(best) };
}

/**
 * Microseconds per frame, out of runs: the median, as a run that was interrupted says nothing and clocks of browsers
 * are coarse.
 *
 * @param {{frames: number, milliseconds: number}[]} runs
 */
export function frameTime(runs) {
  const times = runs.map(({ frames, milliseconds }) => (1000 * milliseconds) / frames).sort((a, b) => a - b);
  if (times.length === 0) throw new TypeError("there is no run to take the time from: give at least one");
  return times[(times.length - 1) >> 1];
}
