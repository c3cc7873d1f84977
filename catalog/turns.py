"""Turns: the writers of one SQLite file stand in a line instead of sleeping and trying again.

SQLite lets one write at a time; whoever comes meanwhile sleeps, up to 100 ms, and tries its luck, which starves some
of sixteen processes for seconds. The kernel's lock on a file of its own beside the database is first come, first
served, wakes the next one at once, and is free the moment its holder is killed. It is a courtesy: what keeps two
writers apart is SQLite's own lock, still.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turns:
    """The line before one database file; ``None`` for a database that needs none."""

    def __init__(self, database: Path | None) -> None:
        self._file = database.with_name(f"{database.name}-turn") if database else None
        self._threads = threading.Lock()
        self._descriptor, self._process = -1, 0

    @contextmanager
    def mine(self) -> Iterator[None]:
        """Wait for this thread's turn; it ends with the block."""
        if self._file is None:
            yield
            return
        with self._threads:
            descriptor = self._open(self._file)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        if self._process == os.getpid():
            os.close(self._descriptor)
        self._descriptor, self._process = -1, 0

    def _open(self, file: Path) -> int:
        # A process that was forked off shares its parent's place in the line until it opens the file itself.
        if self._process != os.getpid():
            # For reading: a lock needs no more, and another user's process may not be let write.
            self._descriptor = os.open(file, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._process = os.getpid()
        return self._descriptor
