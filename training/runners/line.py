"""OpenSSH's client as a line to one machine: commands and streams. No password is ever asked, no unknown host taken."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from catalog import Settings
from training.errors import RunnerError, Unreachable

_NO_LINE = 255
"""What ssh itself exits with when there is no line, or no more."""


_WORD, _PARCEL = 600, 12 * 3600
"""Seconds that a command, and a parcel of gigabytes, may take: a machine that hangs while its line lives ends no call
by itself."""


class Line:
    """A line to the configured machine. Raises Unreachable when there is none, RunnerError when a command fails.

    `word` and `parcel` are the seconds that a command and a stream may take; longer ones count as unreachable.
    """

    def __init__(self, settings: Settings, *, word: float = _WORD, parcel: float = _PARCEL) -> None:
        if not settings.ssh_host or settings.ssh_host.startswith("-"):
            raise RunnerError("no machine to train on by ssh: set FACELOOP_SSH_HOST")
        self.host, self._word, self._parcel = settings.ssh_host, word, parcel
        self._words = ["ssh", "-T", "-p", str(settings.ssh_port), "-o", "BatchMode=yes"]
        self._words += ["-o", "StrictHostKeyChecking=yes", "-o", f"ConnectTimeout={settings.ssh_connect_seconds}"]
        self._words += ["-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4"]
        if settings.ssh_known_hosts:
            self._words += ["-o", f"UserKnownHostsFile={settings.ssh_known_hosts}", "-o", "GlobalKnownHostsFile=none"]
        if settings.ssh_key:
            self._words += ["-i", settings.ssh_key, "-o", "IdentitiesOnly=yes"]

    def say(self, command: str, *, given: str = "") -> str:
        """Run a command there; what it prints."""
        try:
            done = subprocess.run(self._to(command), input=given.encode(), capture_output=True, timeout=self._word)
        except subprocess.TimeoutExpired:
            raise Unreachable(f"{self.host} has not answered for {self._word:g} s") from None
        self._must_be_well(done.returncode, done.stderr)
        return done.stdout.decode(errors="replace")

    def send(self, command: str, write: Callable[[IO[bytes]], object]) -> None:
        """Run a command there and write to it."""
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                self._to(command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
            ) as process,
            self._limited(process),
        ):
            assert process.stdin is not None
            try:
                with suppress(BrokenPipeError):  # its exit code says why it listens no more
                    write(process.stdin)
            except BaseException:
                process.terminate()
                raise
            finally:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            process.wait()
            said.seek(0)
            self._must_be_well(process.returncode, said.read())

    def receive(self, command: str, read: Callable[[IO[bytes]], Any]) -> Any:
        """Run a command there and read from it. What failed there is told before what failed here because of it."""
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                self._to(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
            ) as process,
            self._limited(process),
        ):
            assert process.stdout is not None
            failed: RunnerError | None = None
            result = None
            try:
                result = read(process.stdout)
            except RunnerError as error:
                failed = error
            except BaseException:
                process.terminate()
                raise
            process.stdout.read()
            process.wait()
            said.seek(0)
            self._must_be_well(process.returncode, said.read())
            if failed:
                raise failed
            return result

    @contextmanager
    def _limited(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """End the line when its time is over. Raises Unreachable then."""
        over = threading.Event()

        def end() -> None:
            over.set()
            process.kill()

        timer = threading.Timer(self._parcel, end)
        timer.start()
        try:
            yield
        except RunnerError:
            if over.is_set():
                raise Unreachable(f"{self.host} was not done after {self._parcel:g} s") from None
            raise
        finally:
            timer.cancel()

    def _to(self, command: str) -> list[str]:
        return [*self._words, "--", self.host, command]

    def _must_be_well(self, code: int, said: bytes) -> None:
        if code == 0:
            return
        lines = said.decode(errors="replace").strip().splitlines() or [f"exit {code}"]
        if code == _NO_LINE:
            raise Unreachable(f"{self.host} does not answer: {lines[-1]}")
        raise RunnerError(f"{self.host}: {lines[-1]}")


def quoted(words: Sequence[str]) -> str:
    """Words as the shell there takes them apart again."""
    return shlex.join(words)
