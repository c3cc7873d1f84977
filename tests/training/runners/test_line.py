"""A line to another machine: only to one that is known, and no call over it waits for ever."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog, open_blobs, settings
from catalog.records import SubmissionState
from training import steps
from training.errors import RunnerError, Superseded, Unreachable
from training.runners.jobs import job_of
from training.runners.line import Line
from training.runners.ssh import Ssh
from training.runners.submitting import Submissions

pytestmark = pytest.mark.usefixtures("by_ssh")


def test_a_host_whose_key_is_not_known_is_never_trusted(
    approved: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nobody").touch()
    trusted = str(settings().ssh_known_hosts)
    monkeypatch.setenv("FACELOOP_SSH_KNOWN_HOSTS", str(tmp_path / "nobody"))
    settings.cache_clear()
    with pytest.raises(Unreachable, match="Host key verification failed"):
        Submissions(catalog=approved).submit(job_of(catalog=approved, settings=settings()))
    monkeypatch.setenv("FACELOOP_SSH_KNOWN_HOSTS", trusted)  # what was asked for can be taken back
    settings.cache_clear()


@pytest.mark.parametrize("host", ["", "-oProxyCommand=touch x"])
def test_a_host_that_is_none(approved: Catalog, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("FACELOOP_SSH_HOST", host)
    settings.cache_clear()
    with pytest.raises(RunnerError, match="FACELOOP_SSH_HOST"):
        Submissions(catalog=approved).submit(job_of(catalog=approved, settings=settings()))


def test_a_machine_that_hangs_while_its_line_lives_counts_as_out_of_reach(approved: Catalog) -> None:
    line = Line(settings(), word=2, parcel=2)
    with pytest.raises(Unreachable, match="has not answered for 2 s"):
        line.say("sleep 60")
    for word, parcel, said in ((2, 9, "has let nothing through for 2 s"), (9, 2, "was not done after 2 s")):
        line = Line(settings(), word=word, parcel=parcel)
        with pytest.raises(Unreachable, match=said):
            line.send("sleep 60", lambda into: into.write(b"face"))
        with pytest.raises(Unreachable, match=said):
            line.receive("sleep 60", lambda source: source.read())
    assert line.say("echo here") == "here\n"


def test_what_moves_slowly_is_not_taken_for_what_stands_still(approved: Catalog) -> None:
    line = Line(settings(), word=3)

    def slowly(into: Any) -> None:
        for _ in range(5):
            into.write(b"face" * 20_000)
            into.flush()
            time.sleep(1)

    line.send("cat > /dev/null", slowly)
    parts = "for i in 1 2 3 4 5; do head -c 20000 /dev/zero; sleep 1; done"
    assert (
        line.receive(parts, lambda source: sum(len(part) for part in iter(lambda: source.read(10_000), b""))) == 100_000
    )


def test_a_parcel_whose_sender_has_lost_its_lease_goes_no_further(approved: Catalog, tmp_path: Path) -> None:
    line, pieces = Line(settings()), 0

    def keep() -> None:
        if pieces == 3:
            raise Superseded("run x was taken over")

    def write(into: Any) -> None:
        nonlocal pieces
        while True:
            pieces += 1
            into.write(b"face" * 10_000)

    with pytest.raises(Superseded):
        line.send(f"cat > '{tmp_path}/got'", write, keep=keep)
    assert pieces == 3
    with pytest.raises(Superseded):
        line.receive("cat /dev/zero", lambda source: iter(lambda: source.read(10_000), b"").__next__(), keep=keep)


def test_a_machine_that_answers_nonsense_is_said_to(
    approved: Catalog, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = approved.submissions.open("k" * 64, run="r", snapshot_id=steps.snapshot(), runner="ssh", job={})
    shouts = there.parent / "python that greets"
    shouts.write_text(f'#!/bin/sh\necho "Welcome to this machine!"\nexec {sys.executable} "$@"\n')
    shouts.chmod(0o755)
    monkeypatch.setenv("FACELOOP_SSH_PYTHON", str(shouts))
    settings.cache_clear()
    with pytest.raises(RunnerError, match="answers nonsense: 'Welcome to this machine!"):
        Ssh(settings(), catalog=approved, blobs=open_blobs()).look(row)
    approved.submissions.note(row, state=SubmissionState.LOST)
