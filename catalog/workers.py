"""Who claims: one process on one machine, named so that another process there can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path


def worker_name() -> str:
    """This process: ``host:machine:pid:birth``."""
    return _name(os.getpid())


def is_gone(worker: str) -> bool:
    """Whether that worker is known to have ended. A worker of another machine is never known to: its lease decides."""
    name, _, birth = worker.rpartition(":")
    place, _, pid = name.rpartition(":")
    return place == _place() and pid.isdecimal() and _birth(int(pid)) != birth


@lru_cache(maxsize=1)
def _name(pid: int) -> str:
    return f"{_place()}:{pid}:{_birth(pid)}"


def _place() -> str:
    """The host, this start of it, and the space its process numbers live in: containers may share a host's name."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}:{start}-{space}"


def _birth(pid: int) -> str:
    """When a process began, in the kernel's ticks, or nothing when there is none: process numbers are used again."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "" if not _alive(pid) else "unknown"
    fields = line.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
