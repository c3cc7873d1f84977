"""The training loop: one function, read from top to bottom."""

from __future__ import annotations

import copy
import logging
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.errors import Diverged, ResumeRefused, RunBusy, Superseded
from training.evaluation.samples import sample_grids
from training.faces.data import Faces, sampler_of
from training.faces.pictures import write_png
from training.files import locked, sha256_of, sweep
from training.holding import Hold
from training.learning import checkpoint
from training.learning.checkpoint import Saved
from training.learning.descent import Descent, architecture, optimisers_of
from training.learning.losses import diversity_weight
from training.learning.ranks import ALONE, Ranks
from training.learning.trainer_state import random_state
from training.monitoring.stopping import Stop
from training.monitoring.tracking import Tracker
from training.monitoring.watching import Watch, memory_in_use
from training.networks.published import begin
from training.networks.stargan import Networks, initialise
from training.presets import Preset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Trained:
    """How one call of `train` ended."""

    step: int  # finished steps of the run, over all calls
    trained: int  # of which this call did so many
    finished: bool  # the preset's end is reached
    stopped: bool  # asked to stop before its slice was done
    early: Stop | None  # the rule that ended it before the preset's end, which finishes it too
    saved: Saved
    losses: dict[str, float]  # of the last step logged; empty when none was trained
    seconds_per_step: float
    best: int | None = None  # step of the kept set with the best score; None when none was scored


def train(
    faces: Faces,
    preset: Preset,
    *,
    seed: int,
    snapshot: str,
    folder: Path,
    tracker: Callable[[int], Tracker],
    shown: Faces | None = None,
    slice_steps: int = 0,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
    on_save: Callable[[Saved], None] | None = None,
    origin: Path | None = None,
    hold: Hold | None = None,
    score: Callable[[Networks], float | None] | None = None,
    watch: Watch | None = None,
    probe: Callable[[Networks, Networks], dict[str, float]] | None = None,
    ranks: Ranks = ALONE,
) -> Trained:
    """Train from the last complete checkpoint in `folder`, or from the start, to the end of this call's slice.

    `slice_steps` bounds this call (0: to the preset's end); `stop` is asked after each step. `shown` are the faces of
    the sample grids (default: the training faces); `tracker` is called once, with the step it starts from. The same
    call made again goes on where this one ended. On a processor with the same number of threads the weights are bit
    for bit those of a run that never stopped; a GPU adds up in an order of its own, so there they are merely close.

    A new run begins with the averaged networks of `origin`, a file in the published format, if it is given one.
    `hold` is the lease that this process trains by, `score` says how good a set is (less is better): the best is kept.
    `watch` knows the rules that end it early, `probe` looks at the networks and their averages every `probe_every`
    steps: neither changes a weight. `ranks` are the processes that share the steps, of which this is the leader.

    Raises RunBusy, ResumeRefused, BadCheckpoint, NotSaved, Superseded, Diverged, DeadPenalty, BadRule.
    """
    watch = watch or Watch()
    with locked(folder / "lock") as ours:
        if not ours and hold is None:  # who holds the lease has superseded whoever, frozen or hung, still has the lock
            raise RunBusy(f"another process is training {folder.name}")
        checkpoints = folder / "checkpoints"
        checkpoints.mkdir(parents=True, exist_ok=True)
        if ours:
            for place in (checkpoints, *(one for one in checkpoints.iterdir() if one.is_dir())):
                sweep(place)

        # --- networks and their averages -------------------------------------------------------------------------
        torch.manual_seed(seed)
        networks = Networks(architecture(preset, domains=len(faces.names)))
        initialise(networks)
        networks.to(device)
        # A copy made after initialisation: one made before would average a foreign start into the first thousands.
        ema = copy.deepcopy(networks)
        del ema.discriminator
        ema.requires_grad_(False)

        # --- optimisers ------------------------------------------------------------------------------------------
        optimisers = optimisers_of(networks, preset)

        # --- resume ----------------------------------------------------------------------------------------------
        saved = checkpoint.latest(checkpoints)
        if saved is not None:
            _agree(saved, seed=seed, snapshot=snapshot, preset=preset, domains=faces.names, origin=origin)
            checkpoint.restore(saved, networks=networks, ema=ema, optimisers=optimisers, device=device)
        elif origin is not None:  # with a discriminator and moments of its own
            for begun in (networks, ema):
                begin(begun, origin, device=device)

        # --- where it stands, and how far this call goes ---------------------------------------------------------
        began_from = saved.state.origin if saved is not None else sha256_of(origin) if origin is not None else ""
        # What a run steers itself by: whoever adapts a number at each step keeps it here, and finds it again.
        controllers = {name: list(row) for name, row in saved.state.controllers.items()} if saved is not None else {}
        controllers = watch.restore(controllers)
        first = saved.state.step if saved is not None else 0
        last = preset.total_iters if slice_steps == 0 else min(first + slice_steps, preset.total_iters)
        last = first if watch.stop is not None else last  # a rule has ended it, and stands
        sampler = sampler_of(faces, preset, seed=seed, device=device)
        ranks.share(networks, optimisers)
        descend = Descent(networks, ema, preset, optimisers=optimisers, ranks=ranks)
        report = tracker(first)

        # --- steps -----------------------------------------------------------------------------------------------
        stopped = False
        losses: dict[str, float] = {}
        unread: list[tuple[int, dict[str, Tensor]]] = []  # losses still on the device: reading them makes it wait
        began = since = time.monotonic()
        bar = tqdm(range(first, last), disable=not sys.stderr.isatty(), desc=folder.name, unit="step")
        for step in bar:
            if hold is not None:
                hold.keep()
            ranks.go(step)
            parts = descend(sampler.batch(step, device=device), step=step)

            # --- look and report ---------------------------------------------------------------------------------
            done = step + 1
            unread.append((done, parts))
            stopped = stop() and done < last
            saving = stopped or done == last or done % preset.save_every == 0
            regular = done % preset.log_every == 0
            if saving or regular:
                for values in _read(unread):
                    watch.step(values)
                losses, count, unread = watch.means(), len(unread), []
                now = time.monotonic()
                speed = preset.batch_size * count / max(now - since, 1e-9)
                since = now
                lambda_ds = diversity_weight(step=step, initial=preset.lambda_ds, ds_iter=preset.ds_iter)
                numbers = {**losses, "G/lambda_ds": lambda_ds, "images_per_second": speed, **memory_in_use(device)}
                if probe and regular and preset.probe_every and done % preset.probe_every < preset.log_every:
                    numbers |= probe(networks, ema)
                    since = time.monotonic()
                report.numbers(done, numbers)
                if regular:  # what is told only because of a stop in between must decide nothing
                    for alert in watch.see(done, numbers):
                        report.alert(done, alert)
                    saving = saving or watch.stop is not None
                bar.set_postfix(d=losses["D/latent_real"] + losses["D/latent_fake"], cyc=losses["G/latent_cyc"])

            # --- save --------------------------------------------------------------------------------------------
            if saving:
                _all_finite(networks, done)
                _all_finite(ema, done)
                saved = checkpoint.save(
                    checkpoints,
                    step=done,
                    seed=seed,
                    snapshot=snapshot,
                    preset=asdict(preset),
                    domains=faces.names,
                    networks=networks,
                    ema=ema,
                    optimisers=optimisers,
                    token=hold.token if hold is not None else 0,
                    origin=began_from,
                    schedules=_schedules(preset, step=done),
                    controllers=controllers | watch.state(),
                    score=score(ema) if score is not None and not stopped else None,  # who asks to stop waits
                    random=random_state(),
                )
                if on_save is not None:
                    try:
                        on_save(saved)
                    except Superseded:
                        checkpoint.remove(saved)  # else who took over would go on from it
                        raise
                grids = sample_grids(ema, shown or faces, seed=seed, device=device)
                for name, grid in grids.items():
                    write_png(folder / "samples" / f"{done:06d}_{name}.png", grid)
                report.pictures(done, grids)
                checkpoint.drop_old(checkpoints, keep=preset.keep, token=saved.state.token)
                log.info("%s: saved step %d", folder.name, done)
                stopped = stopped or (stop() and done < last)  # asked to while all this was made: it is saved already
                since = time.monotonic()
            if stopped or watch.stop is not None:
                break
        bar.close()

        # --- what came of it -------------------------------------------------------------------------------------
        assert saved is not None  # a slice has at least one step, or a checkpoint says that the run is over
        trained = saved.state.step - first
        best = checkpoint.best(checkpoints)
        return Trained(
            step=saved.state.step,
            trained=trained,
            finished=saved.state.step >= preset.total_iters or watch.stop is not None,
            stopped=stopped and watch.stop is None,
            early=watch.stop,
            saved=saved,
            losses=losses,
            seconds_per_step=(time.monotonic() - began) / trained if trained else 0.0,
            best=best.state.step if best is not None else None,
        )


def _agree(
    saved: Saved, *, seed: int, snapshot: str, preset: Preset, domains: tuple[str, ...], origin: Path | None
) -> None:
    """Refuse to go on with weights that come from something else."""
    state = saved.state
    defaults = {one.name: one.default for one in fields(Preset)}
    had, has = {**defaults, **state.preset}, asdict(preset)  # a number that came later had its default's effect
    pairs = [("snapshot", state.snapshot, snapshot), ("seed", state.seed, seed), ("domains", state.domains, domains)]
    pairs += [(f"preset's {name}", had.get(name), has.get(name)) for name in {**had, **has}]
    if origin is not None:
        pairs.append(("origin", state.origin or "none", sha256_of(origin)))
    for what, found, wanted in pairs:
        if found != wanted:
            raise ResumeRefused(f"the checkpoint of step {state.step} has {what} {found}, this run {wanted}")
    if state.code != checkpoint.code_version():
        log.warning("the code has changed since step %d was saved; the result is not that of one version", state.step)
    if state.schedules and state.schedules != _schedules(preset, step=state.step):
        log.warning("the schedules of step %d were %s; this code goes on otherwise", state.step, state.schedules)


def _schedules(preset: Preset, *, step: int) -> dict[str, float]:
    return {"lambda_ds": diversity_weight(step=step, initial=preset.lambda_ds, ds_iter=preset.ds_iter)}


def _read(unread: list[tuple[int, dict[str, Tensor]]]) -> Iterator[dict[str, float]]:
    """Each step's losses as numbers; raises Diverged for the first step whose are not finite."""
    for step, parts in unread:
        values = dict(zip(parts, torch.stack(list(parts.values())).tolist(), strict=True))
        if broken := [name for name, value in values.items() if not math.isfinite(value)]:
            raise Diverged(f"step {step}: {', '.join(broken)} is not a finite number; nothing saved since")
        yield values


def _all_finite(networks: nn.Module, step: int) -> None:
    for name, parameter in networks.named_parameters():
        if not bool(torch.isfinite(parameter).all()):
            raise Diverged(f"step {step}: {name} holds a number that is not finite; nothing saved since")
