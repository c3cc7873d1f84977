"""Turns: the writers of one SQLite file stand in a line instead of sleeping and trying again.

SQLite lets one write at a time; whoever comes meanwhile sleeps, up to 100 ms, and tries its luck, which starves some
of sixteen processes for seconds. The kernel's lock on a file of its own beside the database wakes the next one at once,
and is free the moment its holder is killed. It is a courtesy: what keeps two writers apart is SQLite's own lock, still.

To be woken takes about as long as to claim a row, and the one who wrote last has the pages at hand. So whoever comes
back at once may have the turn again, without anybody being woken: of those who wait, the first one alone, holder of a
second lock, looks for the turn now and then. When it has looked in vain for a few milliseconds it waits to be woken by
the end of each turn, and has its own soon. The others sleep in a line for the second lock, first come, first served.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: How often the first one in the line looks for the turn before it waits to be woken, and seconds before each look.
_LOOKS, _PAUSE = 4, 0.001


class Turns:
    """The line before one database file; ``None`` for a database that needs none."""

    def __init__(self, database: Path | None) -> None:
        self._files = [database.with_name(f"{database.name}-{name}") for name in ("turn", "line")] if database else []
        self._threads = threading.Lock()
        self._descriptors: list[int] = []
        self._process = 0

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for this thread's turn; it ends with the block."""
        if not self._files:
            yield
            return
        with self._threads:
            turn, line = self._open()
            if not _taken(turn):
                _wait(turn, line)
            try:
                yield
            finally:
                fcntl.flock(turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the files."""
        if self._process == os.getpid():
            for descriptor in self._descriptors:
                os.close(descriptor)
        self._descriptors, self._process = [], 0

    def _open(self) -> list[int]:
        # A process that was forked off shares its parent's place in the line until it opens the files itself.
        if self._process != os.getpid():
            # For reading: a lock needs no more, and another user's process may not be let write.
            flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC
            self._descriptors = [os.open(file, flags, 0o644) for file in self._files]
            self._process = os.getpid()
        return self._descriptors


def _taken(turn: int) -> bool:
    """Whether the turn was free; it is this process's then."""
    try:
        fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(turn: int, line: int) -> None:
    """Stand in the line until its first place is ours, and there until the turn is."""
    fcntl.flock(line, fcntl.LOCK_EX)
    try:
        for _ in range(_LOOKS):
            time.sleep(_PAUSE)
            if _taken(turn):
                return
        fcntl.flock(turn, fcntl.LOCK_EX)
    finally:
        fcntl.flock(line, fcntl.LOCK_UN)
