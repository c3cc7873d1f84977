"""OpenSSH's client as a line to one machine: commands and streams. No password is ever asked, no unknown host taken."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Any

from catalog import Settings
from training.errors import RunnerError, Unreachable

_NO_LINE = 255
"""What ssh itself exits with when there is no line, or no more."""


_WORD, _PARCEL = 600, 12 * 3600
"""Seconds that a command, and a parcel of gigabytes, may take, and a parcel may stand still as long as a command: a
machine that hangs while its line lives ends no call by itself."""


class Line:
    """A line to the configured machine. Raises Unreachable when there is none, RunnerError when a command fails.

    `word` and `parcel` are the seconds that a command and a stream may take, and `word` those without a byte of it;
    what takes longer counts as unreachable.
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

    def send(self, command: str, write: Callable[[Any], object], *, keep: Callable[[], None] = lambda: None) -> None:
        """Run a command there and write to it. `keep` is called with each piece; what it raises ends the line."""
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                self._to(command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
            ) as process,
            self._limited(process, keep) as moved,
        ):
            assert process.stdin is not None
            try:
                with suppress(BrokenPipeError):  # its exit code says why it listens no more
                    write(_Watched(process.stdin, moved))
            except BaseException:
                process.terminate()
                raise
            finally:
                with suppress(BrokenPipeError):
                    process.stdin.close()
            process.wait()
            said.seek(0)
            self._must_be_well(process.returncode, said.read())

    def receive(self, command: str, read: Callable[[Any], Any], *, keep: Callable[[], None] = lambda: None) -> Any:
        """Run a command there and read from it; `keep` as above. What failed there is told before what failed here
        because of it."""
        with (
            tempfile.TemporaryFile() as said,
            subprocess.Popen(
                self._to(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
            ) as process,
            self._limited(process, keep) as moved,
        ):
            assert process.stdout is not None
            failed: RunnerError | None = None
            result = None
            try:
                result = read(_Watched(process.stdout, moved))
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
    def _limited(self, process: subprocess.Popen[bytes], keep: Callable[[], None]) -> Iterator[Callable[[], None]]:
        """End the line when its time is over, or nothing has moved for long; gives what says that something has.

        Raises Unreachable when it was ended.
        """
        began = last = time.monotonic()
        done, why = threading.Event(), ""

        def moved() -> None:
            nonlocal last
            last = time.monotonic()
            keep()

        def watch() -> None:
            nonlocal why
            while (left := min(began + self._parcel, last + self._word) - time.monotonic()) > 0:
                if done.wait(left):
                    return
            whole = time.monotonic() >= began + self._parcel
            why = f"was not done after {self._parcel:g} s" if whole else f"has let nothing through for {self._word:g} s"
            process.kill()

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield moved
        except RunnerError:
            if why:
                raise Unreachable(f"{self.host} {why}") from None
            raise
        finally:
            done.set()
            watching.join()

    def _to(self, command: str) -> list[str]:
        return [*self._words, "--", self.host, command]

    def _must_be_well(self, code: int, said: bytes) -> None:
        if code == 0:
            return
        lines = said.decode(errors="replace").strip().splitlines() or [f"exit {code}"]
        if code == _NO_LINE:
            raise Unreachable(f"{self.host} does not answer: {lines[-1]}")
        raise RunnerError(f"{self.host}: {lines[-1]}")


class _Watched:
    """A stream that says of each piece that it has moved."""

    def __init__(self, stream: IO[bytes], moved: Callable[[], None]) -> None:
        self._stream, self._moved = stream, moved

    def write(self, data: Any) -> int:
        written = self._stream.write(data)
        self._moved()
        return written

    def flush(self) -> None:
        self._stream.flush()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self._moved()
        return data


def quoted(words: Sequence[str]) -> str:
    """Words as the shell there takes them apart again."""
    return shlex.join(words)
