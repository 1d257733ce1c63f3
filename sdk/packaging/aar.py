"""Makes the package for Android: aar.py VERSION JAVAC FOLDER TARGET=LIBRARY ..., one library for each ABI.

FOLDER gets linnet-VERSION.aar (Java classes, a library per ABI for them and, as a prefab package, for C and C++, and a
model as an asset), and maven/, a repository with the same file that Gradle resolves `org.linnet:linnet:VERSION` from.
Equal inputs give equal bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from zipped import zipped

SDK = Path(__file__).resolve().parents[1]
ANDROID = SDK / "android"
GROUP, NAME = "org.linnet", "linnet"
ABIS = {"aarch64_android": "arm64-v8a", "armv7_android": "armeabi-v7a", "x86_64_android": "x86_64"}
MODELS = ("small",)
API = 24  # Android 7, as the targets' triples have it
NDK = 21  # the lowest that knows prefab; nothing of a C++ library crosses the border
# What the Android plugin asks of a package before it takes it.
METADATA = """aarFormatVersion=1.0
aarMetadataVersion=1.0
minCompileSdk=1
minCompileSdkExtension=0
minAndroidGradlePluginVersion=1.0.0
coreLibraryDesugaringEnabled=false
"""
POM = f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>{GROUP}</groupId>
  <artifactId>{NAME}</artifactId>
  <version>@VERSION@</version>
  <packaging>aar</packaging>
  <name>linnet</name>
  <description>Real-time speech enhancement: noise and reverberation suppression</description>
  <licenses>
    <license>
      <name>BSD-2-Clause</name>
    </license>
  </licenses>
</project>
"""


def sources() -> dict[str, bytes]:
    """Path of a Java class in the package -> its source."""
    top = ANDROID / "java"
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*.java"))}


def classes(javac: str) -> dict[str, bytes]:
    """Contents of classes.jar. Android's own classes are compiled against stand-ins, which stay behind."""
    license_text = (SDK.parent / "LICENSE").read_bytes()
    # A path of its own: a plain META-INF/LICENSE would meet those of other libraries in an app.
    files = {f"META-INF/{GROUP}/LICENSE": license_text}
    with tempfile.TemporaryDirectory() as folder:
        stand_ins, ours = Path(folder, "standin"), Path(folder, "classes")
        options = ["--release", "8", "-encoding", "UTF-8", "-g:source,lines", "-Xlint:-options"]
        for place, top, path in ((stand_ins, "standin", ""), (ours, "java", str(stand_ins))):
            texts = sorted(map(str, (ANDROID / top).rglob("*.java")))
            subprocess.run([javac, *options, "-cp", path, "-d", str(place), *texts], check=True)
        return files | {str(path.relative_to(ours)): path.read_bytes() for path in ours.rglob("*.class")}


def prefab(version: str, libraries: dict[str, bytes]) -> dict[str, bytes]:
    """The package for C and C++: CMake's find_package(linnet), then linnet::linnet."""

    def text(value: object) -> bytes:
        return json.dumps(value).encode() + b"\n"

    module = f"prefab/modules/{NAME}"
    files = {
        "prefab/prefab.json": text({"schema_version": 2, "name": NAME, "version": version, "dependencies": []}),
        f"{module}/module.json": text({"export_libraries": [], "android": {}}),
        f"{module}/include/linnet.h": (SDK / "include/linnet.h").read_bytes(),
    }
    for abi, library in libraries.items():
        place = f"{module}/libs/android.{abi}"
        files[f"{place}/abi.json"] = text({"abi": abi, "api": API, "ndk": NDK, "stl": "none", "static": False})
        files[f"{place}/liblinnet.so"] = library
    return files


def contents(version: str, javac: str, libraries: dict[str, bytes]) -> dict[str, bytes]:
    """Path in the AAR -> bytes. libraries: ABI -> liblinnet.so."""
    files = {
        "AndroidManifest.xml": (ANDROID / "AndroidManifest.xml").read_bytes(),
        "R.txt": b"",  # has no resources
        "classes.jar": zipped(classes(javac)),
        "proguard.txt": (ANDROID / "proguard.txt").read_bytes(),
        "META-INF/com/android/build/gradle/aar-metadata.properties": METADATA.encode(),
    }
    files |= {f"jni/{abi}/liblinnet.so": library for abi, library in libraries.items()}
    files |= {f"assets/linnet/{name}.linnet": (SDK / f"models/{name}.linnet").read_bytes() for name in MODELS}
    return files | prefab(version, libraries)


def main() -> None:
    """Writes the file and the repository."""
    version, javac, folder, *parts = sys.argv[1:]
    paths = dict(part.split("=", 1) for part in parts)
    libraries = {abi: Path(paths[target]).read_bytes() for target, abi in ABIS.items()}
    archive = zipped(contents(version, javac, libraries))
    stem = f"{NAME}-{version}"
    place = Path(folder, "maven", *GROUP.split("."), NAME, version)
    place.mkdir(parents=True, exist_ok=True)
    for path in (Path(folder), place):
        (path / f"{stem}.aar").write_bytes(archive)
    (place / f"{stem}.pom").write_text(POM.replace("@VERSION@", version))
    (place / f"{stem}-sources.jar").write_bytes(zipped(sources()))


if __name__ == "__main__":
    main()
