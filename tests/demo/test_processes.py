"""The demo's processes: all of them end with it, whatever they did to hide, and nobody else's do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from demo.processes import AlreadyRunning, Processes

SLEEP = "import time; time.sleep(600)"
#: Starts a child in a session of its own, the way task processes and browsers do, and forgets it.
HIDING = (
    "import subprocess, sys, time; "
    f"subprocess.Popen([sys.executable, '-c', {SLEEP!r}], start_new_session=True); time.sleep(600)"
)
#: Overwrites its environment, as a process that renames itself does.
RENAMED = "import setproctitle, time; setproctitle.setproctitle('renamed ' + 'x' * 4000); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes(tmp_path: Path) -> Processes:
    return Processes(logs=tmp_path / "logs", environment=os.environ)


@pytest.mark.parametrize("code", [SLEEP, HIDING, RENAMED, DEAF], ids=["plain", "hiding", "renamed", "deaf"])
def test_everything_it_started_ends_with_it(tmp_path: Path, code: str) -> None:
    mine = processes(tmp_path)
    with mine:
        mine.start("one", [sys.executable, "-c", code])
        (root,) = json.loads((tmp_path / "processes.json").read_text())["sessions"]
        leader = psutil.Process(root[0])
        until(lambda: code != HIDING or bool(leader.children()))
        time.sleep(0.5)  # long enough to rename itself, or to stop listening
        family = [leader.pid, *(child.pid for child in leader.children(recursive=True))]
        mine.stop(grace=2)
    assert not any(alive(pid) for pid in family)


def test_a_process_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    try:
        with processes(tmp_path) as mine:
            mine.start("one", [sys.executable, "-c", SLEEP])
        assert alive(other.pid)
    finally:
        other.kill()
        other.wait()


def test_what_a_killed_demo_left_ends_when_the_next_one_begins(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from demo.processes import Processes; "
        f"mine = Processes(logs=Path({str(tmp_path / 'logs')!r}), environment=os.environ); mine.__enter__(); "
        f"mine.start('one', [sys.executable, '-c', {SLEEP!r}]); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False, timeout=60)
    ((pid, _),) = json.loads((tmp_path / "processes.json").read_text())["sessions"]
    assert alive(pid)
    with processes(tmp_path):
        assert not alive(pid)


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", SLEEP, "demo"])
    try:
        (tmp_path / "processes.json").write_text(json.dumps({"mark": "x", "pid": holder.pid, "sessions": []}))
        with pytest.raises(AlreadyRunning, match=str(holder.pid)), processes(tmp_path):
            pass
        assert alive(holder.pid)
    finally:
        holder.kill()
        holder.wait()


def test_a_command_that_fails_says_so_with_the_end_of_its_log(tmp_path: Path) -> None:
    with processes(tmp_path) as mine, pytest.raises(RuntimeError, match=r"(?s)exit 3.*too bad"):
        mine.run("one", [sys.executable, "-c", "print('too bad'); raise SystemExit(3)"], seconds=30)


def test_a_server_that_ends_is_noticed(tmp_path: Path) -> None:
    with processes(tmp_path) as mine:
        mine.start("server", [sys.executable, "-c", "print('port in use'); raise SystemExit(1)"])
        with pytest.raises(RuntimeError, match="port in use"):  # noqa: PT012  # it may take a moment to end
            for _ in range(400):
                mine.check()
                time.sleep(0.05)
