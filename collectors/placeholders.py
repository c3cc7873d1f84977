"""Pictures that hosts give instead of the one that was asked for: "image not available", "hot-linking forbidden", ...

The list is collectors/placeholders.csv: ``sha256`` for one file, ``phash`` (16 hexadecimal digits) for every picture
that looks like it, and a word on what it is. Whoever finds another adds a line, or keeps a list of their own
(``FACELOOP_FETCH_PLACEHOLDERS``).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from collectors.errors import BadInput, Refused

_DIGITS = {"sha256": 64, "phash": 16}
_BITS = 4  # a perceptual hash so near is the same picture


def check(*, extra: str, sha256: str = "", phash: int | None = None) -> None:
    """Raises Refused (placeholder) when these bytes, or a picture that looks like this, are on the list, or on the
    list of one's own in the file ``extra``."""
    for one in _listed(extra):
        if one.kind == "sha256" and one.value == sha256:
            raise Refused("placeholder", one.about)
        if one.kind == "phash" and phash is not None and (int(one.value, 16) ^ phash).bit_count() <= _BITS:
            raise Refused("placeholder", one.about)


@dataclass(frozen=True, slots=True)
class _Known:
    kind: str
    value: str
    about: str


@lru_cache
def _listed(extra: str) -> tuple[_Known, ...]:
    found = []
    paths = [Path(__file__).parent / "placeholders.csv", *([Path(extra)] if extra else [])]
    for path in paths:
        try:
            with path.open(newline="", encoding="utf-8") as handle:
                rows = list(csv.DictReader(handle))
        except (OSError, ValueError, csv.Error) as error:
            raise BadInput(f"no list of placeholders at {path}: {' '.join(str(error).split())[:200]}") from error
        for row in rows:
            kind, value = row.get("kind"), (row.get("value") or "").lower()
            if kind not in _DIGITS or not re.fullmatch(f"[0-9a-f]{{{_DIGITS[kind]}}}", value):
                raise BadInput(f"{path}: not a placeholder: {row}")
            found.append(_Known(kind, value, row.get("about") or ""))
    return tuple(found)
