/** A file by its URL or its bytes. */
export type Source = string | URL | ArrayBuffer | ArrayBufferView;

export interface LinnetOptions {
  /**
   * "light" (default; 0.3 MB), "sparse" (2.6 MB, better, about twice the work), "auto" (the best of these that
   * this device can afford, measured first), or another .linnet file by its URL or bytes.
   */
  model?: "light" | "sparse" | "auto" | Source;
  /** linnet.wasm; by default the file beside this one, or linnet-scalar.wasm where there are no vectors. */
  wasm?: Source;
  /** worklet.js; by default the file beside this one. Bytes become a blob: URL, which a strict policy forbids. */
  worklet?: Source;
  /** Share of the time of one core that "auto" may choose a model for, above 0 up to 1; 0.1 by default. */
  budget?: number;
  /** Most that noise is attenuated, in dB, 0 (a delayed copy) .. 100 (no limit, default). */
  attenuationLimit?: number;
  /** Strength of the envelope post-filter, 0 (off, default) .. 1. */
  postfilter?: number;
  /** Whether the node starts as a delayed copy of its input. */
  bypass?: boolean;
  /** Told once if the node cannot enhance, or not any more; by default console.error. Audio passes unchanged. */
  onerror?: (error: Error) => void;
}

/** Of the newest frame of 10 ms. */
export interface LinnetStats {
  /** 0..1 */
  speechProbability: number;
  /** The input's speech to noise ratio in dB, -30..60. */
  inputSnr: number;
  /** 0..1, what is left of the bands' amplitudes. */
  meanGain: number;
  /** Pitch in Hz, 62.5..800; 0 if the model looks for none. */
  pitch: number;
  /** Number of frames done. */
  frame: number;
}

/** Mono in, mono out; more input channels are mixed down by the browser. */
export interface LinnetNode extends AudioWorkletNode {
  /** Resolves once the audio thread enhances, rejects if it never will; audio passes either way. */
  readonly ready: Promise<LinnetNode>;
  /** Samples from input to output, exact; 0 until ready. */
  readonly delay: number;
  /** Kernels that run: "wasm128" or "scalar"; "" until ready. */
  readonly backend: string;
  /** Why audio passes unchanged, or null. */
  readonly error: Error | null;
  /** dB, 0..100; a change is cross-faded over 10 ms. RangeError for anything else. */
  attenuationLimit: number;
  /** 0..1. RangeError for anything else. */
  postfilter: number;
  /** true: a copy of the input, with the delay of the enhanced signal. */
  bypass: boolean;
  /** Asks the audio thread; null after an error or a close. */
  stats(): Promise<LinnetStats | null>;
  /** Forgets the signal so far; the controls keep their values. */
  reset(): void;
  /** Disconnects the node and frees its memory. It cannot be used again. */
  close(): void;
}

/**
 * Makes a node. RangeError for a context that does not run at one of SAMPLE_RATES and for values out of their range,
 * TypeError for unknown options and models, LinnetError if the worklet cannot be loaded. What goes wrong with the
 * module and the model rejects the node's `ready` instead.
 */
export function createLinnetNode(context: BaseAudioContext, options?: LinnetOptions): Promise<LinnetNode>;

/** Rates in Hz that a context may have. */
export const SAMPLE_RATES: readonly number[];

/** Models of the package, cheapest first; quality is their mean PESQ-WB on noisy mixtures. */
export const MODELS: readonly { name: string; quality: number; url: URL }[];

/** `status` is the linnet_status of linnet.h, 0 if there is none. */
export class LinnetError extends Error {
  readonly status: number;
}

/** Whether this engine has WebAssembly's 128-bit vectors. */
export function hasSimd(): boolean;

export interface Measured {
  name: string;
  /** Larger is better. */
  quality: number;
  /** Of a frame of 10 ms. */
  microseconds: number;
}

export interface Choice {
  name: string;
  /** Of the time that it takes. */
  share: number;
  /** false: none was within the budget, and this is the cheapest. */
  fits: boolean;
}

/** The best within a share of the time (0.1 by default), or the cheapest. RangeError, TypeError for bad numbers. */
export function chooseModel(measured: Measured[], budget?: number): Choice;

/** Microseconds of a frame of 10 ms on this thread, which is busy for about 0.1 s. */
export function measureModel(options?: { model?: Source; wasm?: Source }): Promise<number>;

/** Measures models, cheapest first, until one is over the budget, and chooses. */
export function pickModel(options?: {
  budget?: number;
  models?: { name: string; quality: number; url: Source }[];
  wasm?: Source;
}): Promise<Choice & { measured: Measured[] }>;
