"""The server of the demo page: files of the page and of the packages under the policy, one line for what goes wrong."""

from __future__ import annotations

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import PACKAGE, ROOT, STRICT, free_port

SERVE = [sys.executable, str(ROOT / "sdk/web/demo/serve.py")]


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    """Address of a server at a port that was free."""
    if not PACKAGE.exists():
        pytest.skip("the npm package was not built: ./sconsw dist target=wasm32_web")
    command = [*SERVE, str(PACKAGE.parent), str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().split()[0]
        process.terminate()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("", "text/html"),
        ("demo.js", "text/javascript"),
        ("package/dist/worklet.js", "text/javascript"),
        ("package/dist/linnet.wasm", "application/wasm"),
        ("large/dist/large.linnet", "application/octet-stream"),
    ],
)
def test_files_are_served_under_the_policy(place: str, path: str, kind: str) -> None:
    with urllib.request.urlopen(place + path) as reply:
        assert reply.headers["Content-Type"] == kind and reply.headers["Content-Security-Policy"] == STRICT


@pytest.mark.parametrize("path", ["nowhere", "package/%2e%2e/tools/stamp", "%2e%2e/README.md"])
def test_nothing_else_is_served(place: str, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(place + path)


def test_what_goes_wrong_is_one_line_with_a_remedy(place: str, tmp_path: Path) -> None:
    folder, taken = str(PACKAGE.parent), place.rstrip("/").rpartition(":")[2]
    for words, message in (
        ([folder, taken], f"port {taken}: Address already in use; name another: serve.py {folder} PORT"),
        ([folder, "here"], "argument PORT: 'here' is no port: give 0 (any) to 65535"),
        ([folder, "65536"], "argument PORT: '65536' is no port: give 0 (any) to 65535"),
        ([str(tmp_path)], f"{tmp_path} has no folders package and large: ./sconsw web makes build/web"),
    ):
        done = subprocess.run([*SERVE, *words], capture_output=True, text=True, timeout=60)
        assert done.returncode in (1, 2) and done.stderr.splitlines()[-1] == f"serve.py: error: {message}"
