"""The command line: linnet enhance, info, selftest, oracle and demo.

Whatever goes wrong with the user's input ends in one line on stderr and exit status 2, and leaves no partial output
behind.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from linnet.catalog import DEFAULT_MODEL, ModelError, model_path, models
from linnet.enhancer import DEFAULT_POSTFILTER
from linnet.io.errors import AudioError
from linnet.io.formats import is_sound_file
from linnet.io.outputs import make_folder, printable, replacing, stems
from linnet.io.pipe import PIPE, is_pipe

FAILURE = 2


class UsageError(Exception):
    """An argument that makes no sense; the message is one line that names it and the remedy."""


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILURE, f"linnet: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status is 0, 1 if the self-test finds other bits, or 2 after an error."""
    if sys.stderr is None:  # closed; print would turn to stdout, which may carry the sound
        sys.stderr = io.StringIO()
    with suppress(AttributeError):  # closed, or somebody's stand-in
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be text
    args = _parser().parse_args(argv)
    before: dict[int, Any] = {}
    with suppress(ValueError):  # not the main thread: then signals are somebody else's business
        for number in {signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)}:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):  # nohup ignores SIGHUP
                before[number] = signal.signal(number, _terminate)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (AudioError, ModelError, UsageError, ImportError, OSError) as error:
        print(f"linnet: {_one_line(error)}", file=sys.stderr)
        return FAILURE
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="linnet", description="Speech enhancement: removes noise and reverberation from recordings.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    enhance = commands.add_parser("enhance", help="enhance a recording, a pipe or a folder of recordings")
    enhance.set_defaults(run=_enhance)
    enhance.add_argument("input", metavar="IN", help="sound file, folder, named pipe, or - for stdin")
    enhance.add_argument(
        "output", metavar="OUT", help="sound file (its ending tells the format), folder, or - for stdout"
    )
    _add_model(enhance)
    enhance.add_argument(
        "--attenuation-limit",
        metavar="DB",
        type=_number(0, 100),
        default=100.0,
        help="most that noise is attenuated, 0..100 dB; 100 (default) is no limit, 0 takes nothing away: the samples "
        "stay the same where the rate needs no resampling, such as 48000 Hz, and nearly the same at others",
    )
    enhance.add_argument(
        "--postfilter",
        metavar="X",
        type=_number(0, 1),
        default=DEFAULT_POSTFILTER,
        help="strength of the post-filter, 0 (off) .. 1: less noise, at some cost to the voice "
        f"(default {DEFAULT_POSTFILTER})",
    )
    enhance.add_argument("--backend", metavar="NAME", help="kernels to run; default: the fastest of this CPU")
    enhance.add_argument("--json", metavar="PATH", help="write the numbers of every recording as JSON; - for stdout")
    enhance.add_argument(
        "--plot",
        metavar="PATH",
        help="write a picture: spectrograms before and after, gains, pitch of the first 30 s (for a folder: a folder)",
    )
    enhance.add_argument(
        "--no-delay-compensation",
        dest="compensate",
        action="store_false",
        help="leave the delay of the live stream in the output",
    )
    enhance.add_argument(
        "--raw",
        metavar="RATE,CHANNELS",
        type=_raw,
        help="stdin is headerless 16-bit little-endian, and so will stdout be",
    )

    enhance.add_argument(
        "--strict",
        action="store_true",
        help="refuse a recording that is cut short, damaged, or longer than its header tells, instead of warning",
    )

    info = commands.add_parser("info", help="version, backends, models and delay")
    info.set_defaults(run=_info)
    info.add_argument("--json", action="store_true", help="as JSON")

    selftest = commands.add_parser("selftest", help="whether this CPU gives the bits that every other one gives")
    selftest.set_defaults(run=_selftest)
    selftest.add_argument("--backend", metavar="NAME", help="only these kernels; default: all that this CPU can run")
    selftest.add_argument("--bench", action="store_true", help="instead, what a frame costs here, beside an estimate")
    selftest.add_argument("--json", action="store_true", help="the result of --bench as JSON")
    selftest.add_argument("--frames", metavar="N", type=_count, default=1000, help="of --bench, 10..10000")
    _add_model(selftest)

    oracle = commands.add_parser("oracle", help="what each part of the method is worth, given the clean signal")
    oracle.set_defaults(run=_oracle)
    oracle.add_argument("clean", metavar="CLEAN", help="clean sound file, or a folder of them")
    oracle.add_argument("noisy", metavar="NOISY", help="the same with noise, or a folder with the same names")
    oracle.add_argument("outdir", metavar="OUTDIR", help="folder for one WAV per rung, the table and the figure")
    oracle.add_argument("--json", metavar="PATH", help="write the table as JSON; - for stdout")
    oracle.add_argument(
        "--limit", metavar="N", type=_count, help="only so many recordings, evenly spread over the folder"
    )
    _add_model(oracle)

    demo = commands.add_parser("demo", help="enhance the bundled street recording and draw a report")
    demo.set_defaults(run=_demo)
    demo.add_argument("outdir", metavar="OUTDIR", help="folder for noisy.wav, enhanced.wav and report.png")
    demo.add_argument("--backend", metavar="NAME", help="kernels to run; default: the fastest of this CPU")
    _add_model(demo)
    return parser


def _enhance(args: argparse.Namespace) -> int:
    from linnet.io.recording import Options

    _check_backend(args.backend)
    if args.raw and not is_pipe(args.input):
        raise UsageError(f"--raw {args.raw[0]},{args.raw[1]}: describes stdin; give IN as -")
    if args.json == PIPE and args.output == PIPE:
        raise UsageError("--json -: stdout carries the sound; give a file for the numbers")
    options = Options(
        args.model, args.attenuation_limit, args.postfilter, args.backend, args.compensate, args.raw, args.strict
    )
    if args.input != PIPE and os.path.isdir(args.input):
        return _enhance_folder(args, options)
    output = args.output
    if output != PIPE and os.path.isdir(output) and args.input != PIPE:
        output = os.path.join(output, os.path.basename(args.input))
    _check_result("--json", args.json, [args.input, output])
    _check_result("--plot", args.plot, [args.input, output, args.json])
    result = _enhance_one(args.input, output, options, args.plot)
    _say(_summary(result), args.output == PIPE or args.json == PIPE)
    if args.json:
        _write_json(args.json, [result])
    return 0


def _enhance_folder(args: argparse.Namespace, options: Any) -> int:
    """Every sound file below IN, under the same name below OUT; goes on after a bad one."""
    from tqdm import tqdm

    source, target = Path(args.input), Path(args.output)
    if args.output == PIPE:
        raise UsageError(f"{source}: a folder cannot go to stdout; give a folder for the output")
    if target.exists() and not target.is_dir():
        raise UsageError(f"{target}: a file, but the input is a folder; give a folder for the output")
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target}: input and output are the same folder; give another one for the output")
    names = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file() and is_sound_file(path))
    if source.resolve() in target.resolve().parents:  # then results of another time lie among the files
        names = [name for name in names if target.resolve() not in (source / name).resolve().parents]
    if not names:
        raise UsageError(
            f"{source}: no sound files in this folder; give one with WAV, FLAC, Ogg, Opus, MP3 or AIFF files"
        )
    files = [(str(source / name), str(target / name)) for name in names]
    inputs, outputs = (set(map(os.path.realpath, paths)) for paths in zip(*files, strict=True))
    if clash := inputs & outputs:
        raise UsageError(f"{min(clash)}: both an input and an output; give another folder for the output")
    plots = [args.plot and os.path.join(args.plot, f"{stem}.png") for stem in stems(names)]
    _check_result("--json", args.json, [*inputs, *outputs, *plots])
    _check_result("--plot", args.plot, [], folder=True)
    results, failed = [], 0
    for (path, output), plot in zip(tqdm(files, unit="file", disable=not sys.stderr.isatty()), plots, strict=True):
        try:
            make_folder(Path(output).parent)
            if plot:
                make_folder(Path(plot).parent)
            results.append(_enhance_one(path, output, options, plot, bar=False))
        except AudioError as error:
            tqdm.write(f"linnet: {_one_line(error)}", file=sys.stderr)
            failed += 1
    if results:
        seconds = sum(result.seconds for result in results)
        load = 100.0 * sum(result.cpu_seconds for result in results) / seconds
        text = (
            f"{len(results)} recordings of {seconds:.1f} s in all, {_engine(results[0])}, CPU {load:.1f} % of one core"
        )
        _say(text, args.json == PIPE)
    if args.json:
        _write_json(args.json, results)
    return FAILURE if failed else 0


def _enhance_one(source: str, target: str, options: Any, plot: str | None, bar: bool = True) -> Any:
    from tqdm import tqdm

    from linnet.io.recording import enhance_file

    with tqdm(unit="s", desc=os.path.basename(source), leave=False, disable=not (bar and sys.stderr.isatty())) as shown:
        result = enhance_file(source, target, options, preview=plot is not None, progress=shown.update)
    for warning in result.warnings:
        print(f"linnet: {_one_line(warning)}", file=sys.stderr)
    if result.nonfinite:
        print(f"linnet: {source}: {result.nonfinite} samples are NaN or infinite and were taken as 0", file=sys.stderr)
    if plot and result.preview:
        from linnet.study.report import Report, draw_report

        before, after = result.preview
        title = "stdin" if source == PIPE else printable(os.path.basename(source))
        draw_report(Report(before, after, result.format.rate, options.model, title, _facts(result)), plot)
    return result


def _info(args: argparse.Namespace) -> int:
    from linnet import _core
    from linnet.enhancer import RATE, Enhancer

    names, known = _core.backends(), models()
    default = known.get(DEFAULT_MODEL)
    facts = {
        "version": _core.version(),
        "abi": _core.abi(),
        "backend": names[0],
        "backends": names,
        "sample_rate": RATE,
        "default_model": DEFAULT_MODEL if default else None,
        "delay_samples": Enhancer(default.path, any_block=False).delay if default else None,
        "models": [
            {
                "name": model.name,
                "path": str(model.path),
                "bytes": model.size,
                "widths": model.widths,
                "lookahead": model.lookahead,
                "delay_samples": model.delay,
            }
            for model in known.values()
        ],
    }
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    print(f"linnet {facts['version']}, ABI {facts['abi']}")
    print(f"backends  {', '.join(names)} (the first is used)")
    for model in known.values():
        mark = " (default)" if model.name == DEFAULT_MODEL else ""
        widths = ", ".join(f"{name} {width}" for name, width in model.widths.items())
        delay = f"delay {1000 * model.delay / RATE:g} ms = {model.delay} samples at {RATE} Hz"
        print(f"model     {model.name}{mark}: {model.size / 1e6:.2f} MB, {widths}, {delay}")
    if not default:
        print("model     no default: put base.linnet or small.linnet into sdk/models, or give --model PATH")
    return 0


def _selftest(args: argparse.Namespace) -> int:
    from linnet import _core

    _check_backend(args.backend)
    if args.bench:
        return _bench(args)
    backends = _core.backends()
    print(f"linnet {_core.version()}, ABI {_core.abi()}")
    print(f"backends {' '.join(backends)}\nchosen   {backends[0]}")
    failed = 0
    for name in [args.backend] if args.backend else backends:
        different = 0
        for vector, what, value, expected in _core.selftest(name):
            different += value != expected
            verdict = "ok" if value == expected else f"DIFFERS, expected {expected}"
            print(f"{name:<9} {vector:<28} {what:<7} {value} {verdict}")
        print(f"{name}: {different} different")
        failed += different
    print("FAILED: the bits differ" if failed else "passed: the bits are as everywhere")
    return 1 if failed else 0


def _bench(args: argparse.Namespace) -> int:
    from linnet import _core

    path = os.fspath(model_path(args.model))
    try:
        print(_core.bench(path, args.backend, args.frames, args.json), end="")
    except ValueError as error:
        raise UsageError(f"--bench of {path}: {error}") from error
    return 0


def _oracle(args: argparse.Namespace) -> int:
    from linnet.study.ladder import run_ladder

    inputs = [path for name in (args.clean, args.noisy) for path in (name, *Path(name).glob("*"))]
    _check_result("--json", args.json, inputs, outdir=args.outdir)
    table = run_ladder(args.clean, args.noisy, args.outdir, args.model, args.limit)
    _say(table.text(), args.json == PIPE)
    if args.json:
        _write_text(args.json, json.dumps(table.as_dict(), indent=2) + "\n")
    return 0


def _demo(args: argparse.Namespace) -> int:
    from linnet.demo import run_demo

    _check_backend(args.backend)
    print(run_demo(args.outdir, args.model, args.backend))
    return 0


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="NAME|PATH",
        default=DEFAULT_MODEL,
        help=f"{', '.join(models())}, or a .linnet file (default {DEFAULT_MODEL})",
    )


def _number(low: float, high: float) -> Any:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number within {low:g}..{high:g}")
        return value

    return parse


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least 1")
    return int(text)


def _raw(text: str) -> tuple[int, int]:
    from linnet.enhancer import HIGHEST_RATE, LOWEST_RATE, MAX_CHANNELS

    rate, _, channels = text.partition(",")
    legal = rate.isdecimal() and channels.isdecimal()
    if not legal or not LOWEST_RATE <= int(rate) <= HIGHEST_RATE or not 1 <= int(channels) <= MAX_CHANNELS:
        limits = f"a rate of {LOWEST_RATE}..{HIGHEST_RATE} Hz, a comma, and 1..{MAX_CHANNELS} channels, such as 16000,1"
        raise argparse.ArgumentTypeError(f"'{text}' is not {limits}")
    return int(rate), int(channels)


def _check_backend(name: str | None) -> None:
    from linnet import _core

    if name is not None and name not in _core.backends():
        raise UsageError(f"--backend {name}: not available on this CPU; give one of {', '.join(_core.backends())}")


def _check_result(
    option: str,
    path: str | None,
    taken: Iterable[str | os.PathLike[str] | None],
    folder: bool = False,
    outdir: str = ".",
) -> None:
    """UsageError, before any work, for a file (or folder) that cannot be made, or that would replace one of `taken`.

    outdir is a folder that the command makes.
    """
    if not path:
        return
    if path == PIPE:
        if option == "--plot":
            raise UsageError("--plot -: a picture cannot go to stdout; give a file")
        if sys.stdout is None:
            raise UsageError(f"{option} -: stdout is closed; give a file")
        return
    parent = os.path.dirname(path) or "."
    if not os.path.isdir(parent) and os.path.realpath(parent) != os.path.realpath(outdir):
        raise UsageError(f"{option} {path}: no folder '{parent}'; create it first")
    if os.path.exists(path) and not (os.path.isdir(path) if folder else os.path.isfile(path)):
        raise UsageError(f"{option} {path}: not a {'folder' if folder else 'regular file'}; give another name")
    if os.path.realpath(path) in {os.path.realpath(name) for name in taken if name not in (None, PIPE)}:
        raise UsageError(f"{option} {path}: also an input or another output; give another name")
    if option == "--plot":
        from linnet.study.figures import picture_type

        picture_type("" if folder else path)


def _engine(result: Any) -> str:
    model = os.fspath(result.options.model)
    return f"model {Path(model).stem if model.endswith('.linnet') else model} on {result.backend}"


def _facts(result: Any) -> str:
    facts = [_engine(result), f"CPU {result.cpu_percent:.1f} % of one core", f"delay {result.delay_ms:g} ms"]
    if result.noise_reduction_db is not None:
        facts.insert(1, f"noise reduced by {result.noise_reduction_db:.1f} dB in pauses")
    return "   |   ".join(facts)


def _summary(result: Any) -> str:
    form = result.format
    sound = f"{result.seconds:.1f} s, {form.channels} channel{'s'[: form.channels != 1]} at {form.rate} Hz"
    delay = f"delay {result.delay_ms:g} ms{' (compensated)' if result.options.compensate else ''}"
    quiet = (
        "" if result.noise_reduction_db is None else f", noise reduced by {result.noise_reduction_db:.1f} dB in pauses"
    )
    return f"{result.output}: {sound}, {_engine(result)}, {delay}, CPU {result.cpu_percent:.1f} % of one core{quiet}"


def _say(text: str, stdout_taken: bool) -> None:
    print(text, file=sys.stderr if stdout_taken else sys.stdout)


def _write_json(path: str, results: Sequence[Any]) -> None:
    from linnet import _core

    _write_text(path, json.dumps({"linnet": _core.version(), "files": [r.as_dict() for r in results]}, indent=2) + "\n")


def _write_text(path: str, text: str) -> None:
    if path == PIPE:
        sys.stdout.write(text)
        return
    with replacing(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def _one_line(error: BaseException | str) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _terminate(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)
