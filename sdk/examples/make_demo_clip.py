#!/usr/bin/env python3
"""Makes the bundled demo recording: demo_clean.flac and demo_noisy.flac, 48 kHz mono 16 bit, beside this file.

Two synthetic talkers (flite) speak in a wet street made of numbers: rumble, two passing cars and a horn from filtered
noise and sines, and the murmur of six other synthetic voices (flite, espeak-ng) further off. Nothing in it was
recorded by anybody. The same programs give the same samples on every run. Needs flite, espeak-ng, numpy and
soundfile, soxr.

Usage: make_demo_clip.py [OUTDIR]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

Signal = NDArray[np.float64]

RATE = 48000
SECONDS = 8.5
SNR_DB = 4.0  # speech where it is active, over all the noise
BABBLE_DB = -8.0  # babble relative to the street
LEVEL_DBFS = -25.0  # of the active speech
SEED = 2020

# (start in seconds, flite voice, text)
TALKERS = (
    (1.30, "slt", "The last boat leaves at seven, right after the market closes."),
    (5.55, "rms", "Good. Then we still have time for coffee."),
)
CROWD = (
    (
        "flite",
        "awb",
        "We looked for the ticket office on the wrong side of the station and nearly missed the express train.",
    ),
    (
        "flite",
        "kal16",
        "My neighbour says the new bakery has the finest rye bread, but you have to be there before eight.",
    ),
    (
        "espeak-ng",
        "en-us",
        "Did anybody see the yellow umbrella that I left under the bench near the fountain yesterday?",
    ),
    (
        "espeak-ng",
        "en-gb-scotland",
        "They painted the whole bridge twice last summer and it is still not the colour they wanted.",
    ),
    (
        "espeak-ng",
        "en-us+f3",
        "First you go past the library, then left at the lights, and it is the third door with the brass bell.",
    ),
    (
        "espeak-ng",
        "en-gb+f2",
        "I told her that the concert was moved to the big hall because of the rain, but she went anyway.",
    ),
)


def synthesise(program: str, voice: str, text: str) -> Signal:
    """Speech at 48 kHz, silence at both ends cut off, unit power where active."""
    with tempfile.TemporaryDirectory() as folder:
        wav = str(Path(folder) / "speech.wav")
        option = "-voice" if program == "flite" else "-v"
        tail = ["-t", text, "-o", wav] if program == "flite" else ["-w", wav, text]
        try:
            subprocess.run([program, option, voice, *tail], check=True, capture_output=True)
        except FileNotFoundError:
            sys.exit(f"{program} is not installed: apt-get install {program}")
        speech, rate = soundfile.read(wav, dtype="float64")
    speech = soxr.resample(speech, rate, RATE, "VHQ")
    loud = np.flatnonzero(np.abs(speech) > 0.01 * np.abs(speech).max())
    speech = speech[loud[0] : loud[-1] + 1]
    return speech / np.sqrt(active_power(speech))


def active_power(x: Signal) -> float:
    """Mean power over the 20 ms frames within 40 dB of the loudest one."""
    frame = RATE // 50
    power = (x[: len(x) // frame * frame].reshape(-1, frame) ** 2).mean(axis=1)
    return float(power[power > power.max() * 1e-4].mean())


def shaped_noise(rng: np.random.Generator, samples: int, frequency: list[float], level_db: list[float]) -> Signal:
    """Gaussian noise with a spectrum that runs straight (dB over log frequency) through the given points, power 1."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    grid = np.maximum(np.fft.rfftfreq(samples, 1 / RATE), 1.0)
    spectrum *= 10 ** (np.interp(np.log(grid), np.log(frequency), level_db) / 20)
    noise = np.fft.irfft(spectrum, samples)
    return noise / np.sqrt((noise**2).mean())


def passing_car(rng: np.random.Generator, time: Signal, closest: float, speed: float, hum: float) -> Signal:
    """Tyres that hiss and grow loud as the car comes near, and an engine whose pitch falls as it goes by."""
    distance = np.sqrt(1.0 + (speed * (time - closest)) ** 2)  # 1 at the closest point
    tyres = shaped_noise(rng, len(time), [20, 200, 1000, 4000, 9000, 24000], [-44, -20, -3, 0, -12, -40]) / distance**2
    rumble = shaped_noise(rng, len(time), [20, 40, 75, 160, 1000, 24000], [-12, 0, -8, -18, -34, -80]) / distance
    approach = -speed * (time - closest) / distance
    phase = 2 * np.pi * np.cumsum(hum * (1 + 0.06 * approach)) / RATE
    engine = sum(np.sin(k * phase + k * k) / k for k in range(1, 9)) / distance**1.5
    return 0.55 * tyres + 0.9 * rumble + 0.25 * engine


def horn(time: Signal, start: float, seconds: float) -> Signal:
    """Two detuned reeds a third apart."""
    envelope = np.clip((time - start) / 0.02, 0, 1) * np.clip((start + seconds - time) / 0.05, 0, 1)
    tone = sum(np.sin(2 * np.pi * f * k * time) / k**1.3 for f in (415.0, 521.0) for k in range(1, 12))
    return 0.5 * envelope * tone


def street(rng: np.random.Generator, samples: int) -> Signal:
    """Power 1 on average."""
    time = np.arange(samples) / RATE
    noise = 0.55 * shaped_noise(rng, samples, [20, 40, 75, 160, 800, 5000, 24000], [-10, 0, -9, -19, -24, -32, -56])
    noise += passing_car(rng, time, 0.8, 2.0, 41.0) + 0.8 * passing_car(rng, time, 5.15, 2.4, 53.0)
    noise += horn(time, 4.78, 0.13) + horn(time, 5.0, 0.35)
    return noise / np.sqrt((noise**2).mean())


def babble(rng: np.random.Generator, samples: int) -> Signal:
    """Six voices that say other things, each from a random point of its text; power 1."""
    crowd = np.zeros(samples)
    for program, voice, text in CROWD:
        speech = synthesise(program, voice, text)
        start = int(rng.integers(len(speech)))
        crowd += np.roll(np.resize(speech, max(samples, len(speech))), start)[:samples]
    return crowd / np.sqrt((crowd**2).mean())


def main() -> None:
    """Writes both files and says how large they are."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    rng = np.random.default_rng(SEED)
    samples = int(SECONDS * RATE)
    clean = np.zeros(samples)
    for start, voice, text in TALKERS:
        speech = synthesise("flite", voice, text)
        begin = int(start * RATE)
        if begin + len(speech) > samples:
            sys.exit(f"{voice}: {len(speech) / RATE:.2f} s from {start} s on do not fit into {SECONDS} s")
        clean[begin : begin + len(speech)] += speech
    clean /= np.sqrt(active_power(clean))
    noise = street(rng, samples) + 10 ** (BABBLE_DB / 20) * babble(rng, samples)
    noise *= 10 ** (-SNR_DB / 20) / np.sqrt((noise**2).mean())
    level = 10 ** (LEVEL_DBFS / 20)
    for name, signal in (("clean", clean), ("noisy", clean + noise)):
        path = folder / f"demo_{name}.flac"
        soundfile.write(
            path, np.rint(level * signal * 32768).clip(-32768, 32767).astype(np.int16), RATE, subtype="PCM_16"
        )
        print(f"{path}: {path.stat().st_size // 1024} KB, peak {np.abs(level * signal).max():.2f}")


if __name__ == "__main__":
    main()
