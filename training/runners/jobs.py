"""What is given to a runner, what a runner must be able to do, and what is seen of it."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from catalog import Catalog, Settings
from catalog.records import Submission, SubmissionState
from training.errors import Unknown
from training.monitoring.stopping import rules_for
from training.presets import preset as preset_named
from training.store import run_name

TRAINING = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Job:
    """One training. Two that are equal are the same training, wherever and whenever they are asked for.

    With `slice_steps` (0: to the preset's end), `turn` names which of a run's slices this is, the night's say.
    `stop_when` are the rules that end it early; None, in what was submitted before they were sent along: those that
    are configured where it trains.
    """

    snapshot: str
    preset: str
    seed: int
    slice_steps: int
    turn: str
    device: str
    again: bool
    code: str
    stop_when: str | None = None

    @property
    def key(self) -> str:
        """The sha256 of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @property
    def run(self) -> str:
        """The run that it trains, which other jobs may have trained before."""
        return run_name(self.snapshot, preset=self.preset, seed=self.seed)

    @staticmethod
    def of(submission: Submission) -> Job:
        """What was submitted."""
        return Job(**submission.job)

    def command(self, python: str) -> list[str]:
        """How that Python trains it; exit 75 when it was asked to stop and has saved."""
        words = [python, "-m", "training", "train", "--json", "--snapshot", self.snapshot, "--preset", self.preset]
        words += ["--seed", str(self.seed), "--slice-steps", str(self.slice_steps)]
        words += ["--device", self.device] if self.device else []
        words += ["--stop-when", self.stop_when] if self.stop_when is not None else []
        return [*words, "--again"] if self.again else words


def job_of(
    snapshot_id: str = "",
    *,
    preset: str = "",
    seed: int | None = None,
    slice_steps: int | None = None,
    turn: str = "",
    device: str = "",
    again: bool = False,
    stop_when: str | None = None,
    catalog: Catalog,
    settings: Settings,
) -> Job:
    """The training of a snapshot (default: the newest), by default as configured. Raises Unknown, NotFound, BadRule."""
    row = catalog.snapshots.get(snapshot_id) if snapshot_id else catalog.snapshots.newest()
    if row is None:
        raise Unknown("no snapshot has been taken yet")
    steps = settings.train_slice_steps if slice_steps is None else slice_steps
    wanted = preset_named(preset or settings.train_preset)
    rules = settings.stop_when if stop_when is None else stop_when
    rules_for(rules, wanted)  # one that cannot be read is refused here, before a machine is started for it
    return Job(
        snapshot=row.id,
        preset=wanted.name,
        seed=settings.train_seed if seed is None else seed,
        slice_steps=steps,
        turn=turn if steps else "",  # a training to its end is one, whoever asks for it
        device=device,
        again=again,
        code=code_of_training(),
        stop_when=rules,
    )


@lru_cache(maxsize=1)
def code_of_training() -> str:
    """Twelve hex digits of the sources that a training runs, wherever it runs."""
    return digits_of(TRAINING)


def digits_of(sources: Path) -> str:
    """Twelve hex digits of all the Python below a folder."""
    digest = hashlib.sha256()
    for path in sorted(sources.rglob("*.py")):
        digest.update(str(path.relative_to(sources)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def named(row: Submission) -> str:
    """A submission in a sentence for a person."""
    return f"{row.key[:12]} on {row.runner}"


@dataclass(frozen=True, slots=True)
class Seen:
    """How a runner says an attempt stands."""

    state: SubmissionState
    exit_code: int | None = None
    reason: str = ""


class Runner(Protocol):
    """Gives a training to a machine and finds it again. Every verb may be said twice, and after any crash.

    Raises RunnerError, Unreachable.
    """

    @property
    def apart(self) -> bool:
        """Whether it trains by a catalog of its own, so that whoever submits holds our leases for it."""

    def start(self, submission: Submission, *, keep: Callable[[], None]) -> Mapping[str, Any]:
        """Begin this attempt if it has not begun; what it is found by. Whatever else trains its run there ends before.

        `keep`, here and below, is called in the midst of what takes long; when it raises (Superseded), it is given up.
        """

    def look(self, submission: Submission) -> Seen:
        """How it stands."""

    def logs(self, submission: Submission, *, lines: int) -> str:
        """The end of what it has said."""

    def stop(self, submission: Submission) -> None:
        """Ask it to save and end."""

    def fetch(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Bring what it has saved into the blob store and the catalog, if it does not put it there itself."""

    def teardown(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Stop what was started for it, if nothing else needs it."""


def seen(told: Mapping[str, Any], *, attempt: int) -> Seen:
    """What a keeper's look means for an attempt."""
    ended = told["ended"]
    if told["begun"] < attempt:  # also while an earlier one still runs
        return Seen(SubmissionState.SUBMITTED)
    if told["begun"] > attempt:
        return Seen(SubmissionState.LOST, reason="a newer attempt has taken its place there")
    if told["running"]:
        return Seen(SubmissionState.RUNNING)
    if ended is None or ended["attempt"] != attempt:
        return Seen(SubmissionState.LOST, reason="it ended without a word: the machine, or its keeper, was stopped")
    return ending(ended["code"], str(ended["said"].get("error", "")))


def ending(code: int, said: str) -> Seen:
    """What an exit code means. A process that was killed had no say in it: it may go on elsewhere."""
    if code == 0:
        return Seen(SubmissionState.SUCCEEDED, code)
    if code == os.EX_TEMPFAIL:
        return Seen(SubmissionState.STOPPED, code, "it was asked to stop, and has saved")
    if code < 0:
        return Seen(SubmissionState.LOST, code, f"it was killed by signal {-code}")
    return Seen(SubmissionState.FAILED, code, said or f"exit {code}")
