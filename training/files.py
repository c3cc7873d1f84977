"""Writing files so that a reader sees the whole of one or none of it."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, write: Callable[[BinaryIO], object], *, sync: bool = True) -> None:
    """Call `write` on a temporary file beside `path`, fsync, rename: a kill leaves the old file or the new one.

    Without `sync` it waits for no disk: a kill does no harm either, but a power cut may.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    if sync:
        _fsync_folder(path.parent)


def boot() -> str:
    """This start of the machine; empty where it cannot be told. What was written since is there for all who read it."""
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text().strip() if path.is_file() else ""


def sweep(folder: Path) -> None:
    """Remove the temporary files that a killed writer left in a folder nobody else is writing to."""
    for leftover in folder.glob(".*"):
        if leftover.is_file():
            leftover.unlink()


def sha256_of(path: Path) -> str:
    """The sha256 of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in _pieces(file):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def locked(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Hold an exclusive lock on a file: True when it is ours, at once or after a wait.

    The system lets go of it when the process dies.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(1 << 20):
        yield piece


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
