"""Serves the demo page with the npm packages beside it: serve.py FOLDER [PORT], on this machine alone.

Every reply has the policy under which the package promises to work.
"""

from __future__ import annotations

import argparse
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


def port(word: str) -> int:
    """A port's number out of a word of the command line."""
    if not word.isdecimal() or int(word) > 65535:
        raise argparse.ArgumentTypeError(f"{word!r} is no port: give 0 (any) to 65535")
    return int(word)


def main() -> int:
    """Serves until it is interrupted; the exit status."""
    parser = argparse.ArgumentParser(prog="serve.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", metavar="FOLDER", type=Path)
    parser.add_argument("port", metavar="PORT", type=port, nargs="?", default=PORT)
    given = parser.parse_args()
    if not all((given.folder / name / "dist").is_dir() for name in ("package", "large")):
        parser.error(f"{given.folder} has no folders package and large: ./sconsw web makes build/web")
    try:
        server = ThreadingHTTPServer(("127.0.0.1", given.port), partial(Handler, given.folder.resolve()))
    except OSError as error:
        parser.error(f"port {given.port}: {error.strerror}; name another: serve.py {given.folder} PORT")
    print(f"http://localhost:{server.server_address[1]}/    (Ctrl+C ends it)", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
