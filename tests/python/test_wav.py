"""WAV as people have it: sizes that are wrong, samples in odd containers, chunks that have to come along."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from command_line import TINY, sound, write
from riff import chunk

from linnet.cli import main
from linnet.io import wav
from linnet.io.errors import AudioError
from linnet.io.file import open_input, open_output
from linnet.io.formats import Format

SAMPLES = np.rint(sound(9000)[:, 0] * 32767).astype("<i2")
PCM = SAMPLES.tobytes()


def make(
    data: bytes = PCM,
    size: int | None = None,
    *,
    bits: int = 16,
    align: int = 2,
    rate: int = 48000,
    byte_rate: int | None = None,
    before: bytes = b"",
    after: bytes = b"",
    kind: bytes = b"RIFF",
    riff: int = 0,
    form: bytes | None = None,
) -> bytes:
    """A mono WAV with everything in its header as told."""
    form = form or struct.pack("<HHIIHH", 1, 1, rate, rate * align if byte_rate is None else byte_rate, align, bits)
    head = b"data" + struct.pack("<I", len(data) if size is None else size)
    return kind + struct.pack("<I", riff) + b"WAVE" + before + chunk(b"fmt ", form) + head + data + after


def ds64(size: int) -> bytes:
    return chunk(b"ds64", struct.pack("<QQQI", 0, size, 0, 0))


LIST = chunk(b"LIST", b"adtlnote" + struct.pack("<I", 4) + bytes(4))
SHORT = {"cut short: 9001 samples promised, 9000 there; what is there was processed"}
ZERO = {"data size 0 in the header; read to the end, 9000 samples"}
SIZES = {
    "right": (make(), set()),
    "zero": (make(size=0), ZERO),
    "zero after filling": (make(size=0, before=chunk(b"JUNK", bytes(4044))), ZERO),
    "zero in RF64": (make(size=0xFFFFFFFF, before=ds64(0), kind=b"RF64"), ZERO),
    "one too many": (make(size=len(PCM) + 2), SHORT),
    "half a sample more": (make(PCM + b"\1", size=len(PCM) + 2), SHORT),
    "too many in RF64": (make(size=0xFFFFFFFF, before=ds64(len(PCM) + 2), kind=b"RF64"), SHORT),
    "3 GB": (
        make(size=3_000_000_000),
        {"cut short: 1500000000 samples promised, 9000 there; what is there was processed"},
    ),
    "too few": (make(size=4000), {"2000 samples promised, 9000 there; read to the end"}),
    "too few, inside a sample": (make(size=4001), {"2000 samples promised, 9000 there; read to the end"}),
    "unknown": (make(size=0xFFFFFFFF), set()),
    "unknown to sox": (make(size=0x7FFFF000), set()),
    "unknown to arecord": (make(size=0x80000000), set()),
    "BW64": (make(size=0xFFFFFFFF, before=ds64(len(PCM)), kind=b"BW64"), set()),
    "chunk behind": (make(after=LIST), set()),
    "filled with zeros": (make(after=bytes(9000)), set()),
    "stray bytes": (make(after=b"TAG" + bytes(125)), {"128 bytes behind the sound are no chunk; left out"}),
    "half a chunk": (make(after=LIST[:-3]), {"the chunks behind the sound are damaged; some are left out"}),
}


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("case", SIZES)
def test_sizes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, piped: bool) -> None:
    data, warnings = SIZES[case]
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(path))))
    with open_input("-" if piped else str(path)) as reader:
        samples = np.concatenate(list(reader.blocks(777)))
    assert np.array_equal(samples[:, 0], SAMPLES / np.float32(32768))
    assert set(reader.warnings) == {f"{'stdin' if piped else path}: {text}" for text in warnings}
    assert len(reader.warnings) == len(warnings)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(path))))
    refused = any("promised" in text or "size 0" in text for text in warnings)
    try:
        with open_input("-" if piped else str(path), None, True) as reader:
            list(reader.blocks(777))
        assert not refused
    except AudioError as error:
        assert refused and "leave out --strict" in str(error)


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("after", [b"", LIST, LIST + chunk(b"cue ", bytes(4))])
def test_without_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: bytes, piped: bool) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(make(b"", after=after))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(path))))
    with pytest.raises(AudioError, match="holds no samples"), open_input("-" if piped else str(path)):
        pass


def packed(values: np.ndarray, width: int) -> bytes:
    """Integers of 32 bits, their upper bytes."""
    return values.astype("<i4").view(np.uint8).reshape(-1, 4)[:, 4 - width :].tobytes()


WIDE = SAMPLES.astype(np.int32) << 16
EXTENSIBLE = struct.pack("<HHIIHHHHIH", 0xFFFE, 1, 48000, 144000, 3, 24, 22, 20, 4, 1) + wav._GUID
WIDTHS = {
    "24 bits in 4 bytes": (make(packed(WIDE, 4), bits=24, align=4), "PCM_32"),
    "20 bits in 3 bytes": (make(packed(WIDE, 3), bits=20, align=3), "PCM_24"),
    "20 bits in 3 bytes, extensible": (make(packed(WIDE, 3), form=EXTENSIBLE), "PCM_24"),
    "18 bits in 4 bytes": (make(packed(WIDE, 4), bits=18, align=4), "PCM_32"),
    "12 bits in 2 bytes": (make(bits=12), "PCM_16"),
    "0 bits in 2 bytes": (make(bits=0, byte_rate=0), "PCM_16"),
    "wrong alignment": (make(align=4, byte_rate=96000), "PCM_16"),
    "wrong byte rate": (make(byte_rate=7), "PCM_16"),
}


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("case", WIDTHS)
def test_odd_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str, piped: bool) -> None:
    data, subtype = WIDTHS[case]
    path, copy = tmp_path / "a.wav", tmp_path / "b.wav"
    path.write_bytes(data)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(path))))
    options = [*TINY, "--attenuation-limit", "0"]
    assert main(["enhance", "-" if piped else str(path), str(copy), *options]) == 0
    assert soundfile.info(copy).subtype == subtype
    assert np.array_equal(soundfile.read(copy, dtype="int32")[0], WIDE)


def chunks_of(data: bytes) -> list[tuple[bytes, bytes]]:
    """All but the sound and its layout, as a strict reader sees them."""
    assert data[:4] == b"RIFF" and struct.unpack("<I", data[4:8])[0] == len(data) - 8
    found, at = [], 12
    while at < len(data):
        id, size = struct.unpack("<4sI", data[at : at + 8])
        found.append((id, data[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    assert at == len(data)
    return [(id, body) for id, body in found if id not in (b"fmt ", b"data", b"fact", b"PEAK")]


BEXT = (b"bext", bytes(338) + struct.pack("<Q", 48000 * 3600) + bytes(256))
INFO = (b"LIST", b"INFO" + chunk(b"INAM", b"Title\0") + chunk(b"IENG", b"Engineer\0"))
CARRIED = [
    BEXT,
    (b"iXML", b"<BWFXML><SCENE>1</SCENE></BWFXML>"),
    INFO,
    (b"cue ", struct.pack("<III4sIII", 1, 1, 4000, b"data", 0, 0, 4000)),
    (b"LIST", b"adtl" + chunk(b"labl", struct.pack("<I", 1) + b"here\0")),
    (b"smpl", bytes(36)),
    (b"axml", b"<x/>"),
]


def with_chunks(data: bytes = PCM, **options: object) -> bytes:
    dropped = chunk(b"PEAK", bytes(16)) + chunk(b"JUNK", bytes(5)) + chunk(b"MD5 ", bytes(16))
    before = b"".join(chunk(*one) for one in CARRIED[:3]) + dropped
    data = make(data, before=before, after=b"".join(chunk(*one) for one in CARRIED[3:]), **options)
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:]


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("odd", [False, True])
def test_chunks_come_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], piped: bool, odd: bool
) -> None:
    path, copy = tmp_path / "a.wav", tmp_path / "b.wav"
    values = WIDE[: 8999 if odd else 9000]
    padded = packed(values, 3) + bytes(len(values) % 2)
    path.write_bytes(with_chunks(padded, size=3 * len(values), bits=24, align=3))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(path))))
    assert main(["enhance", "-" if piped else str(path), str(copy), *TINY]) == 0
    assert capsys.readouterr().err == ""
    assert chunks_of(copy.read_bytes()) == CARRIED
    assert soundfile.info(copy).frames == len(values)
    assert soundfile.SoundFile(copy).copy_metadata()["title"] == "Title"


def test_chunks_come_along_to_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(with_chunks())
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, write_through=True))
    assert main(["enhance", str(path), "-", *TINY]) == 0
    assert chunks_of(out.getvalue()) == CARRIED


def test_chunks_come_along_with_coded_samples(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(path, SAMPLES, 48000, "ULAW")
    path.write_bytes(path.read_bytes() + b"".join(chunk(*one) for one in CARRIED if one != INFO))
    assert main(["enhance", str(path), str(copy), *TINY]) == 0
    assert soundfile.info(copy).subtype == "ULAW"
    assert chunks_of(copy.read_bytes()) == [one for one in CARRIED if one != INFO]


def test_what_another_container_cannot_hold_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, copy = tmp_path / "a.wav", tmp_path / "b.flac"
    path.write_bytes(with_chunks())
    assert main(["enhance", str(path), str(copy), *TINY]) == 0
    told = "FLAC cannot hold bext, iXML, cue, LIST adtl, smpl, axml, IENG; left out"
    assert capsys.readouterr().err == f"linnet: {copy}: {told}\n"
    assert soundfile.SoundFile(copy).copy_metadata()["title"] == "Title"


@pytest.mark.parametrize("mask", [0, 0x3, 0x600, 0xC])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_channel_mask(tmp_path: Path, mask: int, subtype: str) -> None:
    path, copy = tmp_path / "a.wav", tmp_path / "b.wav"
    soundfile.write(path, sound(4800, 2), 48000, subtype, format="WAVEX")
    data = path.read_bytes()
    path.write_bytes(data[:40] + struct.pack("<I", mask) + data[44:])
    assert main(["enhance", str(path), str(copy), *TINY]) == 0
    assert copy.read_bytes()[12:60] == path.read_bytes()[12:60]  # the format chunk
    assert soundfile.info(copy).format == "WAVEX"


def test_a_large_chunk_is_left_out_with_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("linnet.io.chunks.LARGEST", 1000)
    path = tmp_path / "a.wav"
    path.write_bytes(make(before=chunk(b"id3 ", bytes(1001)), after=LIST))
    with open_input(str(path)) as reader:
        assert sum(map(len, reader.blocks(1000))) == 9000
    assert reader.warnings == [f"{path}: chunk id3 of 1001 bytes is too large; left out"]
    assert [one.name for one in reader.format.chunks] == ["LIST adtl"]


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_what_gets_too_long_becomes_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtype: str) -> None:
    monkeypatch.setattr("linnet.io.wav.LARGEST_WAV", 3_000_000)  # in place of 4 GiB
    path = str(tmp_path / "a.wav")
    block = np.random.default_rng(2).uniform(-1, 1, (800_000, 2)).astype(np.float32)
    samples = np.rint(block * 32767).astype(np.int16) if subtype == "PCM_16" else block
    with open_output(path, Format(48000, 2, None, "WAV", subtype)) as writer:
        writer._write(samples)
    info = soundfile.info(path)
    assert (info.format, info.frames) == ("RF64", 800_000)
    assert np.array_equal(soundfile.read(path, dtype=samples.dtype)[0], samples)


def test_a_pipe_s_file_is_that_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(make(size=0xFFFFFFFF))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.FileIO(path))))
    for name in ("-", str(path)):
        assert main(["enhance", name, str(tmp_path / f"{os.path.basename(name)}.wav"), *TINY]) == 0
    assert (tmp_path / "-.wav").read_bytes() == (tmp_path / "a.wav.wav").read_bytes()


def test_limit_0_changes_no_bit_of_a_wav(tmp_path: Path) -> None:
    source = write(tmp_path / "in.wav", 9000, 48000, 2, "PCM_16")
    assert main(["enhance", source, str(tmp_path / "out.wav"), *TINY, "--attenuation-limit", "0"]) == 0
    assert (tmp_path / "out.wav").read_bytes() == (tmp_path / "in.wav").read_bytes()
