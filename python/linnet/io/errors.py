"""What goes wrong with recordings, in one line that names the file and the remedy."""

from __future__ import annotations


class AudioError(Exception):
    """Something is wrong with a sound file or an output; the message is one line."""


def reason(error: BaseException) -> str:
    """What an error of the system or of libsndfile says, in one line without its full stop."""
    text = str(getattr(error, "error_string", None) or getattr(error, "strerror", None) or error).strip()
    return text.rstrip(".").splitlines()[0] if text else type(error).__name__


def truncated(name: str, promised: int, present: int) -> AudioError:
    """A recording whose header promises more samples than there are."""
    return AudioError(f"{name}: cut short: {promised} samples promised, {present} there; give the whole recording")


def empty(name: str) -> AudioError:
    """A recording without samples."""
    return AudioError(f"{name}: holds no samples; give a recording")
