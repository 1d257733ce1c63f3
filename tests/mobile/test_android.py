"""The package for Android: its files, and these very files at work. The Java classes and the x86_64 library run in the
Java machine of a computer, the libraries for ARM under emulators, each on a C library that has one function under
another name (shim.c). What only a device can tell (its own loader, Gradle) is for .github/workflows/platforms.yml.
"""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from bionic import shims
from commands import need, output
from conftest import VERSION, class_files, unpacked
from signals import SAMPLES, noise, several, sha256

import targets
from linnet import _core

ABIS = {"arm64-v8a": "aarch64_android", "armeabi-v7a": "armv7_android", "x86_64": "x86_64_android"}
MACHINES = {"arm64-v8a": "AArch64", "armeabi-v7a": "ARM", "x86_64": "Advanced Micro Devices X86-64"}
LARGEST = 2_600_000
# Command that compiles for Linux on the CPU of an ABI, and runs there: with a model of the emulator, its kernels.
RUNS = [
    ("arm64-v8a", "aarch64-linux-gnu", "qemu-aarch64", "cortex-a53", "neon"),
    ("arm64-v8a", "aarch64-linux-gnu", "qemu-aarch64", "max", "neon_i8mm"),
    ("armeabi-v7a", "arm-linux-gnueabi", "qemu-arm", "cortex-a7", "neon"),
]


@pytest.fixture(scope="module")
def signal() -> np.ndarray:
    return noise()


@pytest.fixture(scope="module")
def told(root: Path, aar: dict[str, bytes], classes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What Harness.java finds about the package's classes and its x86_64 library, with every check of JNI."""
    need("java", "javac", "gcc")
    folder = tmp_path_factory.mktemp("java")
    shims(folder, "gcc")
    (folder / "liblinnet.so").write_bytes(aar["jni/x86_64/liblinnet.so"])
    (folder / "files").mkdir()
    sources = sorted((root / "tests/mobile/java").rglob("*.java"))
    output("javac", "-Xlint:all", "-Werror", "-encoding", "UTF-8", "-cp", classes, "-d", folder / "classes", *sources)
    text = output(
        *("java", "-Xcheck:jni", "-Xmx256m", "--enable-native-access=ALL-UNNAMED", "-Dsun.jnu.encoding=UTF-8"),
        *(f"-Djava.library.path={folder}", "-cp", f"{folder / 'classes'}:{classes}", "Harness"),
        *(root / "sdk/models/tiny.linnet", folder / "files", root / "tests/data/choices.txt"),
        env={"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": str(folder), "LC_ALL": "C.UTF-8"},
    )
    assert not [line for line in text.splitlines() if re.search("warning|error in native", line, re.IGNORECASE)], text
    return dict(line.split(" ", 1) for line in text.splitlines())


def stream(root: Path, **options: object) -> _core.Stream:
    """A stream of the same model as in Harness.java, of this machine's own library."""
    return _core.Stream(_core.Model((root / "sdk/models/tiny.linnet").read_bytes()), **options)


def test_java_gives_the_native_bits(root: Path, told: dict[str, str], signal: np.ndarray) -> None:
    expected = sha256(stream(root).process(signal))
    ways = ("arrays", "whole", "direct", "mapped", "unaligned", "packed", "heap", "borrowed", "oddName")
    assert {name: told[name] for name in ways} == dict.fromkeys(ways, expected)
    words = (signal * 32768).astype(np.int16)
    assert told["shorts"] == told["shortBuffers"] == sha256(stream(root).process_i16(words))
    assert told["any"] == sha256(stream(root, any_block=True).process(signal))
    assert told["spread"] == sha256(stream(root, spread=True).process(signal))
    assert told["narrow"] == sha256(stream(root, sample_rate=16000).process(signal))
    assert told["end"] == "reached"


def test_java_gives_the_native_bits_of_several_channels(root: Path, told: dict[str, str]) -> None:
    signal, native = several(2), stream(root, channels=2)
    assert told["stereoSizes"] == f"2 480 {native.delay}"
    expected = sha256(native.process(signal))
    ways = ("stereoArrays", "stereoWhole", "stereoDirect")
    assert {name: told[name] for name in ways} == dict.fromkeys(ways, expected)
    words = sha256(stream(root, channels=2).process_i16((signal * 32768).astype(np.int16)))
    assert told["stereoShorts"] == told["stereoShortBuffers"] == words
    assert told["stereoAny"] == sha256(stream(root, channels=2, any_block=True).process(signal))
    narrow = stream(root, channels=8, sample_rate=16000)
    assert told["eightNarrow"] == sha256(narrow.process(several(8)))
    assert told["eightSizes"] == f"8 160 {narrow.delay}"


@pytest.mark.parametrize("channels", [1, 2])
def test_java_bridges_losses(root: Path, told: dict[str, str], channels: int) -> None:
    native = stream(root, channels=channels)
    out = several(channels).squeeze()
    for at in range(0, 48000, 4800):
        part = slice(at, at + 4800)
        if at == 9600:
            out[part] = native.conceal(4800)
        elif at == 19200:
            first, second = native.conceal_i16(480), native.conceal_i16(480)
            assert told[f"concealedShorts{channels}"] == sha256(np.concatenate([second, first]))
            native.gap(3840)
        else:
            out[part] = native.process(out[part])
    assert told[f"lost{channels}"] == sha256(out[:48000])


def test_java_controls_and_numbers(root: Path, told: dict[str, str], signal: np.ndarray) -> None:
    native = stream(root)
    native.set_attenuation_limit(12)
    native.set_postfilter(0.5)
    assert told["controls"] == sha256(native.process(signal))
    stats = native.stats()
    numbers = [stats[name] for name in ("speech_probability", "input_snr_db", "mean_gain", "pitch_hz")]
    found = told["stats"].split()
    assert [np.float32(number) for number in found[:4]] == [np.float32(number) for number in numbers]
    assert int(found[4]) == stats["frame"] == SAMPLES // 480
    assert (told["frameAfterReset"], told["bypass"]) == ("0", "true")
    model = _core.Model((root / "sdk/models/tiny.linnet").read_bytes())
    assert told["numbers"] == f"{model.weights} {model.multiply_adds} {model.frame_bytes} {model.stream_bytes}"
    assert (told["topology"], told["delay"], told["position"]) == (model.topology, str(native.delay), "1")
    assert int(told["delayFrames"]) * native.frame_size == native.delay
    shipped = {"scalar", *(kernel.name for kernel in targets.load("x86_64_android").kernels)}
    best = next(backend for backend in _core.backends() if backend in shipped)  # this machine's own build may have more
    assert (told["backend"], told["spreadBackend"]) == (best, "scalar")
    narrow = stream(root, sample_rate=16000)
    assert told["narrowSizes"] == f"16000 {narrow.frame_size} {narrow.delay}"
    assert told["version"] == VERSION == _core.version()


def test_java_chooses_as_the_library_does(root: Path, told: dict[str, str]) -> None:
    lines = (root / "tests/data/choices.txt").read_text().splitlines()
    assert int(told["choices"]) == len([line for line in lines if not line.startswith("#")])
    assert "wrongChoice" not in told


def test_java_allocates_nothing_per_call(told: dict[str, str]) -> None:
    """20,000 calls of each kind, of one channel and of two; eight frames a round, and 5,000 rounds before in which the
    machine compiles what it runs."""
    assert told["allocated1"] == told["allocated2"] == f"0 in {8 * 25000}"


@pytest.mark.parametrize("name", ["Linnet", "LinnetModel"])
def test_java_frees_once_when_two_threads_close(classes: Path, name: str) -> None:
    """By what the class says: the two meet between a look at the handle and its end once in thousands of times."""
    need("javap")
    assert "  public synchronized void close();" in output("javap", "-public", "-cp", classes, f"org.linnet.{name}")


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("noFile", "LinnetException -5", "/nowhere/model.linnet"),
        ("nullPath", "IllegalArgumentException", "path is null"),
        ("zeroPath", "IllegalArgumentException", "a?b"),
        ("longPath", "LinnetException -5", "cannot be opened"),
        ("notAModel", "LinnetException -6", "not a linnet model"),
        ("empty", "LinnetException -6", "not a linnet model"),
        ("cut", "LinnetException -8", "cut short"),
        ("noAsset", "FileNotFoundException", "nowhere"),
        ("nullModel", "IllegalArgumentException", "model is null"),
        ("rate", "LinnetException -9", "44100 Hz"),
        ("noRate", "LinnetException -9", "a stream at 0 Hz"),
        ("unknownBackend", "LinnetException -11", "quantum"),
        ("noChannel", "IllegalArgumentException", "channels is 0: give 1 to 8, or make several streams"),
        ("nineChannels", "IllegalArgumentException", "channels is 9: give 1 to 8, or make several streams"),
        ("count", "IllegalArgumentException", "samples is 481: give a multiple of 480, or set anyBlock"),
        ("nullArray", "IllegalArgumentException", "in is null"),
        ("tooMany", "IllegalArgumentException", "whose length is 960"),
        ("outOfArray", "IllegalArgumentException", "480 samples from 481 on"),
        ("negative", "IllegalArgumentException", "from -1 on"),
        ("overflow", "IllegalArgumentException", "from 2147483647 on"),
        ("overlap", "IllegalArgumentException", "overlap"),
        ("heapBuffer", "IllegalArgumentException", "in is not a direct buffer"),
        ("order", "IllegalArgumentException", "in native order"),
        ("shortBuffer", "IllegalArgumentException", "960 samples are not in in, which has 480"),
        ("readOnly", "IllegalArgumentException", "out is read-only"),
        ("directOverlap", "IllegalArgumentException", "in and out overlap: give the same place, or places apart"),
        ("inSample", "IllegalArgumentException", "a buffer begins inside a sample"),
        ("concealInSample", "IllegalArgumentException", "a buffer begins inside a sample"),
        ("tooManyOfTwo", "IllegalArgumentException", "960 samples of 2 channels from 0 on are not in in"),
        ("overlapOfTwo", "IllegalArgumentException", "in from 0 and out from 720 overlap"),
        ("shortBufferOfTwo", "IllegalArgumentException", "480 samples of 2 channels are not in in, which has 480"),
        ("overflowOfTwo", "IllegalArgumentException", "1073741824 samples of 2 channels"),
        ("concealOutOfArray", "IllegalArgumentException", "480 samples from 481 on are not in out"),
        ("concealHeapBuffer", "IllegalArgumentException", "out is not a direct buffer"),
        ("concealReadOnly", "IllegalArgumentException", "out is read-only"),
        ("noChoice", "IllegalArgumentException", "0 qualities, 0 microseconds: give one of each"),
        ("unevenChoice", "IllegalArgumentException", "2 qualities, 3 microseconds: give one of each"),
        ("nullChoice", "IllegalArgumentException", "microseconds is null"),
        ("choiceBudget", "IllegalArgumentException", "budget is 0.0: give a share above 0 to 1"),
        ("choiceCurrent", "IllegalArgumentException", "current is 2: give -1, or an index below 2"),
        ("choiceTime", "IllegalArgumentException", "model 1 of quality 2.0 takes NaN microseconds"),
        ("limit", "IllegalArgumentException", "101.0: give a number from 0 to 100"),
        ("limitNaN", "IllegalArgumentException", "NaN"),
        ("postfilter", "IllegalArgumentException", "-1.0: give a number from 0 to 1"),
        ("negativeGap", "IllegalArgumentException", "-480"),
        ("nullStats", "IllegalArgumentException", "stats is null"),
        ("closed", "IllegalStateException", "the stream is closed"),
        ("closedModel", "IllegalStateException", "the model is closed"),
        ("closedTopology", "IllegalStateException", "the model is closed"),
    ],
)
def test_java_refuses_mistakes_by_name(told: dict[str, str], name: str, kind: str, words: str) -> None:
    assert told[name].startswith(kind + ": ") and words in told[name]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("abi", "triple", "emulator", "cpu", "backend"), RUNS, ids=lambda value: value)
def test_libraries_for_arm_give_the_native_bits(
    root: Path,
    aar: dict[str, bytes],
    tmp_path: Path,
    abi: str,
    triple: str,
    emulator: str,
    cpu: str,
    backend: str,
    channels: int,
) -> None:
    need(f"{triple}-gcc", emulator)
    shims(tmp_path, f"{triple}-gcc")
    (tmp_path / "liblinnet.so").write_bytes(aar[f"jni/{abi}/liblinnet.so"])
    (tmp_path / "model").write_bytes(aar["assets/linnet/small.linnet"])
    heard = several(channels)[:24000].squeeze()
    (tmp_path / "in").write_bytes(heard.astype("<f4").tobytes())
    source = root / "tests/mobile/load.c"
    output(f"{triple}-gcc", f"-I{root}/sdk/include", source, "-o", tmp_path / "load", "-ldl")
    ran = output(
        *(emulator, "-cpu", cpu, "-L", f"/usr/{triple}", "-E", f"LD_LIBRARY_PATH={tmp_path}"),
        *(tmp_path / "load", tmp_path / "liblinnet.so", tmp_path / "model", str(channels)),
        *(tmp_path / "in", tmp_path / "out"),
    )
    assert ran.strip() == backend
    model = _core.Model(aar["assets/linnet/small.linnet"])
    native = _core.Stream(model, channels=channels).process(heard)
    assert (tmp_path / "out").read_bytes() == native.astype("<f4").tobytes()


def test_files_of_the_package(root: Path, aar: dict[str, bytes]) -> None:
    names = {"AndroidManifest.xml", "R.txt", "classes.jar", "proguard.txt", "assets/linnet/small.linnet"}
    names |= {"META-INF/com/android/build/gradle/aar-metadata.properties", "prefab/prefab.json"}
    names |= {"prefab/modules/linnet/module.json", "prefab/modules/linnet/include/linnet.h"}
    for abi in ABIS:
        places = (f"jni/{abi}", f"prefab/modules/linnet/libs/android.{abi}")
        names |= {f"{place}/liblinnet.so" for place in places} | {f"{places[1]}/abi.json"}
        assert aar[f"{places[0]}/liblinnet.so"] == aar[f"{places[1]}/liblinnet.so"]
    assert {*aar} == names
    assert aar["assets/linnet/small.linnet"] == (root / "sdk/models/small.linnet").read_bytes()
    assert aar["prefab/modules/linnet/include/linnet.h"] == (root / "sdk/include/linnet.h").read_bytes()
    assert (root / f"build/android/linnet-{VERSION}.aar").stat().st_size < LARGEST
    assert str(root).encode() not in b"".join(aar.values())


def test_prefab_is_what_cmake_finds(aar: dict[str, bytes]) -> None:
    """Schema 2 of prefab, as the Android plugin reads it."""
    package = json.loads(aar["prefab/prefab.json"])
    assert package == {"schema_version": 2, "name": "linnet", "version": VERSION, "dependencies": []}
    assert json.loads(aar["prefab/modules/linnet/module.json"]) == {"export_libraries": [], "android": {}}
    for abi, name in ABIS.items():
        described = json.loads(aar[f"prefab/modules/linnet/libs/android.{abi}/abi.json"])
        level = int(re.search(r"android(?:eabi)?(\d+)$", targets.load(name).triple)[1])
        assert described == {"abi": abi, "api": level, "ndk": 21, "stl": "none", "static": False}


def test_every_target_for_android_is_in_the_package() -> None:
    assert sorted(ABIS.values()) == targets.of_systems("android")


def test_manifest_and_metadata(aar: dict[str, bytes]) -> None:
    manifest = ElementTree.fromstring(aar["AndroidManifest.xml"])
    assert manifest.get("package") == "org.linnet"
    android = "{http://schemas.android.com/apk/res/android}"
    assert manifest.find("uses-sdk").get(f"{android}minSdkVersion") == "24"
    lines = aar["META-INF/com/android/build/gradle/aar-metadata.properties"].decode().splitlines()
    properties = dict(line.split("=", 1) for line in lines)
    assert properties["aarFormatVersion"] == properties["aarMetadataVersion"] == "1.0"
    assert properties["minCompileSdk"] == "1"


def test_classes_are_java_8_and_ours_alone(aar: dict[str, bytes]) -> None:
    files = class_files(aar)
    assert {name.rsplit("/", 1)[0] for name in files} == {"org/linnet", "META-INF/org.linnet"}
    for name, data in files.items():
        if name.endswith(".class"):
            assert data[:4] == b"\xca\xfe\xba\xbe" and int.from_bytes(data[6:8], "big") == 52, name
    # The shrinker of an app keeps what the library looks up by name.
    assert "org/linnet/Native.class" in files
    assert b"-keep,includedescriptorclasses class org.linnet.Native { native <methods>; }" in aar["proguard.txt"]


def test_every_native_method_is_registered(root: Path, classes: Path) -> None:
    need("javap")
    listing = output("javap", "-p", "-s", "-cp", classes, "org.linnet.Native")
    declared = re.findall(r"static native .*?(\w+)\(.*\n +descriptor: (\S+)", listing)
    text = (root / "sdk/android/jni.cpp").read_text()
    assert sorted(declared) == sorted(re.findall(r'method\("(\w+)",\s+"([^"]+)"', text))
    assert len(declared) >= 20


@pytest.mark.parametrize("abi", ABIS)
def test_libraries_ask_android_for_little(root: Path, aar: dict[str, bytes], tmp_path: Path, abi: str) -> None:
    path = tmp_path / "liblinnet.so"
    path.write_bytes(aar[f"jni/{abi}/liblinnet.so"])
    header, dynamic = output("readelf", "-hW", path), output("readelf", "-dW", path)
    assert re.search(rf"Machine: +{MACHINES[abi]}\n", header)
    assert "[liblinnet.so]" in dynamic and "INIT_ARRAY" not in dynamic and "TEXTREL" not in dynamic
    assert set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic)) <= {"libc.so", "libm.so"}
    segments = output("readelf", "-lW", path).splitlines()
    assert min(int(line.split()[-1], 16) for line in segments if " LOAD " in line) >= 16384  # pages of Android 15
    assert not [line for line in segments if "GNU_STACK" in line and "RWE" in line]
    assert "NT_GNU_BUILD_ID" in output("readelf", "-nW", path)
    header_text = (root / "sdk/include/linnet.h").read_text()
    declared = set(re.findall(r"^LINNET_API [^;]*?\b(linnet_\w+)\(", header_text, re.MULTILINE))
    exported = {line.split()[0] for line in output("nm", "-DP", "--defined-only", path).splitlines()}
    assert exported == declared | {"JNI_OnLoad"}
    # The library of ./sconsw lib asks for no more: tests/python/test_libraries.py says what that may be.
    plain = root / targets.folder(ABIS[abi], "release", "gcc") / "liblinnet.so"
    asked = [set(output("nm", "-DP", "--undefined-only", each).split("\n")) for each in (path, plain)]
    assert asked[0] <= asked[1]


def test_repository_is_what_gradle_resolves(root: Path) -> None:
    place = root / "build/android/maven/org/linnet/linnet" / VERSION
    stem = f"linnet-{VERSION}"
    assert {path.name for path in place.iterdir()} == {f"{stem}.aar", f"{stem}.pom", f"{stem}-sources.jar"}
    assert (place / f"{stem}.aar").read_bytes() == (root / f"build/android/{stem}.aar").read_bytes()
    pom = ElementTree.parse(place / f"{stem}.pom").getroot()
    space = {"m": "http://maven.apache.org/POM/4.0.0"}
    found = [pom.findtext(f"m:{name}", None, space) for name in ("groupId", "artifactId", "version", "packaging")]
    assert found == ["org.linnet", "linnet", VERSION, "aar"]
    sources = unpacked(place / f"{stem}-sources.jar")
    top = root / "sdk/android/java"
    assert sources == {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*.java")}


def test_packing_again_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    jdk = targets.jdk()
    if jdk is None:
        need("javac")
    parts = [
        f"{name}={root / targets.folder(name, 'release', 'gcc')}/jni/liblinnet.so" for name in sorted(ABIS.values())
    ]
    output(sys.executable, root / "sdk/packaging/aar.py", VERSION, jdk / "bin/javac", tmp_path, *parts)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (root / "build/android" / path.relative_to(tmp_path)).read_bytes()


def test_java_compiles_without_a_warning(root: Path, tmp_path: Path) -> None:
    need("javac")
    lint = ("-Xlint:all,-options", "-Xdoclint:all/public,-missing", "-Werror", "--release", "8", "-d", tmp_path)
    folders = (root / "sdk/android/java", root / "sdk/android/standin")
    output("javac", *lint, *(path for folder in folders for path in sorted(folder.rglob("*.java"))))
