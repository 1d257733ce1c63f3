"""64-bit Windows 10 and up on ARM, with the universal C runtime."""

from dataclasses import replace

from targets import WINDOWS, Kernel, Target

TARGET = Target(
    name="aarch64_windows",
    triple="aarch64-w64-windows-gnu",
    machine="ARM64",
    cpu="windows_arm",
    kernels=(
        Kernel("neon", ()),
        Kernel("neon_dot", ("-march=armv8.2-a+dotprod",)),
        Kernel("neon_i8mm", ("-march=armv8.2-a+dotprod+i8mm",)),
    ),
    foreign=replace(WINDOWS, zig="aarch64-windows-gnu"),
)
