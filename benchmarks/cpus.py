"""The CPUs that cpu_load.py estimates for: clock, table of LLVM 19, caches and their speed.

Everything here is an assumption and printed as one. Cache sizes are those of the named system. Bandwidths are what one
core sustains when it reads in a row, rounded: no measurement of ours, and the spread between systems with the same core
is about two to one either way. Where LLVM has no table of a core's own, its nearest relative stands in, and is named.
"""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 1 << 20
GIGABYTE = 1e9  # of bandwidths


@dataclass(frozen=True)
class Level:
    """A place where weights may live: its name, how many bytes of them fit, and bytes per second one core reads."""

    name: str
    room: float
    bandwidth: float


@dataclass(frozen=True)
class NamedCpu:
    """One CPU in one system.

    target, backend: the build and the kernels it runs. table: LLVM's -mcpu. in_order: memory time is added to computing
    time, where an out-of-order core overlaps the two. levels: nearest first; the last one holds everything. note: where
    the figures come from. band: factors around the core's cycles, for the error of the table. cores: what such cores
    say of themselves, as sdk/selftest/device.h has it.
    """

    name: str
    clock: float
    target: str
    backend: str
    table: str
    in_order: bool
    levels: tuple[Level, ...]
    note: str
    band: tuple[float, float]
    cores: tuple[str, ...] = ()

    def level(self, model_bytes: float) -> Level:
        """Where a model of that size lives when it is used every frame; three quarters of a cache are counted on."""
        return next((level for level in self.levels if model_bytes <= 0.75 * level.room), self.levels[-1])


def _levels(l2: tuple[float, float], l3: tuple[float, float] | None, dram: float) -> tuple[Level, ...]:
    """(megabytes, gigabytes per second) of L2 and L3, gigabytes per second of DRAM."""
    caches = [("L2", *l2), *([("L3", *l3)] if l3 else [])]
    found = [Level(name, size * MEGABYTE, rate * GIGABYTE) for name, size, rate in caches]
    return (*found, Level("DRAM", float("inf"), dram * GIGABYTE))


MEMORY_BAND = (0.5, 2.0)  # around memory time: systems with the same core differ that much
IN_ORDER, OUT_OF_ORDER, X86 = (0.7, 1.5), (0.5, 2.5), (0.6, 1.7)
ARM_NOTE = "bandwidths assumed"

CPUS = (
    NamedCpu(
        *("Cortex-A53 1.4 GHz", 1.4e9, "aarch64_linux", "neon", "cortex-a53", True),
        *(
            _levels((0.5, 5.0), None, 2.0),
            f"Raspberry Pi 3B+ (BCM2837B0); {ARM_NOTE}; TI measures 2.0 GB/s of copies on its AM62P (SPRADG0A)",
            IN_ORDER,
            ("41:d03", "51:801"),
        ),
    ),
    NamedCpu(
        *("Cortex-A55 1.8 GHz", 1.8e9, "aarch64_linux", "neon_dot", "cortex-a55", True),
        *(_levels((0.125, 10.0), (1.0, 7.0), 4.0), f"little core of a 2019-2021 phone; {ARM_NOTE}", IN_ORDER),
        cores=("41:d05", "51:803", "51:805"),
    ),
    NamedCpu(
        *("Cortex-A72 1.5 GHz", 1.5e9, "aarch64_linux", "neon", "cortex-a72", False),
        *(
            _levels((1.0, 10.0), None, 4.0),
            f"Raspberry Pi 4 (BCM2711); LLVM's table is the A57's; {ARM_NOTE}; STREAM 4.8-5.6 GB/s at sci-pi.org.uk",
        ),
        OUT_OF_ORDER,
        ("41:d08",),
    ),
    NamedCpu(
        *("Cortex-A76 2.4 GHz", 2.4e9, "aarch64_linux", "neon_dot", "neoverse-n1", False),
        *(_levels((0.25, 45.0), (2.0, 25.0), 12.0), f"big core of a 2019 phone, table of its server twin; {ARM_NOTE}"),
        OUT_OF_ORDER,
        ("41:d0b", "51:804"),
    ),
    NamedCpu(
        *("Cortex-X1 2.8 GHz", 2.8e9, "aarch64_linux", "neon_dot", "neoverse-v1", False),
        *(_levels((1.0, 70.0), (4.0, 40.0), 20.0), f"prime core of a 2021 phone, table of its server twin; {ARM_NOTE}"),
        OUT_OF_ORDER,
        ("41:d44",),
    ),
    NamedCpu(
        *("Neoverse N1 2.5 GHz", 2.5e9, "aarch64_linux", "neon_dot", "neoverse-n1", False),
        *(_levels((1.0, 50.0), (32.0, 25.0), 15.0), f"cloud server with 64 cores; {ARM_NOTE}", OUT_OF_ORDER),
        cores=("41:d0c",),
    ),
    NamedCpu(
        *("Skylake 3.0 GHz", 3.0e9, "x86_64_linux", "avx2", "skylake", False),
        *(_levels((0.25, 80.0), (8.0, 40.0), 15.0), "four-core laptop, 8 MB of L3; bandwidths assumed", X86),
        cores=tuple(f"GenuineIntel:6:{model}" for model in (78, 94, 142, 158)),
    ),
    NamedCpu(
        *("Zen 3 3.5 GHz", 3.5e9, "x86_64_linux", "avx2", "znver3", False),
        *(_levels((0.5, 100.0), (32.0, 80.0), 25.0), "eight-core desktop, 32 MB of L3; bandwidths assumed", X86),
        cores=("AuthenticAMD:25:33", "AuthenticAMD:25:80"),
    ),
)
