"""A corpus of voices that nobody has: espeak-ng in all its languages, reading numbers and words that mean nothing.

    python training/espeak.py runs/corpora/espeak --speakers 240 --seconds 20

A model that has only heard people takes the buzz of a formant synthesiser, as of screen readers, for a machine's, and
the more noises are computed the more so. Needs the program espeak-ng; the text is made here, so nothing of it has a
licence. Writes FOLDER/speech/SPEAKER/*.flac and the manifest, all in the training split; the same arguments and version
of espeak-ng give the same files.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import soundfile

MADE_UP = "art"  # the group of invented languages
VARIANTS = [f"m{n}" for n in range(1, 9)] + [f"f{n}" for n in range(1, 6)] + [f"klatt{n}" for n in ("", *range(2, 7))]
VARIANTS += ["adam", "Alicia", "Andrea", "belinda", "boris", "croak", "Gene", "grandma", "grandpa", "linda", "norbert"]
ONSETS = [*"bdfghjklmnprstvwz", "sh", "ch", "st", "br", "kl", "pr", "tr", "sk", "fl"]
VOWELS = [*"aeiou", "ai", "au", "ei", "ou", "ie"]
CODAS = ["", "", "", "n", "r", "s", "l", "t", "m", "k", "nd", "st"]
PIECE = 10.0  # s, at least, that lie in a file
PATIENCE = 20  # sentences that a voice may fail to say
LEVEL = 0.056  # RMS: -25 dBFS
COLUMNS = ("path", "kind", "split", "speaker_id", "language", "seconds", "licence", "source_repo")


def languages(program: str) -> list[str]:
    """The languages of espeak-ng, by the files of their voices, such as `gmw/en-US`."""
    lines = subprocess.run([program, "--voices"], check=True, capture_output=True, text=True).stdout.splitlines()[1:]
    files = [line.split()[4] for line in lines]
    return [file for file in files if file.split("/")[0] != MADE_UP]


def sentence(random: np.random.Generator) -> str:
    """Numbers, which each language reads in words of its own, and words of no language."""

    def word() -> str:
        if random.random() < 0.5:
            return str(int(10 ** random.uniform(0, 6)))
        count = random.integers(1, 4)
        return "".join(str(random.choice(part)) for _ in range(count) for part in (ONSETS, VOWELS, CODAS))

    words = [word() + ("," if random.random() < 0.15 else "") for _ in range(random.integers(4, 10))]
    return " ".join(words).rstrip(",") + str(random.choice([".", ".", "!", "?"]))


def speak(program: str, voice: str, random: np.random.Generator, seconds: float) -> tuple[list[np.ndarray], int]:
    """Files of one voice, float32 [n] each, and their rate. ValueError: it says nothing."""
    variant, pitch, speed = random.choice(VARIANTS), random.integers(15, 85), random.integers(120, 220)
    options = ["-v", f"{voice}+{variant}", "-p", str(pitch), "-s", str(speed), "--stdout"]
    files: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    mute = 0
    while seconds > 0:
        said = subprocess.run([program, *options, sentence(random)], capture_output=True).stdout
        # A WAV file in a pipe does not know its length: what follows the header of 44 bytes is samples.
        x = np.frombuffer(said[44 : len(said) // 2 * 2], "<i2").astype(np.float32) / 32768
        if not x.any():  # some words make it crash
            mute += 1
            if mute == PATIENCE:
                raise ValueError(f"{program} {' '.join(options)} says nothing; is it espeak-ng 1.51 or newer?")
            continue
        rate = soundfile.SoundFile(io.BytesIO(said[:44])).samplerate
        parts.append(x * (LEVEL / np.sqrt(np.mean(x[np.abs(x) > 1e-3] ** 2))))
        if (length := sum(map(len, parts)) / rate) >= PIECE:
            files.append(np.concatenate(parts))
            seconds -= length
            parts = []
    return files, rate


def write(folder: Path, program: str, speakers: int, seconds: float, seed: int) -> float:
    """Writes the corpus; returns its seconds."""
    spoken = languages(program)
    order = np.random.default_rng(seed).permutation(len(spoken))
    rows, total = [], 0.0
    for number in range(speakers):
        voice = spoken[order[number % len(spoken)]]
        language = voice.split("/")[-1]
        files, rate = speak(program, voice, np.random.default_rng([seed, number]), seconds)
        speaker = f"espeak_{language}_{number:03d}"
        for index, x in enumerate(files):
            path = folder / "speech" / speaker / f"{index:03d}.flac"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, np.clip(x, -1, 1), rate)
            length = len(x) / rate
            values = (path.relative_to(folder), "speech", "train", speaker, language, f"{length:.2f}")
            rows.append(dict(zip(COLUMNS, (*values, "CC0-1.0", "espeak-ng (synthetic)"), strict=True)))
            total += length
    with open(folder / "MANIFEST.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return total


def main(arguments: list[str] | None = None) -> int:
    """Command line; 2 with one line on stderr for bad input."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("folder", type=Path, help="where to write; a manifest there is replaced")
    parser.add_argument("--speakers", type=int, default=240)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each, at least")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args(arguments)
    program = shutil.which("espeak-ng")
    if program is None:
        parser.error("no program espeak-ng; install it (Debian: apt-get install espeak-ng)")
    if args.speakers < 1 or not args.seconds > 0:
        parser.error(f"--speakers {args.speakers} --seconds {args.seconds:g}: give 1 or more, and more than 0")
    try:
        total = write(args.folder, program, args.speakers, args.seconds, args.seed)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(f"{args.folder}: {args.speakers} voices, {total / 60:.0f} minutes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
