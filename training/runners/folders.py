"""A submission's folder on the machine where it is trained: what is to be run there, how it stands, how it is ended.

Its keeper (keeper.py, which says what the files are) writes there as long as it lives; whoever looks or asks it to stop
needs no keeper. The folders beside it are those of the run's other submissions. An attempt that was given up may still
be at work in any of them, or be frozen: the next one never begins beside it, and never takes it for its own. On another
machine it may be at work on another run, and nobody holds a lease for it any more: there it makes way, too.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.errors import RunnerError
from training.files import write_atomically

LOOK_EVERY = 0.2
_TAIL_BYTES = 1 << 16
_TO_SAVE, _TO_DIE = 240.0, 20.0
"""Seconds that an earlier attempt is given to save before it is killed, and then until the system has let go of it."""


def look(folder: Path, attempt: int) -> dict[str, Any]:  # noqa: ARG001 - every verb is asked alike
    """The attempt begun last, whether it runs, and how the last one ended."""
    begun = begun_last(folder)  # asked first: one that begins after this is not taken for one that ended without a word
    running = is_running(folder)  # and before the end: the lock is given back after that has been written down
    return {"begun": begun, "running": running, "ended": read(folder / "ended.json") or None}


def stop(folder: Path, attempt: int) -> None:
    """Ask an attempt to save and end. Once is enough, even before it has begun; more does no harm."""
    from catalog.workers import pid_here

    if not asked_to_stop(folder, attempt):
        write(folder / "stop.json", {"attempt": attempt})
    begun = read(folder / "begun.json")
    if begun.get("attempt") != attempt or pid_here(begun["keeper"]) or not is_running(folder):
        return
    if pid := pid_here(begun.get("training", "")):  # its keeper was killed
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


def tail(folder: Path, lines: int, *, since: int = 0) -> str:
    """The end of the training's log, from this byte on at the most."""
    path = folder / "train.log"
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(since, path.stat().st_size - max(_TAIL_BYTES, 200 * lines)))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])


def prepare(folder: Path, *, command: Sequence[str], environment: Mapping[str, str], where: Path) -> None:
    """Write down what is to be run."""
    write(folder / "job.json", {"command": list(command), "environment": dict(environment), "where": str(where)})


def make_way(folder: Path, attempt: int, *, spared: Collection[str] | None = None, seconds: float = _TO_SAVE) -> None:
    """End whatever else trains the run here: earlier attempts, and other submissions of it. No earlier one begins then.

    With `spared`, the names of the folders of submissions that are at work here by right, all others end, whatever run
    they train. They are asked to save, and killed after so many seconds. Raises RunnerError when one does not end even
    so.
    """
    stop(folder, attempt - 1)
    began = time.monotonic()
    while others := _others(folder, attempt, spared):
        waited = time.monotonic() - began
        if waited > seconds + _TO_DIE:
            raise RunnerError(f"what was given up here does not end: {', '.join(map(str, others))}")
        for other in others:
            if waited > seconds:
                _kill(other)
            else:
                stop(other, begun_last(other))
        time.sleep(LOOK_EVERY)


def is_running(folder: Path) -> bool:
    """Whether its keeper, its training or both live."""
    try:
        with (folder / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def begun_last(folder: Path) -> int:
    """The attempt begun last; 0: none was."""
    return int(read(folder / "begun.json").get("attempt", 0))


def asked_to_stop(folder: Path, attempt: int) -> bool:
    """Whether this attempt, or a later one, was asked to stop."""
    return read(folder / "stop.json").get("attempt", 0) >= attempt


def read(path: Path) -> dict[str, Any]:
    """What a file says; nothing when there is none."""
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        return {}


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write it in one piece."""
    write_atomically(path, lambda file: file.write(json.dumps(values).encode()))


def _others(folder: Path, attempt: int, spared: Collection[str] | None) -> list[Path]:
    locks = folder.parent.glob("*/lock") if spared is None else folder.parents[2].glob("*/jobs/*/lock")
    running = [lock.parent for lock in sorted(locks) if is_running(lock.parent)]
    by_right = spared or ()
    return [path for path in running if (begun_last(path) < attempt if path == folder else path.name not in by_right)]


def _kill(folder: Path) -> None:
    from catalog.workers import pid_here

    begun = read(folder / "begun.json")
    for who in ("training", "keeper"):
        if pid := pid_here(begun.get(who, "")):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
