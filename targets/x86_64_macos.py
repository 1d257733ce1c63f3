"""Apple computers with Intel's CPUs, macOS 11 and up."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="x86_64_macos",
    triple="x86_64-apple-macos11.0",
    machine="x86_64",
    cpu="x86",
    kernels=(
        Kernel("avx2", ("-mavx2",)),
        Kernel("avx_vnni", ("-mavx2", "-mavxvnni")),
    ),
    foreign=Foreign(
        system="macos",
        shared="liblinnet.dylib",
        shared_flags=("-Wl,-install_name,@rpath/liblinnet.dylib", "-Wl,-dead_strip"),
        headers=("any-darwin-any",),
        zig="x86_64-macos.11.0",
    ),
)
