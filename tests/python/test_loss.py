"""Lost packets: the enhanced signal has no click that the undamaged one does not have.

A click is a second difference far above its neighbours. As a control, the same losses filled with zeros, which is what
an application without `conceal` and `gap` would do, must be found.
"""

from pathlib import Path

import numpy as np
import pytest
import soundfile

import linnet
from linnet import _core

DATA = Path(__file__).resolve().parents[1] / "data"
RATE = 48000
CLICK = 10.0  # times the level around it; plosives are not far below
FAINT = 1e-3  # second differences that are no clicks, whatever is around them
SPREAD = 480  # samples within which clicks are one


def clicks(signal: np.ndarray, height: float) -> np.ndarray:
    """Samples whose second difference is that many times the level around it."""
    difference = np.abs(np.diff(signal.astype(np.float64), 2))
    power = np.concatenate([[0.0], np.cumsum(difference**2)])
    place = np.arange(len(difference))
    first, last = np.maximum(place - 960, 0), np.minimum(place + 960, len(difference))
    around = np.sqrt((power[last] - power[first]) / (last - first))
    return np.flatnonzero((difference > height * around) & (difference > FAINT))


def voice(name: str) -> np.ndarray:
    return soundfile.read(DATA / f"{name}.flac", dtype="float32")[0]


def chord() -> np.ndarray:
    time = np.arange(8 * RATE) / RATE
    tones = [(0.1, 220.0), (0.1, 277.2), (0.05, 880.0)]
    fade = np.minimum(time / 0.05, 1.0)
    return (fade * sum(level * np.sin(2 * np.pi * hertz * time) for level, hertz in tones)).astype(np.float32)


def damaged(signal: np.ndarray, packet: int, loss: float, how: str) -> tuple[np.ndarray, np.ndarray]:
    """What comes out, and where in the undamaged output it would be."""
    stream = _core.Stream(linnet.Model("small")._core)
    random = np.random.default_rng(7)
    pieces, places = [], []
    for start in range(0, len(signal) - packet + 1, packet):
        samples = signal[start : start + packet]
        if random.random() >= loss:
            pieces.append(stream.process(samples))
        elif how == "conceal":
            pieces.append(stream.conceal(packet))
        elif how == "gap":
            stream.gap(packet)
            continue
        else:
            pieces.append(stream.process(np.zeros_like(samples)))
        places.append(np.arange(start, start + packet))
    return np.concatenate(pieces), np.concatenate(places)


@pytest.mark.parametrize("name", ["kathleen", "kerstin", "chord"])
def test_lost_packets_do_not_click(name):
    signal = chord() if name == "chord" else voice(name)
    whole, _ = damaged(signal, 480, 0.0, "conceal")
    own = np.zeros(len(whole) + RATE, bool)  # with the samples around
    for place in clicks(whole, CLICK / 2):
        own[max(place - SPREAD, 0) : place + SPREAD] = True
    control = 0
    for packet in (480, 960):
        for loss in (0.01, 0.05, 0.2):
            count = {}
            for how in ("conceal", "gap", "zeros"):
                samples, places = damaged(signal, packet, loss, how)
                heard = places[clicks(samples, CLICK)]
                heard = heard[~own[heard]]
                count[how] = int(len(heard) > 0) + int(np.count_nonzero(np.diff(heard) > SPREAD))
            print(f"{name}, {packet // 48} ms, {loss:.0%} lost: clicks {count}")
            assert count["conceal"] == 0 and count["gap"] == 0
            control += count["zeros"]
    assert control > 20
