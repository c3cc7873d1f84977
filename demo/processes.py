"""Starting and stopping the demo's processes, with everything that they start in turn.

Each is begun in a session of its own, and with a mark in its environment. Task processes and browsers leave that
session, and processes that rename themselves overwrite their environment; a process that has either the session or
the mark is this demo's, and nothing else is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

MARK = "FACELOOP_DEMO_MARK"


class AlreadyRunning(Exception):
    """Another demo uses this folder."""


class Processes:
    """What this demo started. As a context manager it stops all of it at the end, whatever happened."""

    def __init__(self, *, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._note = logs.parent / "processes.json"
        self.mark = uuid.uuid4().hex
        self.environment = {**environment, MARK: self.mark}
        self._started: dict[str, subprocess.Popen[bytes]] = {}
        self._sessions: dict[int, float] = {}  # a session's number, and when its first process began

    def __enter__(self) -> Processes:
        self._end_what_was_left()
        self._take_note()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a long-lived process; its output goes to ``<logs>/<name>.log``."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._started[name] = started
        self._sessions[started.pid] = psutil.Process(started.pid).create_time()
        self._take_note()

    def run(self, name: str, command: Sequence[str], *, seconds: float) -> None:
        """Run a command to its end; RuntimeError with the end of its log when it fails."""
        self.start(name, command)
        try:
            code = self._started.pop(name).wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        if code != 0:
            said = "not done in time" if code is None else f"exit {code}"
            raise RuntimeError(f"{name}: {said}\n{self.tail(name)}")

    def check(self) -> None:
        """RuntimeError when one of the long-lived processes has ended."""
        for name, process in self._started.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended with {process.returncode}\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 15) -> str:
        """The end of a process's log."""
        path = self._logs / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def stop(self, *, grace: float = 20.0) -> None:
        """Ask everything of this demo's to end, wait, and kill what is left."""
        for process in self._ours():
            _send(process, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline and self._ours():
            self._reap()
            time.sleep(0.2)
        for _ in range(20):  # a dying parent may just have made another child
            left = self._ours()
            if not left:
                break
            for process in left:
                _send(process, signal.SIGKILL)
            self._reap()
            time.sleep(0.2)
        self._reap()
        self._started.clear()

    def _end_what_was_left(self) -> None:
        """A demo that was killed could not clean up behind itself."""
        if not self._note.exists():
            return
        left = json.loads(self._note.read_text())
        if _is_demo(left["pid"]):
            raise AlreadyRunning(f"a demo runs here already (process {left['pid']})")
        own, self.mark = self.mark, left["mark"]
        self._sessions = {pid: began for pid, began in left["sessions"] if _is_same(pid, began)}
        self.stop()
        self.mark, self._sessions = own, {}

    def _take_note(self) -> None:
        self._note.parent.mkdir(parents=True, exist_ok=True)
        note = {"mark": self.mark, "pid": os.getpid(), "sessions": list(self._sessions.items())}
        self._note.write_text(json.dumps(note))

    def _reap(self) -> None:
        for process in self._started.values():
            process.poll()

    def _ours(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                if process.status() != psutil.STATUS_ZOMBIE and (
                    os.getsid(process.pid) in self._sessions or process.environ().get(MARK) == self.mark
                ):
                    found.append(process)
            except (psutil.Error, ProcessLookupError):
                continue
        return found


def _is_demo(pid: int) -> bool:
    try:
        return "demo" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _is_same(pid: int, began: float) -> bool:
    """Whether this number still means what it meant: the kernel gives it to nobody else while its session lives."""
    try:
        return abs(psutil.Process(pid).create_time() - began) < 1
    except psutil.Error:
        return True


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return
