"""The runner `ssh`: a training on another machine, kept there by our own keeper, so that no line need stay open.

There, below `FACELOOP_SSH_FOLDER`:

    code/<version>/     our sources, as they are here
    home/               a home of its own: catalog, blobs, runs; the same as here for one training
    .env                settings of that machine, if it has any

It is sent what a training needs (the snapshot with its crops, the newest save) and asked for what it has saved. With
`FACELOOP_SSH_SHARED` nothing is sent but the code: it reads and writes our catalog and store, as its `.env` says.
A command of yours may start the machine before, and one stops it afterwards, whatever happened.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import Blobs, Catalog, Settings
from catalog.records import Submission
from training.errors import RunnerError, Unreachable
from training.runners import parcel
from training.runners.jobs import TRAINING, Job, Seen, seen
from training.runners.leases import token_of_run
from training.runners.line import Line, quoted
from training.runners.local import job_folder, job_name

log = logging.getLogger(__name__)

_PACKAGES = ("catalog", "training")
_ABSENT = "our-code-is-not-there"

_UNPACK = """
import os, shutil, sys, tarfile, tempfile
place = sys.argv[1]
os.makedirs(os.path.dirname(place), exist_ok=True)
fresh = tempfile.mkdtemp(dir=os.path.dirname(place))
try:
    with tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as tar:
        tar.extractall(fresh)
    os.rename(fresh, place)
except BaseException:
    shutil.rmtree(fresh)
    if not os.path.isdir(place):
        raise
"""
"""Unpacks our code in one piece: a stream that breaks off leaves nothing."""


class Ssh:
    """Trains on the machine that the settings name."""

    def __init__(self, settings: Settings, *, catalog: Catalog, blobs: Blobs, pause: float = 5.0) -> None:
        self._settings, self._catalog, self._blobs, self._pause = settings, catalog, blobs, pause
        self._line = Line(settings)

    @property
    def apart(self) -> bool:
        """Whether it trains by a catalog of its own."""
        return not self._settings.ssh_shared

    def start(self, submission: Submission, *, keep: Callable[[], None]) -> Mapping[str, Any]:
        """Start the machine, send what is missing there, begin this attempt if it has not begun.

        What was given up, and still trains there, saves and ends first: of an earlier attempt this one goes on.
        """
        self._up(keep)
        job = Job.of(submission)
        self._make_way(submission, submission.attempt)
        if self.apart:
            self._send_parcel(job, token=token_of_run(submission), keep=keep)
        told = {"command": job.command(self._settings.ssh_python), "environment": {}}
        self._keeper("prepare", submission, given=json.dumps(told))
        keep()
        self._keeper("begin", submission)
        return {"host": self._line.host, "folder": self._settings.ssh_folder}

    def look(self, submission: Submission) -> Seen:
        """How it stands."""
        said = self._keeper("look", submission)
        try:
            told = json.loads(said)
        except ValueError:
            raise RunnerError(f"{self._line.host} answers nonsense: {said[:200]!r}") from None
        return seen(told, attempt=submission.attempt)

    def logs(self, submission: Submission, *, lines: int) -> str:
        """The end of what it has said."""
        return self._keeper("tail", submission, number=lines).rstrip("\n")

    def stop(self, submission: Submission) -> None:
        """Ask it to save and end."""
        self._keeper("stop", submission)

    def fetch(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Bring its newest save here, if it has one that is newer than ours. Raises Superseded."""
        if self._settings.ssh_shared:
            return
        self._up(keep)
        self._send_code()
        command = self._python("training.runners.parcel", "send", submission.run)
        rows = self._line.receive(command, lambda source: parcel.read(source, blobs=self._blobs), keep=keep)
        parcel.unpack(self._catalog, rows, token=token_of_run(submission))

    def teardown(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """End what was given up and still trains there, take the faces off the machine, and stop it. Three tries: one
        that is forgotten costs money."""
        try:
            self._make_way(submission, submission.attempt + 1)
            if not (self._settings.ssh_shared or self._settings.ssh_keep_faces):
                self._say("training.runners.parcel", "clear")
        except RunnerError as error:
            log.warning("a training, and the faces, may still be on %s: %s", self._line.host, error)
        self._run(self._settings.ssh_down, tries=3, keep=keep)

    def _up(self, keep: Callable[[], None]) -> None:
        self._run(self._settings.ssh_up, tries=1, keep=keep)
        end = time.monotonic() + (self._settings.ssh_up_seconds if self._settings.ssh_up else 0)
        while True:
            try:
                self._line.say("true")
            except Unreachable:
                if time.monotonic() >= end:
                    raise
                keep()
                time.sleep(2)
            else:
                return

    def _send_code(self) -> None:
        log.info("sending our code to %s, if it is not there", self._line.host)
        command = quoted([self._settings.ssh_python, "-c", _UNPACK, f"code/{code_of_packages()}"])
        folder = shlex.quote(self._settings.ssh_folder)
        self._line.send(f"mkdir -p {folder} && cd {folder} && {command}", _write_code)

    def _send_parcel(self, job: Job, *, token: int, keep: Callable[[], None]) -> None:
        wanted = parcel.to_train(
            self._catalog, self._blobs, snapshot_id=job.snapshot, preset=job.preset, seed=job.seed, token=token
        )
        held = frozenset(self._say("training.runners.parcel", "held").split())
        command = self._python("training.runners.parcel", "receive")
        log.info("sending %d blobs to %s", sum(f"{k}/{n}" not in held for k, n in wanted.blobs), self._line.host)
        self._line.send(command, lambda to: parcel.write(wanted, to, blobs=self._blobs, held=held), keep=keep)

    def _make_way(self, submission: Submission, attempt: int) -> None:
        """End all trainings there that are no active submission's, nor this attempt: their leases are others' by now.

        Nobody begins one meanwhile: the machine is ours.
        """
        others = self._catalog.submissions.list(runner="ssh", active=True)
        spared = (job_name(other) for other in others if other.key != submission.key)
        self._keeper("make-way", submission, *spared, number=attempt)

    def _keeper(
        self, verb: str, submission: Submission, *words: str, number: int | None = None, given: str = ""
    ) -> str:
        folder = str(job_folder(Path("home"), submission))
        last = str(submission.attempt if number is None else number)
        return self._say("training.runners.keeper", verb, folder, last, *words, given=given)

    def _say(self, module: str, *words: str, given: str = "") -> str:
        """What a module of ours prints there; it is sent first where it is not."""
        command = self._python(module, *words)
        said = self._line.say(command, given=given)
        if said != _ABSENT:
            return said
        self._send_code()
        return self._line.say(command, given=given)

    def _python(self, module: str, *words: str) -> str:
        """A module of ours there, in that machine's folder and with its home."""
        code = f"code/{code_of_packages()}"
        environment = [f"PYTHONPATH={code}", "FACELOOP_HOME=home"]
        if not self._settings.ssh_shared:
            environment += ["FACELOOP_DATABASE=", "FACELOOP_STORE="]
        command = quoted(["env", *environment, self._settings.ssh_python, "-m", module, *words])
        there = f"cd {shlex.quote(self._settings.ssh_folder)} 2>/dev/null && test -d {code}"
        return f"if {there}; then exec {command}; else printf {_ABSENT}; fi"

    def _run(self, command: str, *, tries: int, keep: Callable[[], None]) -> None:
        """A command of the operator's, word by word, no shell. Raises RunnerError when the last try fails."""
        for left in reversed(range(tries if command else 0)):
            keep()
            try:
                done = subprocess.run(shlex.split(command), stdin=subprocess.DEVNULL, capture_output=True, timeout=900)
                said = f"exit {done.returncode} {done.stderr.decode(errors='replace').strip()[-500:]}"
                if done.returncode == 0:
                    return
            except (OSError, subprocess.TimeoutExpired) as error:
                said = str(error)
            if not left:
                raise RunnerError(f"{command}: {said}")
            log.warning("%s: %s; trying again", command, said)
            time.sleep(self._pause)


@lru_cache(maxsize=1)
def code_of_packages() -> str:
    """Twelve hex digits of all that is sent as our code."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(str(path.relative_to(TRAINING.parent)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _sources() -> list[Path]:
    files = (path for package in _PACKAGES for path in (TRAINING.parent / package).rglob("*"))
    return sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts)


def _write_code(into: Any) -> None:
    with tarfile.open(fileobj=into, mode="w|") as tar:
        for path in _sources():
            tar.add(path, arcname=path.relative_to(TRAINING.parent), recursive=False)
