// An application that is bundled with the package: enhances noise and reports the SHA-256 of what comes out.
import { createLinnetNode } from "linnet";
import { noise } from "./noise.mjs";
import { report, sha256 } from "./report.mjs";

const SAMPLES = 96000;

report(async () => {
  const context = new OfflineAudioContext({ numberOfChannels: 1, length: SAMPLES, sampleRate: 48000 });
  const node = await createLinnetNode(context);
  await node.ready;
  const buffer = context.createBuffer(1, SAMPLES, 48000);
  buffer.copyToChannel(noise(SAMPLES), 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(node).connect(context.destination);
  source.start();
  return sha256((await context.startRendering()).getChannelData(0));
});
