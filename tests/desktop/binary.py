"""A host in Python: calls the functions of a plug-in's binary as ladspa.h and lv2.h have them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from ctypes import CFUNCTYPE, POINTER, c_char_p, c_double, c_float, c_int, c_uint32, c_ulong, c_void_p
from pathlib import Path
from typing import Any

import numpy as np
from conftest import BUNDLE, FORMS, LADSPA, Sound

LIMIT, POSTFILTER, LATENCY, ENABLED = range(4)  # ports behind those of sound


class LadspaRange(ctypes.Structure):
    """LADSPA_PortRangeHint."""

    _fields_ = (("hint", c_int), ("low", c_float), ("high", c_float))


class LadspaDescriptor(ctypes.Structure):
    """LADSPA_Descriptor."""

    _fields_ = (
        *(("id", c_ulong), ("label", c_char_p), ("properties", c_int), ("name", c_char_p), ("maker", c_char_p)),
        *(("copyright", c_char_p), ("ports", c_ulong), ("kinds", POINTER(c_int)), ("port_names", POINTER(c_char_p))),
        *(("ranges", POINTER(LadspaRange)), ("data", c_void_p)),
        ("instantiate", CFUNCTYPE(c_void_p, c_void_p, c_ulong)),
        ("connect", CFUNCTYPE(None, c_void_p, c_ulong, c_void_p)),
        ("activate", CFUNCTYPE(None, c_void_p)),
        ("run", CFUNCTYPE(None, c_void_p, c_ulong)),
        *(("run_adding", c_void_p), ("set_run_adding_gain", c_void_p), ("deactivate", c_void_p)),
        ("cleanup", CFUNCTYPE(None, c_void_p)),
    )


class Lv2Descriptor(ctypes.Structure):
    """LV2_Descriptor."""

    _fields_ = (
        ("uri", c_char_p),
        ("instantiate", CFUNCTYPE(c_void_p, c_void_p, c_double, c_char_p, c_void_p)),
        ("connect", CFUNCTYPE(None, c_void_p, c_uint32, c_void_p)),
        ("activate", CFUNCTYPE(None, c_void_p)),
        ("run", CFUNCTYPE(None, c_void_p, c_uint32)),
        ("deactivate", c_void_p),
        ("cleanup", CFUNCTYPE(None, c_void_p)),
        ("extension_data", c_void_p),
    )


def descriptors(path: Path) -> list[Any]:
    """All that a binary offers, in its order."""
    library = ctypes.CDLL(str(path))
    name, kind = ("ladspa_descriptor", LadspaDescriptor) if path == LADSPA else ("lv2_descriptor", Lv2Descriptor)
    ask = getattr(library, name)
    ask.restype, ask.argtypes = POINTER(kind), [c_ulong if path == LADSPA else c_uint32]
    found = []
    while pointer := ask(len(found)):
        found.append(pointer.contents)
    return found


class Instance:
    """A plug-in at work. form: LADSPA's label. None in place of a handle: the plug-in has refused."""

    def __init__(self, form: str, rate: float, lv2: bool = False, activate: bool = True) -> None:
        self.channels = 2 if form.endswith("stereo") else 1
        offered = descriptors(BUNDLE / "linnet.so" if lv2 else LADSPA)
        self.descriptor = offered[list(FORMS).index(form)]
        place = ctypes.addressof(self.descriptor)
        more = (str(BUNDLE).encode(), None) if lv2 else ()
        self.handle = self.descriptor.instantiate(place, rate if lv2 else int(rate), *more)
        self.control = np.array([100, 0, -1, 1], np.float32)
        if self.handle:
            for index in range(4 if lv2 else 3):
                self.connect(2 * self.channels + index, self.control[index:])
            if activate:
                self.descriptor.activate(self.handle)

    def __enter__(self) -> Instance:
        assert self.handle
        return self

    def __exit__(self, *_: object) -> None:
        self.descriptor.cleanup(self.handle)

    def connect(self, port: int, place: Sound | None) -> None:
        """Has a port read or write an array, or nothing."""
        self.descriptor.connect(self.handle, port, None if place is None else place.ctypes.data)

    def run(self, samples: int) -> None:
        """One call."""
        self.descriptor.run(self.handle, samples)

    def process(self, planes: Sequence[Sound], blocks: Iterable[int] | None = None) -> list[Sound]:
        """Whole signals, one array for each channel, cut into blocks of these lengths in turn; by default 1024."""
        lengths = list(blocks or (1024,))
        ins = [np.ascontiguousarray(plane) for plane in planes]
        outs = [np.full_like(plane, np.nan) for plane in ins]
        at = turn = 0
        while at < len(ins[0]):
            count = min(lengths[turn % len(lengths)], len(ins[0]) - at)
            for port, plane in enumerate([*ins, *outs]):
                self.connect(port, plane[at:])
            self.run(count)
            at, turn = at + count, turn + 1
        return outs
