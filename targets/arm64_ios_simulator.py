"""The simulator of iPhones and iPads on Macs with M1 and up: objects and an archive, which Xcode links into an app."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="arm64_ios_simulator",
    triple="arm64-apple-ios14.0-simulator",
    machine="arm64",
    levels=("-Os", "-Os"),  # on a desk, where half as much time again is still nothing
    cpu="apple",
    kernels=(
        Kernel("neon", ()),
        Kernel("neon_dot", ("-march=armv8.2-a+dotprod",)),
        Kernel("neon_i8mm", ("-march=armv8.2-a+dotprod+i8mm",)),
    ),
    foreign=Foreign(system="ios_simulator", headers=("any-darwin-any",)),
)
