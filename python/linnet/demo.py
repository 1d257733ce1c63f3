"""The demo: the bundled street recording in, a clean one out, with a picture and a line of numbers.

The recording is synthetic (sdk/examples/make_demo_clip.py), so its clean speech is known and the gain can be measured.
"""

from __future__ import annotations

import os
from pathlib import Path

import soundfile

from linnet.catalog import ModelLike, example_path, model_label
from linnet.io.errors import AudioError
from linnet.io.file import open_output
from linnet.io.formats import Format
from linnet.io.level import frame_powers, noise_reduction, pauses
from linnet.io.outputs import encoded, make_folder
from linnet.io.recording import Options, enhance_file
from linnet.study.figures import pyplot
from linnet.study.metrics import si_sdr
from linnet.study.report import Report, draw_report


def run_demo(outdir: str, model: ModelLike, backend: str | None = None) -> str:
    """Writes noisy.wav, enhanced.wav and report.png into outdir, and returns the numbers as text.

    Raises AudioError if a file cannot be written or the recording is missing, ModelError for the model,
    ImportError for matplotlib.
    """
    pyplot()
    try:
        clean, rate = soundfile.read(example_path("demo_clean.flac"), dtype="float32")
        noisy, _ = soundfile.read(example_path("demo_noisy.flac"), dtype="float32")
    except FileNotFoundError as error:
        raise AudioError(str(error)) from error
    make_folder(outdir)
    source, target, picture = (os.path.join(outdir, name) for name in ("noisy.wav", "enhanced.wav", "report.png"))
    with open_output(source, Format(rate, 1, len(noisy))) as writer:
        writer.write(noisy[:, None])
    result = enhance_file(source, target, Options(model, backend=backend))
    enhanced, _ = soundfile.read(encoded(target), dtype="float32")

    powers = [frame_powers(signal, rate) for signal in (noisy, enhanced, clean)]
    reduction = noise_reduction(powers[0], powers[1], pauses(powers[2], below_db=30)) or 0.0
    before, after = si_sdr(clean, noisy), si_sdr(clean, enhanced)
    name = Path(model_label(model)).stem
    facts = (
        f"model {name} on {result.backend}   |   noise reduced by {reduction:.1f} dB in pauses   |   "
        f"SI-SDR {before:.1f} dB before, {after:.1f} dB after   |   delay {result.delay_ms:g} ms"
    )
    draw_report(Report(noisy, enhanced, rate, model, "Two people in a busy street, through linnet", facts), picture)
    wide = max(len(path) for path in (source, target, picture))
    lines = [
        f"{source:{wide}}  the street, {len(noisy) / rate:.1f} s",
        f"{target:{wide}}  the same, enhanced by model {name}",
        f"{picture:{wide}}  spectrograms, band gains, pitch track",
        "",
        f"backend          {result.backend}",
        f"delay            {result.delay_ms:.0f} ms",
        f"CPU load         {result.cpu_percent:.1f} % of one core",
        f"noise reduction  {reduction:.1f} dB in the pauses of speech",
        f"SI-SDR           {before:.1f} dB before, {after:.1f} dB after: {after - before:+.1f} dB",
    ]
    return "\n".join(lines)


__all__ = ["run_demo"]
