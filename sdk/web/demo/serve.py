"""Serves the demo page with the npm packages beside it: serve.py FOLDER [PORT], on this machine alone.

Every reply has the policy under which the package promises to work.
"""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
PORT = 8000


class Handler(SimpleHTTPRequestHandler):
    """The demo's files, and under /package and /large those of the packages."""

    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".wasm": "application/wasm", ".js": "text/javascript"}

    def __init__(self, packages: Path, *arguments: object) -> None:
        self.packages = packages
        super().__init__(*arguments, directory=str(Path(__file__).parent))  # type: ignore[arg-type]

    def translate_path(self, path: str) -> str:
        """Where a file lies; the base class has taken every way out of the folder away."""
        found = Path(super().translate_path(path))
        inside = found.relative_to(self.directory)
        return str(self.packages / inside) if inside.parts[:1] in (("package",), ("large",)) else str(found)

    def end_headers(self) -> None:
        """Adds the policy."""
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Prints nothing."""


def main() -> int:
    """Serves until it is interrupted; the exit status."""
    port = int(sys.argv[2]) if len(sys.argv) > 2 else PORT
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, Path(sys.argv[1]).resolve()))
    except OSError as error:
        print(f"serve.py: port {port}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"http://localhost:{server.server_address[1]}/    (Ctrl+C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
