"""Makes the packages for Apple: xcframework.py VERSION LIPO FOLDER TARGET=ARCHIVE ..., one archive for each target.

FOLDER gets CLinnet-VERSION.xcframework.zip (libraries, header and module map, for Xcode, and for a binaryTarget with
the checksum in the file beside it), and LinnetPackage/ and Linnet-VERSION.zip, the Swift package with that framework, a
wrapper and a model. LIPO joins two CPUs of a platform in one file. Equal inputs give equal bytes.
"""

from __future__ import annotations

import hashlib
import plistlib
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from zipped import zipped

SDK = Path(__file__).resolve().parents[1]
APPLE = SDK / "apple"
FRAMEWORK = "CLinnet.xcframework"
MODELS = ("small",)
ARCHITECTURES = {"arm64": "arm64", "aarch64": "arm64", "x86_64": "x86_64"}  # Apple's, by how a target's name begins


@dataclass(frozen=True)
class Slice:
    """One platform of the framework, and the targets for its CPUs."""

    platform: str
    variant: str
    targets: tuple[str, ...]

    @property
    def architectures(self) -> list[str]:
        """Apple's names of its CPUs."""
        return [
            next(ours for name, ours in ARCHITECTURES.items() if target.startswith(name)) for target in self.targets
        ]

    @property
    def identifier(self) -> str:
        """Name of its folder, as Xcode makes it."""
        return "-".join(filter(None, (self.platform, "_".join(self.architectures), self.variant)))


SLICES = (
    Slice("ios", "", ("arm64_ios",)),
    Slice("ios", "simulator", ("arm64_ios_simulator", "x86_64_ios_simulator")),
    Slice("macos", "", ("aarch64_macos", "x86_64_macos")),
)


def description() -> bytes:
    """Info.plist of the framework."""
    libraries = []
    for one in SLICES:
        library = {
            "BinaryPath": "liblinnet.a",
            "HeadersPath": "Headers",
            "LibraryIdentifier": one.identifier,
            "LibraryPath": "liblinnet.a",
            "SupportedArchitectures": one.architectures,
            "SupportedPlatform": one.platform,
        }
        libraries.append(library | ({"SupportedPlatformVariant": one.variant} if one.variant else {}))
    return plistlib.dumps(
        {
            "AvailableLibraries": libraries,
            "CFBundlePackageType": "XFWK",
            "XCFrameworkFormatVersion": "1.0",
        }
    )


def joined(lipo: str, archives: list[Path]) -> bytes:
    """One archive for all CPUs of a platform; with a single one, its archive as it is."""
    if len(archives) == 1:
        return archives[0].read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "liblinnet.a")
        subprocess.run([lipo, "-create", *map(str, archives), "-output", str(out)], check=True)
        return out.read_bytes()


def framework(lipo: str, archives: dict[str, Path]) -> dict[str, bytes]:
    """Path in the framework -> bytes. archives: target -> its static library."""
    files = {"Info.plist": description(), "LICENSE": (SDK.parent / "LICENSE").read_bytes()}
    for one in SLICES:
        files[f"{one.identifier}/liblinnet.a"] = joined(lipo, [archives[target] for target in one.targets])
        # A folder of the module's name: the module maps of two frameworks in one app would meet in Headers itself.
        headers = f"{one.identifier}/Headers/CLinnet"
        files[f"{headers}/linnet.h"] = (SDK / "include/linnet.h").read_bytes()
        files[f"{headers}/module.modulemap"] = (APPLE / "module.modulemap").read_bytes()
    return files


def package(parts: dict[str, bytes]) -> dict[str, bytes]:
    """Path in the Swift package -> bytes. parts: those of the framework."""
    files = {f"{FRAMEWORK}/{path}": content for path, content in parts.items()}
    for pattern in ("Package.swift", "Sources/**/*.swift", "Snippets/*.swift", "Tests/**/*.swift", "README.md"):
        files |= {str(path.relative_to(APPLE)): path.read_bytes() for path in APPLE.glob(pattern)}
    resources = "Sources/Linnet"
    files[f"{resources}/PrivacyInfo.xcprivacy"] = (APPLE / "PrivacyInfo.xcprivacy").read_bytes()
    files |= {f"{resources}/Models/{name}.linnet": (SDK / f"models/{name}.linnet").read_bytes() for name in MODELS}
    return files | {"LICENSE": (SDK.parent / "LICENSE").read_bytes()}


def main() -> None:
    """Writes both, the package as a folder too."""
    version, lipo, folder, *named = sys.argv[1:]
    parts = framework(lipo, {name: Path(path) for name, path in (part.split("=", 1) for part in named)})
    archive = zipped({f"{FRAMEWORK}/{path}": content for path, content in parts.items()})
    place = Path(folder, f"CLinnet-{version}.xcframework.zip")
    place.write_bytes(archive)
    # What `swift package compute-checksum` says.
    place.with_suffix(".zip.sha256").write_text(hashlib.sha256(archive).hexdigest() + "\n")
    files = package(parts)
    Path(folder, f"Linnet-{version}.zip").write_bytes(
        zipped({f"LinnetPackage/{path}": content for path, content in files.items()})
    )
    shutil.rmtree(Path(folder, "LinnetPackage"), ignore_errors=True)
    for path, content in files.items():
        place = Path(folder, "LinnetPackage", path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


if __name__ == "__main__":
    main()
