"""Streams and whole recordings in numpy: the C++ core's streams, made comfortable.

`Enhancer` is the real-time side: blocks of any length in, blocks of the same length out, a fixed delay. `enhance` and
`RateAdapter` are the file side: any sample rate (those that no stream has are resampled by soxr both ways), any number
of channels, no delay. The channels of a signal are enhanced alike, so that its stereo image stays. soxr is loaded
with the first recording that needs it.
Samples are float32 or float64 with full scale +-1, or int16; NaN and infinity count as 0 and other values are clamped
to +-4.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from linnet import _core
from linnet.catalog import DEFAULT_MODEL, Model, ModelLike, open_model

if TYPE_CHECKING:
    import soxr
    from typing_extensions import Self

Samples = TypeVar("Samples", NDArray[np.float32], NDArray[np.float64], NDArray[np.int16])

RATE = _core.RATE  # Hz, of a stream that is not told another
RATES: tuple[int, ...] = _core.RATES  # Hz, that a stream may have
DEFAULT_POSTFILTER = 0.0  # that of the core
LOWEST_RATE, HIGHEST_RATE = 4000, 384000  # Hz, of recordings
MAX_CHANNELS = 64
MAX_SHARED = _core.MAX_CHANNELS  # channels that one stream takes
_OBSERVED = 10  # frames between two looks at a recording's statistics
_DTYPES = (np.float32, np.float64, np.int16)


class Stats(NamedTuple):
    """State of a signal at its newest enhanced frame; never a mix of two frames."""

    speech_probability: float  # 0..1
    input_snr_db: float  # speech to noise ratio of the input, -30..60; averaged over 1 s, stays in pauses of speech
    mean_gain: float  # 0..1, what is left of the amplitudes of the bands (34 at 48 kHz), their mean
    pitch_hz: float
    frame: int  # number of frames enhanced since the stream was made or reset


class Enhancer:
    """A stream of one signal, on a model that is read and checked once in a process.

    model: a Model, a name ("large", "light", "base", ...), a path of a .linnet file, or its bytes. rate: 8000,
    16000, 24000, 32000 or 48000 Hz; others go through `linnet.enhance` or `RateAdapter`. attenuation_limit_db: the most
    that noise is attenuated, 0 (a delayed copy, bit for bit) .. 100 (no limit). postfilter: strength of the envelope
    post-filter, 0 (off) .. 1. backend: None for the fastest, else one of `linnet.backends()`. channels: 1 takes blocks
    of shape (n,) or (n, 1), more take (n, channels). Up to eight channels are enhanced alike: what is taken away is the
    same in all of them, so that the image stays, and two cost less than one and a half times one. independent: each
    channel by itself, which is for channels that are no one signal; more than eight always are. any_block: blocks of
    any length; False wants whole frames of 10 ms and saves 10 ms of delay.

    Not to be shared between threads without a lock, and not to be copied or pickled. Raises ValueError (ModelError for
    the model) naming the bad value, TypeError for one of another type.
    """

    def __init__(
        self,
        model: ModelLike = DEFAULT_MODEL,
        *,
        rate: int = RATE,
        attenuation_limit_db: float = 100.0,
        postfilter: float = DEFAULT_POSTFILTER,
        backend: str | None = None,
        channels: int = 1,
        independent: bool = False,
        any_block: bool = True,
    ) -> None:
        _check_number("rate", rate, f"one of {', '.join(map(str, RATES))} Hz")
        if rate not in RATES:
            legal = f"{', '.join(map(str, RATES[:-1]))} or {RATES[-1]} Hz"
            raise ValueError(
                f"rate {_shown(rate)}: a stream runs at {legal}; linnet.enhance() takes recordings of other rates"
            )
        if (
            isinstance(channels, bool)
            or not isinstance(channels, (int, np.integer))
            or not 1 <= channels <= MAX_CHANNELS
        ):
            raise ValueError(f"channels {channels!r}: give 1..{MAX_CHANNELS}")
        if backend is not None and backend not in _core.backends():
            raise ValueError(
                f"backend '{backend}': not available on this CPU; give one of {', '.join(_core.backends())}"
            )
        self._model = open_model(model)
        apart = independent or channels > MAX_SHARED
        self._streams = [
            _core.Stream(self._model._core, any_block, backend, sample_rate=int(rate), channels=together)
            for together in ([1] * channels if apart else [int(channels)])
        ]
        self._dtype: np.dtype[Any] = np.dtype(np.float32)
        self._flat = channels == 1
        self._any_block = any_block
        self.attenuation_limit_db = attenuation_limit_db
        self.postfilter = postfilter

    def __enter__(self) -> Self:
        self._check_open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce__(self) -> NoReturn:
        """TypeError: copies, which would share the streams, and pickles go through here."""
        raise TypeError("an Enhancer cannot be copied or pickled, for its streams are in use; make another one")

    def close(self) -> None:
        """Frees the streams; the object cannot be used afterwards. Closing twice is allowed."""
        self._streams = []

    def process(self, block: Samples) -> Samples:
        """The enhanced samples of a block, `delay` samples late: same shape and dtype as the block, of any length.

        With any_block False the length must be a multiple of `frame_size`.
        """
        streams = self._check_open()
        array = self._check_block(block)
        if not array.size:
            return np.array(array)
        columns = array.reshape(len(array), self.channels)
        out = np.empty_like(columns, order="C")
        for first, stream in enumerate(streams):  # of one channel each, or one of all
            own = columns[:, first] if stream.channels == 1 else columns
            if array.dtype == np.int16:
                done: NDArray[Any] = stream.process_i16(np.ascontiguousarray(own))
            else:
                # float64 holds values that float32 cannot; float32 goes as it is, for the core sanitises it likewise.
                done = stream.process(own if array.dtype == np.float32 else sanitise(own)[0])
            out[:, first : first + stream.channels] = done.reshape(len(array), stream.channels)
        self._dtype, self._flat = array.dtype, array.ndim == 1
        return out.reshape(array.shape)

    def conceal(self, samples: int) -> NDArray[Any]:
        """In place of `process`, where that many samples were lost: the output of that time, in the shape and dtype of
        the last block. The signal fades out and, after the loss, in again."""
        streams = self._check_open()
        samples = self._check_lost(samples)
        lost = [s.conceal_i16(samples) if self._dtype == np.int16 else s.conceal(samples) for s in streams]
        columns: NDArray[Any] = np.column_stack(lost).astype(self._dtype, copy=False)
        return columns[:, 0] if self._flat else columns

    def gap(self, samples: int) -> None:
        """Passes over that many lost samples, whose output is left out: what comes out next is cross-faded with it."""
        streams = self._check_open()
        samples = self._check_lost(samples)
        for stream in streams:
            stream.gap(samples)

    def flush(self) -> NDArray[Any]:
        """The `delay` samples still inside, in the shape and dtype of the last block; then the stream starts afresh."""
        self._check_open()
        shape = (self.delay,) if self._flat else (self.delay, self.channels)
        tail = self.process(np.zeros(shape, self._dtype))
        self.reset()
        return tail

    def reset(self) -> None:
        """Forgets all sound, as if newly made; the controls keep their values."""
        for stream in self._check_open():
            stream.reset()

    def enhance(self, audio: Samples) -> Samples:
        """A whole recording at the stream's rate without delay: same length, shape, dtype. Resets the stream before and
        after."""
        array: NDArray[Any] = self._check_channels(audio)
        self.reset()
        # Frames that are whole suit both kinds of stream.
        missing = -len(array) % self.frame_size
        padded: NDArray[Any] = np.concatenate([array, np.zeros((missing, *array.shape[1:]), array.dtype)])
        body: Any = self.process(padded)
        return np.concatenate([body, self.flush()])[self.delay : self.delay + len(array)] if len(array) else body

    @property
    def model(self) -> Model:
        """The model, which other streams may share."""
        return self._model

    @property
    def channels(self) -> int:
        """Number of channels."""
        return sum(stream.channels for stream in self._check_open())

    @property
    def independent(self) -> bool:
        """Whether each of several channels is enhanced by itself."""
        return len(self._check_open()) > 1

    @property
    def rate(self) -> int:
        """Hz."""
        return self._check_open()[0].sample_rate

    @property
    def frame_size(self) -> int:
        """Samples of a frame, 10 ms: 480 at 48 kHz."""
        return self._check_open()[0].frame_size

    @property
    def delay(self) -> int:
        """Samples by which the output lags behind the input, exact."""
        return self._check_open()[0].delay

    @property
    def backend(self) -> str:
        """Name of the kernels that run: "avx2", "scalar", ..."""
        return self._check_open()[0].backend

    @property
    def stats(self) -> Stats:
        """State at the newest frame: of all channels together, or of the first of independent ones."""
        return self.channel_stats[0]

    @property
    def channel_stats(self) -> tuple[Stats, ...]:
        """State of each channel at the newest frame; that of all together is told of each."""
        return tuple(Stats(**stats) for stream in self._check_open() for stats in [stream.stats()] * stream.channels)

    @property
    def attenuation_limit_db(self) -> float:
        """Most that noise is attenuated, 0..100 dB; a change is cross-faded over one frame."""
        return self._attenuation_limit_db

    @attenuation_limit_db.setter
    def attenuation_limit_db(self, db: float) -> None:
        self._attenuation_limit_db = _within("attenuation_limit_db", db, 0.0, 100.0, " dB")
        for stream in self._check_open():
            stream.set_attenuation_limit(self._attenuation_limit_db)

    @property
    def postfilter(self) -> float:
        """Strength of the envelope post-filter, 0..1."""
        return self._postfilter

    @postfilter.setter
    def postfilter(self, amount: float) -> None:
        self._postfilter = _within("postfilter", amount, 0.0, 1.0, "")
        for stream in self._check_open():
            stream.set_postfilter(self._postfilter)

    def _check_lost(self, samples: int) -> int:
        if isinstance(samples, bool) or not isinstance(samples, (int, np.integer)) or samples < 0:
            raise ValueError(f"samples {samples!r}: give a number of lost samples, 0 or more")
        if not self._any_block and samples % self.frame_size:
            raise ValueError(f"{samples} samples: with any_block=False give whole frames of {self.frame_size}")
        return int(samples)

    def _check_open(self) -> list[_core.Stream]:
        if not self._streams:
            raise ValueError("the Enhancer is closed; make a new one")
        return self._streams

    def _check_channels(self, block: ArrayLike) -> NDArray[Any]:
        array = _check_audio(block)
        channels = 1 if array.ndim == 1 else array.shape[1]
        if channels != self.channels:
            raise ValueError(
                f"block has shape {array.shape}: {channels} channels for an Enhancer of {self.channels}; "
                f"give (samples, {self.channels})"
            )
        return array

    def _check_block(self, block: ArrayLike) -> NDArray[Any]:
        array = self._check_channels(block)
        if not self._any_block and len(array) % self.frame_size:
            frames = f"whole frames of {self.frame_size} samples"
            raise ValueError(f"block of {len(array)} samples: give {frames}, or make the Enhancer with any_block=True")
        return array


class RateAdapter:
    """A recording of any rate, in blocks: enhanced at that rate if a stream has it, else resampled to 48 kHz, enhanced,
    resampled back; cut to the input's length.

    Blocks are float32 [n, channels]; `feed` gives what is ready, `finish` the rest, together as many samples as were
    fed. compensate False leaves the stream's delay in, as a listener of the live stream would hear it. observe is told,
    every 100 ms of what is fed or more often, the state of the signal and how many frames have passed.
    """

    def __init__(
        self,
        model: ModelLike,
        rate: int,
        channels: int,
        *,
        compensate: bool = True,
        observe: Callable[[Stats, int], object] | None = None,
        **controls: Any,
    ) -> None:
        legal = f"{LOWEST_RATE}..{HIGHEST_RATE} Hz"
        _check_number("rate", rate, legal)
        if not LOWEST_RATE <= rate <= HIGHEST_RATE or rate != int(rate):
            raise ValueError(f"rate {_shown(rate)}: give {legal}, a whole number")
        native = rate in RATES
        self.engine = Enhancer(
            model, rate=int(rate) if native else RATE, channels=channels, any_block=False, **controls
        )
        self.nonfinite = 0  # NaN and infinite samples met so far
        self._up = None if native else _resampler(rate, RATE, channels)
        self._down = None if native else _resampler(RATE, rate, channels)
        self._pending = np.zeros((0, channels), np.float32)  # at the engine's rate, less than a frame
        self._skip = self.engine.delay if compensate else 0
        self._owed = 0  # samples fed and not yet given back
        self._observe = observe

    def feed(self, block: NDArray[np.float32]) -> NDArray[np.float32]:
        """Enhanced samples that are ready, [m, channels]; m differs from the block's length."""
        clean, nonfinite = sanitise(block)
        self.nonfinite += nonfinite
        self._owed += len(clean)
        return self._give(self._run(self._resample(self._up, clean)), last=False)

    def finish(self) -> NDArray[np.float32]:
        """The rest. The adapter cannot be used afterwards."""
        self._observe = None  # the silence that follows is no part of the recording
        channels = self._pending.shape[1]
        nothing = np.zeros((0, channels), np.float32)
        rest = self._resample(self._up, nothing, last=True)
        # Enough silence to push out the delay and the last frame.
        silence = np.zeros((self.engine.delay + 2 * self.engine.frame_size, channels), np.float32)
        out = self._give(self._run(np.concatenate([rest, silence])), last=True)
        self.engine.close()
        return np.concatenate([out, np.zeros((self._owed, channels), np.float32)])

    def _run(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Whole frames through the engine, less the delay."""
        samples = np.concatenate([self._pending, samples])
        whole = len(samples) // self.engine.frame_size * self.engine.frame_size
        self._pending = samples[whole:]
        out = self._process(samples[:whole])
        skipped = min(self._skip, len(out))
        self._skip -= skipped
        return out[skipped:]

    def _process(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._observe is None or not len(frames):
            return self.engine.process(frames)
        size = self.engine.frame_size
        pieces = []
        for start in range(0, len(frames), _OBSERVED * size):
            piece = frames[start : start + _OBSERVED * size]
            pieces.append(self.engine.process(piece))
            self._observe(self.engine.stats, len(piece) // size)
        return np.concatenate(pieces)

    def _give(self, samples: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        out = self._resample(self._down, samples, last)[: self._owed]
        self._owed -= len(out)
        return out

    @staticmethod
    def _resample(
        stream: soxr.ResampleStream | None, samples: NDArray[np.float32], last: bool = False
    ) -> NDArray[np.float32]:
        return samples if stream is None else stream.resample_chunk(np.ascontiguousarray(samples), last=last)


def enhance(audio: Samples, rate: int, model: ModelLike = DEFAULT_MODEL, **controls: Any) -> Samples:
    """A whole recording enhanced, without delay: same length, shape (n,) or (n, channels), and dtype.

    rate in Hz, 4000..384000; others than 8000, 16000, 24000, 32000 and 48000 are resampled both ways. controls:
    attenuation_limit_db, postfilter, backend and independent of `Enhancer`. Raises TypeError or ValueError (ModelError
    for the model) naming the bad value, ImportError for a rate that needs soxr where it is not installed.
    """
    array = _check_audio(audio)
    channels = 1 if array.ndim == 1 else array.shape[1]
    adapter = RateAdapter(model, rate, channels, **controls)
    if not array.size:
        return np.array(array)
    block = array.reshape(len(array), channels)
    if array.dtype == np.int16:
        block = block.astype(np.float32) / np.float32(32768)
    out = np.concatenate([adapter.feed(block), adapter.finish()]).reshape(array.shape)
    if array.dtype == np.int16:
        return np.clip(np.rint(out * np.float32(32768)), -32768, 32767).astype(np.int16)
    return out.astype(array.dtype)


def _resampler(rate: float, new_rate: float, channels: int) -> soxr.ResampleStream:
    try:
        import soxr
    except ImportError as error:
        other = rate if new_rate == RATE else new_rate
        raise ImportError(f"soxr is not installed, a rate of {other} Hz needs it: pip install soxr") from error
    return soxr.ResampleStream(rate, new_rate, channels, "float32", "HQ")


def _check_audio(audio: ArrayLike) -> NDArray[Any]:
    array = np.asarray(audio)
    if array.dtype not in _DTYPES:
        raise TypeError(f"audio has dtype {array.dtype}; give float32 or float64 with full scale +-1, or int16")
    if array.ndim not in (1, 2):
        raise ValueError(f"audio has shape {array.shape}; give (samples,) or (samples, channels)")
    if array.ndim == 2 and not 1 <= array.shape[1] <= MAX_CHANNELS:
        raise ValueError(
            f"audio has shape {array.shape}: {array.shape[1]} channels, not 1..{MAX_CHANNELS}; give (samples, channels)"
        )
    return array


def sanitise(samples: NDArray[Any]) -> tuple[NDArray[np.float32], int]:
    """What the core does to bad samples, done before a conversion or a resampler can spread them; and how many of them
    were NaN or infinite."""
    finite = np.isfinite(samples)
    bad = samples.size - int(np.count_nonzero(finite))
    if bad:
        samples = np.where(finite, samples, 0)
    return np.clip(samples, -_core.MAX_SAMPLE, _core.MAX_SAMPLE).astype(np.float32), bad


def _within(name: str, value: float, low: float, high: float, unit: str) -> float:
    _check_number(name, value, f"a number {low:g}..{high:g}{unit}")
    if not low <= value <= high:  # NaN is not
        raise ValueError(f"{name} {_shown(value)}: give {low:g}..{high:g}{unit}")
    return float(value)


def _check_number(name: str, value: object, legal: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} {reprlib.repr(value)} is a {type(value).__name__}; give {legal}")


def _shown(value: float) -> str:
    """A number in a message: of integers beyond all measure, their size."""
    huge = isinstance(value, (int, np.integer)) and abs(value) > 1e15
    return f"{Decimal(int(value)):.3g}" if huge else str(value)
