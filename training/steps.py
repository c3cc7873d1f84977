"""The verbs, from snapshot to promote. Each may be killed and run again with nothing lost or doubled.

What a step makes is stored before the row that says so. Ids go in and out, as between the tasks of a DAG. torch, cv2,
dlib and wandb are imported inside the verbs that need them, so that a DAG may import this file. Settings, catalog and
blobs are parameters; the default is the configured ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings, open_blobs
from catalog import settings as configured
from catalog.records import Run, RunState
from training.beginning import due, open_run
from training.devices import device_named, make_current, own_device
from training.errors import BadSnapshot, DeadPenalty, Diverged
from training.freezing import diff, people, snapshot, snapshot_named, verify
from training.gating import gate
from training.gpu import using
from training.holding import Hold, holding
from training.judging import is_champion, promote, roll_back, unusual
from training.learning.threads import threads_of_ones_own
from training.measuring import evaluate, report
from training.presets import preset as preset_named
from training.store import FILES, Store, run_name

if TYPE_CHECKING:
    from training.evaluation.examining import Describe
    from training.faces.data import Faces
    from training.learning.loop import Trained as Result


__all__ = [
    "Trained",
    "diff",
    "due",
    "evaluate",
    "gate",
    "is_champion",
    "people",
    "promote",
    "report",
    "roll_back",
    "snapshot",
    "train",
    "unusual",
    "verify",
]


@dataclass(frozen=True, slots=True)
class Trained:
    """How one call of `train` ended. `samples` are the newest sample grids, `checkpoints` the newest three files, and
    `page` the fourth, which makes them whole."""

    run_id: int
    name: str
    step: int
    total_steps: int
    trained: int
    finished: bool
    early: str  # why a rule ended it before the preset's end; empty: none did
    stopped: bool
    checkpoints: tuple[Path, ...]
    samples: tuple[Path, ...]
    losses: dict[str, float]
    seconds_per_step: float
    page: Path
    best: int | None = None  # step of the kept checkpoint that looks best on held-out faces; None: none was looked at


def train(
    snapshot_id: str = "",
    *,
    preset: str = "",
    seed: int | None = None,
    slice_steps: int | None = None,
    again: bool = False,
    origin: Path | None = None,
    device: str = "",
    threads: int = 0,
    stop: Callable[[], bool] = lambda: False,
    stop_when: str | None = None,
    describe: Describe | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> Trained:
    """Train a snapshot (default: the newest) for one slice, going on from the run's last checkpoint if it has one.

    `stop` is asked after each step; `slice_steps` bounds this call (0: to the preset's end; None: as configured).
    Each save is in the blob store and the catalog before training goes on. A run that failed by itself would fail the
    same way: it is refused unless it is asked for `again`. A new run may begin from the averaged networks of `origin`,
    a file in the published format; which one it was stays known. One process at a time trains a run: one that was
    taken over, having been frozen or cut off for long, records nothing more. `stop_when` are rules that end the run
    early (stopping.py; None: as configured): it is done then, with the rule as its reason, and goes on only when it is
    asked without that rule. `describe` is another face network than dlib's, for the probes.
    Raises Unknown, BadSnapshot, BadCheckpoint, BadRule, NotSaved, Diverged, DeadPenalty, ResumeRefused, RunBusy,
    Superseded.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    wanted = preset_named(preset or settings.train_preset)
    seed = settings.train_seed if seed is None else seed
    slice_steps = settings.train_slice_steps if slice_steps is None else slice_steps

    from training import following
    from training.monitoring.stopping import rules_for

    rules = rules_for(settings.stop_when if stop_when is None else stop_when, wanted)
    row = snapshot_named(catalog, snapshot_id)
    if row.faces == 0:
        raise BadSnapshot("the snapshot is empty: no face is approved at all three stages")
    store = Store(catalog=catalog, blobs=blobs, settings=settings)
    folder = store.run_folder(run_name(row.id, preset=wanted.name, seed=seed))

    import torch

    from training.learning.checkpoint import code_version, highest_token
    from training.learning.loop import train as train_loop
    from training.learning.ranks import joined
    from training.monitoring.scoring import score
    from training.monitoring.watching import Watch

    torch.set_num_threads(threads or threads_of_ones_own())
    device = _device(device)
    training_faces = store.faces(row, held_out=False, size=wanted.img_size)
    held_out_faces = store.faces(row, held_out=True, size=wanted.img_size)
    code = code_version()
    begins = store.keep_origin(origin) if origin else ""
    run = open_run(catalog, row.id, wanted, seed=seed, begins=begins, code=code, again=again)
    shows_all = _every_domain(held_out_faces)
    with ExitStack() as closing:
        ranks = closing.enter_context(joined(device))
        lease_seconds = settings.train_lease_seconds
        card = closing.enter_context(using(catalog, row.id, device=device, seconds=lease_seconds))
        # Also above what another catalog gave: on a machine that trained apart, or before this one was put back.
        above = max(highest_token(folder / "checkpoints"), store.token_of_newest(run))
        hold = closing.enter_context(holding(catalog, folder.name, seconds=lease_seconds, above=above))
        other_code = run.state is RunState.RUNNING and run.code != code
        if run.state is RunState.FAILED or other_code or following.goes_on(run, rules):
            catalog.models.begin_again(run.id, code=code, lease=hold.lease)
        store.fetch_checkpoints(run, folder / "checkpoints")
        follow = closing.enter_context(
            following.Following(
                folder,
                wanted,
                config={"seed": seed, "origin": run.origin, "stop_when": "; ".join(map(str, rules))},
                lineage=following.lineage_of(row, catalog=catalog),
                settings=settings,
            )
        )
        try:
            result = train_loop(
                training_faces,
                wanted,
                seed=seed,
                snapshot=row.id,
                folder=folder,
                tracker=follow.begin,
                shown=held_out_faces if shows_all else training_faces,
                slice_steps=slice_steps,
                device=device,
                stop=stop if card is None else lambda: _kept(card) and stop(),
                on_save=lambda saved: store.record(run, saved, lease=hold.lease),
                origin=None if catalog.models.checkpoints(run.id) else store.origin(run),
                hold=hold,
                score=(lambda ema: score(ema, held_out_faces, device=device)) if shows_all else None,
                watch=Watch(rules),
                probe=following.probe_for(
                    training_faces,
                    held_out_faces,
                    preset=wanted,
                    describe=describe,
                    settings=settings,
                    device=device,
                ),
                ranks=ranks,
            )
        except (Diverged, DeadPenalty) as error:
            follow.failed(error)
            catalog.models.finish_run(run.id, state=RunState.FAILED, reason=str(error), lease=hold.lease)
            raise
        if not any(file.step == result.step for file in catalog.models.checkpoints(run.id)):
            store.record(run, result.saved, lease=hold.lease)  # the last call was killed before the catalog's row
        if result.finished and catalog.models.run(run.id).state is not RunState.DONE:
            follow.ended(result)
            why = result.early.reason if result.early is not None else ""
            catalog.models.finish_run(run.id, state=RunState.DONE, reason=why, lease=hold.lease)
    return _told(run, folder, result, total_steps=wanted.total_iters)


def assist(
    snapshot_id: str = "",
    *,
    preset: str = "",
    seed: int | None = None,
    device: str = "",
    threads: int = 0,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> int:
    """Share the steps of a training whose leader, torchrun's rank 0, is in `train`; gives how many were taken."""
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    wanted = preset_named(preset or settings.train_preset)
    row = snapshot_named(catalog, snapshot_id)

    import torch

    from training.learning.descent import assist as take_part
    from training.learning.ranks import joined

    torch.set_num_threads(threads or threads_of_ones_own())
    device = _device(device)
    with joined(device) as ranks:  # the leader joins once it has packed the faces
        faces = Store(catalog=catalog, blobs=blobs, settings=settings).faces(row, held_out=False, size=wanted.img_size)
        seed = settings.train_seed if seed is None else seed
        return take_part(faces, wanted, seed=seed, ranks=ranks, device=device)


def _told(run: Run, folder: Path, result: Result, *, total_steps: int) -> Trained:
    return Trained(
        run_id=run.id,
        name=folder.name,
        step=result.step,
        total_steps=total_steps,
        trained=result.trained,
        finished=result.finished,
        early=result.early.reason if result.early is not None else "",
        stopped=result.stopped,
        checkpoints=tuple(result.saved.paths[kind] for kind in FILES[:3]),
        samples=tuple(sorted((folder / "samples").glob(f"{result.step:06d}_*.png"))),
        losses=result.losses,
        seconds_per_step=result.seconds_per_step,
        page=result.saved.paths[FILES[3]],
        best=result.best,
    )


def _device(wanted: str) -> str:
    import torch

    chosen = own_device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"), os.environ)
    if wanted:
        device_named(chosen, to="train on")
    make_current(chosen)
    return chosen


def _kept(card: Hold) -> bool:
    """True, once the GPU's lease is kept. Raises Superseded."""
    card.keep()
    return True


def _every_domain(faces: Faces) -> bool:
    return all(len(faces.of(domain)) for domain in range(len(faces.names)))
