// Which model a device can afford. The decision is a function of numbers alone.

/** Duration of a frame in microseconds. */
export const FRAME = 10000;

/**
 * The best of some measured models that cost no more than a share of the time, or the cheapest if none does.
 *
 * @param {{name: string, quality: number, microseconds: number}[]} measured quality: larger is better; microseconds:
 *     what a frame of 10 ms takes
 * @param {number} budget share of the time, above 0 up to 1
 * @returns {{name: string, share: number, fits: boolean}} share: of the time that the chosen one takes
 */
export function chooseModel(measured, budget = 0.1) {
  if (!Array.isArray(measured) || measured.length === 0) {
    throw new TypeError("there is no model to choose from: give at least one");
  }
  if (!(budget > 0 && budget <= 1)) {
    throw new RangeError(`budget is ${String(budget)}: give a share of the time, above 0 up to 1`);
  }
  for (const { name, quality, microseconds } of measured) {
    if (!(microseconds >= 0) || !Number.isFinite(quality)) {
      throw new RangeError(`model ${name} has quality ${quality} and ${microseconds} microseconds: measure it first`);
    }
  }
  const cheaper = (a, b) => a.microseconds - b.microseconds || b.quality - a.quality;
  const better = (a, b) => b.quality - a.quality || cheaper(a, b);
  const fitting = measured.filter(({ microseconds }) => microseconds <= budget * FRAME);
  const [chosen] = fitting.length > 0 ? fitting.sort(better) : [...measured].sort(cheaper);
  return { name: chosen.name, share: chosen.microseconds / FRAME, fits: fitting.length > 0 };
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
