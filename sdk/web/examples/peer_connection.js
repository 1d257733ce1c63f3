// Replaces the microphone's track that an RTCPeerConnection sends by the enhanced one. The microphone is asked for
// without the browser's own noise suppression, which would be before ours; its echo cancellation is kept.
import { createLinnetNode } from "linnet";

export const MICROPHONE = { audio: { noiseSuppression: false, autoGainControl: false, echoCancellation: true } };

/**
 * @param {RTCRtpSender} sender one that has an audio track
 * @returns {Promise<{node: LinnetNode, stop: () => Promise<void>}>} stop: puts the first track back
 */
export async function enhanceSender(sender, options) {
  const track = sender.track;
  const context = new AudioContext({ sampleRate: 48000, latencyHint: "interactive" });
  try {
    const node = await createLinnetNode(context, options);
    const destination = context.createMediaStreamDestination();
    context.createMediaStreamSource(new MediaStream([track])).connect(node).connect(destination);
    await sender.replaceTrack(destination.stream.getAudioTracks()[0]);
    const stop = async () => {
      await sender.replaceTrack(track).catch(() => {});  // a call that is over takes none
      node.close();
      if (context.state !== "closed") await context.close();
    };
    return { node, stop };
  } catch (error) {
    await context.close();
    throw error;
  }
}
