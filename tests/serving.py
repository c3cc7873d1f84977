"""Airflow's own web server with our plugins, for the tests that ask a real one: with either of its auth managers."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from desks import Airflow, direct
from shelf import Shelf

from catalog import Catalog
from catalog.blobs import open_blobs

REPOSITORY = Path(__file__).resolve().parents[1]
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"

#: Runs Airflow's commands one after the other in one process: each by itself takes most of its time to start.
COMMANDS = """
import json, sys
from airflow.cli.cli_parser import get_parser
for words in json.loads(sys.stdin.read()):
    given = get_parser().parse_args(words)
    given.func(given)
"""


@contextmanager
def simple(home: Path, people: Mapping[str, str]) -> Iterator[Airflow]:
    """With SimpleAuthManager; people's names with their roles."""
    password = secrets.token_urlsafe(16)
    (home / "passwords.json").write_text(json.dumps(dict.fromkeys(people, password)))
    settings = {
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in people.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
    }
    with _serving(home, settings, password=password) as airflow:
        yield airflow


@contextmanager
def fab(home: Path, people: Mapping[str, Sequence[str]]) -> Iterator[Airflow]:
    """With FAB's auth manager, below a path of its own; people's names with their roles, Reviewer among them.

    The role is made by the very commands that the deployment runs.
    """
    password = secrets.token_urlsafe(16)
    commands = [line.split()[1:] for line in re.findall(r"^airflow roles .*$", _script(), re.MULTILINE)]
    assert commands, "docker/init.sh makes the role"
    for name, (first, *others) in people.items():
        who = ["-u", name, "-f", name, "-l", "Somebody", "-e", f"{name}@example.org", "-p", password]
        commands.append(["users", "create", "-r", first, *who])
        commands += [["users", "add-role", "-u", name, "-r", role] for role in others]
    with _serving(
        home, {"AIRFLOW__CORE__AUTH_MANAGER": FAB}, password=password, path="/some/where", commands=commands
    ) as airflow:
        yield airflow


@contextmanager
def _serving(
    home: Path,
    given: Mapping[str, str],
    *,
    password: str,
    path: str = "",
    commands: Sequence[Sequence[str]] = (),
) -> Iterator[Airflow]:
    """Airflow's web server on a free port of loopback until the block ends."""
    port = _free_port()
    url = f"http://127.0.0.1:{port}{path}"
    (home / "dags").mkdir()
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets.token_hex(64),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "FACELOOP_SECOND_REVIEW_SHARE": "0",  # which photo is looked at twice hangs on its number
        "FACELOOP_DATABASE": f"sqlite:///{home / 'catalog.db'}",
        "FACELOOP_STORE": (home / "blobs").as_uri(),
        "PYTHONPATH": str(REPOSITORY),
        **given,
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "FACELOOP"))} | settings
    command = [sys.executable, "-m", "airflow"]
    subprocess.run([*command, "db", "migrate"], env=environment, check=True, capture_output=True, timeout=240)
    if commands:
        ran = subprocess.run(
            [sys.executable, "-c", COMMANDS],
            env=environment,
            input=json.dumps(list(commands)),
            text=True,
            capture_output=True,
            timeout=240,
        )
        assert ran.returncode == 0, ran.stderr[-3000:]
    catalog = Catalog(settings["FACELOOP_DATABASE"])
    with (home / "api.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "api-server"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(f"{url}/api/v2/monitor/health", server, home / "api.log")
        yield Airflow(url, Shelf(catalog, open_blobs(settings["FACELOOP_STORE"])), password)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        catalog.close()


def _script() -> str:
    return (REPOSITORY / "docker" / "init.sh").read_text()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(360):
        if server.poll() is not None:
            break
        try:
            with direct().open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"Airflow's web server did not come up:\n{log.read_text()[-3000:]}")
