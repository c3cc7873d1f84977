"""One trainer at a time has the right to a run; whoever lost it writes nothing more."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import Catalog
from training.errors import RunBusy, Superseded
from training.holding import Hold, holding
from training.learning import checkpoint
from training.learning.loop import Trained
from training.presets import Preset

Run = Callable[..., Trained]


def folders(checkpoints: Path) -> set[str]:
    """Names of the folders that hold a set."""
    return {page.parent.name for page in checkpoints.rglob("*_trainer.json")}


class Watch:
    """Tells the seconds that a test says."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_the_lease_is_renewed_by_time_and_not_by_steps() -> None:
    catalog, watch = Catalog(memory=True), Watch()
    lease = catalog.training_leases.take("run x", holder="me", seconds=60)
    assert lease is not None
    hold = Hold(catalog, lease, seconds=60, clock=watch)
    watch.seconds = 19
    hold.keep()
    assert hold.lease is lease
    watch.seconds = 21
    hold.keep()
    assert hold.lease.until > lease.until
    assert hold.token == lease.token


def test_a_catalog_that_does_not_answer_ends_no_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    catalog, watch = Catalog(f"sqlite:///{tmp_path / 'c.db'}"), Watch()
    with holding(catalog, "x", seconds=60) as held:
        hold = Hold(catalog, held.lease, seconds=60, clock=watch)
        with catalog.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE training_leases RENAME TO away")
        watch.seconds = 21
        hold.keep()
    assert "could not be renewed" in caplog.text


def test_one_run_is_trained_once_at_a_time() -> None:
    catalog = Catalog(memory=True)
    with (
        holding(catalog, "x", seconds=60),
        pytest.raises(RunBusy, match="x is being trained by"),
        holding(catalog, "x", seconds=60),
    ):
        pass
    with holding(catalog, "x", seconds=60) as hold:
        assert hold.token == 2


def test_a_superseded_trainer_takes_back_the_set_that_it_may_not_record(run: Run, tmp_path: Path) -> None:
    catalog = Catalog(memory=True)
    stale = catalog.training_leases.take("run run", holder="old", seconds=0.01)
    assert stale is not None
    time.sleep(0.02)
    first = run(slice_steps=2)

    def refuse(saved: checkpoint.Saved) -> None:
        raise Superseded("too late")

    with pytest.raises(Superseded):
        run(hold=Hold(catalog, stale, seconds=60), slice_steps=1, on_save=refuse)
    assert not list((tmp_path / "run" / "checkpoints" / str(stale.token)).iterdir())
    assert run(slice_steps=1).step == first.step + 1
    with holding(catalog, "run", seconds=60) as hold:
        assert hold.token > stale.token
        late = Hold(catalog, stale, seconds=1e-6)  # asks at each step
        with pytest.raises(Superseded, match="taken over"):
            run(hold=late, slice_steps=1)


def test_what_belongs_to_a_higher_token_is_never_removed(run: Run, micro: Preset, tmp_path: Path) -> None:
    catalog = Catalog(memory=True)
    preset = replace(micro, save_every=1, keep=1)
    checkpoints = tmp_path / "run" / "checkpoints"
    run(preset=preset, slice_steps=1)
    with holding(catalog, "run", seconds=60) as hold:
        run(preset=preset, slice_steps=1, hold=hold)
    assert folders(checkpoints) == {"1"}
    shutil.copytree(checkpoints / "1", checkpoints / "9")
    with holding(catalog, "run", seconds=60) as hold:
        run(preset=preset, slice_steps=1, hold=hold)
    assert folders(checkpoints) == {"2", "9"}


def test_what_a_newer_trainer_saved_wins_over_an_older_ones_higher_step(
    run: Run, micro: Preset, tmp_path: Path
) -> None:
    preset, checkpoints = replace(micro, save_every=1), tmp_path / "run" / "checkpoints"
    run(preset=preset, slice_steps=2)
    catalog = Catalog(memory=True)
    with holding(catalog, "run", seconds=60, above=3) as hold:
        newer = run(preset=preset, slice_steps=1, hold=hold)
    assert (newer.step, folders(checkpoints)) == (3, {"checkpoints", "4"})
    shutil.copytree(tmp_path / "run", tmp_path / "elsewhere")
    shutil.rmtree(checkpoints / "4")
    with holding(Catalog(memory=True), "run", seconds=60) as late:  # the revived one, which came further
        assert run(preset=preset, slice_steps=3, hold=late).step == 5
    shutil.copytree(tmp_path / "elsewhere" / "checkpoints" / "4", checkpoints / "4")
    newest = checkpoint.latest(checkpoints)
    assert newest is not None
    assert (newest.state.step, newest.state.token) == (3, 4)
    assert checkpoint.highest_token(checkpoints) == 4
    with holding(catalog, "run", seconds=60, above=checkpoint.highest_token(checkpoints)) as hold:
        assert run(preset=preset, slice_steps=1, hold=hold).step == 4
    assert checkpoint.highest_token(checkpoints) == 5
