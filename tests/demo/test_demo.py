"""`python -m demo`: comes up, says where and as whom, and leaves nothing behind when it is told to stop."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]


def processes_of(home: Path) -> list[str]:
    """What still runs with this home in its command or its environment."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + " ".join(process.environ().values())
            if str(home) in told and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def listening(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def read_until(demo: subprocess.Popen[str], pattern: str, *, seconds: float) -> str:
    said, deadline = "", time.monotonic() + seconds
    assert demo.stdout is not None
    while not re.search(pattern, said):
        assert time.monotonic() < deadline, said
        line = demo.stdout.readline()
        assert line, said
        said += line
    return said


@pytest.mark.airflow
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_demo_comes_up_tells_the_logins_and_leaves_nothing_behind(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    demo = subprocess.Popen(
        [sys.executable, "-m", "demo", "--home", str(home)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said = read_until(demo, r"Ctrl-C stops everything", seconds=420)
        url = re.search(r"up after \d+ s: (http://127\.0\.0\.1:(\d+))", said)
        assert url, said
        login = re.search(r"rita +user +(\S+)", said)
        assert login, said
        web = requests.Session()
        web.trust_env = False
        assert web.get(f"{url[1]}/review-desk/", timeout=60).status_code == 401
        token = web.post(f"{url[1]}/auth/token", json={"username": "rita", "password": login[1]}, timeout=60)
        signed = {"Authorization": f"Bearer {token.json()['access_token']}"}
        assert web.get(f"{url[1]}/review-desk/", headers=signed, timeout=60).status_code == 200
        demo.send_signal(signal.SIGINT)
        assert demo.wait(90) == 0
    finally:
        if demo.poll() is None:
            demo.kill()
            demo.wait()
    assert processes_of(home) == []
    assert not listening(int(url[2]))
