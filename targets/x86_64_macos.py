"""Apple computers with Intel's CPUs, macOS 11 and up."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="x86_64_macos",
    triple="x86_64-apple-macos11.0",
    machine="x86_64",
    flags=("-fno-asynchronous-unwind-tables",),  # as on ARM: nothing throws, and frame pointers are kept
    levels=("-Os", "-O2"),  # as fast as the usual ones to 1 %, and a tenth less to download
    cpu="x86",
    kernels=(Kernel("avx2", ("-mavx2",)),),  # no Mac has AVX-VNNI
    foreign=Foreign(
        system="macos",
        shared="liblinnet.dylib",
        shared_flags=("-Wl,-install_name,@rpath/liblinnet.dylib", "-Wl,-dead_strip"),
        headers=("any-darwin-any",),
        zig="x86_64-macos.11.0",
    ),
)
