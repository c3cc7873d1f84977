"""A real sshd on loopback with keys of its own, and a wire to it that can be cut."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")

CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
MaxStartups 100
SetEnv OMP_NUM_THREADS=1 WANDB_MODE=disabled
"""


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens, and the files that a client needs."""

    port: int
    key: Path
    host_key: Path

    def known_as(self, port: int, path: Path) -> Path:
        """A known_hosts file that has its host key, at that port of loopback."""
        kind, key, *_ = self.host_key.with_suffix(".pub").read_text().split()
        path.write_text(f"[127.0.0.1]:{port} {kind} {key}\n")
        return path


@contextmanager
def sshd(folder: Path) -> Iterator[Server]:
    """A running one; it ends by its own process number, and its sessions with their clients."""
    if SSHD is None:
        pytest.skip("no sshd: install openssh-server")
    if os.geteuid() == 0:
        try:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks itself up before anybody has signed in
        except OSError as error:
            pytest.skip(f"sshd needs /run/sshd when root starts it, and it cannot be made: {error}")
    folder.mkdir(mode=0o700)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    port = free_port()
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "config"], stderr=log, stdin=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 30
        while not _listens(port):
            assert server.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end
            time.sleep(0.02)
        yield Server(port, folder / "user_key", folder / "host_key")
    finally:
        server.terminate()
        server.wait()


class Wire:
    """A port that leads to another. ``cut_after``: so many bytes towards it go through, then the connection breaks."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.cut_after: int | None = None
        self.cuts = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Nobody gets through any more."""
        self._listening.close()
        self.cut()

    def cut(self) -> None:
        """Break every connection that is open."""
        for each in self._open:
            _break(each)
        self._open.clear()

    def _accept(self) -> None:
        while True:
            try:
                here, _ = self._listening.accept()
                there = socket.create_connection(("127.0.0.1", self._to))
            except OSError:
                return
            self._open += [here, there]
            for pair, limit in (((here, there), self.cut_after), ((there, here), None)):
                threading.Thread(target=self._carry, args=(*pair, limit), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, limit: int | None) -> None:
        carried = 0
        try:
            while data := source.recv(4096):
                carried += len(data)
                if limit is not None and carried > limit:
                    self.cuts += 1
                    _break(source)
                    break
                target.sendall(data)
        except OSError:
            pass
        _break(target)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _break(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
