"""The sample project for Android, which no Gradle builds here: its sources keep to Kotlin's grammar and to the classes
of the package, its C++ compiles, and what its files say of the package is so.
"""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import tree_sitter
import tree_sitter_kotlin
from commands import need, output
from conftest import VERSION
from signals import noise, several, sha256

import targets
from linnet import _core

ANDROID = "{http://schemas.android.com/apk/res/android}"


@pytest.fixture(scope="module")
def sample(root: Path) -> dict[str, str]:
    """Text files of the project by their paths in it."""
    top = root / "sdk/android/sample"
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def kotlin(root: Path) -> str:
    """Snippets of the page about the package."""
    text = (root / "sdk/android/README.md").read_text()
    return "".join(re.findall(r"^```kotlin\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def test_kotlin_keeps_to_the_grammar(root: Path, sample: dict[str, str]) -> None:
    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_kotlin.language()))
    assert parser.parse(b"fun broken( {").root_node.has_error
    texts = {path: text for path, text in sample.items() if path.endswith((".kt", ".kts"))}
    assert len(texts) >= 7
    for path, text in (texts | {"README.md": kotlin(root)}).items():
        assert text and not parser.parse(text.encode()).root_node.has_error, path
        assert max(map(len, text.splitlines())) <= 120, path


def test_kotlin_calls_what_the_classes_have(root: Path, sample: dict[str, str], classes: Path) -> None:
    need("javap")
    members = {}
    for name in ("Linnet", "LinnetModel", "LinnetException", "Linnet$Stats", "Linnet$Config"):
        listing = output("javap", "-public", "-cp", classes, f"org.linnet.{name}")
        members[name] = set(re.findall(r"\b(\w+)(?:\(|;)", listing))
    text = kotlin(root) + "".join(text for path, text in sample.items() if path.endswith(".kt"))
    used = {
        "Linnet": set(re.findall(r"\blinnet\.(\w+)\(", text)),
        "LinnetModel": set(re.findall(r"\bLinnetModel\.(\w+)", text)) | set(re.findall(r"\bmodel\.(\w+)\(", text)),
        "LinnetException": set(re.findall(r"\berror\.(\w+)", text)),
        "Linnet$Stats": set(re.findall(r"\bstats\.(\w+)", text)),
        "Linnet$Config": set(re.findall(r"Config\(\)\.(?:apply \{ |also \{ it\.)(\w+)", text)),
    }
    for name, names in used.items():
        assert names and names <= members[name], name


def test_the_page_s_loop_ends_with_the_microphone(root: Path) -> None:
    assert re.search(r"^while .* record\.read\(frame, 0, frame\.size\) == frame\.size\) ", kotlin(root), re.MULTILINE)


def calls(text: str, name: str) -> list[list[tree_sitter.Node]]:
    """Of each call of a function in Kotlin what is around it, from within."""
    left = [tree_sitter.Parser(tree_sitter.Language(tree_sitter_kotlin.language())).parse(text.encode()).root_node]
    found = []
    while left:
        node = left.pop()
        left += node.children
        if node.type == "call_expression" and node.children[0].text.decode().split(".")[-1] == name:
            found.append([])
            while node := node.parent:
                found[-1].append(node)
    return found


def test_kotlin_stands_what_devices_do(sample: dict[str, str]) -> None:
    """Nothing begins without the right to the microphone, what is refused or taken away is said, all is given back."""
    main, loop = (sample[f"app/src/main/kotlin/org/linnet/sample/{name}.kt"] for name in ("MainActivity", "RecordLoop"))
    begun = calls(main, "RecordLoop") + calls(main, "OboeLoop")
    assert len(begun) == 2 and all(any(node.text.startswith(b"begin {") for node in around) for around in begun)
    begin = main[main.index("fun begin(") :]
    assert begin.index("checkSelfPermission(") < begin.index("return") < begin.index("loop = way()")
    assert main.count("way?.let { begin(it) }") == 2 and "unregisterAudioDeviceCallback" in main
    released = calls(loop, "release")
    assert len(released) == 2
    assert all("finally_block" in [node.type for node in around] for around in released)
    (around,) = calls(loop, "fromAsset")
    assert any(child.type == "catch_block" for node in around for child in node.children)
    assert len(calls(loop, "check")) == len(calls(loop, "read") + calls(loop, "write"))


def test_gradle_finds_the_package(root: Path, sample: dict[str, str], aar: dict[str, bytes]) -> None:
    settings, build = sample["settings.gradle.kts"], sample["app/build.gradle.kts"]
    place = re.search(r'maven \{ url = uri\("([^"]+)"\) \}', settings)[1]
    repository = (root / "sdk/android/sample" / place).resolve()
    group, name, version = re.search(r'implementation\("(org\.linnet):(\w+):([\d.]+)"\)', build).groups()
    assert version == VERSION
    assert (repository / group.replace(".", "/") / name / version / f"{name}-{version}.aar").exists()
    assert f'implementation("{group}:{name}:{version}")' in (root / "sdk/android/README.md").read_text()
    lowest = int(re.search(r"minSdk = (\d+)", build)[1])
    manifest = ElementTree.fromstring(aar["AndroidManifest.xml"])
    assert lowest >= int(manifest.find("uses-sdk").get(f"{ANDROID}minSdkVersion"))
    filters = set(re.findall(r'"([^"]+)"', re.search(r"abiFilters \+= listOf\(([^)]*)\)", build)[1]))
    assert filters == {path.split("/")[1] for path in aar if path.startswith("jni/")}
    assert "prefab = true" in build and 'noCompress += "linnet"' in build


def test_cmake_finds_the_package(sample: dict[str, str], aar: dict[str, bytes]) -> None:
    text = sample["app/src/main/cpp/CMakeLists.txt"]
    package = json.loads(aar["prefab/prefab.json"])["name"]
    modules = {path.split("/")[2] for path in aar if path.startswith("prefab/modules/")}
    assert f"find_package({package} REQUIRED CONFIG)" in text
    assert {module for name, module in re.findall(r"\b(\w+)::(\w+)", text) if name == package} == modules
    assert "app/src/main/cpp/oboe_loop.cpp" in sample and " oboe_loop.cpp)" in text
    path = re.search(r'path = file\("([^"]+)"\)', sample["app/build.gradle.kts"])[1]
    assert f"app/{path}" in sample


def test_its_library_fits_pages_of_16_kb(sample: dict[str, str]) -> None:
    """As those that it comes with do: Oboe's since 1.9.3, the package's by test_android.py."""
    options = re.findall(r"target_link_options\((\w+) PRIVATE ([^)]*)\)", sample["app/src/main/cpp/CMakeLists.txt"])
    assert options == [("sample", "-Wl,-z,max-page-size=16384")]
    version = re.search(r'"com\.google\.oboe:oboe:([\d.]+)"', sample["app/build.gradle.kts"])[1]
    assert tuple(map(int, version.split("."))) >= (1, 9, 3)
    assert 'System.loadLibrary("sample")' in sample["app/src/androidTest/kotlin/org/linnet/sample/LinnetTest.kt"]


def test_manifest_names_what_there_is(sample: dict[str, str]) -> None:
    manifest = ElementTree.fromstring(sample["app/src/main/AndroidManifest.xml"])
    activity = manifest.find("application/activity").get(f"{ANDROID}name")
    assert f"app/src/main/kotlin/org/linnet/sample{activity.replace('.', '/')}.kt" in sample
    label = manifest.find("application").get(f"{ANDROID}label").removeprefix("@string/")
    strings = ElementTree.fromstring(sample["app/src/main/res/values/strings.xml"])
    assert label in {string.get("name") for string in strings}


def test_cpp_compiles(root: Path, tmp_path: Path) -> None:
    need("g++")
    jdk = targets.jdk()
    if jdk is None:
        need("javac")
    folders = [root / "tests/mobile/standin", root / "sdk/include", jdk / "include", jdk / "include/linux"]
    source = root / "sdk/android/sample/app/src/main/cpp/oboe_loop.cpp"
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-c", "-o", tmp_path / "oboe_loop.o")
    output("g++", *flags, *(f"-I{folder}" for folder in folders), source)
    made = set(re.findall(r"\bT (Java_\w+)", output("nm", tmp_path / "oboe_loop.o")))
    text = (root / "sdk/android/sample/app/src/main/kotlin/org/linnet/sample/OboeLoop.kt").read_text()
    assert made == {f"Java_org_linnet_sample_OboeLoop_{name}" for name in re.findall(r"external fun (\w+)", text)}


def test_cpp_keeps_the_delay_short(root: Path, tmp_path: Path) -> None:
    """Neither a microphone that started first nor bursts that were late leave more than two bursts behind."""
    need("g++")
    jdk = targets.jdk()
    if jdk is None:
        need("javac")
    sample = root / "sdk/android/sample/app/src/main/cpp"
    folders = [sample, root / "tests/mobile/standin", root / "sdk/include", jdk / "include", jdk / "include/linux"]
    library = root / targets.folder(targets.host(), "release", "gcc") / "liblinnet.a"
    flags = ("-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", "-o", tmp_path / "run")
    output("g++", *flags, *(f"-I{folder}" for folder in folders), root / "tests/mobile/oboe_run.cpp", library)
    ran = output(tmp_path / "run", root / "sdk/models/tiny.linnet")
    assert max(map(int, ran.split())) <= 2 * 192 + 128, ran


def test_device_test_expects_the_native_bits(root: Path, sample: dict[str, str]) -> None:
    model = _core.Model((root / "sdk/models/small.linnet").read_bytes())
    text = sample["app/src/androidTest/kotlin/org/linnet/sample/LinnetTest.kt"]
    assert dict(re.findall(r'const val (\w+) = "(\w+)"', text)) == {
        "EXPECTED": sha256(_core.Stream(model).process(noise())),
        "EXPECTED_STEREO": sha256(_core.Stream(model, channels=2).process(several(2))),
    }
