"""Sound files and WAV pipes: formats, rounding, tags, cut-short inputs, outputs that appear whole or not at all."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from linnet.io.errors import AudioError
from linnet.io.file import open_input, open_output
from linnet.io.formats import Format, output_format, to_subtype
from linnet.io.outputs import replacing, stems

SUBTYPES = ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"]


class Pipe(io.BytesIO):
    """Bytes that come in odd pieces and cannot be sought, as from a pipe."""

    def read1(self, size: int = -1) -> bytes:
        return super().read1(min(size, 1009) if size >= 0 else 1009)

    def seekable(self) -> bool:
        return False


def noise(samples: int = 5000, channels: int = 2) -> np.ndarray:
    return (0.3 * np.random.default_rng(7).standard_normal((samples, channels))).astype(np.float32).clip(-1, 1)


def feed_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(Pipe(data)))


def catch_stdout(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    stream = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(stream, write_through=True))
    return stream


def read_all(path: str, raw: tuple[int, int] | None = None) -> tuple[Format, np.ndarray]:
    with open_input(path, raw) as reader:
        return reader.format, np.concatenate(list(reader.blocks(777)))


@pytest.mark.parametrize("subtype", ["PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32"])
def test_integers_are_rounded_to_nearest_and_saturated(subtype: str) -> None:
    bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}[subtype]
    step = 2.0 ** (1 - bits)
    values = np.array([[0.0], [0.25], [-1.0], [2.0], [-2.0], [0.499], [-0.499], [3.4 * step], [-3.6 * step]])
    want = np.array([0, 0.25, -1, 1 - step, -1, np.rint(0.499 / step) * step, 0, 3 * step, -4 * step])
    want[6] = -want[5]
    stored = to_subtype(values, subtype)
    scale = 2.0 ** (8 * stored.dtype.itemsize - 1)
    assert np.allclose(stored[:, 0] / scale, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_files_keep_their_samples(tmp_path: Path, subtype: str) -> None:
    source, copy = str(tmp_path / "a.wav"), str(tmp_path / "b.wav")
    soundfile.write(source, to_subtype(noise(), subtype), 44100, subtype)
    form, samples = read_all(source)
    assert form == Format(44100, 2, 5000, "WAV", subtype)
    with open_output(copy, form) as writer:
        for block in np.split(samples, [1, 2000, 2000]):
            writer.write(block)
    assert soundfile.info(copy).subtype == subtype
    assert np.array_equal(soundfile.read(copy, dtype="int32")[0], soundfile.read(source, dtype="int32")[0])


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_wav_from_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtype: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, to_subtype(noise(), subtype), 44100, subtype)
    feed_stdin(monkeypatch, path.read_bytes())
    form, samples = read_all("-")
    assert form == Format(44100, 2, 5000, "WAV", subtype)
    assert np.array_equal(samples, soundfile.read(path, dtype="float32")[0])


@pytest.mark.parametrize("subtype", SUBTYPES)
def test_wav_to_a_pipe(monkeypatch: pytest.MonkeyPatch, subtype: str) -> None:
    stream = catch_stdout(monkeypatch)
    with open_output("-", Format(32000, 2, 5000, "WAV", subtype)) as writer:
        for block in np.split(noise(), [123, 4000]):
            writer.write(block)
    stream.seek(0)
    with soundfile.SoundFile(stream) as file:
        assert (file.samplerate, file.channels, file.frames, file.subtype) == (32000, 2, 5000, subtype)
        values = file.read(dtype="float64")
    assert np.abs(values - noise()).max() <= {"PCM_U8": 1 / 128, "PCM_16": 1 / 32768}.get(subtype, 1e-6)


def test_wav_of_unknown_length_through_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = catch_stdout(monkeypatch)
    with open_output("-", Format(48000, 1, None)) as writer:
        writer.write(noise(1000, 1))
    assert struct.unpack("<I", stream.getvalue()[40:44])[0] == 0xFFFFFFFF
    feed_stdin(monkeypatch, stream.getvalue())
    form, samples = read_all("-")
    assert form.frames is None
    assert np.array_equal(samples, to_subtype(noise(1000, 1), "PCM_16") / np.float32(32768))


def test_wav_with_chunks_before_the_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(100), 48000, "PCM_16")
    data = path.read_bytes()
    extra = b"LIST" + struct.pack("<I", 70001) + bytes(70002)  # odd sizes are padded
    feed_stdin(monkeypatch, data[:36] + extra + data[36:])
    _, samples = read_all("-")
    assert np.array_equal(samples, soundfile.read(path, dtype="float32")[0])


@pytest.mark.parametrize("kind", ["WAV", "RF64"])
def test_chunks_after_the_sound_are_not_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(100), 48000, "PCM_16", format=kind)
    feed_stdin(monkeypatch, path.read_bytes() + b"LIST" + struct.pack("<I", 4000) + bytes(4000))
    form, samples = read_all("-")
    assert form.frames == 100
    assert np.array_equal(samples, soundfile.read(path, dtype="float32")[0])


def test_extensible_wav_from_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(100, 6), 48000, "PCM_24", format="WAVEX")
    feed_stdin(monkeypatch, path.read_bytes())
    form, samples = read_all("-")
    assert (form.channels, form.subtype) == (6, "PCM_24")
    assert np.array_equal(samples, soundfile.read(path, dtype="float32")[0])


def test_raw_samples_through_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = to_subtype(noise(1000), "PCM_16")
    feed_stdin(monkeypatch, stored.tobytes())
    form, samples = read_all("-", (16000, 2))
    assert form == Format(16000, 2, None)
    stream = catch_stdout(monkeypatch)
    with open_output("-", form, raw=True) as writer:
        writer.write(samples)
    assert stream.getvalue() == stored.tobytes()


@pytest.mark.parametrize(
    ("data", "raw", "text"),
    [
        (b"", None, "stdin: holds no samples"),
        (b"", (16000, 1), "stdin: holds no samples"),
        (b"OggS" + bytes(100), None, "stdin: not readable as sound"),
        (bytes(range(100)), None, "stdin: not a WAV stream.*--raw"),
        (b"RIFF\0\0\0\0WAVEfmt ", None, "stdin: .*header"),
        (b"RIFF\0\0\0\0WAVEdata\x10\0\0\0" + bytes(16), None, "stdin: .*without a format"),
    ],
)
def test_bad_pipes(monkeypatch: pytest.MonkeyPatch, data: bytes, raw: tuple[int, int] | None, text: str) -> None:
    feed_stdin(monkeypatch, data)
    with pytest.raises(AudioError, match=text):
        read_all("-", raw)


def test_raw_samples_that_end_inside_one(monkeypatch: pytest.MonkeyPatch) -> None:
    feed_stdin(monkeypatch, bytes(1001))
    with open_input("-", (16000, 1)) as reader:
        assert sum(map(len, reader.blocks(100))) == 500
    assert reader.warnings == ["stdin: ends inside a sample, after 1 of its 2 bytes; these are left out"]
    feed_stdin(monkeypatch, bytes(1001))
    with pytest.raises(AudioError, match="stdin: ends inside a sample"), open_input("-", (16000, 1), True) as reader:
        list(reader.blocks(100))


@pytest.mark.parametrize(
    ("ending", "subtype"),
    [
        ("wav", "IMA_ADPCM"),
        ("wav", "ULAW"),
        ("w64", "PCM_16"),
        ("aiff", "PCM_24"),
        ("flac", "PCM_16"),
        ("ogg", "VORBIS"),
    ],
)
def test_a_pipe_takes_what_a_file_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, subtype: str
) -> None:
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, noise(), 48000, subtype)
    feed_stdin(monkeypatch, path.read_bytes())
    form, samples = read_all("-")
    assert (form, samples.tolist()) == (read_all(str(path))[0], read_all(str(path))[1].tolist())
    assert form.subtype == subtype


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_named_pipes(tmp_path: Path, ending: str) -> None:
    soundfile.write(tmp_path / f"a.{ending}", noise(), 48000, "PCM_16")
    os.mkfifo(tmp_path / "pipe")
    sender = subprocess.Popen(["sh", "-c", f"cat '{tmp_path}/a.{ending}' > '{tmp_path}/pipe'"])
    with open_input(str(tmp_path / "pipe")) as reader:
        samples = np.concatenate(list(reader.blocks(777)))
        assert reader.live == (ending == "wav")
    assert sender.wait() == 0
    assert np.array_equal(samples, read_all(str(tmp_path / f"a.{ending}"))[1])


@pytest.mark.parametrize("missing", [1, 4, 4000, 19990])
@pytest.mark.parametrize(
    ("kind", "piped"), [("WAV", False), ("WAV", True), ("RF64", False), ("RF64", True), ("AIFF", False)]
)
def test_truncated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, missing: int, piped: bool) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(), 48000, "PCM_16", format=kind)
    whole = read_all(str(path))[1]
    data = path.read_bytes()[:-missing]
    path.write_bytes(data)
    name = "-" if piped else str(path)
    feed_stdin(monkeypatch, data)
    with pytest.raises(AudioError, match=r"cut short: 5000 samples promised"), open_input(name, None, True) as reader:
        list(reader.blocks(777))
    feed_stdin(monkeypatch, data)
    with open_input(name) as reader:
        samples = np.concatenate(list(reader.blocks(777)))
    assert len(samples) == 5000 - -(-missing // 4)
    assert np.array_equal(samples, whole[: len(samples)])
    (warning,) = reader.warnings
    assert warning.endswith(f": cut short: 5000 samples promised, {len(samples)} there; what is there was processed")


def test_aiff_that_claims_the_most_as_written_to_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "a.aiff"
    soundfile.write(path, noise(), 48000, "PCM_16")
    data = path.read_bytes()
    at = data.index(b"COMM") + 10
    path.write_bytes(data[:at] + struct.pack(">I", 0x7F000000 // 4) + data[at + 4 :])
    assert len(read_all(str(path))[1]) == 5000


def zero_size(data: bytes, ending: str) -> bytes:
    """As a recorder leaves it that never told the size."""
    whole = bytearray(data)
    places = {"wav": [(b"data", 4)], "au": [(b".snd", 8)], "aiff": [(b"COMM", 10), (b"SSND", 4)]}[ending]
    for place in (whole.index(id) + behind for id, behind in places):
        whole[place : place + 4] = bytes(4)
    return bytes(whole)


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize(
    ("ending", "subtype"),
    [("wav", "ULAW"), ("wav", "IMA_ADPCM"), ("wav", "GSM610"), ("au", "PCM_16"), ("aiff", "PCM_16")],
)
def test_sizes_in_headers_that_libsndfile_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, subtype: str, piped: bool
) -> None:
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, noise(50000, 1), 48000, subtype)
    whole, want = path.read_bytes(), soundfile.read(path, dtype="float32", always_2d=True)[0]
    kinds = {"zero": zero_size(whole, ending)} | ({"short": whole[:-4000]} if ending != "aiff" else {})
    for kind, data in kinds.items():
        path.write_bytes(data)
        feed_stdin(monkeypatch, data)
        with open_input("-" if piped else str(path)) as reader:
            samples = np.concatenate(list(reader.blocks(777)))
        assert len(samples) >= (50000 if kind == "zero" else 30000)
        same = min(len(samples), 50000) - 6000 * (kind == "short")  # the last block of a code may be cut
        assert np.array_equal(samples[:same], want[:same])
        (warning,) = reader.warnings
        assert ("cut short" if kind == "short" else "in the header") in warning
        feed_stdin(monkeypatch, data)
        with pytest.raises(AudioError, match="leave out --strict"), open_input("-" if piped else str(path), None, True):
            pass
    path.write_bytes(whole)
    assert open_warnings(path) == []


def open_warnings(path: Path) -> list[str]:
    with open_input(str(path)) as reader:
        list(reader.blocks(777))
    return reader.warnings


@pytest.mark.parametrize("ending", ["flac", "wav", "rf64", "aiff"])
@pytest.mark.parametrize("keep", [0, 3, 20, 40])
def test_file_cut_inside_its_header(tmp_path: Path, ending: str, keep: int) -> None:
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, noise(), 48000)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(AudioError, match=rf"a\.{ending}: "):
        read_all(str(path))


def test_truncated_flac(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, noise(50000), 48000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with open_input(str(path)) as reader:  # in blocks that are longer than what is left
        samples = np.concatenate(list(reader.blocks(40000)))
    assert len(samples) > 20000
    assert np.abs(samples - noise(50000)[: len(samples)]).max() < 1e-4
    (warning,) = reader.warnings
    assert "a.flac: damaged after 0." in warning
    with pytest.raises(AudioError, match=r"a\.flac: damaged"), open_input(str(path), None, True) as reader:
        list(reader.blocks(40000))


@pytest.mark.parametrize("ending", ["wav", "flac"])
def test_file_without_samples(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    soundfile.write(path, noise(0), 48000)
    with pytest.raises(AudioError, match=r"holds no samples"):
        read_all(str(path))


def test_missing_file_folder_and_other_files(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"no such file"):
        read_all(str(tmp_path / "none.wav"))
    with pytest.raises(AudioError, match=r"a folder"):
        read_all(str(tmp_path))
    (tmp_path / "text.wav").write_text("This is not sound.")
    with pytest.raises(AudioError, match=r"text\.wav: not readable as sound"):
        read_all(str(tmp_path / "text.wav"))
    (tmp_path / "x.RAW").write_bytes(bytes(100))
    with pytest.raises(AudioError, match=r"x\.RAW: headerless samples; .* --raw RATE,CHANNELS"):
        read_all(str(tmp_path / "x.RAW"))


def test_closed_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(AudioError, match="stdin: closed"):
        read_all("-")
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(AudioError, match="stdout: closed"), open_output("-", Format(48000, 1, 9)):
        pass


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3"])
def test_names_need_not_be_text(tmp_path: Path, ending: str) -> None:
    path = str(tmp_path / os.fsdecode(b"a\xff.")) + ending
    with open_output(path, Format(48000, 2, 5000)) as writer:
        writer.write(noise())
    assert read_all(path)[1].shape == (5000, 2)


@pytest.mark.parametrize(
    ("name", "source", "want"),
    [
        ("a.wav", Format(48000, 1, 9, "WAV", "PCM_24"), ("WAV", "PCM_24")),
        ("a.WAV", Format(48000, 1, 9, "FLAC", "PCM_S8"), ("WAV", "PCM_U8")),
        ("a.wav", Format(48000, 1, 9, "OGG", "VORBIS"), ("WAV", "PCM_16")),
        ("a.flac", Format(48000, 1, 9, "WAV", "FLOAT"), ("FLAC", "PCM_24")),
        ("a.flac", Format(48000, 1, 9, "WAV", "DOUBLE"), ("FLAC", "PCM_24")),
        ("a.flac", Format(48000, 1, 9, "WAV", "PCM_U8"), ("FLAC", "PCM_S8")),
        ("a.opus", Format(48000, 1, 9, "WAV", "PCM_16"), ("OGG", "OPUS")),
        ("a.ogg", Format(48000, 1, 9, "WAV", "PCM_16"), ("OGG", "VORBIS")),
        ("a.ogg", Format(48000, 1, 9, "OGG", "OPUS"), ("OGG", "OPUS")),
        ("a.mp3", Format(48000, 1, 9, "WAV", "PCM_16"), ("MP3", "MPEG_LAYER_III")),
        ("a.aif", Format(48000, 1, 9, "WAV", "PCM_16"), ("AIFF", "PCM_16")),
        ("a.wav", Format(48000, 1, 9, "MP3", "MPEG_LAYER_III"), ("WAV", "PCM_16")),
        ("a.wav", Format(48000, 1, 9, "WAV", "IMA_ADPCM"), ("WAV", "IMA_ADPCM")),
        ("a.wav", Format(48000, 2, 1 << 30, "WAV", "FLOAT"), ("RF64", "FLOAT")),
    ],
)
def test_output_is_as_close_to_the_input_as_the_format_allows(name: str, source: Format, want: tuple[str, str]) -> None:
    assert output_format(name, source) == want
    assert soundfile.check_format(*want)


@pytest.mark.parametrize("name", ["a", "a.raw", "a.sd2", "a.doc", ".wav", "/dev/null"])
def test_endings_that_name_no_format(name: str) -> None:
    with pytest.raises(AudioError, match="cannot tell the format"):
        output_format(name, Format(48000, 1, 9))


def test_format_that_cannot_hold_the_sound(tmp_path: Path) -> None:
    path = str(tmp_path / "a.opus")
    text = r"OPUS cannot hold 1 channel at 44100 Hz"
    with pytest.raises(AudioError, match=text), open_output(path, Format(44100, 1, 9)):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "rate", "text"),
    [
        ("a.ogg", 200_001, "OGG with VORBIS cannot hold 1 channel at 200001 Hz .at most 200000 Hz.; choose .wav"),
        ("a.flac", 700_000, "FLAC with PCM_16 cannot hold 1 channel at 700000 Hz"),
        ("a.wve", 48000, "WVE with ALAW cannot hold .* .it would become 8000 Hz."),
        ("a.xi", 48000, "XI with DPCM_16 cannot hold .* .it would become 44100 Hz."),
        ("a.htk", 48000, "HTK with PCM_16 cannot hold .* .it would become 48076 Hz."),
        ("a.svx", 384_000, "SVX with PCM_16 cannot hold .* .it would become 56320 Hz."),
    ],
)
def test_rates_that_a_format_cannot_hold(name: str, rate: int, text: str) -> None:
    with pytest.raises(AudioError, match=text):
        output_format(name, Format(rate, 1, 9))


@pytest.mark.parametrize(("name", "rate"), [("a.ogg", 192_000), ("a.wve", 8000), ("a.xi", 44100), ("a.htk", 16000)])
def test_rates_that_it_can_hold(tmp_path: Path, name: str, rate: int) -> None:
    with open_output(str(tmp_path / name), Format(rate, 1, 5000)) as writer:
        writer.write(noise(channels=1))
    info = soundfile.info(tmp_path / name)
    assert (info.samplerate, info.frames) == (rate, 5000)


@pytest.mark.parametrize("ending", ["wav", "rf64", "flac", "ogg", "opus", "aiff", "caf", "mp3", "au"])
def test_tags_are_carried_over(tmp_path: Path, ending: str) -> None:
    tags = {"title": "Title", "artist": "Ärtist", "comment": "one\ntwo"}
    source, copy = str(tmp_path / "a.flac"), str(tmp_path / f"b.{ending}")
    with soundfile.SoundFile(source, "w", 48000, 2) as file:
        for name, text in tags.items():
            setattr(file, name, text)
        file.write(noise())
    form, samples = read_all(source)
    with open_output(copy, form) as writer:
        writer.write(samples)
    got = read_all(copy)[0].tags
    if ending == "mp3":  # libsndfile can write ASCII only
        del tags["artist"]
    assert {name: got.get(name) for name in tags} == (tags if ending != "au" else dict.fromkeys(tags))


def test_stems_are_short_only_if_no_two_are_alike() -> None:
    names = [Path("a.b.wav"), Path("c/a.wav")]
    assert stems(names) == [Path("a.b"), Path("c/a")]
    names += [Path("a.b.flac"), Path("a.b.wav.wav")]
    assert stems(names) == names


def test_output_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with open_output(str(path), Format(48000, 2, 5000)) as writer:
        writer.write(noise())
        assert not path.exists()
    assert soundfile.info(path).frames == 5000
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), open_output(str(path), Format(48000, 2, 10)) as writer:
        writer.write(noise(10))
        raise KeyboardInterrupt
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.wav"]


def test_new_files_have_the_usual_rights(tmp_path: Path) -> None:
    (tmp_path / "usual").touch()
    with replacing(tmp_path / "ours") as temporary:
        Path(temporary).write_text("x")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_replacing_follows_links(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    with replacing(tmp_path / "link") as temporary:
        Path(temporary).write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


@pytest.mark.parametrize("name", ["none/a.wav", "", "/proc/a.wav"])
def test_outputs_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match="give"), replacing(tmp_path / name if name[:1] != "/" else name):
        pass


def test_devices_are_not_replaced() -> None:
    with pytest.raises(AudioError, match="not a regular file"), replacing(os.devnull):
        pass
    assert not os.path.isfile(os.devnull)


@pytest.mark.parametrize("ending", ["wav", "flac"])
@pytest.mark.parametrize("samples", [10_000, 200_000])
def test_full_disk_leaves_no_file(tmp_path: Path, root: Path, ending: str, samples: int) -> None:
    # A limit on the size of files stands in for a full disk; the smaller FLAC runs into it only when it is closed.
    code = f"""
import resource, signal, sys
import numpy as np
from linnet.io.errors import AudioError
from linnet.io.file import open_output
from linnet.io.formats import Format
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (16000, 16000))
block = np.random.default_rng(0).uniform(-1, 1, ({samples}, 1)).astype(np.float32)
try:
    with open_output("a.{ending}", Format(48000, 1, None)) as writer:
        writer.write(block)
except AudioError as error:
    sys.exit(str(error))
"""
    environment = {"PYTHONPATH": str(root / "python")}
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith(f"a.{ending}: cannot be written (")
    assert not list(tmp_path.iterdir())
