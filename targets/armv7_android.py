"""32-bit Android 7 and up: old and very cheap phones. Every CPU that runs it has NEON, which the kernels ask for."""

from targets import Foreign, Kernel, Target

TARGET = Target(
    name="armv7_android",
    triple="armv7a-linux-androideabi24",
    machine="armv7l",
    flags=("-mfpu=vfpv3-d16",),
    cpu="linux_arm",
    kernels=(Kernel("neon", ("-mfpu=neon",)),),
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
        headers=("arm-linux-musl", "generic-musl"),
    ),
)
