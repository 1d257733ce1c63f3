// What the tests in node and those in a browser listen to.

/** Noise with pauses, the same everywhere: a third of a second each, full scale 0.25. */
export function noise(samples) {
  const signal = new Float32Array(samples);
  let state = 1;
  for (let i = 0; i < samples; ++i) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    signal[i] = Math.floor(i / 16000) % 2 === 0 ? (state >> 16) / 131072 : 0;
  }
  return signal;
}
