"""32-bit ARM Linux with hard float. NEON is optional on armv7: only its kernel file may use it."""

from targets import Cpu, Kernel, Proof, Target

TARGET = Target(
    name="armv7_linux",
    triple="arm-linux-gnueabihf",
    machine="armv7l",
    gcc=("arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"),
    clang=(("clang-19", "clang++-19"), ("clang", "clang++")),
    package="g++-arm-linux-gnueabihf",
    flags=("-march=armv7-a", "-mfpu=vfpv3-d16", "-mfloat-abi=hard"),
    cpu="linux_arm",
    kernels=(Kernel("neon", ("-mfpu=neon",)),),
    emulator=("qemu-arm", "-L", "/usr/arm-linux-gnueabihf"),
    cpus=(
        Cpu("host", None, tested=True),
        Cpu("cortex-a7", "neon", tested=True, hostile=True),
        Cpu("cortex-a15", "neon"),
    ),
    proofs=(Proof("gcc", "o3", "cortex-a7"), Proof("clang", "o2", "cortex-a15")),
)
