"""One training segment from recordings: speech pieces with pauses, noises, a room, filters, levels, distortions.

Mixer.segment(rng) gives the noisy signal and the target at 48 kHz, both float32 with full scale 1. The target is the
speech in a small room at most: the first 20 ms of the room whole, its tail decaying at least as fast as RT60 = 200 ms.
Filters, band limit and level act on mixture and target alike; clipping and rounding on the mixture alone. Everything is
drawn from `rng`, so a segment is a function of the seed. Ranges follow Valin et al. 2020 and 2021 and Valin 2018.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy.signal import butter, oaconvolve, sosfilt

from linnet._core import FRAME, RATE
from training import hard, procedural
from training.data import Collection, Corpus, loud_level, make_once
from training.manifest import is_synthetic

FADE = 240  # samples, at each cut


@dataclass
class Segment:
    """noisy, target float32 [n]; bandwidth in Hz up to which the target is known; whether there is any speech."""

    noisy: np.ndarray
    target: np.ndarray
    bandwidth: float
    speech: bool


def decibels(value: float) -> np.float32:
    """Amplitude factor of a level in dB."""
    return np.float32(10 ** (value / 20))


def fade(x: np.ndarray) -> np.ndarray:
    """Short raised-cosine ramps at both ends, in place."""
    n = min(FADE, len(x) // 2)
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / max(n, 1))).astype(np.float32)
    x[:n] *= ramp
    x[len(x) - n :] *= ramp[::-1]
    return x


def stretch(x: np.ndarray, ratio: float) -> np.ndarray:
    """Speed and pitch times `ratio`, images and aliases below -100 dB (with "QQ" they are up to -4 dB)."""
    return soxr.resample(x, RATE * ratio, RATE, quality="HQ") if ratio != 1 else x


def random_filter(rng: np.random.Generator) -> np.ndarray:
    """A second-order section [1, 6]; zeros and poles are each there with p = 1/3, within radius 0.7."""
    section = np.array([[1.0, 0, 0, 1.0, 0, 0]], np.float32)
    for column in (1, 4):
        if rng.random() < 1 / 3:
            radius, angle = 0.7 * rng.random(), np.pi * rng.random()
            section[0, column : column + 2] = -2 * radius * np.cos(angle), radius**2
    return section


def random_equaliser(rng: np.random.Generator, most: int) -> np.ndarray:
    """Up to `most` peaks and dips of some dB, as rooms, microphones and voices differ; second-order sections [k, 6]."""
    sections = np.zeros((int(rng.integers(most + 1)), 6), np.float32)
    for section in sections:
        angle = 2 * np.pi * 80 * 200 ** rng.random() / RATE
        root = 10 ** (np.clip(rng.normal(0, 5), -12, 12) / 40)
        width = np.sin(angle) / (2 * 10 ** rng.uniform(-0.5, 0.5))
        section[:3] = 1 + width * root, -2 * np.cos(angle), 1 - width * root
        section[3:] = 1 + width / root, -2 * np.cos(angle), 1 - width / root
        section /= section[3]
    return sections


def target_response(room: np.ndarray, rt60: float, early: float, target_rt60: float) -> np.ndarray:
    """What the target keeps of a room: all up to `early` s after the direct sound, then a tail of target_rt60."""
    peak = int(np.argmax(np.abs(room)))
    if rt60 <= target_rt60:
        return room
    tail = np.maximum(np.arange(len(room)) - peak - early * RATE, 0) / RATE
    return (room * 10 ** (-3 * tail * (1 / target_rt60 - 1 / rt60))).astype(np.float32)


def decay_time(room: np.ndarray) -> float:
    """RT60 in s, from the -5..-25 dB slope of the backward-integrated energy."""
    left = np.cumsum((room.astype(np.float64) ** 2)[::-1])[::-1]
    level = 10 * np.log10(left / left[0] + 1e-12)
    begin, end = int(np.argmax(level < -5)), int(np.argmax(level < -25))
    return 3 * max(end - begin, 1) / RATE


def simulate_room(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A small furnished room: image sources for 45 ms, then noise that decays in RT60 0.1..0.7 s. Response, RT60."""
    import pyroomacoustics

    while True:
        size = rng.uniform([2.0, 2.0, 2.2], [8.0, 6.0, 3.5])
        rt60 = float(rng.uniform(0.1, 0.7))
        try:
            absorption, order = pyroomacoustics.inverse_sabine(rt60, size)
        except ValueError:  # so dry a room of this size cannot be
            continue
        source = rng.uniform(0.3, size - 0.3)
        microphone = rng.uniform(0.3, size - 0.3)
        if np.linalg.norm(source - microphone) > 0.15:
            break
    room = pyroomacoustics.ShoeBox(
        size, fs=RATE, materials=pyroomacoustics.Material(absorption), max_order=min(order, 14)
    )
    room.add_source(source)
    room.add_microphone(microphone)
    room.compute_rir()
    early = np.asarray(room.rir[0][0], np.float64)
    early = early[max(int(np.argmax(np.abs(early))) - 48, 0) :]
    mixing = int(0.045 * RATE)
    response = np.zeros(max(int(rt60 * RATE), mixing + 1))
    response[:mixing] = np.pad(early[:mixing], (0, max(mixing - len(early), 0)))
    late = slice(mixing - int(0.02 * RATE), mixing)
    level = np.sqrt((response[late] ** 2).mean()) * 10 ** (-3 * 0.01 / rt60)
    t = np.arange(len(response) - mixing) / RATE
    response[mixing:] = rng.standard_normal(len(t)) * level * 10 ** (-3 * t / rt60)
    return (response / np.abs(response).max()).astype(np.float32), rt60


def simulated_rooms(config) -> list[tuple[np.ndarray, float]]:
    """The bank of simulated rooms, made once and kept in the cache."""
    key = hashlib.sha256(f"rooms 1 {config.seed} {config.simulated_rooms}".encode()).hexdigest()[:12]
    path = Path(config.cache) / f"simulated-{key}.npz"

    def simulate(part: Path) -> None:
        rng = np.random.default_rng([config.seed, 77])
        bank = [simulate_room(rng) for _ in range(config.simulated_rooms)]
        np.savez(
            part,
            samples=np.concatenate([room for room, _ in bank] or [np.zeros(0, np.float32)]),
            lengths=[len(room) for room, _ in bank],
            times=[rt60 for _, rt60 in bank],
        )

    make_once(path, simulate)
    with np.load(path) as file:
        parts = np.split(file["samples"], np.cumsum(file["lengths"])[:-1]) if len(file["lengths"]) else []
        return list(zip(parts, file["times"].tolist(), strict=True))


def bounded(share: np.ndarray, bound: float, marked: np.ndarray) -> np.ndarray:
    """Probabilities [n] scaled so that the marked ones sum to `bound` at most. ValueError: they are all there is."""
    together = float(share[marked].sum())
    if together <= bound:
        return share
    if marked.all():
        raise ValueError(
            f"all speakers are synthetic voices; add recordings of people, or set synthetic_share=1 (now {bound})"
        )
    return np.where(marked, share * (bound / together), share * ((1 - bound) / (1 - together)))


class Mixer:
    """Draws segments from a corpus."""

    def __init__(self, corpus: Corpus, config):
        self.corpus = corpus
        self.config = config
        self.length = config.frames * FRAME
        self.recorded = []
        for item in corpus.rooms.items:
            room = corpus.rooms.read(item)
            self.recorded.append((room, decay_time(room)))
        validates = corpus.split == "valid"  # a tenth of the rooms is not trained on
        self.simulated = [room for i, room in enumerate(simulated_rooms(config)) if (i % 10 == 0) == validates]
        self.groups: dict[str, list] = {}
        for item in corpus.speech.items:
            self.groups.setdefault(item.group, []).append(item)
        self.speakers = sorted(self.groups)
        # A speaker with many recordings is drawn more often, but not in proportion.
        share = np.sqrt([sum(item.length for item in self.groups[name]) for name in self.speakers])
        synthetic = np.array([is_synthetic(name) for name in self.speakers])
        self.share = bounded(share / share.sum(), config.synthetic_share, synthetic)
        # Validation is on recordings, so that runs with more and with less computed noise compare.
        self.procedural = 0.0 if validates else config.procedural
        self.hard = not validates

    def piece(self, rng: np.random.Generator, collection: Collection, item, length: int) -> np.ndarray:
        """At most `length` samples from a random place of an item."""
        start = int(rng.integers(0, max(item.length - length, 0) + 1))
        return collection.read(item, start, length)

    def speech(self, rng: np.random.Generator, length: int) -> tuple[np.ndarray, float]:
        """Pieces of one speaker at level 1 with pauses between them; float32 [length] and the bandwidth in Hz."""
        items = self.groups[self.speakers[int(rng.choice(len(self.speakers), p=self.share))]]
        out = np.zeros(length, np.float32)
        at, bandwidth = 0, RATE / 2
        dense = rng.random() < 0.35  # some segments without pauses of ours
        while at < length:
            item = items[int(rng.integers(len(items)))]
            wanted = int(rng.uniform(1.5, 8.0) * RATE)
            # Few speakers are at hand: a share of the pieces becomes somebody else, larger or smaller.
            ratio = float(2 ** rng.uniform(-0.25, 0.25)) if rng.random() < self.config.piece_resample else 1.0
            x = self.piece(rng, self.corpus.speech, item, int(min(wanted, length - at) * ratio) + 64)
            x = fade(stretch(x, ratio)[: length - at].copy())
            x *= np.float32(decibels(rng.uniform(-4, 2)) / max(item.level, 1e-4))
            out[at : at + len(x)] = x
            bandwidth = min(bandwidth, item.bandwidth * ratio)
            at += len(x)
            if not dense:
                at += int(min(rng.exponential(0.6), 3.0) * RATE)
        return out, bandwidth

    def recorded_noise(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """One recording, repeated with short fades where it is shorter than the segment; not scaled.

        Often played faster, slower or backwards: noise has no words to keep, and there are few recordings of it.
        """
        c = self.config
        items = self.corpus.noise.items
        item = items[int(rng.integers(len(items)))]
        ratio = float(2 ** rng.uniform(-0.7, 0.7)) if rng.random() < c.noise_resample else 1.0
        x = stretch(self.piece(rng, self.corpus.noise, item, int(length * ratio) + 64), ratio)
        if rng.random() < c.noise_reverse:
            x = x[::-1]
        if len(x) >= length:
            return x[:length]
        x = fade(x.copy())
        gap = int(rng.exponential(0.1) * RATE) if rng.random() < 0.5 else 0
        loop = np.concatenate([x, np.zeros(gap, np.float32)])
        return np.resize(np.roll(loop, int(rng.integers(len(loop)))), length)

    def babble(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """3 to 8 speakers at once."""
        total = np.zeros(length, np.float32)
        for _ in range(int(rng.integers(3, 9))):
            total += self.speech(rng, length)[0] * decibels(rng.uniform(-6, 0))
        return total

    def coloured(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """Stationary noise with a sloped and bumpy spectrum."""
        x = rng.standard_normal(length, dtype=np.float32)
        pole = rng.uniform(0.0, 0.98)
        sections = [[[1, 0, 0, 1, -pole, 0]], random_filter(rng), random_filter(rng)]
        return sosfilt(np.concatenate(sections).astype(np.float32), x)

    def noise(self, rng: np.random.Generator, length: int) -> np.ndarray:
        """One or two noises at RMS 1."""
        total = np.zeros(length, np.float32)
        for index in range(2 if rng.random() < self.config.second_noise else 1):
            kind = rng.random()
            if kind < self.config.babble:
                x = self.babble(rng, length)
            elif kind < self.config.babble + self.config.coloured:
                x = self.coloured(rng, length)
            elif kind < self.config.babble + self.config.coloured + self.procedural:
                x = procedural.generate(rng, length)
            else:
                x = self.recorded_noise(rng, length)
            if rng.random() < 0.2:  # comes or goes
                cut = int(rng.integers(length))
                x = x.copy()
                x[cut:] *= decibels(rng.uniform(-30, -6))
                x = x[::-1] if rng.random() < 0.5 else x
            power = np.sqrt(np.mean(x**2)) + 1e-9
            total += x * np.float32(decibels(rng.uniform(-12, 0) if index else 0) / power)
        return total / np.float32(np.sqrt(np.mean(total**2)) + 1e-9)

    def room(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A room's response and the part of it that the target keeps; direct and early energy 1 together."""
        recorded = self.recorded and (rng.random() < self.config.recorded_room or not self.simulated)
        bank = self.recorded if recorded else self.simulated
        response, rt60 = bank[int(rng.integers(len(bank)))]
        peak = int(np.argmax(np.abs(response)))
        response = response[max(peak - 48, 0) : peak + int(1.5 * RATE)]
        kept = target_response(response, rt60, self.config.early, self.config.target_rt60)
        early = int(self.config.early * RATE) + 48
        response, kept = response.copy(), kept.copy()
        distance = np.float32(rng.uniform(0.5, 1.5))  # a nearer or farther speaker
        response[:early] *= distance
        kept[:early] *= distance
        scale = np.float32(1 / np.sqrt((response[:early] ** 2).sum() + 1e-12))
        return response * scale, kept * scale

    def limits(self, rng: np.random.Generator) -> tuple[float, np.ndarray]:
        """Cutoff in Hz of the band limit that mixture and target share, and its sections [k, 6]."""
        if rng.random() >= self.config.band_limit:
            return RATE / 2, np.zeros((0, 6), np.float32)
        cutoff = 3000 * 50 ** rng.random()
        if cutoff >= 22000:
            return RATE / 2, np.zeros((0, 6), np.float32)
        return float(cutoff), butter(8, cutoff, fs=RATE, output="sos").astype(np.float32)

    def snr(self, rng: np.random.Generator) -> float:
        """dB, active speech power to mean noise power."""
        c = self.config
        low = rng.random() < c.snr_low_share
        return float(rng.uniform(c.snr_low, c.snr_mid) if low else rng.uniform(c.snr_mid, c.snr_high))

    def segment(self, rng: np.random.Generator) -> Segment:
        """The next segment."""
        c, n = self.config, self.length
        kind = rng.random()
        has_speech, has_noise = kind >= c.noise_only, not c.noise_only <= kind < c.noise_only + c.speech_only
        cutoff, low_pass = self.limits(rng)
        side = rng.spawn(1)[0]  # so that the draws below are the same with and without hard kinds
        kinds = hard.draw(side, c) if self.hard else hard.Hard()
        if "telephone" in kinds.kinds:
            cutoff, low_pass = hard.band(side)
        speech = target = np.zeros(n, np.float32)
        bandwidth = cutoff
        has_room = rng.random() < c.room and (self.recorded or self.simulated)
        room = self.room(rng) if has_room else None
        if has_speech:
            ratio = float(2 ** rng.uniform(-0.42, 0.42)) if rng.random() < c.resample else 1.0
            raw, known = self.speech(rng, int(n * ratio) + 64)
            raw = stretch(raw, ratio)[:n]
            if rng.random() < c.leading_silence:
                start = min(int(rng.exponential(0.25 * c.seconds) * RATE), n // 2)
                raw = np.concatenate([np.zeros(start, np.float32), raw[: n - start]])
            raw = hard.speech(side, kinds, raw)
            shape = [random_filter(rng), random_equaliser(rng, c.speech_peaks), low_pass]
            raw = sosfilt(np.concatenate(shape), raw).astype(np.float32)
            bandwidth = min(cutoff, known * ratio)
            speech = target = raw
            if room is not None:
                speech = oaconvolve(raw, room[0])[:n].astype(np.float32)
                target = oaconvolve(raw, room[1])[:n].astype(np.float32)
        level = loud_level(speech) if has_speech else 0.0
        noisy = speech.copy()
        if has_noise:
            noise = self.noise(rng, n)
            shape = [random_filter(rng), random_equaliser(rng, c.noise_peaks), low_pass]
            noise = sosfilt(np.concatenate(shape), noise).astype(np.float32)
            if room is not None and rng.random() < c.noise_in_room:
                noise = oaconvolve(noise, room[0])[:n].astype(np.float32)
            power = np.float32(np.sqrt(np.mean(noise**2)) + 1e-9)
            noisy += noise * np.float32((level or 1.0) / power * decibels(kinds.noise_db - self.snr(rng)))
            level = level or float(np.sqrt(np.mean(noisy**2)))
        wanted = hard.level(side, kinds, rng.uniform(c.level_low, c.level_high))
        scale = np.float32(decibels(wanted) / max(level, 1e-9))
        peak = float(max(np.abs(noisy).max(), np.abs(target).max()) * scale)
        if rng.random() < c.clipping:
            scale *= np.float32(decibels(rng.uniform(1, 8)) / max(peak, 1e-9))
        elif peak > 0.98:
            scale *= np.float32(0.98 / peak)
        noisy, target = noisy * scale, target * scale
        if kinds.slams:
            noisy = hard.strike(side, noisy)
        if "muted_start" in kinds.kinds:
            hard.mute_start(side, noisy, target)
        noisy = np.clip(noisy, -1, 1)
        if rng.random() < c.rounding:
            noisy = np.rint(noisy * 32768) / np.float32(32768)
        return Segment(noisy.astype(np.float32), target.astype(np.float32), bandwidth, has_speech)
