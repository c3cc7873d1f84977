"""How a shard of packed faces is written: its rows' names, and what its file of pixels begins with (packs.py)."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence

import numpy as np


def first_difference(one: bytes, other: bytes) -> int:
    """The first byte in which two differ, or the length of the shorter."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def lines_of(rows: Sequence[tuple[str, ...]]) -> bytes:
    """What stands in a shard's `.rows`."""
    return "".join(f"{' '.join(row)}\n" for row in rows).encode()


def name_of(rows: Sequence[tuple[str, ...]]) -> str:
    """A shard's name: its rows name every byte of it."""
    return hashlib.sha256(lines_of(rows)).hexdigest()[:32]


def header_of(count: int, *, size: int) -> bytes:
    """What a shard of so many faces begins with (NumPy's format, version 1.0)."""
    written = io.BytesIO()
    shape = (count, size, size, 3)
    np.lib.format.write_array_header_1_0(written, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return written.getvalue()
