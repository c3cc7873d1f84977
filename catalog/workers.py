"""Who claims: one process on one machine, named so that another process there can tell whether it still lives."""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from pathlib import Path

#: Stands for the birth of a process that lives and does not show it to us (another user's, or no /proc at all).
_UNSEEN = "unseen"


def worker_name() -> str:
    """This process: ``host:machine:pid:birth``."""
    return _name(os.getpid())


def process_name(pid: int) -> str:
    """A process of this machine, named likewise."""
    return f"{_place()}:{pid}:{_birth(pid, Path('/proc'))}"


def pid_here(worker: str, *, processes: Path = Path("/proc")) -> int | None:
    """The number of that very process; None when it has ended, or another has its number now, or it is elsewhere."""
    name, _, birth = worker.rpartition(":")
    place, _, pid = name.rpartition(":")
    if place != _place() or not pid.isdecimal() or birth in ("", _UNSEEN) or _birth(int(pid), processes) != birth:
        return None
    return int(pid)


def is_gone(worker: str, *, processes: Path = Path("/proc")) -> bool:
    """Whether that worker is known to have ended. A worker of another machine, or one that lives and does not show its
    birth below ``processes``, is never known to: its lease decides."""
    name, _, birth = worker.rpartition(":")
    place, _, pid = name.rpartition(":")
    return place == _place() and pid.isdecimal() and _birth(int(pid), processes) not in (birth, _UNSEEN)


@lru_cache(maxsize=1)
def _name(pid: int) -> str:
    return process_name(pid)


def _place() -> str:
    """The host, this start of it, and the space its process numbers live in: containers may share a host's name."""
    try:
        start = Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8]
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        return socket.gethostname()
    return f"{socket.gethostname()}:{start}-{space}"


def _birth(pid: int, processes: Path) -> str:
    """When a process began, in the kernel's ticks: process numbers are used again. Empty when there is none."""
    try:
        line = (processes / str(pid) / "stat").read_text()
    except OSError:
        return _UNSEEN if _alive(pid) else ""
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
