// Starts Vite's development server for an application that uses the package: dev.mjs PROJECT, of which PROJECT has
// app.js, node_modules and a vite.config.js. Prints, as JSON, how each file starts that the package's URLs name there.
// To be run where Vite is installed.
import { createServer } from "vite";

const server = await createServer({ root: process.argv[2], logLevel: "error" });
await server.listen(0);
const [place] = server.resolvedUrls.local;
const text = async (url) => (await fetch(url)).text();
const found = {};
const application = await text(new URL("app.js", place));
for (const [, path] of application.matchAll(/from "([^"]*node_modules[^"]*linnet[^"]*)"/g)) {
  const script = new URL(path, place);
  for (const [, url] of (await text(script)).matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)) {
    found[url.split("/").at(-1)] = (await text(new URL(url, script))).slice(0, 6);
  }
}
console.log(JSON.stringify(found));
await server.close();
