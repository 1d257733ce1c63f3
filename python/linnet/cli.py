"""The command line: linnet enhance, report, info, doctor, selftest, oracle, demo and install-filter.

Whatever goes wrong with the user's input ends in one line on stderr and exit status 2, and leaves no partial output
behind. Of a folder the good recordings are done, and the status is 3 if others failed.
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

from linnet.catalog import DEFAULT_MODEL, ModelError, model_path, models, open_model
from linnet.enhancer import DEFAULT_POSTFILTER
from linnet.io import folder
from linnet.io.errors import READABLE, AudioError
from linnet.io.outputs import check_place, printable, replacing
from linnet.io.pipe import PIPE, flush_stdout, is_pipe

FAILURE, PARTIAL = 2, 3
MOST_NAMED = 5  # failed recordings in a summary; each has had its own line


class UsageError(Exception):
    """An argument that makes no sense; the message is one line that names it and the remedy."""


class _Parser(argparse.ArgumentParser):
    """argparse with errors of one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(FAILURE, f"linnet: {message}; see {self.prog} --help\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status is 0, 1 if self-test or doctor find something wrong, 2 after an error, or 3 if
    some recordings of a folder failed."""
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
        status = int(args.run(args))
        flush_stdout()
        return status
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
    enhance.add_argument(
        "--independent",
        action="store_true",
        help="enhance each channel by itself, for channels that are no one signal, such as a microphone each; without "
        "it up to eight are enhanced alike, which keeps the stereo image and costs less",
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

    enhance.add_argument(
        "--jobs",
        metavar="N",
        type=_count,
        help="processes for the recordings of a folder; default: one per core",
    )
    enhance.add_argument(
        "--resume",
        action="store_true",
        help="skip recordings of a folder whose output is there and newer than they are, whatever its options were",
    )
    enhance.add_argument("--dry-run", action="store_true", help="tell what would be done, and write nothing")

    report = commands.add_parser("report", help="one HTML page about a folder: sound, spectrograms and numbers")
    report.set_defaults(run=_report)
    report.add_argument("input", metavar="FOLDER", help="folder of recordings, or one of them")
    report.add_argument("-o", "--output", metavar="PAGE", required=True, help="the page, a file that ends in .html")
    _add_model(report)

    info = commands.add_parser("info", help="version, backends, models and delay")
    info.set_defaults(run=_info)
    info.add_argument("--json", action="store_true", help="as JSON")

    doctor = commands.add_parser("doctor", help="whether this installation is well: CPU, speed, libraries, models")
    doctor.set_defaults(run=_doctor)
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.add_argument("--model", metavar="NAME|PATH", help="whose frame is timed; default: the default model")

    selftest = commands.add_parser("selftest", help="whether this CPU gives the bits that every other one gives")
    selftest.set_defaults(run=_selftest)
    selftest.add_argument("--backend", metavar="NAME", help="only these kernels; default: all that this CPU can run")
    selftest.add_argument("--bench", action="store_true", help="instead, what a frame costs here, beside an estimate")
    selftest.add_argument("--json", action="store_true", help="the result of --bench as JSON")
    selftest.add_argument("--frames", metavar="N", type=_count, help="of --bench, 10..10000 (default 1000)")
    _add_model(selftest)
    selftest.set_defaults(model=None)  # of --bench, as the two before

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

    install = commands.add_parser("install-filter", help="a microphone of PipeWire that is enhanced (Linux desktops)")
    install.set_defaults(run=_install_filter)
    install.add_argument("--stereo", action="store_true", help="two channels, enhanced alike; default: one")
    install.add_argument("--light", action="store_true", help="the model light, for slow machines; default: large")
    install.add_argument(
        "--attenuation-limit",
        metavar="DB",
        type=_number(0, 100),
        default=100.0,
        help="most that noise is attenuated, 0..100 dB (default 100, no limit)",
    )
    install.add_argument(
        "--postfilter",
        metavar="X",
        type=_number(0, 1),
        default=DEFAULT_POSTFILTER,
        help=f"strength of the post-filter, 0..1 (default {DEFAULT_POSTFILTER})",
    )
    install.add_argument("--plugin", metavar="PATH", help="LADSPA's plug-in; default: looked for where LADSPA's lie")
    install.add_argument("--folder", metavar="DIR", help="default: pipewire/pipewire.conf.d below your configuration")
    install.add_argument("--force", action="store_true", help="replace a file that is there already")
    install.add_argument("--remove", action="store_true", help="take the file away again")
    install.add_argument("--dry-run", action="store_true", help="tell what would be done and show the file")
    return parser


def _enhance(args: argparse.Namespace) -> int:
    from linnet.io.recording import Options, check_file

    _check_backend(args.backend)
    if args.raw and not is_pipe(args.input):
        raise UsageError(f"--raw {args.raw[0]},{args.raw[1]}: describes stdin; give IN as -")
    if args.json == PIPE and args.output == PIPE:
        raise UsageError("--json -: stdout carries the sound; give a file for the numbers")
    options = Options(
        args.model,
        args.attenuation_limit,
        args.postfilter,
        args.backend,
        args.compensate,
        args.raw,
        args.strict,
        args.independent,
    )
    if args.input != PIPE and os.path.isdir(args.input):
        return _enhance_folder(args, options)
    output = args.output
    if output != PIPE and os.path.isdir(output) and args.input != PIPE:
        output = os.path.join(output, folder.output_name(args.input))
    _check_result("--json", args.json, [args.input, output])
    _check_result("--plot", args.plot, [args.input, output, args.json])
    if args.dry_run:
        check_file(args.input, output, options)
        _say(_plan([(args.input, output)], []), args.output == PIPE or args.json == PIPE)
        if args.json:
            _write_json(args.json, [{"input": args.input, "output": output}])
        return 0
    result = _enhance_one(args.input, output, options, args.plot)
    _say(_summary(result), args.output == PIPE or args.json == PIPE)
    if args.json:
        _write_json(args.json, [result.as_dict()])
    return 0


def _enhance_folder(args: argparse.Namespace, options: Any) -> int:
    """Every recording below IN, under the same name below OUT; goes on after a bad one."""
    from linnet import batch

    if args.output == PIPE:
        raise UsageError(f"{Path(args.input)}: a folder cannot go to stdout; give a folder for the output")
    plan = whole = batch.plan(args.input, args.output, args.plot)
    used = [os.path.realpath(path) for task in whole.tasks for path in (task.source, task.target, task.plot) if path]
    _check_result("--json", args.json, used)
    _check_result("--plot", args.plot, [], folder=True)
    open_model(args.model)  # before any work
    if args.resume:
        plan = whole.without(batch.is_done)
    for _, error in plan.unreadable:
        print(f"linnet: {_one_line(error)}", file=sys.stderr)
    failed = [{"input": path, "error": error} for path, error in plan.unreadable]
    left_out = [{"input": str(plan.source / one.name), "reason": one.reason} for one in plan.skipped]
    if args.dry_run:
        _say(_plan([(task.source, task.target) for task in plan.tasks], plan.skipped), args.json == PIPE)
        if args.json:
            planned = [{"input": task.source, "output": task.target} for task in plan.tasks]
            _write_json(args.json, planned, failed, left_out)
        return 0
    results = _enhance_all(plan.tasks, options, args.jobs or batch.cores(), failed)
    done = len(results) + len(whole.tasks) - len(plan.tasks)
    _say(_folder_summary(results, failed, plan.skipped), args.json == PIPE)
    if args.json:
        _write_json(args.json, [result.as_dict() for result in results], failed, left_out)
    return (PARTIAL if done else FAILURE) if failed else 0


def _enhance_all(tasks: Sequence[Any], options: Any, jobs: int, failed: list[dict[str, str]]) -> list[Any]:
    """The results of those that went well; adds the others to `failed`. Tells of each what there is to tell."""
    from tqdm import tqdm

    from linnet import batch

    results = []
    with tqdm(total=len(tasks), unit="file", disable=not sys.stderr.isatty()) as bar:
        try:
            for outcome in batch.run(tasks, options, jobs, bar.update):
                if outcome.result is None:
                    failed.append({"input": outcome.task.source, "error": _one_line(outcome.error or "")})
                    tqdm.write(f"linnet: {failed[-1]['error']}", file=sys.stderr)
                else:
                    results.append(outcome.result)
                    for line in _remarks(outcome.result):
                        tqdm.write(line, file=sys.stderr)
        except BaseException:  # an interrupt
            bar.close()
            text = f"stopped when {len(results)} of {len(tasks)} recordings were done; --resume goes on with the others"
            print(f"linnet: {text}", file=sys.stderr)
            raise
    return results


def _enhance_one(source: str, target: str, options: Any, plot: str | None) -> Any:
    from tqdm import tqdm

    from linnet import batch

    with tqdm(unit="s", desc=os.path.basename(source), leave=False, disable=not sys.stderr.isatty()) as shown:
        result = batch.enhance(batch.Task(source, target, plot), options, shown.update)
    for line in _remarks(result):
        print(line, file=sys.stderr)
    return result


def _remarks(result: Any) -> list[str]:
    """Lines about what was not as it should be."""
    lines = [f"linnet: {_one_line(warning)}" for warning in result.warnings]
    if result.nonfinite:
        lines.append(f"linnet: {result.input}: {result.nonfinite} samples are NaN or infinite and were taken as 0")
    return lines


def _report(args: argparse.Namespace) -> int:
    """A page about every recording below FOLDER; goes on after a bad one."""
    from tqdm import tqdm

    from linnet.page import write_page

    if not args.output.lower().endswith((".html", ".htm")):
        raise UsageError(f"--output {args.output}: not the name of a page; end it in .html")
    source = Path(args.input)
    skipped: list[folder.Skipped] = []
    if source.is_dir():
        listing = folder.list_folder(source, Path(args.output))
        files = [(str(source / name), str(name)) for name, _ in listing.names]
        skipped = listing.skipped
        if not files:
            raise UsageError(f"{source}: no sound files in this folder; give one with {READABLE} files")
    else:
        files = [(str(source), source.name)]
    _check_result("--output", args.output, [path for path, _ in files])
    model = open_model(args.model)
    notes = [folder.summary(skipped)] if skipped else []
    with tqdm(total=len(files), unit="file", disable=not sys.stderr.isatty()) as bar:
        failed = write_page(files, args.output, model, printable(source.resolve().name), notes, bar.update)
    for _, error in failed:
        print(f"linnet: {_one_line(error)}", file=sys.stderr)
    done = len(files) - len(failed)
    print("\n".join([f"{args.output}: {done} recording{'s'[: done != 1]}, model {model.name}", *notes]))
    return PARTIAL if failed else 0


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
        print("model     no default: put large.linnet or small.linnet into sdk/models, or give --model PATH")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    from linnet.doctor import examine, text

    facts = examine(args.model)
    print(json.dumps(facts, indent=2) if args.json else text(facts))
    return 1 if facts["problems"] else 0


def _selftest(args: argparse.Namespace) -> int:
    from linnet import _core

    _check_backend(args.backend)
    if args.bench:
        return _bench(args)
    for name in ("json", "frames", "model"):
        if getattr(args, name) not in (None, False):
            raise UsageError(f"--{name}: goes with --bench; the self-test itself takes --backend alone")
    backends = _core.backends()
    print(f"linnet {_core.version()}, ABI {_core.abi()}")
    print(f"backends {' '.join(backends)}\nchosen   {backends[0]}")
    failed = 0
    for name in [args.backend] if args.backend else backends:
        different = 0
        try:
            hashes = _core.selftest(name)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from error
        for vector, what, value, expected in hashes:
            different += value != expected
            verdict = "ok" if value == expected else f"DIFFERS, expected {expected}"
            print(f"{name:<9} {vector:<28} {what:<7} {value} {verdict}")
        print(f"{name}: {different} different")
        failed += different
    print("FAILED: the bits differ" if failed else "passed: the bits are as everywhere")
    return 1 if failed else 0


def _bench(args: argparse.Namespace) -> int:
    from linnet import _core

    path = os.fspath(model_path(DEFAULT_MODEL if args.model is None else args.model))
    try:
        print(_core.bench(os.fsencode(path), args.backend, args.frames or 1000, args.json), end="")
    except ValueError as error:
        raise UsageError(f"--bench of {path}: {error}") from error
    return 0


def _oracle(args: argparse.Namespace) -> int:
    from linnet.study.ladder import run_ladder

    inputs = [path for name in (args.clean, args.noisy) for path in (name, *Path(name).glob("*"))]
    _check_result("--json", args.json, inputs, outdir=args.outdir)
    table = run_ladder(args.clean, args.noisy, args.outdir, args.model, args.limit)
    for _, error in table.failed:
        print(f"linnet: {_one_line(error)}", file=sys.stderr)
    _say(table.text(), args.json == PIPE)
    if args.json:
        _write_text(args.json, json.dumps(table.as_dict(), indent=2) + "\n")
    return (PARTIAL if table.recordings else FAILURE) if table.failed else 0


def _demo(args: argparse.Namespace) -> int:
    from linnet.demo import run_demo

    _check_backend(args.backend)
    print(run_demo(args.outdir, args.model, args.backend))
    return 0


def _install_filter(args: argparse.Namespace) -> int:
    from linnet import filter_chain

    path = (Path(args.folder) if args.folder else filter_chain.default_folder()).absolute() / filter_chain.NAME
    try:
        if args.remove:
            print(filter_chain.remove(path, dry_run=args.dry_run))
            return 0
        plugin = Path(args.plugin).absolute() if args.plugin else filter_chain.find_plugin()
        if not plugin.is_file():
            raise UsageError(f"--plugin {args.plugin}: no such file; give the path of {filter_chain.PLUGIN}")
        text = filter_chain.filter_text(
            plugin, stereo=args.stereo, light=args.light, limit=args.attenuation_limit, postfilter=args.postfilter
        )
        print(filter_chain.install(path, text, force=args.force, dry_run=args.dry_run))
    except filter_chain.FilterError as error:
        raise UsageError(str(error)) from error
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
    """UsageError or AudioError, before any work, for what cannot be made, or would replace one of `taken`.

    outdir is a folder that the command makes.
    """
    if path is None:
        return
    if not path:
        raise UsageError(f"{option} '': an empty name; give a {'folder' if folder else 'file'}")
    if path == PIPE:
        if option == "--plot":
            raise UsageError("--plot -: a picture cannot go to stdout; give a file")
        if sys.stdout is None:
            raise UsageError(f"{option} -: stdout is closed; give a file")
        return
    check_place(option, path, folder, outdir)
    if os.path.realpath(path) in {os.path.realpath(name) for name in taken if name not in (None, PIPE)}:
        raise UsageError(f"{option} {path}: also an input or another output; give another name")
    if option == "--plot":
        from linnet.study.figures import picture_type

        picture_type("" if folder else path)


def _summary(result: Any) -> str:
    from linnet import batch

    form = result.format
    sound = f"{result.seconds:.1f} s, {form.channels} channel{'s'[: form.channels != 1]} at {form.rate} Hz"
    delay = f"delay {result.delay_ms:g} ms{' (compensated)' if result.options.compensate else ''}"
    quiet = (
        "" if result.noise_reduction_db is None else f", noise reduced by {result.noise_reduction_db:.1f} dB in pauses"
    )
    return (
        f"{result.output}: {sound}, {batch.engine(result)}, {delay}, CPU {result.cpu_percent:.1f} % of one core{quiet}"
    )


def _folder_summary(results: Sequence[Any], failed: Sequence[dict[str, str]], skipped: Sequence[folder.Skipped]) -> str:
    seconds = sum(result.seconds for result in results)
    text = f"{len(results)} recording{'s'[: len(results) != 1]} of {seconds:.1f} s in all"
    if results:
        from linnet import batch

        load = 100.0 * sum(result.cpu_seconds for result in results) / seconds
        text += f", {batch.engine(results[0])}, CPU {load:.1f} % of one core"
    if failed:
        names = [printable(os.path.basename(failure["input"])) for failure in failed[:MOST_NAMED]]
        text += f"\nfailed {len(failed)} ({', '.join(names + ['...'] * (len(failed) > MOST_NAMED))})"
    return f"{text}\n{folder.summary(skipped)}" if skipped else text


def _plan(files: Sequence[tuple[str, str]], skipped: Sequence[folder.Skipped]) -> str:
    """What would be done, line by line."""
    lines = [f"{printable(source)} -> {printable(target)}" for source, target in files]
    if skipped:
        lines.append(folder.summary(skipped))
    return "\n".join([*lines, f"{len(files)} to do; nothing was written"])


def _say(text: str, stdout_taken: bool) -> None:
    print(text, file=sys.stderr if stdout_taken else sys.stdout)


def _write_json(
    path: str,
    files: Sequence[dict[str, Any]],
    failed: Sequence[dict[str, str]] = (),
    skipped: Sequence[dict[str, str]] = (),
) -> None:
    from linnet import _core

    facts = {"linnet": _core.version(), "files": list(files), "failed": list(failed), "skipped": list(skipped)}
    _write_text(path, json.dumps(facts, indent=2) + "\n")


def _write_text(path: str, text: str) -> None:
    if path == PIPE:
        sys.stdout.write(text)
        return
    with replacing(path) as temporary:
        Path(temporary).write_text(text, encoding="utf-8")


def _one_line(error: BaseException | str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("linnet"):
        return f"{error.name} is not installed, this command needs it: pip install {error.name}"
    return " ".join(str(error).split()) or type(error).__name__


def _terminate(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)
