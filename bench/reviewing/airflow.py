"""Airflow's own web server with our plugin in it, on a free port: started, killed -9, started again, weighed."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]


class Airflow:
    """The web server over the catalog and the blobs in ``home``; its people are those named, with role User."""

    def __init__(self, home: Path, people: Sequence[str]) -> None:
        self.home, self._password = home, secrets.token_urlsafe(16)
        self._server: subprocess.Popen[bytes] | None = None
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.desk = f"{self.url}/review-desk"
        (home / "dags").mkdir(parents=True, exist_ok=True)
        (home / "passwords.json").write_text(json.dumps(dict.fromkeys(people, self._password)))
        settings = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:user" for name in people),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),  # who is signed in stays so when it is killed
            "FACELOOP_DATABASE": f"sqlite:///{home / 'catalog.db'}",
            "FACELOOP_STORE": (home / "blobs").as_uri(),
            "FACELOOP_HOME": str(home / "home"),
            "PYTHONPATH": str(ROOT),
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "FACELOOP"))}
        self.environment = kept | settings
        subprocess.run(
            [sys.executable, "-m", "airflow", "db", "migrate"],
            env=self.environment,
            check=True,
            capture_output=True,
            timeout=300,
        )

    def __enter__(self) -> Airflow:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers. RuntimeError when it does not."""
        with (self.home / "api.log").open("ab") as log:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "airflow", "api-server"],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + 240
        while time.monotonic() < until and self._server.poll() is None:
            try:
                with self._open(f"{self.url}/api/v2/monitor/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.2)
        self.stop()
        raise RuntimeError(f"Airflow's web server did not come up:\n{(self.home / 'api.log').read_text()[-3000:]}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End it, or kill it with SIGKILL, its own processes included."""
        server, self._server = self._server, None
        if server is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(server.pid, how)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()

    def token(self, person: str) -> str:
        """Sign in; the session's token."""
        body = json.dumps({"username": person, "password": self._password}).encode()
        request = urllib.request.Request(
            f"{self.url}/auth/token", data=body, headers={"Content-Type": "application/json"}
        )
        with self._open(request, timeout=60) as answer:
            token: str = json.load(answer)["access_token"]
        return token

    def get(self, path: str, token: str) -> bytes:
        """A page of the desk, as a script would fetch it."""
        request = urllib.request.Request(f"{self.desk}{path}", headers={"Authorization": f"Bearer {token}"})
        with self._open(request, timeout=120) as answer:
            data: bytes = answer.read()
        return data

    def megabytes(self) -> float:
        """The memory of its processes: what is shared counts once (PSS). 0 when it does not run."""
        if self._server is None:
            return 0.0
        total = 0
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._server.pid)
            for process in (parent, *parent.children(recursive=True)):
                with suppress(psutil.NoSuchProcess):
                    total += process.memory_full_info().pss
        return total / 2**20


class Scales:
    """Weighs the server every second, and keeps the most that it weighed."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow, self._done = airflow, threading.Event()
        self.most = 0.0
        self._thread = threading.Thread(target=self._weigh, daemon=True)

    def __enter__(self) -> Scales:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _weigh(self) -> None:
        while not self._done.wait(1.0):
            self.most = max(self.most, self._airflow.megabytes())


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
