"""A web server and a browser for the tests of the npm package, both for one test module."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "build/web/package"
LARGE = ROOT / "build/web/large"
FOLDERS = {"package": PACKAGE, "large": LARGE, "tests": ROOT / "tests/web", "demo": ROOT / "sdk/web/demo"}
SCRIPT = "text/javascript"
TYPES = {".html": "text/html", ".css": "text/css", ".js": SCRIPT, ".mjs": SCRIPT, ".wasm": "application/wasm"}
STRICT = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
TIMEOUT = 120  # seconds after which a page counts as hung
CHROMIUM = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--autoplay-policy=no-user-gesture-required",
    *("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"),
)

# The browser of WebKitGTK, whose engine is Safari's; Debian's package of its driver brings it, outside of PATH.
WEBKIT = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"
BROWSERS = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "WebKitWebDriver"}  # name -> command
PACKAGES = {"chromium": "chromium", "firefox": "firefox-esr", "webkit": "webkit2gtk-driver xvfb xauth"}  # of Debian

FIREFOX = """user_pref("media.autoplay.default", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
"""


def command_of(browser: str, profile: Path, url: str, port: int) -> list[str]:
    """Command line of a browser with a new profile, without a window, or of the driver that listens at the port."""
    command = BROWSERS[browser]
    if browser == "webkit":
        return ["xvfb-run", "--auto-servernum", command, f"--port={port}"]
    if browser == "firefox":
        (profile / "user.js").write_text(FIREFOX)
        return [command, "--headless", "--no-remote", "--profile", str(profile), url]
    return [command, *CHROMIUM, f"--user-data-dir={profile}", url]


def ask(port: int, path: str, body: dict[str, Any]) -> Any:
    """Posts a command to a WebDriver, which is given time to start."""
    address = f"http://127.0.0.1:{port}{path}"
    request = urllib.request.Request(address, json.dumps(body).encode(), {"Content-Type": "application/json"})
    end = time.monotonic() + TIMEOUT
    while True:
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as reply:
                return json.load(reply)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"the driver refuses {path}: {error.read().decode()}") from error
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def open_page(port: int, capabilities: dict[str, Any], url: str) -> str:
    """Opens an address in the browser of the driver at that port; returns the address of the session."""
    session = ask(port, "/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]
    ask(port, f"/session/{session}/url", {"url": url})
    return f"http://127.0.0.1:{port}/session/{session}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Handler(BaseHTTPRequestHandler):
    """Files of the package and of the tests, every one under a strict policy; keeps what pages report."""

    policy: ClassVar[str] = STRICT
    reports: ClassVar[queue.Queue[Any]] = queue.Queue()
    folders: ClassVar[dict[str, Path]] = {}

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        place = self.folders.get(path.split("/")[1], ROOT / "nowhere")
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
    """page(case, policy, browser): what the page of that name finds in a new browser, having asked no other origin.

    With a bundle, a folder, it is that of a built application instead.
    """

    def visit(case: str, policy: str = STRICT, browser: str = "chromium", bundle: Path | None = None) -> Any:
        if shutil.which(BROWSERS[browser]) is None:
            pytest.skip(f"{BROWSERS[browser]} not found; on Debian install {PACKAGES[browser]}")
        monkeypatch.setattr(Handler, "policy", policy)
        monkeypatch.setattr(Handler, "reports", queue.Queue())
        monkeypatch.setattr(Handler, "folders", FOLDERS | ({"bundle": bundle} if bundle else {}))
        profile = Path(tempfile.mkdtemp(dir=tmp_path))
        url, port = f"{server}/{'bundle/index' if bundle else 'tests/page'}.html?case={case}", free_port()
        environment = os.environ | {"HOME": str(tmp_path)}
        if os.geteuid() == 0:
            environment["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"  # it refuses to have one for this user
        with (tmp_path / f"{case}.log").open("wb") as log:
            process = subprocess.Popen(
                command_of(browser, profile, url, port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
            try:
                if browser == "webkit":
                    open_page(port, {"webkitgtk:browserOptions": {"binary": WEBKIT, "args": ["--automation"]}}, url)
                report = Handler.reports.get(timeout=TIMEOUT)
            except queue.Empty:
                text = (tmp_path / f"{case}.log").read_text(errors="replace")
                pytest.fail(f"no report of {case} within {TIMEOUT} s:\n{text[-2000:]}")
            finally:
                # With its children: the driver's browser, the display.
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        assert "error" not in report, report["error"]
        assert report["strangers"] == []
        return report["result"]

    return visit
