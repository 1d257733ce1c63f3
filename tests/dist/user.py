"""A user's file, which mypy --strict is to find in order."""

import numpy as np
import numpy.typing as npt

import linnet


def clean(noisy: npt.NDArray[np.float32], rate: int) -> npt.NDArray[np.float32]:
    """A whole recording."""
    return linnet.enhance(noisy, rate, model="light", attenuation_limit_db=20)


def live(blocks: list[npt.NDArray[np.int16]], model: linnet.Model) -> list[npt.NDArray[np.int16]]:
    """Blocks of a stream, and what it tells."""
    with linnet.Enhancer(model, rate=16000, any_block=True) as enhancer:
        enhancer.postfilter = 0.5
        out = [enhancer.process(block) for block in blocks]
        stats: linnet.Stats = enhancer.stats
        print(enhancer.delay, enhancer.backend, stats.speech_probability > 0.5, stats.frame)
    return out


def names() -> dict[str, int]:
    """Models by name, and their bytes."""
    try:
        return {name: file.size for name, file in linnet.models().items()}
    except linnet.ModelError as error:
        raise SystemExit(str(error)) from error
