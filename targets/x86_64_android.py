"""Android 7 and up on Intel and AMD: the emulator on a developer's computer, and a few tablets."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="x86_64_android",
    triple="x86_64-linux-android24",
    machine="x86_64",
    cpu="x86",
    kernels=(
        Kernel("avx2", ("-mavx2",)),
        Kernel("avx_vnni", ("-mavx2", "-mavxvnni")),
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
        headers=("x86_64-linux-musl", "generic-musl"),
    ),
)
