// Prints the SHA-256 of what a node makes of the noise of noise.mjs, in blocks of 128: hash.mjs MODULE MODEL
// SAMPLES RATE, files of the package.
import { createHash } from "node:crypto";
import { Node, read } from "./audio_thread.mjs";
import { noise } from "./noise.mjs";

const [module, model, samples, rate] = process.argv.slice(2);
const output = new Node({ wasm: read(module), model: read(model) }, Number(rate)).run(noise(Number(samples)), 128);
console.log(createHash("sha256").update(output).digest("hex"));
