"""The npm package in Safari, on a Mac after `sudo safaridriver --enable`: the page of the other browsers' tests reports
the native library's bits. Status 0 if so. Any driver of the WebDriver protocol may be named instead, with the
capabilities that it wants: safari.py [DRIVER CAPABILITIES], the latter as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from conftest import FOLDERS, TIMEOUT, Handler, free_port, open_page  # noqa: E402
from test_browsers import native_hash, native_hashes  # noqa: E402


def visit(driver: str, capabilities: dict[str, Any]) -> Any:
    """What the page finds about the bits."""
    Handler.folders = FOLDERS
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    port = free_port()
    process = subprocess.Popen([driver, "-p", str(port)])
    try:
        page = f"http://localhost:{server.server_address[1]}/tests/page.html?case=hash"
        session = open_page(port, capabilities, page)
        report = Handler.reports.get(timeout=TIMEOUT)
        urllib.request.urlopen(urllib.request.Request(session, method="DELETE"), timeout=TIMEOUT)
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
    expected = dict.fromkeys(hashes, native_hash("light")) | {"large": native_hash("large")}
    rates = [name for name in hashes if name.startswith("rate")]
    expected |= {name: native_hash("light", int(name.removeprefix("rate"))) for name in rates}
    expected |= {"stereo": native_hashes("light", channels=2)}
    return hashes != expected


if __name__ == "__main__":
    sys.exit(main())
