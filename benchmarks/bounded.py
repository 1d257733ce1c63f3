"""Is a frame's time bounded? Instructions of the worst frame against the median one, over six kinds of sound.

    python -m benchmarks.bounded [--targets A,B]          # after ./sconsw bench target=A,B

For each backend of each target with an emulator one line: the worst frame by the median of all frames, whose it was,
and the median of a denormal tail by that of speech. The model is the tiny one, whose network, the same in every frame,
hides nothing. Counts are exact, so that one run is enough. Exit status 1 if a bound of docs/reliability.md is passed.
"""

from __future__ import annotations

import argparse

import targets
from benchmarks import common, counts
from benchmarks.cpu_load import jobs
from linnet.model.blob import TINY, random_model

# Input signals of sdk/selftest/recipes.h by what they are here for; each lasts a second.
KINDS = {
    "speech": "speech_in_noise",
    "noise": "full_scale_noise",
    "silence to noise": "noise_bursts",
    "music": "music_like",
    "denormal tail": "denormal_tail",
    "clipped speech": "clipped_speech",
}
WARM_UP, FRAMES = 6, 90
WORST, TAIL = 1.5, 1.05  # the bounds


def bounds(runs: dict[str, counts.Counts]) -> tuple[float, str, float]:
    """Worst frame by the median of all, the kind that it is of, and the tail's median by that of speech."""
    worst = max(runs, key=lambda kind: runs[kind].worst())
    together = counts.Counts(1, windows=[window for run in runs.values() for window in run.windows])
    return (
        runs[worst].worst() / together.median(),
        worst,
        runs["denormal tail"].median() / runs["speech"].median(),
    )


def main() -> int:
    """Command line; 1 if a bound is passed or nothing could be counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--targets", default=",".join(name for name in targets.names() if not targets.load(name).foreign)
    )
    options = parser.parse_args()
    model = random_model(**TINY)
    found = []
    for target in map(targets.load, options.targets.split(",")):
        if reason := counts.why_not(target):
            print(f"skipping {target.name}: {reason}")
            continue
        seen = set()
        for cpu, backend in jobs(target):
            if backend in seen:
                continue
            seen.add(backend)
            runs = {
                kind: counts.count(target, cpu, backend, model, FRAMES, WARM_UP, recipe=recipe)
                for kind, recipe in KINDS.items()
            }
            worst, kind, tail = bounds(runs)
            found.append((worst, tail))
            print(f"{target.name} {backend}: worst / median {worst:.3f} ({kind}), tail / speech {tail:.3f}", flush=True)
    if not found:
        print(f"nothing counted on {options.targets}: see above for what is missing")
        return 1
    worst, tail = (max(values) for values in zip(*found, strict=True))
    print(f"{len(found)} backends: worst frame {worst:.3f} of the median, denormal tail {tail:.3f} of speech")
    return int(worst > WORST or tail > TAIL)


if __name__ == "__main__":
    raise SystemExit(common.status_of(main))
