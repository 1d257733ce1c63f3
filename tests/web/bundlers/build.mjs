// Builds an application that uses the package, as its user would: build.mjs BUNDLER PROJECT, of which PROJECT has
// app.js and node_modules, and gets dist/ with an index.html. To be run where the bundlers are installed.
import { cp, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

const [bundler, folder] = process.argv.slice(2);
const project = resolve(folder), entry = join(project, "app.js"), output = join(project, "dist");
const page = (tag) => `<!doctype html><meta charset="utf-8" /><title>${bundler}</title>${tag}`;

const bundlers = {
  async vite() {
    const { build } = await import("vite");
    await writeFile(join(project, "index.html"), page('<script type="module" src="./app.js"></script>'));
    await build({ root: project, base: "./", logLevel: "error", build: { target: "esnext" } });
  },

  async webpack() {
    const { default: webpack } = await import("webpack");
    const target = { path: output, filename: "bundle.js" };
    const stats = await promisify(webpack)({ mode: "production", context: project, entry, output: target });
    if (stats.hasErrors()) throw new Error(stats.toString("errors-only"));
    await writeFile(join(output, "index.html"), page('<script defer src="bundle.js"></script>'));
  },

  // It leaves the URLs of files as they are: these are copied.
  async esbuild() {
    const { build } = await import("esbuild");
    const settings = { bundle: true, format: "esm", minify: true, logLevel: "error" };
    await build({ ...settings, entryPoints: [entry], outfile: join(output, "bundle.js") });
    const files = join(project, "node_modules/linnet/dist");
    for (const name of ["worklet.js", "linnet.wasm", "linnet-scalar.wasm", "models"]) {
      await cp(join(files, name), join(output, name), { recursive: true });
    }
    await writeFile(join(output, "index.html"), page('<script type="module" src="bundle.js"></script>'));
  },
};
await bundlers[bundler]();
