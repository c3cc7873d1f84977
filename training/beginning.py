"""What is trained tonight, and which run it is: what has begun comes to its end before newer faces are begun."""

from __future__ import annotations

from dataclasses import dataclass

from catalog import Catalog, Settings
from catalog import settings as configured
from catalog.records import Run, RunState, SubmissionState
from training.errors import ResumeRefused
from training.freezing import snapshot_named
from training.presets import Preset
from training.presets import preset as preset_named
from training.runners.leases import has_begun
from training.standing import last_submissions
from training.store import run_name


@dataclass(frozen=True, slots=True)
class Begun:
    """The training that was submitted, has saved and has not come to its end; why it is not gone on with, or empty."""

    run: Run
    dropped: str = ""


def due(
    snapshot_id: str = "",
    *,
    preset: str = "",
    seed: int | None = None,
    catalog: Catalog | None = None,
    settings: Settings | None = None,
) -> str:
    """The snapshot to train tonight: that of the training that has begun, else this one (default: the newest).

    A training that its night's end or its slice stopped goes on with its own faces, however many have been approved
    since: a new one each night would never come to an end. It is dropped when one of its faces has been erased, when
    its last attempt failed or was lost after it had begun, or when preset or seed are others now. A machine that could
    not be had is no fault of the training.
    """
    catalog, settings = catalog or Catalog(), settings or configured()
    preset = preset_named(preset or settings.train_preset).name
    found = begun(catalog, preset=preset, seed=settings.train_seed if seed is None else seed)
    if found is not None and not found.dropped:
        return found.run.snapshot_id
    return snapshot_named(catalog, snapshot_id).id


def begun(catalog: Catalog, *, preset: str, seed: int) -> Begun | None:
    """The last such training of this preset and seed; None when there is none."""
    running = [run for run in catalog.models.runs(state=RunState.RUNNING) if (run.preset, run.seed) == (preset, seed)]
    last = last_submissions(catalog)
    for run in running:
        row = last.get(run_name(run.snapshot_id, preset=preset, seed=seed))
        if row is None or run.step == 0:
            continue  # somebody trains by hand, or nothing of it would be lost
        if erased := catalog.nights.erased(run.snapshot_id):
            return Begun(run, f"{erased} of its faces {'has' if erased == 1 else 'have'} been erased since")
        if row.state in (SubmissionState.FAILED, SubmissionState.LOST) and has_begun(row):
            return Begun(run, f"its last attempt {'failed' if row.state is SubmissionState.FAILED else 'was lost'}")
        return Begun(run)
    return None


def open_run(
    catalog: Catalog, snapshot_id: str, wanted: Preset, *, seed: int, begins: str, code: str, again: bool
) -> Run:
    """The run of this snapshot, preset and seed, new or to be gone on with; `begins` is the sha256 of the weights that
    it is to begin from, empty: of whichever it did.

    Raises ResumeRefused when it began from others, or when it failed by itself and nobody asks for it `again`.
    """
    run = catalog.models.open_run(
        snapshot_id, preset=wanted.name, seed=seed, total_steps=wanted.total_iters, origin=begins, code=code
    )
    if begins and run.origin != begins:
        name = run_name(snapshot_id, preset=wanted.name, seed=seed)
        raise ResumeRefused(f"{name} began {_origin_said(run.origin)}; another seed begins another run")
    if run.state is RunState.FAILED and not again and run.code in ("", code):
        raise ResumeRefused(f"this very training failed before ({run.reason}); --again repeats it all the same")
    return run


def _origin_said(origin: str) -> str:
    return f"from the weights {origin[:12]}" if origin else "from nothing"
