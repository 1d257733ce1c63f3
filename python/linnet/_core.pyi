"""The C++ core: models and streams, the constants they share with Python, and the laboratory for training and tests.

Frames of 10 ms, 480 samples at 48 kHz. Row t of an array of steps belongs to frame t - lookahead, whose window is
centred on the first sample of hop t - lookahead. Band statistics are energies at full scale 32768 with the FFT divided
by its length. backend None: the fastest. rate: one of RATES; others raise ValueError.
"""

from typing import Literal, TypedDict, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from typing_extensions import Buffer, NotRequired

RATE: int  # Hz, the highest and the usual one
RATES: tuple[int, ...]  # Hz, rising, that streams run at
FRAME: int  # samples at 48 kHz, the hop between frames
WINDOW: int  # samples at 48 kHz
BINS: int  # of a window's spectrum at 48 kHz, 50 Hz apart
USED_BINS: int  # those below 20 kHz
BANDS: int
FEATURES: int  # of a frame, what every network gets
TOKENS: int  # parts of the spectrum of networks with shared layers
LOW_BINS: int  # that some networks look at one by one, and filter
FINE: int  # fine inputs of a frame: level, cosine and sine of the turn of each low bin, kind by kind
MAX_LOOKAHEAD: int  # frames
MAX_CHANNELS: int  # of a stream
MAX_SAMPLE: float  # larger ones are clamped; full scale is 1
LARGEST_WIDTHS: dict[str, int]  # of a model; all are multiples of 8
LARGEST_BAND_SPLIT: dict[str, int]  # of a model with shared layers; channels and context are multiples of 8

class LinnetError(RuntimeError):
    """A status of the C API other than LINNET_OK, in words."""

    status: int

class _Stats(TypedDict):
    speech_probability: float
    input_snr_db: float
    mean_gain: float
    pitch_hz: float
    frame: int

class Model:
    """A model, checked once and never changed; streams share it. Holds a copy of the bytes."""

    def __init__(self, blob: Buffer) -> None: ...
    def to_bytes(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def topology(self) -> str: ...
    @property
    def delay_frames(self) -> int: ...
    @property
    def frame_size(self) -> int: ...
    @property
    def weights(self) -> int: ...
    @property
    def multiply_adds(self) -> int: ...
    @property
    def frame_bytes(self) -> int: ...
    @property
    def stream_bytes(self) -> int: ...

class Stream:
    """One stream at a rate of RATES, of a signal of 1..MAX_CHANNELS channels. Raises LinnetError for other ones.

    Samples are (n,) of one channel, (n, channels) of more.
    """

    def __init__(
        self,
        model: Model,
        any_block: bool = False,
        backend: str | None = None,
        spread: bool = False,
        sample_rate: int = 48000,
        channels: int = 1,
    ) -> None: ...
    def process(self, samples: ArrayLike) -> NDArray[np.float32]: ...
    def process_i16(self, samples: NDArray[np.int16]) -> NDArray[np.int16]: ...
    def conceal(self, count: int) -> NDArray[np.float32]: ...
    def conceal_i16(self, count: int) -> NDArray[np.int16]: ...
    def gap(self, count: int) -> None: ...
    def reset(self) -> None: ...
    def set_attenuation_limit(self, db: float) -> None: ...
    def set_postfilter(self, amount: float) -> None: ...
    def stats(self) -> _Stats: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def channels(self) -> int: ...
    @property
    def frame_size(self) -> int: ...
    @property
    def delay(self) -> int: ...
    @property
    def backend(self) -> str: ...

def version() -> str: ...
def abi() -> int: ...
def backends() -> list[str]:
    """Kernels that this CPU can run, fastest first."""

def band_centre() -> NDArray[np.int32]:
    """Peaks of the 34 triangles, in bins of 50 Hz."""

def matrices(
    topology: int, dense: int, hidden: int, strength: int, shape: bytes
) -> list[tuple[str, int, int, bool, bool, int]]:
    """The matrices of a model whose header tells this, in file order. Raises ValueError for what no header may tell.

    Each is its name, rows, columns, if in float, if it may be sparse, and the rows of its bias.
    """

# The laboratory.

class _NoisyStatistics(TypedDict):
    features: NDArray[np.float32]  # [T, 70]
    fine: NotRequired[NDArray[np.float32]]  # [T, 294], where asked for
    coherence: NDArray[np.float32]  # [T, 34]
    period: NDArray[np.int32]  # [T], samples at 48 kHz
    correlation: NDArray[np.float32]  # [T]
    yy: NDArray[np.float32]  # [T, 34], and so are all below
    pp: NDArray[np.float32]
    yp: NDArray[np.float32]

class _Statistics(_NoisyStatistics):
    xx: NDArray[np.float32]
    xy: NDArray[np.float32]
    xp: NDArray[np.float32]

class _NoisySpectra(_NoisyStatistics):
    noisy: NDArray[np.complex64]  # [T, 481], 0 above the Nyquist frequency of a lower rate
    comb: NDArray[np.complex64]

class _Spectra(_Statistics):
    noisy: NDArray[np.complex64]  # [T, 481]
    comb: NDArray[np.complex64]
    clean: NDArray[np.complex64]

class _NetworkOutput(TypedDict):
    gains: NDArray[np.float32]  # [T, 34], 0..1
    strengths: NDArray[np.float32]  # [T, 34], 0..1
    speech_probability: NDArray[np.float32]  # [T]
    taps: NotRequired[NDArray[np.float32]]  # [T, 98, taps, 2], +-1, of models that have them

@overload
def analyze(
    noisy: ArrayLike,
    clean: None = None,
    lookahead: int = 2,
    backend: str | None = None,
    spectra: Literal[False] = False,
    fine: bool = False,
    rate: int = 48000,
) -> _NoisyStatistics: ...
@overload
def analyze(
    noisy: ArrayLike,
    clean: None = None,
    lookahead: int = 2,
    backend: str | None = None,
    *,
    spectra: Literal[True],
    fine: bool = False,
    rate: int = 48000,
) -> _NoisySpectra: ...
@overload
def analyze(
    noisy: ArrayLike,
    clean: ArrayLike,
    lookahead: int = 2,
    backend: str | None = None,
    spectra: Literal[False] = False,
    fine: bool = False,
    rate: int = 48000,
) -> _Statistics: ...
@overload
def analyze(
    noisy: ArrayLike,
    clean: ArrayLike,
    lookahead: int = 2,
    backend: str | None = None,
    *,
    spectra: Literal[True],
    fine: bool = False,
    rate: int = 48000,
) -> _Spectra: ...
def synthesize(
    noisy: ArrayLike,
    gains: ArrayLike,
    strengths: ArrayLike | None,
    lookahead: int = 2,
    postfilter: float = 0.0,
    backend: str | None = None,
    taps: ArrayLike | None = None,
    rate: int = 48000,
) -> NDArray[np.float32]:
    """The engine's path with these gains and strengths [T, 34] and filters of low bins [T, 98, taps, 2].

    Without strengths there is no comb, as in models that search for no pitch. The output lags by lookahead + 1
    frames.
    """

def synthesize_bins(noisy: ArrayLike, bin_gains: ArrayLike, lookahead: int = 2) -> NDArray[np.float32]:
    """Gains [T, 481] for every bin of the noisy spectrum at 48 kHz; alignment as in `synthesize`."""

def network(blob: Buffer, features: ArrayLike, backend: str | None = None, frames_per_call: int = 0) -> _NetworkOutput:
    """The network on features [T, 70], from its zero state; frames_per_call at a time (0: all) changes no bit.

    Models that read the low bins want [T, 364]: behind the features of a frame its fine inputs.
    """

def fft(x: ArrayLike, rate: int = 48000) -> NDArray[np.complex64]:
    """[W] -> [W / 2 + 1], unscaled; W is the rate's window of 20 ms: 960 at 48 kHz."""

def ifft(spectrum: ArrayLike, rate: int = 48000) -> NDArray[np.float32]:
    """[W / 2 + 1] -> [W], unscaled."""

def window(rate: int = 48000) -> NDArray[np.float32]:
    """The analysis and synthesis window [W]."""

def interpolate(x: ArrayLike, rate: int, backend: str | None = None) -> NDArray[np.float32]:
    """Whole frames at a rate below 48 kHz, which are brought up to it: 480 samples a frame, 8 of x late."""

def band_energy(spectrum: ArrayLike) -> NDArray[np.float32]:
    """[481] -> [34]."""

def band_interpolate(bands: ArrayLike) -> NDArray[np.float32]:
    """[34] -> [481]."""

def comb(x: ArrayLike, start: int, period: int, lookahead_samples: int) -> NDArray[np.float32]:
    """960 comb-filtered samples from x[start] on; x holds 5 periods before and 960 + lookahead_samples after start."""

def high_pass(x: ArrayLike, rate: int = 48000) -> NDArray[np.float32]: ...
def postfilter(gains: ArrayLike, amplitude: ArrayLike, amount: float) -> NDArray[np.float32]: ...
def sigmoid(x: ArrayLike, backend: str | None = None) -> NDArray[np.float32]: ...
def tanh(x: ArrayLike, backend: str | None = None) -> NDArray[np.float32]: ...
def quantize(x: ArrayLike, backend: str | None = None) -> NDArray[np.int8]: ...
def selftest(backend: str | None = None) -> list[tuple[str, str, str, str]]:
    """Frozen vectors of the tiny model: (vector, what, SHA-256, the SHA-256 that it must be). Raises ValueError."""

def safe_callback(frame_us: float) -> int:
    """Samples of the smallest callback that is safe for frames that take so long (sdk/selftest/bench.h); 0: none is."""

def bench(model: bytes, backend: str | None, frames: int, json: bool) -> str:
    """What a frame of the model file, by its path as the system has it, costs here, as text or JSON
    (benchmarks/README.md). Raises ValueError."""
