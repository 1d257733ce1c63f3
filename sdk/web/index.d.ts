/** A file by its URL or its bytes. */
export type Source = string | URL | ArrayBuffer | ArrayBufferView;

export interface LinnetOptions {
  /**
   * The name of one of `models` ("light", the default, 0.3 MB), "auto" (the best of them that this device can afford,
   * measured first and then watched), or another .linnet file by its URL or bytes.
   */
  model?: Source;
  /** What `model` chooses from, cheapest first; MODELS by default. The package linnet-large has one more. */
  models?: readonly Model[];
  /**
   * Channels of the node's input and output, 1 (default) .. 8, as one signal: one set of gains, so that the stereo image
   * stays. Two cost 1.15 to 1.4 times one.
   */
  channels?: number;
  /** linnet.wasm; by default the file beside this one, or linnet-scalar.wasm where there are no vectors. */
  wasm?: Source;
  /** worklet.js; by default the file beside this one. Bytes become a blob: URL, which a strict policy forbids. */
  worklet?: Source;
  /**
   * Share of the time of one core, in a loop, that "auto" may choose a model for, above 0 up to 1; 0.1 by default. An
   * audio thread, on which a frame costs more, may take three times of it before a smaller model follows.
   */
  budget?: number;
  /** Most that noise is attenuated, in dB, 0 (a delayed copy) .. 100 (no limit, default). */
  attenuationLimit?: number;
  /** Strength of the envelope post-filter, 0 (off, default) .. 1. */
  postfilter?: number;
  /** Whether the node starts as a delayed copy of its input. */
  bypass?: boolean;
  /** Told once if the node cannot enhance, or not any more; by default console.error. Audio passes unchanged. */
  onerror?: (error: Error) => void;
  /** Told when "auto" has changed the model that runs, as the audio thread was too busy or has time again. */
  onmodel?: (change: ModelChange) => void;
}

/** A model and how good it is, on any scale where larger is better. */
export interface Model {
  name: string;
  quality: number;
  url: string | URL;
}

export interface ModelChange {
  /** null: even the cheapest took over half of the time, and the node copies its input, with the same delay. */
  name: string | null;
  previous: string;
  /** Of the time of the audio thread, when it was decided. */
  share: number;
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

/** As many channels out as in; what is connected is mixed up or down to them by the browser. */
export interface LinnetNode extends AudioWorkletNode {
  /**
   * Resolves once the audio thread enhances, rejects if it never will: audio passes either way, unless the node or its
   * context was closed before.
   */
  readonly ready: Promise<LinnetNode>;
  /** Samples from input to output, exact; 0 until ready. */
  readonly delay: number;
  /** Kernels that run: "wasm128" or "scalar"; "" until ready. */
  readonly backend: string;
  /** Name of the model that runs; null if it was given by URL or bytes, or if "auto" found none that can be carried. */
  readonly model: string | null;
  /** Why audio passes unchanged, or null. */
  readonly error: Error | null;
  /** dB, 0..100; a change is cross-faded over 10 ms. RangeError for anything else. */
  attenuationLimit: number;
  /** 0..1. RangeError for anything else. */
  postfilter: number;
  /** true: a copy of the input, with the delay of the enhanced signal. */
  bypass: boolean;
  /** Asks the audio thread; null after an error, and once the node or its context is closed. */
  stats(): Promise<LinnetStats | null>;
  /** Forgets the signal so far; the controls keep their values. */
  reset(): void;
  /** Disconnects the node and frees its memory. It cannot be used again. */
  close(): void;
}

/**
 * Makes a node. RangeError for a context that does not run at one of SAMPLE_RATES and for values out of their range,
 * TypeError for unknown options and models, LinnetError if the worklet cannot be loaded or the context is closed. What
 * goes wrong with the module and the model rejects the node's `ready` instead.
 */
export function createLinnetNode(context: BaseAudioContext, options?: LinnetOptions): Promise<LinnetNode>;

/** Rates in Hz that a context may have. */
export const SAMPLE_RATES: readonly number[];

/** Models of the package, cheapest first; quality is their mean PESQ-WB on noisy mixtures. */
export const MODELS: readonly Model[];

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
  /** null: even the cheapest takes over half of the time. */
  name: string | null;
  /** Of the time that it takes. */
  share: number;
  /** false: none was within the budget, and this is the cheapest. */
  fits: boolean;
}

/**
 * The best within a share of the time (0.1 by default), or the cheapest, or none if that takes over half of the time.
 * current: name of the one that runs; another has to stay below 0.8 of the budget. RangeError, TypeError for bad numbers.
 * The same function as linnet_choose of the C library.
 */
export function chooseModel(measured: readonly Measured[], budget?: number, current?: string | null): Choice;

/** Microseconds of a frame of 10 ms on this thread, which is busy for 100 ms. */
export function measureModel(options?: { model?: Source; wasm?: Source }): Promise<number>;

/** Measures models, cheapest first, until one is over the budget, and chooses: 100 ms of work. */
export function pickModel(options?: {
  budget?: number;
  models?: readonly Model[];
  wasm?: Source;
}): Promise<Choice & { measured: Measured[] }>;
