// A track processor in the form that LiveKit's LocalAudioTrack.setProcessor() takes: it is given a track and an
// AudioContext, and says by processedTrack what is sent instead.
import { SAMPLE_RATES, createLinnetNode } from "linnet";

export class LinnetTrackProcessor {
  name = "linnet";
  processedTrack = undefined;
  node = null;
  #options;
  #source = null;
  #context = null;

  constructor(options = {}) {
    this.#options = options;
  }

  async init({ track, audioContext }) {
    // A context of another rate cannot be used: then one of our own, to which the browser resamples.
    this.#context = SAMPLE_RATES.includes(audioContext?.sampleRate) ? null : new AudioContext({ sampleRate: 48000 });
    const context = this.#context ?? audioContext;
    try {
      this.node = await createLinnetNode(context, this.#options);
      const destination = context.createMediaStreamDestination();
      this.#source = context.createMediaStreamSource(new MediaStream([track]));
      this.#source.connect(this.node).connect(destination);
      [this.processedTrack] = destination.stream.getAudioTracks();
    } catch (error) {
      await this.destroy();
      throw error;
    }
  }

  async restart(options) {
    await this.destroy();
    await this.init(options);
  }

  async destroy() {
    this.#source?.disconnect();
    this.node?.close();
    this.processedTrack?.stop();
    await this.#context?.close();
    this.#source = this.node = this.#context = null;
    this.processedTrack = undefined;
  }
}
