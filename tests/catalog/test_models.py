"""A run goes on where it stopped; of the models that come of runs, one at most is champion."""

from __future__ import annotations

import math
import threading
import time

import pytest
from sqlalchemy.exc import IntegrityError

from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound, Superseded
from catalog.records import Checkpoint, Evaluation, Model, ModelState, Run, RunState
from catalog.tables import models
from rows import sha256_of

SNAPSHOT = sha256_of("snapshot")


@pytest.fixture
def run(catalog: Catalog) -> Run:
    """A run that has begun."""
    catalog.snapshots.add(SNAPSHOT, manifest=sha256_of("manifest"), faces=[])
    return catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=1, total_steps=100)


def evaluated(catalog: Catalog, run: Run, step: int) -> Evaluation:
    """An evaluation of a run at a step."""
    return catalog.models.add_evaluation(run.id, step=step, metrics={"fid": 50.0 - step}, version="1")


def test_the_same_snapshot_preset_and_seed_are_the_same_run(catalog: Catalog, run: Run) -> None:
    assert (run.state, run.step, run.total_steps) == (RunState.RUNNING, 0, 100)
    assert catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=1, total_steps=100) == run
    other = catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=2, total_steps=100)
    assert [r.id for r in catalog.models.runs()] == [other.id, run.id]
    assert catalog.models.runs(state=RunState.DONE) == []


def test_a_run_goes_on_from_its_newest_checkpoint(catalog: Catalog, run: Run) -> None:
    for step in (10, 20):
        files = [Checkpoint(run.id, step, kind, f"{step}_{kind}.ckpt", sha256_of(step)) for kind in ("nets", "optims")]
        catalog.models.add_checkpoint(run.id, step=step, files=files)
    assert catalog.models.run(run.id).step == 20
    assert [(c.step, c.kind) for c in catalog.models.checkpoints(run.id)] == [(20, "nets"), (20, "optims")]
    assert [c.step for c in catalog.models.checkpoints(run.id, step=10)] == [10, 10]


def test_a_step_saved_again_replaces_its_files(catalog: Catalog, run: Run) -> None:
    for attempt in ("first", "second"):
        file = Checkpoint(run.id, 10, "nets", "10_nets.ckpt", sha256_of(attempt))
        catalog.models.add_checkpoint(run.id, step=10, files=[file])
    (kept,) = catalog.models.checkpoints(run.id)
    assert kept.sha256 == sha256_of("second")


def test_a_superseded_trainer_records_nothing_more(catalog: Catalog, run: Run) -> None:
    old = catalog.training_leases.take("run", holder="old", seconds=0.001)
    time.sleep(0.01)
    new = catalog.training_leases.take("run", holder="new", seconds=600)
    catalog.models.add_checkpoint(
        run.id, step=20, files=[Checkpoint(run.id, 20, "nets", "new", sha256_of("new"))], lease=new
    )
    with pytest.raises(Superseded):
        catalog.models.add_checkpoint(
            run.id, step=20, files=[Checkpoint(run.id, 20, "nets", "old", sha256_of("old"))], lease=old
        )
    with pytest.raises(Superseded):
        catalog.models.finish_run(run.id, state=RunState.FAILED, reason="too late to say", lease=old)
    assert [file.path for file in catalog.models.checkpoints(run.id)] == ["new"]
    assert catalog.models.run(run.id).state is RunState.RUNNING


def test_a_run_keeps_what_it_began_from(catalog: Catalog, run: Run) -> None:
    assert run.origin == ""
    for origin in (sha256_of("weights"), sha256_of("others")):
        warm = catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=2, total_steps=100, origin=origin)
        assert warm.origin == catalog.models.run(warm.id).origin == sha256_of("weights")


def test_a_run_ends_with_a_reason(catalog: Catalog, run: Run) -> None:
    catalog.models.finish_run(run.id, state=RunState.FAILED, reason="the loss is not a number")
    ended = catalog.models.run(run.id)
    assert (ended.state, ended.reason) == (RunState.FAILED, "the loss is not a number")
    assert ended.finished_at is not None
    assert catalog.models.runs(state=RunState.FAILED) == [ended]


def test_the_same_code_measuring_again_replaces_its_numbers(catalog: Catalog, run: Run) -> None:
    first = catalog.models.add_evaluation(run.id, step=10, metrics={"fid": 40.0}, version="1")
    again = catalog.models.add_evaluation(run.id, step=10, metrics={"fid": 30.0}, version="1")
    other = catalog.models.add_evaluation(run.id, step=10, metrics={"fid": 30.0}, version="2")
    assert again.id == first.id != other.id
    assert catalog.models.evaluation(first.id).metrics == {"fid": 30.0}


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_a_metric_is_a_number(catalog: Catalog, run: Run, number: float) -> None:
    with pytest.raises(BadInput, match="fid"):
        catalog.models.add_evaluation(run.id, step=10, metrics={"fid": number}, version="1")


def test_the_first_champion_reigns_until_a_better_one_takes_over(catalog: Catalog, run: Run) -> None:
    assert catalog.models.champion() is None
    first = catalog.models.add(evaluated(catalog, run, 10), promote=True, reasons=["the first"], over=None)
    assert catalog.models.champion() == first
    second = catalog.models.add(evaluated(catalog, run, 20), promote=True, reasons=["better"], over=first.id)
    assert catalog.models.champion() == second
    assert [m.state for m in catalog.models.list()] == [ModelState.CHAMPION, ModelState.RETIRED]


def test_a_worse_model_is_kept_as_a_candidate_with_the_reasons(catalog: Catalog, run: Run) -> None:
    champion = catalog.models.add(evaluated(catalog, run, 20), promote=True, reasons=[], over=None)
    worse = catalog.models.add(evaluated(catalog, run, 10), promote=False, reasons=["fid 40 > 30"], over=champion.id)
    assert (worse.state, worse.reasons) == (ModelState.CANDIDATE, ("fid 40 > 30",))
    assert catalog.models.champion() == champion
    assert catalog.models.of_evaluation(worse.evaluation_id) == worse


def test_an_evaluation_is_judged_once(catalog: Catalog, run: Run) -> None:
    evaluation = evaluated(catalog, run, 10)
    first = catalog.models.add(evaluation, promote=False, reasons=["not yet"], over=None)
    assert catalog.models.add(evaluation, promote=True, reasons=["now"], over=None) == first


def test_a_judgement_over_a_champion_that_no_longer_reigns_is_refused(catalog: Catalog, run: Run) -> None:
    catalog.models.add(evaluated(catalog, run, 10), promote=True, reasons=[], over=None)
    with pytest.raises(Conflict):
        catalog.models.add(evaluated(catalog, run, 20), promote=True, reasons=[], over=None)


def test_of_eight_promotions_at_once_one_wins(catalog: Catalog, run: Run) -> None:
    evaluations = [evaluated(catalog, run, step) for step in range(8)]
    start, ended = threading.Barrier(8), list[Model | Conflict]()

    def promote(evaluation: Evaluation) -> None:
        start.wait()
        try:
            ended.append(catalog.models.add(evaluation, promote=True, reasons=[], over=None))
        except Conflict as refused:
            ended.append(refused)

    threads = [threading.Thread(target=promote, args=(evaluation,)) for evaluation in evaluations]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    promoted = [result for result in ended if isinstance(result, Model)]
    assert (len(ended), promoted) == (8, [catalog.models.champion()])


def test_the_database_itself_holds_one_champion(catalog: Catalog, run: Run) -> None:
    catalog.models.add(evaluated(catalog, run, 10), promote=True, reasons=[], over=None)
    catalog.models.add(evaluated(catalog, run, 20), promote=False, reasons=[], over=None)
    with pytest.raises(IntegrityError), catalog.writing() as connection:
        connection.execute(models.update().values(state="champion"))


def test_what_is_not_there_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.models.run(404)
    with pytest.raises(NotFound):
        catalog.models.evaluation(404)
    with pytest.raises(NotFound):
        catalog.models.finish_run(404, state=RunState.DONE)
