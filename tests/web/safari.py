"""The npm package in Safari, on a Mac after `sudo safaridriver --enable`: the page of the other browsers' tests reports
the native library's bits. Status 0 if so. Any driver of the WebDriver protocol may be named instead, with the
capabilities that it wants: safari.py [DRIVER CAPABILITIES], the latter as JSON.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from conftest import TIMEOUT, Handler  # noqa: E402
from test_browsers import native_hash  # noqa: E402


def ask(base: str, path: str, content: object) -> Any:
    """What a driver answers, once it listens."""
    data = json.dumps(content).encode()
    request = urllib.request.Request(f"{base}{path}", data, {"Content-Type": "application/json"})
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"the driver refuses {path}: {error.read().decode()}") from error
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def visit(driver: str, capabilities: dict[str, Any]) -> Any:
    """What the page finds about the bits."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen([driver, "-p", str(port)])
    base = f"http://localhost:{port}"
    try:
        session = ask(base, "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]
        page = f"http://localhost:{server.server_address[1]}/tests/page.html?case=hash"
        ask(base, f"/session/{session}/url", {"url": page})
        report = Handler.reports.get(timeout=TIMEOUT)
        urllib.request.urlopen(urllib.request.Request(f"{base}/session/{session}", method="DELETE"), timeout=TIMEOUT)
        return report
    finally:
        process.terminate()
        process.wait(10)
        server.shutdown()


def main() -> int:
    """Prints what was found."""
    driver, capabilities = sys.argv[1:3] or ("safaridriver", '{"browserName": "safari"}')
    report = visit(driver, json.loads(capabilities))
    print(json.dumps(report, indent=1))
    if "error" in report:
        return 1
    hashes = {name: one["hash"] for name, one in report["result"].items()}
    expected = {name: native_hash("sparse" if name == "sparse" else "light") for name in hashes}
    return hashes != expected


if __name__ == "__main__":
    sys.exit(main())
