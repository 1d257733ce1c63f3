"""64-bit Windows 10 and up, with the universal C runtime."""

from dataclasses import replace

from targets import WINDOWS, Kernel, Target

TARGET = Target(
    name="x86_64_windows",
    triple="x86_64-w64-windows-gnu",
    machine="AMD64",
    cpu="x86",
    kernels=(
        Kernel("avx2", ("-mavx2",)),
        Kernel("avx_vnni", ("-mavx2", "-mavxvnni")),
        Kernel("avx512_vnni", ("-mavx2", "-mavx512vl", "-mavx512vnni", "-mprefer-vector-width=256")),
    ),
    foreign=replace(WINDOWS, zig="x86_64-windows-gnu"),
)
