"""The simulator of iPhones and iPads on Macs with Intel's CPUs: objects and an archive, which Xcode links into apps."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="x86_64_ios_simulator",
    triple="x86_64-apple-ios14.0-simulator",
    machine="x86_64",
    cpu="x86",
    kernels=(
        Kernel("avx2", ("-mavx2",)),
        Kernel("avx_vnni", ("-mavx2", "-mavxvnni")),
    ),
    foreign=Foreign(system="ios_simulator", headers=("any-darwin-any",)),
)
