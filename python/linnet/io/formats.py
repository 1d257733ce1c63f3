"""What recordings are made of: rate, channels, container and sample type, and which of these an output gets.

Containers and sample types go by libsndfile's names. Samples are float32 [n, channels], full scale +-1. soundfile is
loaded with the first question to it, so that what opens no recording runs without it.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from linnet.io.chunks import Chunk
from linnet.io.errors import AudioError, reason

Block = NDArray[np.float32]

LARGEST_WAV = 0xFFFFFFFF - 4096  # bytes; longer recordings become RF64
_HIGHEST_VORBIS_RATE = 200_000  # Hz; above it libsndfile 1.2.2 crashes
_FORMATS = {".opus": "OGG", ".oga": "OGG", ".aif": "AIFF", ".aifc": "AIFF", ".wave": "WAV", ".snd": "AU"}
_SUBTYPES = {".opus": "OPUS"}
# What to take, in this order, where a format cannot hold the input's own sample type.
_INSTEAD = {
    "FLOAT": ("PCM_24", "PCM_16"),
    "DOUBLE": ("FLOAT", "PCM_24", "PCM_16"),
    "PCM_32": ("PCM_24", "PCM_16"),
    "PCM_U8": ("PCM_S8", "PCM_16"),
    "PCM_S8": ("PCM_U8", "PCM_16"),
}
_PLAIN = {"PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"}  # may move to another container
_BITS = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "ULAW": 16, "ALAW": 16, "ALAC_16": 16}


@dataclass(frozen=True)
class Format:
    """What a recording is made of. frames: samples per channel, or None if only the end of the stream will tell.

    tags: title, artist, comment, date and so on, by soundfile's names for them. chunks: of a WAV, in their order; those
    behind the sound of a pipe are added when they have come. mask: which loudspeaker each channel is for, of a WAV that
    tells (0 for none in particular).
    """

    rate: int
    channels: int
    frames: int | None
    container: str = "WAV"
    subtype: str = "PCM_16"
    tags: dict[str, str] = field(default_factory=dict, compare=False)
    chunks: list[Chunk] = field(default_factory=list, compare=False)
    mask: int | None = field(default=None, compare=False)


def output_container(path: str) -> str:
    """The container that an output's name asks for. AudioError if its ending is none that can be written."""
    ending = Path(path).suffix.lower()
    container = _FORMATS.get(ending, ending[1:].upper())
    if container not in _containers():
        raise AudioError(
            f"{path}: cannot tell the format from '{ending}'; end the name in .wav, .flac, .ogg, .opus or .mp3"
        )
    return container


def output_format(path: str, source: Format) -> tuple[str, str]:
    """Container and sample type for an output name.

    AudioError if its ending is none that can be written, or if that format cannot hold the source's rate or channels.
    """
    import soundfile

    ending = Path(path).suffix.lower()
    container = output_container(path)
    default = _SUBTYPES.get(ending, soundfile.default_subtype(container))
    candidates: tuple[str, ...] = ()
    if ending not in _SUBTYPES and (source.container == container or source.subtype in _PLAIN):
        candidates = (source.subtype, *_INSTEAD.get(source.subtype, ()))
    subtype = next((name for name in candidates if soundfile.check_format(container, name)), default)
    if container == "WAV" and (source.frames or 0) * source.channels * 8 > LARGEST_WAV:
        container = "RF64"
    _check_holds(path, container, subtype, source)
    return container, subtype


def is_sound_file(path: Path) -> bool:
    """True if the ending is that of a format that can be read and written."""
    ending = path.suffix.lower()
    return ending in _FORMATS or ending[1:].upper() in _containers()


def to_subtype(block: Block, subtype: str) -> NDArray[np.generic]:
    """Samples as libsndfile stores them without rounding of its own: int16 or int32 for integer types, else float32."""
    bits = _BITS.get(subtype)
    if bits is None:
        return block
    scale = 2.0 ** (bits - 1)
    whole = np.clip(np.rint(block.astype(np.float64) * scale), -scale, scale - 1)
    if bits == 16:
        return whole.astype(np.int16)
    return whole.astype(np.int32) << np.int32(32 - bits)


@functools.cache
def _containers() -> frozenset[str]:
    import soundfile

    # RAW has no header; SD2 keeps its own in a second file, under the temporary name.
    return frozenset(soundfile.available_formats().keys() - {"RAW", "SD2"})


def _check_holds(path: str, container: str, subtype: str, source: Format) -> None:
    """A trial in memory, because not every format that knows certain rates only says so."""
    import soundfile

    problem = ""
    if subtype == "VORBIS" and source.rate > _HIGHEST_VORBIS_RATE:
        problem = f"at most {_HIGHEST_VORBIS_RATE} Hz"
    else:
        trial = io.BytesIO()
        try:
            soundfile.write(trial, np.zeros((1, source.channels)), source.rate, subtype, format=container)
            trial.seek(0)
            rate = soundfile.info(trial).samplerate
            if rate != source.rate:
                problem = f"it would become {rate} Hz"
        except (soundfile.LibsndfileError, ValueError) as error:
            problem = reason(error)
    if problem:
        what = f"{source.channels} channel{'s'[: source.channels != 1]} at {source.rate} Hz"
        raise AudioError(f"{path}: {container} with {subtype} cannot hold {what} ({problem}); choose .wav or .flac")
