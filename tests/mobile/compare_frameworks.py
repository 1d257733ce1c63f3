"""Says whether Xcode describes a framework as we do: compare_frameworks.py OURS THEIRS, on a Mac. THEIRS is made by
`xcodebuild -create-xcframework` out of the libraries and headers of OURS.
"""

from __future__ import annotations

import plistlib
import subprocess
import sys
from pathlib import Path


def libraries(framework: Path) -> dict[str, dict[str, object]]:
    """Platforms of a framework by the names of their folders."""
    description = plistlib.loads((framework / "Info.plist").read_bytes())
    assert (description["CFBundlePackageType"], description["XCFrameworkFormatVersion"]) == ("XFWK", "1.0")
    found = {one["LibraryIdentifier"]: one for one in description["AvailableLibraries"]}
    for one in found.values():
        one["SupportedArchitectures"].sort()
    return found


def main() -> int:
    """Status 1 where they differ."""
    ours, theirs = map(Path, sys.argv[1:3])
    command = ["xcodebuild", "-create-xcframework", "-output", str(theirs)]
    for name, one in libraries(ours).items():
        folder = ours / name
        command += ["-library", str(folder / one["LibraryPath"]), "-headers", str(folder / one["HeadersPath"])]
    subprocess.run(command, check=True)
    mine, other = libraries(ours), libraries(theirs)
    for name in sorted({*mine, *other}):
        if mine.get(name) != other.get(name):
            print(f"{name}: {mine.get(name)} here, {other.get(name)} by Xcode")
    return mine != other


if __name__ == "__main__":
    sys.exit(main())
