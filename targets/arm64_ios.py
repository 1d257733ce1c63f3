"""iPhones and iPads, iOS 14 and up: objects and an archive, which Xcode links into an app."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="arm64_ios",
    triple="arm64-apple-ios14.0",
    machine="arm64",
    levels=("-Os", "-O2"),  # as fast as the usual ones to 1 %, and a tenth less to download
    cpu="apple",
    kernels=(
        Kernel("neon", ()),
        Kernel("neon_dot", ("-march=armv8.2-a+dotprod",)),
        Kernel("neon_i8mm", ("-march=armv8.2-a+dotprod+i8mm",)),
    ),
    foreign=Foreign(system="ios", headers=("any-darwin-any",)),
)
