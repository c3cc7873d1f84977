"""Starting and stopping the demo's processes: each in a group of its own, every descendant found again by a mark.

Airflow's task processes and browsers start sessions of their own and outlive the group that began them. All of them
inherit the environment, so the mark in it names exactly what this demo started, and nothing else.
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

    def __enter__(self) -> Processes:
        self._end_what_was_left()
        self._note.parent.mkdir(parents=True, exist_ok=True)
        self._note.write_text(json.dumps({"mark": self.mark, "pid": os.getpid()}))
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str]) -> None:
        """Start a long-lived process; its output goes to ``<logs>/<name>.log``."""
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{name}.log").open("ab") as log:
            self._started[name] = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

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
        """Ask everything that carries the mark to end, wait, and kill what is left."""
        for process in self._marked():
            _send(process, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline and self._marked():
            self._reap()
            time.sleep(0.2)
        for _ in range(20):  # a dying parent may just have made another child
            left = self._marked()
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
        self.stop()
        self.mark = own

    def _reap(self) -> None:
        for process in self._started.values():
            process.poll()

    def _marked(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found


def _is_demo(pid: int) -> bool:
    try:
        return "demo" in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _send(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return
