"""What goes wrong with recordings, in one line that names the file and the remedy."""

from __future__ import annotations

READABLE = "WAV, FLAC, Ogg, Opus, MP3 or AIFF"  # what to give instead, the usual formats


class AudioError(Exception):
    """Something is wrong with a sound file or an output; the message is one line."""


def reason(error: BaseException) -> str:
    """What an error of the system or of libsndfile says, in one line without its full stop."""
    text = str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error).strip()
    return text.rstrip(".").splitlines()[0] if text else type(error).__name__


def truncated(name: str, promised: int, present: int) -> AudioError:
    """A recording whose header promises more samples than there are, where that is not to be passed over."""
    return AudioError(
        f"{name}: cut short: {promised} samples promised, {present} there; "
        "give the whole recording, or leave out --strict"
    )


def cut_short(name: str, promised: int, present: int) -> str:
    """The same, where it is passed over."""
    return f"{name}: cut short: {promised} samples promised, {present} there; what is there was processed"


def empty(name: str) -> AudioError:
    """A recording without samples."""
    return AudioError(f"{name}: holds no samples; give a recording")
