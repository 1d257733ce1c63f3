"""The simulator of iPhones and iPads on Macs with Intel's CPUs: objects and an archive, which Xcode links into apps."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="x86_64_ios_simulator",
    triple="x86_64-apple-ios14.0-simulator",
    machine="x86_64",
    flags=("-fno-asynchronous-unwind-tables",),  # as on ARM: nothing throws, and frame pointers are kept
    levels=("-Os", "-Os"),  # on a desk, where half as much time again is still nothing
    cpu="x86",
    kernels=(Kernel("avx2", ("-mavx2",)),),  # no Mac has AVX-VNNI
    foreign=Foreign(system="ios_simulator", headers=("any-darwin-any",)),
)
