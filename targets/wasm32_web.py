"""WebAssembly for browsers and Node.js, with the 128-bit vectors that every engine since 2021 has, and the instructions
that copy memory, which all of these had before.
"""

from targets import Cpu, Foreign, Kernel, Target

TARGET = Target(
    name="wasm32_web",
    triple="wasm32-wasi",
    machine="wasm32",
    levels=("-Os", "-O2"),  # as fast as the usual ones to 1 %, and a tenth less to download
    flags=("-msimd128", "-mbulk-memory"),  # of every file: an engine without them refuses the whole module anyway
    kernels=(Kernel("wasm128", ()),),
    emulator=("node", "tests/web/wasi.mjs"),
    emulator_package="nodejs",
    cpus=(Cpu("node", "wasm128", tested=True),),
    suites=("kernels", "vectors"),
    foreign=Foreign(
        system="web",
        shared="linnet.wasm",
        companions=("wasm32_web_scalar",),
    ),
)
