"""What is inside the plug-ins, and how they behave to a host that uses them well or badly."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from binary import ENABLED, LATENCY, LIMIT, POSTFILTER, Instance, descriptors
from commands import need, output
from conftest import BUNDLE, DELAY, FORMS, LADSPA, ROOT, Sound, band_limited, ratio_db

import linnet

BINARIES = [LADSPA, BUNDLE / "linnet.so"]
NATIVE = (8000, 16000, 24000, 32000, 48000)
FOREIGN = (4000, 11025, 22050, 44100, 88200, 96000, 192000, 384000)
# Lengths of blocks that share no divisor with frames, with the plug-in's own pieces, or with each other.
ODD = (1, 4096, 7, 441, 0, 1023, 961, 64)


@pytest.mark.parametrize("path", BINARIES, ids=lambda path: path.stem)
def test_a_binary_exports_its_one_function_and_needs_the_c_library_alone(path: Path) -> None:
    symbols = [line.split() for line in output("nm", "-D", path).splitlines()]
    exported = {words[-1] for words in symbols if words[-2] not in "Uw"}
    assert exported == {"ladspa_descriptor" if path == LADSPA else "lv2_descriptor"}
    needed = re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", path))
    assert set(needed) <= {"libc.so.6", "libm.so.6", "libspeexdsp.so.1"}  # the last where there is no static one
    assert str(ROOT).encode() not in path.read_bytes()


def test_the_models_are_those_that_ship() -> None:
    for name in ("large", "light"):
        blob = (ROOT / f"sdk/models/{name}.linnet").read_bytes()
        assert all(blob in path.read_bytes() for path in BINARIES)


def test_ladspa_and_lv2_offer_the_same_plug_ins_with_the_same_ports(environment: dict[str, str]) -> None:
    need("lv2info")
    ladspa, lv2 = map(descriptors, BINARIES)
    assert [one.label.decode() for one in ladspa] == list(FORMS)
    assert [one.uri.decode() for one in lv2] == list(FORMS.values())
    for one, uri in zip(ladspa, FORMS.values(), strict=True):
        text = output("lv2info", uri, env=environment)
        assert re.search(r"Name:\s*(.*)", text)[1] == one.name.decode()
        ports = text.split("\n\tPort ")[1:]
        names = [re.search(r"Name:\s*(.*)", port)[1] for port in ports]
        told = [one.port_names[port].decode() for port in range(one.ports)]
        told[told.index("Attenuation Limit (dB)")] = "Attenuation Limit"  # LV2 has units
        assert [name.lower() for name in names] == [*map(str.lower, told), "enabled"]
        for index, port in enumerate(ports[: one.ports]):
            assert ("AudioPort" in port) == bool(one.kinds[index] & 8)
            assert ("InputPort" in port) == bool(one.kinds[index] & 1)
            if limits := re.findall(r"(?:Min|Max)imum:\s*(\S+)", port):
                assert [float(limit) for limit in limits] == [one.ranges[index].low, one.ranges[index].high]
        assert f"Has latency:       yes, reported by port {one.ports - 1}" in text


def test_the_bundle_keeps_to_the_specification(environment: dict[str, str]) -> None:
    need("lv2_validate", "sord_validate")
    assert "Found 0 errors" in output("lv2_validate", *sorted(BUNDLE.glob("*.ttl")), env=environment)
    assert set(output("lv2ls", env=environment).split()) == set(FORMS.values())


def test_clang_tidy_finds_nothing() -> None:
    need("clang-tidy")
    flags = ["-std=c++17", "-fno-exceptions", "-Isdk", "-Isdk/include", '-DLARGE="large"', '-DLIGHT="light"']
    output("clang-tidy", "--quiet", *sorted((ROOT / "sdk/plugins").glob("*.cpp")), "--", *flags, cwd=ROOT)


def test_run_holds_to_real_time_and_survives_what_it_is_given(tmp_path: Path) -> None:
    need("gcc")
    flags = ["-O1", "-Wall", "-Wextra", "-Werror", "-pthread", "-rdynamic", "-I", ROOT / "tests"]
    output("gcc", *flags, ROOT / "tests/desktop/realtime.c", "-o", tmp_path / "realtime", "-ldl", "-lm")
    assert ", 0 failed" in output(tmp_path / "realtime", LADSPA)


@pytest.mark.parametrize("lv2", [False, True], ids=["ladspa", "lv2"])
@pytest.mark.parametrize("form", FORMS)
def test_bits_are_those_of_the_package(form: str, lv2: bool, noisy: Sound) -> None:
    sound = np.stack([noisy[:96000], np.roll(noisy[:96000], 40) * np.float32(0.7)], axis=1)
    if form.endswith("mono"):
        sound = sound[:, :1]
    with linnet.Enhancer("light" if "light" in form else "large", channels=sound.shape[1]) as enhancer:
        expected = enhancer.process(np.ascontiguousarray(sound))
    with Instance(form, 48000, lv2) as plugin:
        assert np.array_equal(np.stack(plugin.process(list(sound.T)), axis=1), expected)
        assert plugin.control[LATENCY] == DELAY * 48000


@pytest.mark.parametrize("rate", NATIVE)
def test_a_limit_of_zero_gives_the_delayed_input_at_rates_of_a_stream(rate: int) -> None:
    sound = band_limited(rate)
    with Instance("linnet_light_mono", rate) as plugin:
        plugin.control[LIMIT] = 0
        (out,) = plugin.process([sound], ODD)
        delay = int(plugin.control[LATENCY])
        assert delay == DELAY * rate
        assert np.array_equal(out[delay:], sound[:-delay]) and not out[:delay].any()


@pytest.mark.parametrize("rate", FOREIGN)
def test_the_latency_is_exact_at_other_rates(rate: int) -> None:
    sound = band_limited(rate)
    with Instance("linnet_light_mono", rate) as plugin:
        plugin.control[LIMIT] = 0
        (out,) = plugin.process([sound], ODD)
        told = int(plugin.control[LATENCY])
    # Two filters look ahead by 128 samples of the lower rate, or by one or two more.
    assert DELAY * rate < told <= (DELAY + 260 / min(rate, 48000)) * rate
    near = {late: ratio_db(sound[:-late], out[late:]) for late in (told - 1, told, told + 1)}
    assert max(near, key=near.__getitem__) == told and near[told] > 60, near


@pytest.mark.parametrize("rate", [16000, 44100, 96000])
def test_cutting_the_signal_differently_changes_no_bit(rate: int, noisy: Sound) -> None:
    planes = [noisy[:60000], noisy[60000:120000]]
    with Instance("linnet_stereo", rate) as plugin:
        once = plugin.process(planes, [60000])
    with Instance("linnet_stereo", rate) as plugin:
        cut = plugin.process(planes, ODD)
    assert np.array_equal(once, cut)


@pytest.mark.parametrize("rate", [48000, 44100])
def test_activate_starts_afresh(rate: int, noisy: Sound) -> None:
    with Instance("linnet_mono", rate) as plugin:
        (first,) = plugin.process([noisy[:50000]])
        (on,) = plugin.process([noisy[:50000]])
        plugin.descriptor.activate(plugin.handle)
        (again,) = plugin.process([noisy[:50000]])
    assert np.array_equal(first, again) and not np.array_equal(first, on)


@pytest.mark.parametrize("rate", [48000, 44100])
def test_instances_know_nothing_of_each_other(rate: int, noisy: Sound) -> None:
    signals = [noisy[:48000], noisy[48000:96000]]
    alone = []
    for signal in signals:
        with Instance("linnet_light_mono", rate) as plugin:
            alone += plugin.process([signal])
    with Instance("linnet_light_mono", rate) as one, Instance("linnet_light_mono", rate) as two:
        pieces = [
            [plugin.process([signal[at : at + 600]])[0] for plugin, signal in zip((one, two), signals, strict=True)]
            for at in range(0, 48000, 600)
        ]
    assert np.array_equal(np.concatenate(pieces, axis=1), alone)


@pytest.mark.parametrize("rate", [48000, 44100])
def test_channels_are_linked(rate: int, noisy: Sound) -> None:
    with Instance("linnet_mono", rate) as plugin:
        (mono,) = plugin.process([noisy])
    with Instance("linnet_stereo", rate) as plugin:
        left, right = plugin.process([noisy, noisy])
    assert np.array_equal(left, mono) and np.array_equal(right, mono)


def test_controls_work_and_bad_ones_are_taken_to_their_range(noisy: Sound) -> None:
    def run(lv2: bool = False, **controls: float) -> Sound:
        with Instance("linnet_mono", 48000, lv2) as plugin:
            for name, value in controls.items():
                plugin.control[{"limit": LIMIT, "postfilter": POSTFILTER, "enabled": ENABLED}[name]] = value
            return plugin.process([noisy])[0]

    plain = run()
    powers = [float(np.sum(run(limit=limit)[96000:] ** 2)) for limit in (100, 20, 6, 0)]
    assert powers == sorted(powers)
    assert not np.array_equal(run(postfilter=1), plain)
    for bad, like in {np.inf: 100, -5: 0, 1e9: 100, -np.inf: 0}.items():
        assert np.array_equal(run(limit=bad), run(limit=like)), bad
    for bad, like in {2: 1, -1: 0}.items():
        assert np.array_equal(run(postfilter=bad), run(postfilter=like)), bad
    with Instance("linnet_mono", 48000) as plugin:
        plugin.control[LIMIT] = 0
        first = plugin.process([noisy[:96000]])[0]
        plugin.control[[LIMIT, POSTFILTER]] = np.nan  # is not taken
        out = np.concatenate([first, plugin.process([noisy[96000:]])[0]])
    assert np.array_equal(out, run(limit=0))
    assert np.array_equal(run(lv2=True), plain)
    assert np.array_equal(run(lv2=True, enabled=0), run(limit=0))


@pytest.mark.parametrize("rate", [0, 1, 3999, 384001, 2**32 + 48000, 2**64 - 1])
def test_rates_that_no_host_has_are_refused(rate: int) -> None:
    assert not Instance("linnet_stereo", rate).handle


@pytest.mark.parametrize("rate", [np.nan, np.inf, -np.inf, -48000.0, 0.0, 44100.5, 1e300])
def test_rates_that_are_no_rates_are_refused_by_lv2(rate: float) -> None:
    assert not Instance("linnet_mono", rate, lv2=True).handle


@pytest.mark.parametrize("rate", [48000, 44100])
def test_arrays_may_be_shared_or_missing(rate: int, noisy: Sound) -> None:
    left, right = noisy[:48000].copy(), noisy[48000:96000].copy()
    with Instance("linnet_stereo", rate) as plugin:
        expected = plugin.process([left, right], [48000])
    for places in ((0, 1), (1, 0)):  # in place, and crossed
        with Instance("linnet_stereo", rate) as plugin:
            arrays = [left.copy(), right.copy()]
            for port in range(2):
                plugin.connect(port, arrays[port])
                plugin.connect(2 + port, arrays[places[port]])
            plugin.run(48000)
            for port in range(2):
                assert np.array_equal(arrays[places[port]], expected[port])
    with Instance("linnet_stereo", rate) as plugin:
        kept = np.full(48000, np.nan, np.float32)
        plugin.connect(0, left)
        for port in (*range(1, 7), 7, 8, 2**31):  # those left out, and those that are not there
            plugin.connect(port, None)
        plugin.connect(2, kept)
        plugin.run(0)
        plugin.run(48000)
    with Instance("linnet_stereo", rate) as plugin:
        silent = plugin.process([left, np.zeros_like(left)], [48000])
    assert np.array_equal(kept, silent[0])


def test_a_library_can_be_loaded_and_left_again_and_again() -> None:
    script = f"""
import _ctypes, ctypes, resource
for turn in range(200):
    library = ctypes.CDLL({str(LADSPA)!r})
    assert library.ladspa_descriptor(0) and not library.ladspa_descriptor(4)
    _ctypes.dlclose(library._handle)
    if turn == 20: before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 1000
assert "linnet_ladspa" not in open("/proc/self/maps").read()
"""
    subprocess.run(["python3", "-c", script], check=True)
