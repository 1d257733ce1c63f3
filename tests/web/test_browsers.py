"""The npm package in Chromium, Firefox and WebKitGTK, under a strict Content-Security-Policy: the bits of the native
library, live audio with a microphone, calls, and what happens when something is missing.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from conftest import Page

import linnet

SAMPLES = 96000
# What is rendered without a sound card or a microphone runs in all.
BROWSERS = pytest.mark.parametrize("browser", ["chromium", "firefox", "webkit"])


def native_hashes(model: str, rate: int = 48000, channels: int = 1) -> list[str]:
    """SHA-256 of each channel of what the native library makes of the noise of page.js."""
    value, state = 1, np.empty(SAMPLES, np.uint32)
    for i in range(SAMPLES):
        value = (value * 1664525 + 1013904223) % (1 << 32)
        state[i] = value
    loud = np.arange(SAMPLES) // 16000 % 2 == 0
    noise = np.where(loud, (state.view(np.int32) >> 16) / 131072, 0).astype(np.float32)
    sides = np.stack([noise / (1 + c) for c in range(channels)], axis=-1)
    output = (
        linnet.Enhancer(model, rate=rate, channels=channels)
        .process(sides if channels > 1 else noise)
        .reshape(SAMPLES, channels)
    )
    return [hashlib.sha256(output[:, c].astype("<f4").tobytes()).hexdigest() for c in range(channels)]


def native_hash(model: str, rate: int = 48000) -> str:
    """The same of one channel."""
    return native_hashes(model, rate)[0]


@BROWSERS
def test_the_bits_are_those_of_the_native_library(page: Page, browser: str) -> None:
    found = page("hash", browser=browser)
    light, large = native_hash("light"), native_hash("large")
    print(f"{browser}: light {found['light']['hash']}, native {light}")
    assert found["light"] == {"hash": light, "backend": "wasm128", "delay": 1920}
    assert found["large"] == {"hash": large, "backend": "wasm128", "delay": 1920}
    assert found["scalar"] == {"hash": light, "backend": "scalar", "delay": 1920}
    assert {found[name]["hash"] for name in ("bytes", "quantum480", "quantum160")} == {light}
    for rate in (8000, 16000, 24000, 32000, 48000):
        assert found[f"rate{rate}"] == {"hash": native_hash("light", rate), "delay": rate // 25}
    assert found["stereo"] == {"hash": native_hashes("light", channels=2)}


@BROWSERS
def test_a_bypass_is_a_copy_of_equal_delay(page: Page, browser: str) -> None:
    assert page("bypass", browser=browser) == {"late": True}


@BROWSERS
def test_audio_passes_when_a_file_is_missing(page: Page, browser: str) -> None:
    report = page("missing", browser=browser)
    messages = ("nowhere.linnet: status 404", "nowhere.wasm: status 404", "the model is not at")
    for one, message in zip(report["found"], messages, strict=True):
        assert message in one["message"] and one["passes"]
    assert report["name"] == "LinnetError" and "worklet cannot be loaded from /nowhere.js" in report["worklet"]


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_policy_without_webassembly_is_named(page: Page, browser: str) -> None:
    report = page("forbidden", "default-src 'self'; script-src 'self'", browser)
    assert "add 'wasm-unsafe-eval' to its script-src" in report["page"]
    # WebKitGTK and Firefox 140.12 take a module in a worklet whatever the policy says.
    if report["worklet"] is None and browser != "chromium":
        assert report["hash"] == native_hash("light")
    else:
        assert "add 'wasm-unsafe-eval' to its script-src" in report["worklet"]
        assert report["passes"]


@BROWSERS
def test_the_best_model_is_chosen_that_the_budget_allows(page: Page, browser: str) -> None:
    report = page("auto", browser=browser)
    assert [one["name"] for one in report["measured"]] == ["light", "large"]
    assert (report["name"], report["fits"], report["failure"]) == ("large", True, None)
    assert report["model"] == "light"


def test_overload_is_told_and_answered_by_smaller_models_then_by_a_copy(page: Page) -> None:
    report = page("overload")
    first, second = report["changes"]
    assert report["first"] == "large" and report["error"] is None and report["last"] is None
    assert (first["previous"], first["name"], first["share"]) == ("large", "light", 1.01)
    assert (second["previous"], second["name"]) == ("light", None)


def test_a_minute_of_live_audio(page: Page) -> None:
    """In real time: a second try for a machine that is busy."""
    report = page("live")
    if report["underruns"]:
        report = page("live")
    assert report["underruns"] == 0
    first, second = report["frames"]
    assert first > 100 and second > first + 5900
    assert report["refused"] == "attenuationLimit is 101: give a number from 0 to 100"
    assert report["error"] is None and report["closed"] is None


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_nobody_waits_for_what_is_closed(page: Page, browser: str) -> None:
    assert page("closed", browser=browser) == {
        "refused": "the context is closed: make another",
        "ready": "the node was closed before the node enhanced",
        "stats": None,
    }


def test_the_track_of_a_call_is_replaced(page: Page) -> None:
    report = page("connection")
    assert report["replaced"] and report["back"]
    assert report["packets"] > 20 and report["frames"] > 50
    assert report["states"] == ["closed", "closed"]


def test_the_demo_page_enhances_a_microphone(page: Page) -> None:
    report = page("demo")
    assert report["started"] == "light, wasm128, 40 ms late"
    assert report["lit"] and report["decibels"] == ["12 dB", "12 dB"] and report["stopped"] == "Stopped."


def test_the_demo_page_leaves_no_microphone_on_and_says_nothing_over_and_over(page: Page) -> None:
    report = page("demo")
    assert report["microphones"] == [2, 1]
    assert 'no model "nowhere"' in report["failed"] and report["left"] == 0
    assert report["numbers"].startswith("speech ") and report["announcements"] == 0


def test_the_track_processor_takes_contexts_of_any_rate(page: Page) -> None:
    report = page("processor")
    for one in report["found"]:
        assert one["kind"] == "audio" and one["frame"] > 30
    assert 'no model "nowhere"' in report["message"] and report["left"] == ["closed"]
