"""How memory is kept: what a process that loads much, or downloads in many threads, says of it at its beginning."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager

_ARENA_MAX, _MMAP_THRESHOLD, _TOP_PAD, _TRIM_THRESHOLD = -8, -3, -2, -1  # malloc.h
_LARGE = 512 * 1024
_SPARE = 8 * 2**20


@contextmanager
def loading() -> Iterator[None]:
    """What is imported meanwhile stays: to look for garbage in it takes as long as to import it."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def keep_small() -> None:
    """Let all threads share two heaps, and give large blocks back as soon as they are free. By itself glibc makes a
    heap for each of so many threads and keeps what each has used at most. A few megabytes are kept for the next
    picture: each page that is given back must be asked for again. Elsewhere (musl) nothing changes."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_ARENA_MAX, 2)
    mallopt(_MMAP_THRESHOLD, _LARGE)
    mallopt(_TRIM_THRESHOLD, _SPARE)
    mallopt(_TOP_PAD, _LARGE)
