"""64-bit Android 7 and up: nearly every phone in use."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="aarch64_android",
    triple="aarch64-linux-android24",
    machine="aarch64",
    cpu="linux_arm",
    kernels=(
        Kernel("neon", ()),
        Kernel("neon_dot", ("-march=armv8.2-a+dotprod",)),
        Kernel("neon_i8mm", ("-march=armv8.2-a+dotprod+i8mm",)),
    ),
    foreign=Foreign(
        system="android",
        shared="liblinnet.so",
        # 16 KB pages: Android 15 has devices with them.
        shared_flags=(
            "-Wl,-soname=liblinnet.so",
            "-Wl,-zmax-page-size=16384",
            "-Wl,--no-undefined",
            "-Wl,--gc-sections",
            "-Wl,--build-id=sha1",
        ),
        headers=("aarch64-linux-musl", "generic-musl"),
    ),
)
