"""A web server and a browser for the tests of the npm package, both for one test module."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "build/web/package"
SCRIPT = "text/javascript"
TYPES = {".html": "text/html", ".css": "text/css", ".js": SCRIPT, ".mjs": SCRIPT, ".wasm": "application/wasm"}
STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
TIMEOUT = 90  # seconds after which a page counts as hung
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--autoplay-policy=no-user-gesture-required",
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)

FIREFOX = """user_pref("media.autoplay.default", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
"""


def command_of(browser: str, profile: Path) -> list[str]:
    """Command line of a browser with a new profile, without a window; the address is appended."""
    if browser == "firefox-esr":
        (profile / "user.js").write_text(FIREFOX)
        return [browser, "--headless", "--no-remote", "--profile", str(profile)]
    return [browser, *CHROMIUM, f"--user-data-dir={profile}"]


class Handler(BaseHTTPRequestHandler):
    """Files of the package and of the tests, every one under a strict policy; keeps what pages report."""

    policy: ClassVar[str] = STRICT
    reports: ClassVar[queue.Queue[Any]] = queue.Queue()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        folders = {"package": PACKAGE, "tests": ROOT / "tests/web", "demo": ROOT / "sdk/web/demo"}
        place = folders.get(path.split("/")[1], ROOT / "nowhere")
        file = place / "/".join(path.split("/")[2:])
        if ".." in path or not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        if "/examples/" in path:  # they name the package as a bundler resolves it
            body = body.replace(b'from "linnet"', b'from "/package/dist/index.js"')
        self.send_response(200)
        self.send_header("Content-Type", TYPES.get(file.suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", self.policy)
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Prints nothing."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of the server."""
    if not PACKAGE.exists():
        pytest.skip("the npm package was not built: ./sconsw dist target=wasm32_web")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_address[1]}"
    server.shutdown()


Page = Callable[..., Any]


@pytest.fixture
def page(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    """page(case, policy, browser): what the page of that name finds in a new browser, having asked no other origin."""

    def visit(case: str, policy: str = STRICT, browser: str = "chromium") -> Any:
        if shutil.which(browser) is None:
            pytest.skip(f"{browser} not found; on Debian install {browser}")
        monkeypatch.setattr(Handler, "policy", policy)
        monkeypatch.setattr(Handler, "reports", queue.Queue())
        profile = Path(tempfile.mkdtemp(dir=tmp_path))
        command = [*command_of(browser, profile), f"{server}/tests/page.html?case={case}"]
        with (tmp_path / f"{case}.log").open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | {"HOME": str(tmp_path)}
            )
            try:
                report = Handler.reports.get(timeout=TIMEOUT)
            except queue.Empty:
                text = (tmp_path / f"{case}.log").read_text(errors="replace")
                pytest.fail(f"no report of {case} within {TIMEOUT} s:\n{text[-2000:]}")
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
        assert "error" not in report, report["error"]
        assert report["strangers"] == []
        return report["result"]

    return visit
