"""What a corpus holds: minutes, speakers and sources of each split, licences, the share of synthetic voices.

    python training/corpus.py FOLDER...                 # folders with a MANIFEST*.csv, as in data=A,B
    python training/corpus.py FOLDER... --licences      # the sources of the train split, a table for a model card
    python training/corpus.py FOLDER... --permissive    # either, of licences=permissive alone

Reads the manifests, no audio. Exit status: 0, or 2 where a manifest is wrong or a name is in two splits.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training import manifest
from training.licences import is_permissive
from training.manifest import Row

KINDS = {"speech": "speakers", "noise": "sources", "rir": "rooms"}
SPLITS = ("train", "valid", "eval")
NAMED = 4  # at most so many authors of one source are named in the table


def minutes(rows: list[Row]) -> float:
    """Of audio."""
    return sum(row.seconds for row in rows) / 60


def by(rows: list[Row], name: str) -> dict[str, list[Row]]:
    """Rows by one of their fields, sorted."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row, name), []).append(row)
    return dict(sorted(found.items()))


def overview(rows: list[Row]) -> str:
    """Tables of the splits and of the licences of the train split."""
    lines = [f"{'kind':<8}{'split':<8}{'files':>7}{'names':>7}{'minutes':>10}{'synthetic':>11}"]
    order = {name: place for place, name in enumerate([*KINDS, *SPLITS])}
    for kind, of_kind in sorted(by(rows, "kind").items(), key=lambda pair: order.get(pair[0], len(order))):
        for split, part in sorted(by(of_kind, "split").items(), key=lambda pair: order.get(pair[0], len(order))):
            line = f"{kind:<8}{split:<8}{len(part):>7}{len(by(part, 'group')):>7}{minutes(part):>10.1f}"
            if kind == "speech":
                voices = minutes([row for row in part if manifest.is_synthetic(row.speaker)])
                line += f"{100 * voices / max(minutes(part), 1e-9):>9.0f} %"
            lines.append(line)
    trained = [row for row in rows if row.split == "train"]
    width = max((len(row.licence) for row in trained), default=0) + 2
    width = max(width, len("none named") + 2)
    lines += ["", f"{'licence of the train split':<{width}}{'minutes':>10}  permissive"]
    for licence, part in by(trained, "licence").items():
        answer = "yes" if is_permissive(licence) else "no"
        lines.append(f"{licence or 'none named':<{width}}{minutes(part):>10.1f}  {answer}")
    free = minutes([row for row in trained if is_permissive(row.licence)])
    lines += ["", f"permissive: {free:.1f} of {minutes(trained):.1f} minutes; a name is a speaker, a source or a room"]
    return "\n".join(lines)


def authors(rows: list[Row]) -> str:
    """Whom the source asks to name, in short."""
    names = [name for name in by(rows, "attribution") if name]
    return f"{len(names)} authors, named per file" if len(names) > NAMED else "; ".join(names)


def licence_table(rows: list[Row]) -> str:
    """Markdown: kind, source with its authors, licences; of the train split, the sources with most minutes first."""
    lines = ["| kind | source | licence |", "|---|---|---|"]
    trained = [row for row in rows if row.split == "train"]
    for kind, of_kind in by(trained, "kind").items():
        sources = sorted(by(of_kind, "repository").items(), key=lambda pair: -minutes(pair[1]))
        for repository, part in sources:
            source = ", ".join(filter(None, [repository or "source not named", authors(part)]))
            cells = [kind, source, ", ".join(licence or "none named" for licence in by(part, "licence"))]
            lines.append("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="corpus", description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="folders with a MANIFEST*.csv")
    parser.add_argument("--licences", action="store_true", help="the sources and licences, in Markdown")
    parser.add_argument("--permissive", action="store_true", help="only what licences=permissive trains on")
    args = parser.parse_args(arguments)
    try:
        found = manifest.read_all(manifest.folders(",".join(args.folders)))
    except (OSError, ValueError) as error:
        print(f"corpus: {error}", file=sys.stderr)
        return 2
    rows = [row for part in found.values() for row in part if not args.permissive or is_permissive(row.licence)]
    print(licence_table(rows) if args.licences else overview(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
