"""A PostgreSQL server of one's own: Debian's, on a free port of loopback; its data goes with it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

WHERE_DEBIAN_PUTS_IT = Path("/usr/lib/postgresql")


@contextmanager
def running(*options: str) -> Iterator[str]:
    """The URL of a running server, without a database's name. RuntimeError when there is no PostgreSQL, or it fails."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="faceloop-postgres-"))
    owner = _owner(folder)
    data, port = folder / "data", _free_port()
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "faceloop", "--auth=trust", "--encoding=UTF8", "--no-sync"],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        **owner,
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), "-k", folder, "-h", "127.0.0.1", *options],
            stdout=log,
            stderr=log,
            cwd=folder,
            **owner,
        )
    try:
        _wait(server, port, folder / "log")
        yield f"postgresql+psycopg://faceloop@127.0.0.1:{port}/"
    finally:
        server.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def ask(server: str, statement: str) -> None:
    """Run one statement outside any database of ours: CREATE DATABASE, say."""
    with psycopg.connect(server.replace("+psycopg", "") + "postgres", autocommit=True) as connection:
        connection.execute(statement)  # type: ignore[arg-type]  # names made by tests and benches, no one's input


def _programs() -> Path:
    found = sorted(WHERE_DEBIAN_PUTS_IT.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        raise RuntimeError("this needs the PostgreSQL server: run `make setup` (Debian's package is postgresql)")
    return Path(on_path).resolve().parent


def _owner(folder: Path) -> dict[str, object]:
    """Who runs the server: it refuses to be root, so then the user that Debian's package made."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if server.poll() is not None:
            break
        try:
            psycopg.connect(host="127.0.0.1", port=port, user="faceloop", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
