// How a page tells the tests what it has found.

export async function sha256(samples) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", samples));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Sends what a function returns or throws to the server, and which other origins were asked for anything. */
export async function report(run) {
  let found;
  try {
    const result = await run();
    const strangers = performance
      .getEntriesByType("resource")
      .map((entry) => entry.name)
      .filter((url) => new URL(url).origin !== location.origin);
    found = { result, strangers };
  } catch (error) {
    found = { error: `${error.name}: ${error.message}\n${error.stack}` };
  }
  await fetch("/report", { method: "POST", body: JSON.stringify(found) });
}
