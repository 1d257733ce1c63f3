"""WebAssembly of 2017, for engines without vectors (Safari before 16.4): the other module of the npm package."""

from targets import Cpu, Foreign, Target

TARGET = Target(
    name="wasm32_web_scalar",
    triple="wasm32-wasi",
    machine="wasm32",
    levels=("-Os", "-O2"),  # as fast as the usual ones to 1 %, and a tenth less to download
    emulator=("node", "tests/web/wasi.mjs"),
    emulator_package="nodejs",
    cpus=(Cpu("node", "scalar", tested=True),),
    suites=("kernels", "vectors"),
    foreign=Foreign(
        system="web",
        shared="linnet.wasm",
    ),
)
