"""How the C library keeps memory: told once, by a process that downloads in many threads."""

from __future__ import annotations

import ctypes

_ARENA_MAX, _MMAP_THRESHOLD, _TOP_PAD, _TRIM_THRESHOLD = -8, -3, -2, -1  # malloc.h
_LARGE = 512 * 1024
_SPARE = 8 * 2**20


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
