"""The packages for Apple: an XCFramework and a Swift package. No compiler for Swift and no linker of Apple's is here,
so that their structure is tested, the module as clang sees it, and the Swift sources by their grammar and by the names
that they use. tests/python/test_libraries.py looks into the libraries; .github/workflows/platforms.yml runs all of it.
"""

from __future__ import annotations

import hashlib
import plistlib
import re
import struct
import sys
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_swift
from commands import need, output
from conftest import VERSION, unpacked
from signals import noise, several, sha256

import targets
from linnet import _core

FRAMEWORK = "CLinnet.xcframework"
LARGEST = 500_000  # of the framework as a zip, which holds no model
SLICES = {
    "ios-arm64": ("ios", None, {"arm64": "arm64_ios"}),
    "ios-arm64_x86_64-simulator": (
        "ios",
        "simulator",
        {"arm64": "arm64_ios_simulator", "x86_64": "x86_64_ios_simulator"},
    ),
    "macos-arm64_x86_64": ("macos", None, {"arm64": "aarch64_macos", "x86_64": "x86_64_macos"}),
}
PROCESSORS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
# Functions for which Apple wants a reason in the manifest ("Describing use of required reason API").
WITH_REASONS = {"stat", "fstat", "lstat", "fstatat", "getattrlist", "fgetattrlist", "getattrlistat", "getattrlistbulk"}
WITH_REASONS |= {"statfs", "fstatfs", "statvfs", "fstatvfs", "mach_absolute_time"}
# What the wrapper leaves out: memory of the caller's own, paths, and what a package has a version for.
LEFT_OUT = {"linnet_size", "linnet_init", "linnet_model_size", "linnet_model_init", "linnet_model_load", "linnet_abi"}


@pytest.fixture(scope="module")
def framework(root: Path) -> dict[str, bytes]:
    path = root / f"build/apple/CLinnet-{VERSION}.xcframework.zip"
    assert path.exists(), "the packages for Apple are not built: ./sconsw xcframework"
    files = unpacked(path)
    assert all(name.startswith(f"{FRAMEWORK}/") for name in files)
    return {name.removeprefix(f"{FRAMEWORK}/"): content for name, content in files.items()}


@pytest.fixture(scope="module")
def package(root: Path) -> dict[str, bytes]:
    files = unpacked(root / f"build/apple/Linnet-{VERSION}.zip")
    return {name.removeprefix("LinnetPackage/"): content for name, content in files.items()}


@pytest.fixture(scope="module")
def swift(root: Path) -> dict[str, str]:
    """Swift sources by their paths below sdk/apple."""
    top = root / "sdk/apple"
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*.swift"))}


def slices(library: bytes) -> dict[str, bytes]:
    """Archives in a file for several CPUs (Apple's mach-o/fat.h), by CPU; of one for a single CPU that alone."""
    if library.startswith(b"!<arch>\n"):
        return {"arm64": library}
    magic, count = struct.unpack_from(">2I", library)
    assert magic == 0xCAFEBABE
    found = {}
    for index in range(count):
        processor, _, offset, size, align = struct.unpack_from(">5I", library, 8 + 20 * index)
        assert offset % (1 << align) == 0
        found[PROCESSORS[processor]] = library[offset : offset + size]
    return found


def test_description_is_of_what_is_there(framework: dict[str, bytes]) -> None:
    description = plistlib.loads(framework["Info.plist"])
    assert (description["CFBundlePackageType"], description["XCFrameworkFormatVersion"]) == ("XFWK", "1.0")
    found = {one["LibraryIdentifier"]: one for one in description["AvailableLibraries"]}
    assert {*found} == {*SLICES} and len(description["AvailableLibraries"]) == len(SLICES)
    for name, (platform, variant, machines) in SLICES.items():
        one = found[name]
        assert (one["SupportedPlatform"], one.get("SupportedPlatformVariant")) == (platform, variant)
        assert one["SupportedArchitectures"] == [*machines]
        assert one["LibraryPath"] == one["BinaryPath"] == "liblinnet.a" and one["HeadersPath"] == "Headers"


def test_libraries_are_those_of_the_targets(root: Path, framework: dict[str, bytes]) -> None:
    held = []
    for name, (_, _, machines) in SLICES.items():
        found = slices(framework[f"{name}/liblinnet.a"])
        assert {*found} == {*machines}
        for machine, target in machines.items():
            archive = (root / targets.folder(target, "release", "gcc") / "liblinnet.a").read_bytes()
            assert found[machine].rstrip(b"\n") == archive.rstrip(b"\n")
            held.append(target)
    assert sorted(held) == targets.of_systems(*targets.APPLE_SDKS)


def test_files_of_the_framework(root: Path, framework: dict[str, bytes]) -> None:
    names = {"Info.plist", "LICENSE"}
    for name in SLICES:
        headers = f"{name}/Headers/CLinnet"
        names |= {f"{name}/liblinnet.a", f"{headers}/linnet.h", f"{headers}/module.modulemap"}
        assert framework[f"{headers}/linnet.h"] == (root / "sdk/include/linnet.h").read_bytes()
    assert {*framework} == names
    assert str(root).encode() not in b"".join(framework.values())
    path = root / f"build/apple/CLinnet-{VERSION}.xcframework.zip"
    assert path.stat().st_size < LARGEST
    # What `swift package compute-checksum` prints, for a binaryTarget by URL.
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.with_suffix(".zip.sha256").read_text() == f"{checksum}\n"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("objective-c", "@import CLinnet;\nint main(void) { return linnet_abi() != LINNET_ABI; }\n"),
        ("objective-c++", "@import CLinnet;\nint main() { linnet_config config = {}; return config.size != 0; }\n"),
        ("c", "#include <CLinnet/linnet.h>\nint main(void) { return linnet_abi() != LINNET_ABI; }\n"),
    ],
)
def test_module_as_clang_imports_it(framework: dict[str, bytes], tmp_path: Path, language: str, text: str) -> None:
    need("clang-19")
    for name, content in framework.items():
        if "/Headers/" in name:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (tmp_path / "main").write_text(text)
    for name in SLICES:
        flags = ("-fmodules", "-fcxx-modules", f"-fmodules-cache-path={tmp_path}/cache", "-fsyntax-only", "-Werror")
        output("clang-19", *flags, f"-I{tmp_path / name / 'Headers'}", "-x", language, tmp_path / "main")


def test_privacy_manifest_says_what_the_libraries_ask(root: Path, package: dict[str, bytes]) -> None:
    manifest = plistlib.loads(package["Sources/Linnet/PrivacyInfo.xcprivacy"])
    assert manifest == {
        "NSPrivacyTracking": False,
        "NSPrivacyTrackingDomains": [],
        "NSPrivacyCollectedDataTypes": [],
        "NSPrivacyAccessedAPITypes": [],
    }
    need("llvm-nm-19")
    for name in targets.of_systems(*targets.APPLE_SDKS):
        archive = root / targets.folder(name, "release", "gcc") / "liblinnet.a"
        asked = set(re.findall(r"\b_(\w+)$", output("llvm-nm-19", "--undefined-only", archive), re.MULTILINE))
        assert "malloc" in asked and not asked & WITH_REASONS


def test_swift_package_holds_what_it_names(root: Path, package: dict[str, bytes], framework: dict[str, bytes]) -> None:
    manifest = package["Package.swift"].decode()
    assert manifest.startswith("// swift-tools-version:5.7\n")
    name, path = re.search(r'binaryTarget\(name: "(\w+)", path: "([^"]+)"\)', manifest).groups()
    # SwiftPM wants a framework of the target's name, and Swift a module of it.
    assert path == f"{name}.xcframework" == FRAMEWORK
    module_map = framework["ios-arm64/Headers/CLinnet/module.modulemap"].decode()
    assert re.search(r"^module (\w+) \{$", module_map, re.MULTILINE)[1] == name
    assert {file.removeprefix(f"{path}/") for file in package if file.startswith(f"{path}/")} == {*framework}
    for target, kind in (("Linnet", "Sources"), ("LinnetTests", "Tests")):
        assert f'name: "{target}"' in manifest
        assert [file for file in package if re.match(rf"{kind}/{target}/\w+\.swift", file)]
    resources = re.findall(r'\.copy\("([^"]+)"\)', manifest)
    assert sorted(resources) == ["Models", "PrivacyInfo.xcprivacy"]
    assert package["Sources/Linnet/Models/small.linnet"] == (root / "sdk/models/small.linnet").read_bytes()
    others = {file for file in package if file.startswith("Sources/") and not file.endswith(".swift")}
    assert others == {"Sources/Linnet/Models/small.linnet", "Sources/Linnet/PrivacyInfo.xcprivacy"}
    folder = root / "build/apple/LinnetPackage"
    assert {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()} == package


def test_lowest_systems_are_those_of_the_targets(package: dict[str, bytes]) -> None:
    manifest = package["Package.swift"].decode()
    ios, macos = (int(re.search(rf"\.{system}\(\.v(\d+)\)", manifest)[1]) for system in ("iOS", "macOS"))
    assert targets.load("arm64_ios").triple.endswith(f"ios{ios}.0")
    assert targets.load("aarch64_macos").triple.endswith(f"macos{macos}.0")


def test_swift_sources_keep_to_the_grammar(swift: dict[str, str]) -> None:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))
    assert parser.parse(b"func broken( {").root_node.has_error
    assert len(swift) >= 6
    for path, text in swift.items():
        assert not parser.parse(text.encode()).root_node.has_error, path
        assert max(map(len, text.splitlines())) <= 120, path


def calls(text: str) -> list[tuple[str, int]]:
    """Calls of the C interface: name and number of arguments."""
    found = []
    for match in re.finditer(r"\b(linnet_\w+)\(", text):
        depth, commas, at = 1, 0, match.end()
        while depth:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(text[at], 0)
            commas += depth == 1 and text[at] == ","
            at += 1
        found.append((match[1], commas + 1 if text[match.end() : at - 1].strip() else 0))
    return found


def test_swift_calls_the_c_interface_as_it_is(root: Path, swift: dict[str, str]) -> None:
    header = (root / "sdk/include/linnet.h").read_text()
    declared = {}
    for name, parameters in re.findall(r"^LINNET_API [^;]*?\b(linnet_\w+)\(([^)]*)\)", header, re.MULTILINE):
        declared[name] = 0 if parameters == "void" else parameters.count(",") + 1
    structs = dict.fromkeys({*re.findall(r"typedef struct (linnet_\w+) \{", header)} - LEFT_OUT, 0)
    wrapper = "".join(text for path, text in swift.items() if path.startswith("Sources/"))
    made = calls(wrapper)
    assert [(name, count) for name, count in made if (declared | structs).get(name) != count] == []
    assert {name for name, _ in made} - {*structs} == {*declared} - LEFT_OUT
    for name in structs:  # fields that it sets and reads
        body = re.search(rf"typedef struct {name} \{{(.*?)\n\}} {name};", header, re.DOTALL)[1]
        fields = set(re.findall(r"\b(\w+);", body))
        variable = name.removeprefix("linnet_model_").removeprefix("linnet_")
        assert set(re.findall(rf"\b{variable}\.([a-z]\w*)", wrapper)) <= fields


def test_swift_in_the_documents_and_samples_uses_what_there_is(root: Path, swift: dict[str, str]) -> None:
    wrapper = "".join(text for path, text in swift.items() if path.startswith("Sources/"))
    members = set(re.findall(r"\b(?:func|var|let) (\w+)", wrapper))
    types = set(re.findall(r"\b(?:class|struct) (\w+)", wrapper))
    readme = "".join(re.findall(r"^```swift\n(.*?)^```$", (root / "sdk/apple/README.md").read_text(), re.S | re.M))
    users = readme + "".join(text for path, text in swift.items() if path.startswith(("Snippets/", "Tests/")))
    assert set(re.findall(r"\bstream!?\.(\w+)", users)) <= members
    assert set(re.findall(r"\b(Linnet\w+)", users)) - {"LinnetTests", "Linnet"} <= types
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_swift.language()))
    assert readme and not parser.parse(readme.encode()).root_node.has_error


def test_the_microphone_s_snippet_says_when_there_is_none(swift: dict[str, str]) -> None:
    """The engine tells of a format without channels then, of which no other can be made. No empty block is played."""
    text = swift["Snippets/Microphone.swift"]
    assert text.index("guard microphone.channelCount > 0") < text.index("AVAudioFormat(")
    assert re.search(r"catch \{\s+return ", text)


def test_swift_tests_expect_the_native_bits(root: Path, swift: dict[str, str]) -> None:
    model = _core.Model((root / "sdk/models/small.linnet").read_bytes())
    text = swift["Tests/LinnetTests/LinnetTests.swift"]
    expected = dict(re.findall(r'let (expected\w*) = "(\w+)"', text))
    assert expected == {
        "expected": sha256(_core.Stream(model).process(noise())),
        "expectedStereo": sha256(_core.Stream(model, channels=2).process(several(2))),
    }


def test_packing_again_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    lipo = targets.lipo() or "llvm-lipo-19"
    need(lipo)
    parts = []
    for name in targets.of_systems(*targets.APPLE_SDKS):
        parts.append(f"{name}={root / targets.folder(name, 'release', 'gcc')}/liblinnet.a")
    output(sys.executable, root / "sdk/packaging/xcframework.py", VERSION, lipo, tmp_path, *parts)
    for name in (f"CLinnet-{VERSION}.xcframework.zip", f"Linnet-{VERSION}.zip"):
        assert (tmp_path / name).read_bytes() == (root / "build/apple" / name).read_bytes()
