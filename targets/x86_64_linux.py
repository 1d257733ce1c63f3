"""Intel and AMD 64-bit Linux: the usual development machine. The library itself needs SSE2 only."""

from targets import Cpu, Kernel, Proof, Target

TARGET = Target(
    name="x86_64_linux",
    triple="x86_64-linux-gnu",
    machine="x86_64",
    gcc=("x86_64-linux-gnu-gcc", "x86_64-linux-gnu-g++"),
    clang=(("clang-19", "clang++-19"), ("clang", "clang++")),
    package="g++-x86-64-linux-gnu",
    cpu="x86",
    wheel="x86_64-linux-gnu.2.17",
    kernels=(
        Kernel("avx2", ("-mavx2",)),
        Kernel("avx_vnni", ("-mavx2", "-mavxvnni")),
        Kernel("avx512_vnni", ("-mavx2", "-mavx512vl", "-mavx512vnni", "-mprefer-vector-width=256")),
    ),
    emulator=("qemu-x86_64",),
    # No model of qemu 7.2 executes AVX-VNNI; Nehalem stops at SSE4.2 and kills any stray AVX instruction.
    cpus=(
        Cpu("host", None, tested=True, hostile=True),
        Cpu("Nehalem", "scalar"),
        Cpu("max", "avx2"),
    ),
    proofs=(
        Proof("gcc", "debug", "host", suites=("unit", "api")),
        Proof("gcc", "o2", "host"),
        Proof("gcc", "o3", "host", hostile=True),
        Proof("clang", "o2", "host", hostile=True),
        Proof("clang", "o3", "host", hostile=True),
    ),
)
