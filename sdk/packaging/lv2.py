"""Writes manifest.ttl and linnet.ttl of the LV2 bundle: which plug-ins its binary holds, and their ports.

Usage: lv2.py FOLDER VERSION. The order of ports is that of sdk/plugins/instance.h, the names are those of
sdk/plugins/forms.h; tests/desktop holds them against what LADSPA's binary tells.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

PREFIXES = """\
@prefix doap:  <http://usefulinc.com/ns/doap#> .
@prefix foaf:  <http://xmlns.com/foaf/0.1/> .
@prefix lv2:   <http://lv2plug.in/ns/lv2core#> .
@prefix pg:    <http://lv2plug.in/ns/ext/port-groups#> .
@prefix rdfs:  <http://www.w3.org/2000/01/rdf-schema#> .
@prefix units: <http://lv2plug.in/ns/extensions/units#> .
"""
PROJECT = """\
<urn:linnet>
  a doap:Project ;
  doap:name "linnet" ;
  doap:license <http://usefulinc.com/doap/licenses/bsd> ;
  doap:maintainer [ foaf:name "The linnet authors" ] .
"""
# URI and name of each form, and whether it is stereo.
FORMS = {
    "urn:linnet:mono": ("linnet speech enhancement (mono)", False),
    "urn:linnet:stereo": ("linnet speech enhancement (stereo)", True),
    "urn:linnet:light:mono": ("linnet light speech enhancement (mono)", False),
    "urn:linnet:light:stereo": ("linnet light speech enhancement (stereo)", True),
}
WAYS = ("Input", "Output")
SIDES = {"left": "L", "right": "R"}
# The last is no lv2:toggled: GStreamer starts those as false, whatever their default.
CONTROLS = (
    (
        *("a lv2:InputPort , lv2:ControlPort", 'lv2:symbol "limit"', 'lv2:name "Attenuation Limit"'),
        *("lv2:default 100.0", "lv2:minimum 0.0", "lv2:maximum 100.0", "units:unit units:db"),
    ),
    (
        *("a lv2:InputPort , lv2:ControlPort", 'lv2:symbol "postfilter"', 'lv2:name "Post Filter"'),
        *("lv2:default 0.0", "lv2:minimum 0.0", "lv2:maximum 1.0"),
    ),
    (
        *("a lv2:OutputPort , lv2:ControlPort", 'lv2:symbol "latency"', 'lv2:name "Latency"'),
        *("lv2:designation lv2:latency", "lv2:portProperty lv2:reportsLatency , lv2:integer", "units:unit units:frame"),
    ),
    (
        *("a lv2:InputPort , lv2:ControlPort", 'lv2:symbol "enabled"', 'lv2:name "Enabled"'),
        *("lv2:default 1", "lv2:minimum 0", "lv2:maximum 1"),
        *("lv2:designation lv2:enabled", "lv2:portProperty lv2:integer"),
    ),
)


def manifest() -> str:
    """Text of manifest.ttl, which hosts read of every bundle."""
    rows = [f"<{uri}> a lv2:Plugin ; lv2:binary <linnet.so> ; rdfs:seeAlso <linnet.ttl> ." for uri in FORMS]
    return "\n".join([PREFIXES, *rows, ""])


def group(uri: str, way: str) -> str:
    """URI of the ports of a stereo signal."""
    return f"<{uri}:{way.lower()}>"


def ports(uri: str, stereo: bool) -> Iterator[tuple[str, ...]]:
    """What is said of each port, in order."""
    for way in WAYS:
        kind, symbol = f"a lv2:{way}Port , lv2:AudioPort", way.lower().removesuffix("put")
        if not stereo:
            yield kind, f'lv2:symbol "{symbol}"', f'lv2:name "{way}"'
        for side, mark in SIDES.items() if stereo else ():
            names = f'lv2:symbol "{symbol}_{mark.lower()}"', f'lv2:name "{way} ({mark})"'
            yield kind, *names, f"pg:group {group(uri, way)}", f"lv2:designation pg:{side}"
    yield from CONTROLS


def description(version: str) -> str:
    """Text of linnet.ttl."""
    major, minor, micro = map(int, version.split("."))
    # LV2 knows no major version, and takes an odd number for an unstable one.
    numbers = f"lv2:minorVersion {2 * (100 * major + minor)} ; lv2:microVersion {2 * micro}"
    texts = [PREFIXES, PROJECT]
    for uri, (name, stereo) in FORMS.items():
        listed = " , ".join(
            "[\n    " + " ;\n    ".join([f"lv2:index {index}", *facts]) + "\n  ]"
            for index, facts in enumerate(ports(uri, stereo))
        )
        facts = (
            "a lv2:Plugin , lv2:SpectralPlugin",
            f'doap:name "{name}"',
            "doap:license <http://usefulinc.com/doap/licenses/bsd>",
            "lv2:project <urn:linnet>",
            'rdfs:comment "Takes noise and reverberation out of speech, 40 ms late or a little more."',
            numbers,
            "lv2:optionalFeature lv2:hardRTCapable",
            *(f"pg:main{way} {group(uri, way)}" for way in WAYS if stereo),
            f"lv2:port {listed}",
        )
        for way in WAYS if stereo else ():
            kind = f"a pg:StereoGroup , pg:{way}Group"
            texts.append(f'{group(uri, way)} {kind} ; lv2:symbol "{way.lower()}" ; lv2:name "{way}" .\n')
        texts.append(f"<{uri}>\n  " + " ;\n  ".join(facts) + " .\n")
    return "\n".join(texts)


if __name__ == "__main__":
    Path(sys.argv[1], "manifest.ttl").write_text(manifest(), encoding="utf-8")
    Path(sys.argv[1], "linnet.ttl").write_text(description(sys.argv[2]), encoding="utf-8")
