"""The chunks of a WAV file beside its format and its sound: which go on into an output, and tags as LIST INFO.

Carried is all that still holds when the samples have changed but neither rate nor length: time codes (bext), markers
(cue, LIST adtl), loops (smpl), descriptions (iXML, axml, cart, id3, ...). References: RIFF (Microsoft 1991), EBU Tech
3285 and its supplements, ITU-R BS.2088.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from linnet.io.stream import Stream

LARGEST = 1 << 24  # bytes of a chunk that is carried; one is kept in memory
_LARGEST_SUM = 1 << 26  # of all chunks of a recording
# Layout, filling, and what is computed of the samples and no longer right when they change.
_OWN = {b"fmt ", b"data", b"ds64", b"fact", b"JUNK", b"junk", b"PAD ", b"FLLR", b"PEAK", b"levl", b"MD5 ", b"slnt"}
# soundfile's names of tags by those of LIST INFO, which are libsndfile's choice.
_TAGS = {
    b"INAM": "title",
    b"ICOP": "copyright",
    b"ISFT": "software",
    b"IART": "artist",
    b"ICMT": "comment",
    b"ICRD": "date",
    b"IPRD": "album",
    b"ITRK": "tracknumber",
    b"IGNR": "genre",
}
_IDS = {name: id for id, name in _TAGS.items()}


@dataclass(frozen=True)
class Chunk:
    """One chunk as it is stored. after: it comes behind the sound."""

    id: bytes
    body: bytes
    after: bool = False

    @property
    def name(self) -> str:
        """As people call it: "bext", "LIST adtl"."""
        kind = self.body[:4] if self.id == b"LIST" else b""
        return b" ".join(filter(None, (self.id.strip(), kind.strip(b" \0")))).decode("ascii", "backslashreplace")

    @property
    def is_info(self) -> bool:
        """True if it holds tags."""
        return self.id == b"LIST" and self.body[:4] == b"INFO"

    def stored(self) -> bytes:
        """Header, body, and the byte that makes an odd size even."""
        return self.id + struct.pack("<I", len(self.body)) + self.body + bytes(len(self.body) % 2)


def is_id(text: bytes) -> bool:
    """True for four bytes that can be a chunk's name."""
    return len(text) == 4 and all(0x20 <= byte < 0x7F for byte in text)


def read_chunk(stream: Stream, id: bytes, size: int, known: list[Chunk], after: bool) -> str | None:
    """Reads a chunk's body, keeps it if it goes on into outputs, and returns what was lost, in words, or None."""
    room = min(LARGEST, _LARGEST_SUM - sum(len(chunk.body) for chunk in known))
    lost = None
    if id in _OWN or size > room:
        stream.skip(size)
        if id not in _OWN:
            lost = f"chunk {Chunk(id, b'').name} of {size} bytes is too large; left out"
    else:
        chunk = Chunk(id, stream.read(size), after)
        if len(chunk.body) < size:
            return f"chunk {chunk.name} is cut short; left out"
        known.append(chunk)
    if size % 2:
        stream.skip(1)
    return lost


def read_tags(chunks: Iterable[Chunk]) -> dict[str, str]:
    """The tags of all LIST INFO chunks, by soundfile's names."""
    return {_TAGS[id]: text for id, text in _info(chunks) if id in _TAGS}


def other_info(chunks: Iterable[Chunk]) -> list[str]:
    """Names of what LIST INFO holds and soundfile has no name for."""
    return [id.decode("ascii") for id, _ in _info(chunks) if id not in _TAGS]


def info_chunk(tags: Mapping[str, str]) -> tuple[Chunk | None, list[str]]:
    """Tags as a LIST INFO chunk (None without any), and the names of those that it cannot hold."""
    entries = [Chunk(_IDS[name], text.encode() + b"\0") for name, text in tags.items() if name in _IDS and text]
    missing = [name for name, text in tags.items() if name not in _IDS and text]
    body = b"INFO" + b"".join(entry.stored() for entry in entries)
    return Chunk(b"LIST", body) if entries else None, missing


def append(path: str, chunks: Iterable[Chunk], mask: int | None) -> None:
    """Adds chunks to the end of a finished RIFF or RF64 file, and gives it the channel mask if it has room for one."""
    with open(path, "r+b") as file:
        file.seek(0, os.SEEK_END)
        file.write(bytes(file.tell() % 2) + b"".join(chunk.stored() for chunk in chunks))
        size = file.tell() - 8
        file.seek(0)
        head = file.read(64)
        if head[:4] == b"RF64":
            file.seek(20)  # in the ds64 chunk, which comes first
            file.write(struct.pack("<Q", size))
        else:
            file.seek(4)
            file.write(struct.pack("<I", size))
        if mask is not None and head[12:16] == b"fmt " and head[20:22] == b"\xfe\xff":
            file.seek(40)
            file.write(struct.pack("<I", mask))


def _info(chunks: Iterable[Chunk]) -> list[tuple[bytes, str]]:
    found = []
    for chunk in chunks:
        body = chunk.body[4:] if chunk.is_info else b""
        while len(body) >= 8 and is_id(body[:4]):
            size = struct.unpack("<I", body[4:8])[0]
            raw = body[8 : 8 + size].split(b"\0")[0]
            try:
                text = raw.decode()
            except UnicodeDecodeError:  # of old programs on Windows
                text = raw.decode("cp1252", errors="replace")
            found.append((body[:4], text.strip()))
            body = body[8 + size + size % 2 :]
    return found
