"""Apple computers with M1 and up, macOS 11 and up."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="aarch64_macos",
    triple="arm64-apple-macos11.0",
    machine="arm64",
    levels=("-Os", "-O2"),  # as fast as the usual ones to 1 %, and a tenth less to download
    cpu="apple",
    kernels=(
        Kernel("neon", ()),
        Kernel("neon_dot", ("-march=armv8.2-a+dotprod",)),
        Kernel("neon_i8mm", ("-march=armv8.2-a+dotprod+i8mm",)),
    ),
    foreign=Foreign(
        system="macos",
        shared="liblinnet.dylib",
        shared_flags=("-Wl,-install_name,@rpath/liblinnet.dylib", "-Wl,-dead_strip"),
        headers=("any-darwin-any",),
        zig="aarch64-macos.11.0",
    ),
)
