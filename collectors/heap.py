"""How the C library keeps memory: told once, by a process that downloads in many threads."""

from __future__ import annotations

import ctypes

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # malloc.h
_LARGE = 512 * 1024


def keep_small() -> None:
    """Let all threads share two heaps, and give large blocks back as soon as they are free. By itself glibc makes a
    heap for each of so many threads and keeps what each has used at most. Elsewhere (musl) nothing changes."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_ARENA_MAX, 2)
    mallopt(_MMAP_THRESHOLD, _LARGE)
