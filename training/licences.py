"""Which licences of recordings are permissive: no share-alike, no limits of use, nothing that is not understood.

Manifests name licences in the words of their sources, and some name several. Where a text names several, it is not
known here which recording has which or whether one may choose: all of them must be permissive.
"""

from __future__ import annotations

import re

PERMISSIVE = re.compile(
    r"cc0([- ]1\.0)?"
    r"|cc[- ]by([- ][1-4]\.0)?(\+|-or-later)?"
    r"|apache[- ]2\.0"
    r"|mit|expat|0bsd|bsd|bsd-[23]-clause"
    r"|public[- ]domain",
    re.IGNORECASE,
)
BETWEEN = re.compile(r"[;,/()]|\s(?:and|or|with)\s", re.IGNORECASE)


def is_permissive(text: str) -> bool:
    """Whether every licence in a text is CC0, CC-BY, Apache-2.0, MIT, BSD or public domain; not, where none is named.

    Remarks in the text ("some CC-BY-3.0", "BSD-like") are licences that nobody knows.
    """
    names = [name.strip() for name in BETWEEN.split(text) if name.strip()]
    return bool(names) and all(PERMISSIVE.fullmatch(name) for name in names)
