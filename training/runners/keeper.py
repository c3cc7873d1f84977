"""Keeps one training on the machine where it runs: begins each attempt once, and writes down how it ended.

    python -m training.runners.keeper prepare FOLDER 0        what to run, as JSON on stdin, where it is said
    python -m training.runners.keeper make-way FOLDER ATTEMPT [SPARED...]
                                                              whatever else trains here saves and ends, whichever its
                                                              run, but for the submissions with folders of these names
    python -m training.runners.keeper begin FOLDER ATTEMPT    so does whatever else trains this run; returns once it is
                                                              begun, or was already
    python -m training.runners.keeper look FOLDER ATTEMPT     one line of JSON
    python -m training.runners.keeper stop FOLDER ATTEMPT     the training saves, and exits with 75
    python -m training.runners.keeper tail FOLDER LINES

`FOLDER` holds `job.json` (command, environment, folder to run it in). The keeper adds `begun.json`, `ended.json`,
`train.log`, and `lock`, which it and the training hold as long as one of them lives: the system lets go of it when
both are gone, whatever ended them. It belongs to no terminal and no session of whoever began it.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from training.errors import RunnerError
from training.runners.folders import (
    LOOK_EVERY,
    asked_to_stop,
    begun_last,
    look,
    make_way,
    prepare,
    read,
    stop,
    tail,
    write,
)


def begin(folder: Path, attempt: int) -> None:
    """Begin an attempt, detached, once nothing else trains its run here; does nothing when it has been begun.

    Raises RunnerError when it has not: a newer one has, or an earlier one does not end.
    """
    make_way(folder, attempt)
    if begun_last(folder) < attempt:
        _fork(folder, attempt)
    if (last := begun_last(folder)) != attempt:
        raise RunnerError(f"attempt {attempt} was not begun here: the last one that was is {last}")


def _fork(folder: Path, attempt: int) -> None:
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading) as told:
            told.read()  # until the keeper closes its end: it has begun, or it never will
        return
    os.close(reading)
    os.setsid()
    with (folder / "keeper.log").open("ab") as log, open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    code = 1
    try:
        _keep(folder, attempt, begun=lambda: os.close(writing))
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it is, this process ends below
        traceback.print_exc()  # into keeper.log: nobody else would ever hear of it
        sys.stderr.flush()
    finally:
        os._exit(code)


def _keep(folder: Path, attempt: int, *, begun: Callable[[], None]) -> None:
    from catalog.workers import process_name, worker_name

    asked = False

    def ask(*_: object) -> None:
        nonlocal asked
        asked = True

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    with (folder / "lock").open("a") as lock:
        if not _lock(lock, seconds=5) or attempt <= begun_last(folder):
            return
        note = {"attempt": attempt, "keeper": worker_name()}
        write(folder / "begun.json", note)
        begun()
        with (folder / "train.log").open("ab") as log:
            before = log.seek(0, os.SEEK_END)
            try:
                training = None if asked_to_stop(folder, attempt) else _start(folder, log, lock)
            except OSError as error:
                write(folder / "ended.json", {"attempt": attempt, "code": 127, "said": {"error": str(error)}})
                return
        if training is None:
            write(folder / "ended.json", {"attempt": attempt, "code": os.EX_TEMPFAIL, "said": {}})
            return
        write(folder / "begun.json", {**note, "training": process_name(training.pid)})
        told = False
        while (code := _waited(training)) is None:
            if not told and (asked or asked_to_stop(folder, attempt)):
                training.send_signal(signal.SIGTERM)
                told = True
        if told and code == -signal.SIGTERM:
            code = os.EX_TEMPFAIL  # it was asked before it could listen: it had nothing to save yet
        said = last_words(tail(folder, 200, since=before).splitlines())
        write(folder / "ended.json", {"attempt": attempt, "code": _leaders(code, said), "said": said})


def _start(folder: Path, log: IO[bytes], lock: IO[str]) -> subprocess.Popen[bytes]:
    job = read(folder / "job.json")
    return subprocess.Popen(
        job["command"],
        cwd=job["where"],
        env={**os.environ, **job["environment"]},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        pass_fds=(lock.fileno(),),
    )


def _waited(training: subprocess.Popen[bytes]) -> int | None:
    try:
        return training.wait(timeout=LOOK_EVERY)
    except subprocess.TimeoutExpired:
        return None


def _lock(file: IO[str], *, seconds: float) -> bool:
    """Whether the lock is ours; somebody who only looks holds it for a moment."""
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        else:
            return True


def last_words(lines: Sequence[str]) -> dict[str, Any]:
    """The JSON line that a command ends with; else its last line, as an error."""
    said = [line for line in lines if line.strip()]
    for line in reversed(said):
        try:
            words = json.loads(line)
        except ValueError:
            continue
        if isinstance(words, dict) and "ok" in words:
            return words
    return {"error": said[-1].strip()} if said else {}


def _leaders(code: int, said: Mapping[str, Any]) -> int:
    """How a training ended, by the word of who leads it: torchrun exits with 1 whenever it was asked to stop.

    It says so on its last line, once it has saved: the others' ends change nothing any more.
    """
    if code == 1 and said.get("ok") and "stopped" in said:
        return os.EX_TEMPFAIL if said["stopped"] else 0
    return code


def main(arguments: Sequence[str]) -> int:
    """One verb on one folder."""
    verb, folder, number = arguments[0], Path(arguments[1]), int(arguments[2])
    if verb == "prepare":
        told = json.load(sys.stdin)
        prepare(folder, command=told["command"], environment=told["environment"], where=Path.cwd())
    elif verb == "make-way":
        make_way(folder, number, spared=arguments[3:])
    elif verb == "begin":
        begin(folder, number)
    elif verb == "look":
        print(json.dumps(look(folder, number)))
    elif verb == "stop":
        stop(folder, number)
    elif verb == "tail":
        print(tail(folder, number))
    else:
        return os.EX_USAGE
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RunnerError as error:
        sys.exit(str(error))
