"""Ends a browser whose owner has died: waits for its standard input to close, then kills every process that carries
the mark in its environment, and removes the browser's folder.

Run as a script of its own (``python reaper.py MARK FOLDER``), so that it survives a kill -9 of the collector, whose
death closes the pipe. Standard library only.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path


def marked(mark: str) -> list[int]:
    """The living processes of this user whose environment holds ``mark``, but this one."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal() or int(folder.name) == os.getpid():
            continue
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue  # gone meanwhile, or another user's
        if mark.encode() in environment:
            found.append(int(folder.name))
    return found


def reap(mark: str, *, seconds: float = 10.0) -> None:
    """Kill what carries the mark, until nothing does."""
    end = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < end:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


if __name__ == "__main__":
    sys.stdin.buffer.read()
    reap(sys.argv[1])
    shutil.rmtree(sys.argv[2], ignore_errors=True)
