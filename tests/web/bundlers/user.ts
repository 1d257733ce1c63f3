// A user's file: every declaration is used, under tsc --strict.
import {
  LinnetError, MODELS, SAMPLE_RATES, chooseModel, createLinnetNode, hasSimd, measureModel, pickModel,
} from "linnet";
import type { Choice, LinnetNode, LinnetOptions, LinnetStats, Measured, Model, ModelChange } from "linnet";
import { large } from "linnet-large";

const models: Model[] = [...MODELS, large];
const options: LinnetOptions = {
  model: "auto",
  models,
  budget: 0.2,
  channels: 2,
  attenuationLimit: 12,
  postfilter: 0.5,
  bypass: false,
  onerror: (error: Error) => console.error(error.message),
  onmodel: ({ name, previous, share }: ModelChange) => console.log(name ?? "none", previous, share.toFixed(2)),
};

export async function start(context: AudioContext): Promise<LinnetNode> {
  if (!SAMPLE_RATES.includes(context.sampleRate)) throw new RangeError("another rate");
  try {
    const node: LinnetNode = await createLinnetNode(context, options);
    await node.ready;
    node.attenuationLimit = 20;
    node.connect(context.destination);
    const stats: LinnetStats | null = await node.stats();
    console.log(stats?.speechProbability, node.delay, node.backend, node.model, node.error?.message);
    return node;
  } catch (error) {
    if (error instanceof LinnetError) console.error(error.status);
    throw error;
  }
}

export async function choose(): Promise<string | null> {
  const measured: readonly Measured[] = [
    { name: "light", quality: 1, microseconds: await measureModel({ model: new Uint8Array(8) }) },
  ];
  const choice: Choice = chooseModel(measured, 0.1, "light");
  const { name } = await pickModel({ models });
  return hasSimd() ? choice.name : name;
}

// @ts-expect-error: a misspelt option is found
export const wrong: LinnetOptions = { modle: "light" };
