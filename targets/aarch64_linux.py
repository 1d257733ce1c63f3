"""64-bit ARM Linux, armv8.0 and up: single-board computers, servers, and the instruction set of today's phones."""

from targets import Cpu, Kernel, Proof, Target

TARGET = Target(
    name="aarch64_linux",
    triple="aarch64-linux-gnu",
    machine="aarch64",
    gcc=("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"),
    clang=(("clang-19", "clang++-19"), ("clang", "clang++")),
    package="g++-aarch64-linux-gnu",
    cpu="linux_arm",
    wheel="aarch64-linux-gnu.2.17",
    kernels=(
        Kernel("neon", ()),
        Kernel("neon_dot", ("-march=armv8.2-a+dotprod",)),
        Kernel("neon_i8mm", ("-march=armv8.2-a+dotprod+i8mm",)),
    ),
    emulator=("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu"),
    # What each model of qemu 7.2 executes: a53 and a72 stop at base NEON, a76 and n1 add SDOT, max SMMLA as well.
    cpus=(
        Cpu("host", None, tested=True),
        Cpu("cortex-a53", "neon", tested=True, hostile=True),
        Cpu("cortex-a72", "neon"),
        Cpu("cortex-a76", "neon_dot"),
        Cpu("neoverse-n1", "neon_dot"),
        Cpu("max", "neon_i8mm", tested=True),
    ),
    proofs=(Proof("gcc", "o3", "max"), Proof("clang", "o2", "max"), Proof("clang", "o3", "cortex-a53")),
)
