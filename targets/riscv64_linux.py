"""64-bit RISC-V Linux without vector kernels: the portability canary, which runs the scalar reference only."""

from targets import Cpu, Proof, Target

TARGET = Target(
    name="riscv64_linux",
    triple="riscv64-linux-gnu",
    machine="riscv64",
    gcc=("riscv64-linux-gnu-gcc", "riscv64-linux-gnu-g++"),
    clang=(("clang-19", "clang++-19"), ("clang", "clang++")),
    package="g++-riscv64-linux-gnu",
    emulator=("qemu-riscv64", "-L", "/usr/riscv64-linux-gnu"),
    cpus=(
        Cpu("host", None, tested=True),
        Cpu("rv64", "scalar"),  # emulated float arithmetic is slowest here
    ),
    proofs=(Proof("gcc", "o3", "rv64"), Proof("clang", "o2", "rv64")),
)
