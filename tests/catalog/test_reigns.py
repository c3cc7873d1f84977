"""Champions follow each other; one may be taken back in one step; the history of it only grows."""

from __future__ import annotations

import contextlib
import itertools
import threading
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from catalog import steps
from catalog.blobs import FolderBlobs
from catalog.catalog import Catalog
from catalog.errors import BadInput, Conflict, NotFound
from catalog.lineages import Share, made_of
from catalog.migration import config
from catalog.records import Domain, Model, ModelState, Reign, ReignKind
from rows import Rows, sha256_of

SNAPSHOT = sha256_of("snapshot")


def run_of(catalog: Catalog, seed: int = 1) -> int:
    catalog.snapshots.add(SNAPSHOT, manifest=sha256_of("manifest"), faces=[])
    return catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=seed, total_steps=100).id


def crowned(catalog: Catalog, *, seed: int, promote: bool = True) -> Model:
    """A model of a run of its own, made champion (or not)."""
    evaluation = catalog.models.add_evaluation(run_of(catalog, seed), step=1, metrics={}, version="1")
    champion = catalog.models.champion()
    over = champion.id if champion else None
    return catalog.models.add(evaluation, promote=promote, reasons=[f"seed {seed}"], over=over)


@pytest.fixture
def three(catalog: Catalog) -> tuple[Model, Model, Model]:
    """Three champions, one after the other."""
    return crowned(catalog, seed=1), crowned(catalog, seed=2), crowned(catalog, seed=3)


def champion(catalog: Catalog) -> int:
    found = catalog.models.champion()
    assert found is not None
    return found.id


def test_each_promotion_is_a_reign_that_ends_when_the_next_begins(
    catalog: Catalog, three: tuple[Model, Model, Model]
) -> None:
    crowned(catalog, seed=4, promote=False)  # a candidate never reigns
    history = catalog.reigns.history()
    assert [(reign.model_id, reign.over, reign.kind, reign.why) for reign in history] == [
        (three[0].id, None, ReignKind.PROMOTED, "seed 1"),
        (three[1].id, three[0].id, ReignKind.PROMOTED, "seed 2"),
        (three[2].id, three[1].id, ReignKind.PROMOTED, "seed 3"),
    ]
    assert [reign.until for reign in history] == [history[1].since, history[2].since, None]
    assert history[2].since == three[2].decided_at


def test_two_rollbacks_go_back_twice_and_a_third_has_nowhere_to_go(
    catalog: Catalog, three: tuple[Model, Model, Model]
) -> None:
    first, second, third = three
    done = catalog.reigns.roll_back(by="rita", why="orange lips")
    assert (done.model_id, done.over, done.by, done.why) == (second.id, third.id, "rita", "orange lips")
    assert champion(catalog) == second.id
    assert catalog.models.get(third.id).state is ModelState.RETIRED
    assert catalog.reigns.roll_back(by="rita", why="still orange").model_id == first.id
    assert champion(catalog) == first.id
    with pytest.raises(NotFound, match="no earlier champion"):
        catalog.reigns.roll_back(by="rita", why="again")
    assert champion(catalog) == first.id
    assert [reign.model_id for reign in catalog.reigns.history()] == [*(m.id for m in three), second.id, first.id]


def test_who_was_gone_back_behind_is_taken_back_until_somebody_goes_forward_again(
    catalog: Catalog, three: tuple[Model, Model, Model]
) -> None:
    first, second, third = three
    catalog.reigns.roll_back(first.id, by="rita", why="orange lips")
    assert all(catalog.reigns.taken_back(model.run_id) is not None for model in (second, third))
    assert catalog.reigns.taken_back(first.run_id) is None
    found = catalog.reigns.taken_back(third.run_id)
    assert isinstance(found, Reign)
    assert (found.by, found.why) == ("rita", "orange lips")

    catalog.reigns.roll_back(third.id, by="rita", why="it was the light")
    assert champion(catalog) == third.id
    assert catalog.reigns.taken_back(third.run_id) is None
    assert catalog.reigns.taken_back(second.run_id) is not None
    assert catalog.reigns.roll_back(by="rita", why="no, it was not").model_id == first.id, "not to one taken back"


def test_a_later_champion_can_be_taken_back_too(catalog: Catalog, three: tuple[Model, Model, Model]) -> None:
    catalog.reigns.roll_back(by="rita", why="orange lips")
    fourth = crowned(catalog, seed=4)
    assert catalog.reigns.taken_back(fourth.run_id) is None
    assert catalog.reigns.roll_back(by="rita", why="green lips").model_id == three[1].id


@pytest.mark.parametrize(("by", "why"), [("", "orange"), ("rita", ""), (" ", "orange"), ("rita", " \n")])
def test_a_rollback_says_who_and_why(catalog: Catalog, three: tuple[Model, ...], by: str, why: str) -> None:
    with pytest.raises(BadInput):
        catalog.reigns.roll_back(by=by, why=why)
    assert champion(catalog) == three[2].id


def test_only_a_champion_of_before_can_come_back(catalog: Catalog, three: tuple[Model, Model, Model]) -> None:
    candidate = crowned(catalog, seed=4, promote=False)
    with pytest.raises(BadInput, match="never was champion"):
        catalog.reigns.roll_back(candidate.id, by="rita", why="I like it")
    with pytest.raises(NotFound):
        catalog.reigns.roll_back(404, by="rita", why="I like it")
    with pytest.raises(Conflict):
        catalog.reigns.roll_back(three[2].id, by="rita", why="I like it")
    assert champion(catalog) == three[2].id
    assert len(catalog.reigns.history()) == 3


def test_a_judgement_over_the_champion_that_was_taken_back_meanwhile_is_refused(
    catalog: Catalog, three: tuple[Model, Model, Model]
) -> None:
    evaluation = catalog.models.add_evaluation(run_of(catalog, 4), step=1, metrics={}, version="1")
    catalog.reigns.roll_back(by="rita", why="orange lips")
    with pytest.raises(Conflict):
        catalog.models.add(evaluation, promote=True, reasons=[], over=three[2].id)


def test_of_rollbacks_and_promotions_at_once_each_is_whole(catalog: Catalog, three: tuple[Model, Model, Model]) -> None:
    evaluations = [
        catalog.models.add_evaluation(run_of(catalog, seed), step=1, metrics={}, version="1") for seed in (4, 5)
    ]
    start = threading.Barrier(4)

    def roll() -> None:
        start.wait()
        with contextlib.suppress(NotFound):
            catalog.reigns.roll_back(by="rita", why="orange lips")

    def promote(number: int) -> None:
        start.wait()
        with contextlib.suppress(Conflict):
            catalog.models.add(evaluations[number], promote=True, reasons=[], over=three[2].id)

    threads = [threading.Thread(target=roll) for _ in range(2)]
    threads += [threading.Thread(target=promote, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history = catalog.reigns.history()
    assert history[-1].model_id == champion(catalog)
    for earlier, later in itertools.pairwise(history):
        assert later.over == earlier.model_id


@pytest.mark.parametrize("change", ["UPDATE reigns SET why = 'nothing'", "DELETE FROM reigns"])
def test_the_database_itself_keeps_the_history(catalog: Catalog, three: tuple[Model, ...], change: str) -> None:
    with pytest.raises(DBAPIError, match="only ever added"), catalog.writing() as connection:
        connection.execute(text(change))


def test_the_champions_of_a_catalog_without_history_are_in_it_afterwards(empty_url: str) -> None:
    catalog = Catalog(empty_url)
    models = [crowned(catalog, seed=seed, promote=seed != 2) for seed in (1, 2, 3)]
    command.downgrade(config(catalog.engine), "0009")
    catalog.migrate()
    assert [(reign.model_id, reign.over) for reign in catalog.reigns.history()] == [
        (models[0].id, None),
        (models[2].id, models[0].id),
    ]
    assert catalog.reigns.roll_back(by="rita", why="orange lips").model_id == models[0].id
    catalog.close()


def test_a_file_beside_a_model_is_one_of_its_kind(catalog: Catalog, three: tuple[Model, ...]) -> None:
    model = three[0].id
    for attempt in ("first", "second"):
        catalog.model_files.add(model, kind="onnx", name=sha256_of(attempt), size=5, about={"difference": 1e-6})
    catalog.model_files.add(model, kind="card", name=sha256_of("card"), size=2, about={})
    files = catalog.model_files.of(model)
    assert set(files) == {"onnx", "card"}
    assert (files["onnx"].name, files["onnx"].about) == (sha256_of("second"), {"difference": 1e-6})
    assert catalog.model_files.of(three[1].id) == {}
    assert catalog.model_files.names() == {sha256_of("second"), sha256_of("card")}


def test_an_export_that_another_has_replaced_is_swept(
    catalog: Catalog, three: tuple[Model, ...], tmp_path: Path
) -> None:
    blobs = FolderBlobs(tmp_path)
    old, new = blobs.put("models", b"an old export"), blobs.put("models", b"a new one")
    for name in (old, new):
        catalog.model_files.add(three[0].id, kind="onnx", name=name, size=9, about={})
    assert steps.look_over(delete=True, grace_hours=24, catalog=catalog, blobs=blobs).models == 0  # still young
    assert steps.look_over(delete=True, grace_hours=0, catalog=catalog, blobs=blobs).models == 1
    assert list(blobs.names("models")) == [new]


def test_a_snapshot_is_counted_by_domain_source_and_licence(catalog: Catalog, rows: Rows) -> None:
    for _ in range(3):
        rows.approved_face()
    approved = catalog.faces.approved()
    catalog.snapshots.add(SNAPSHOT, manifest=sha256_of("manifest"), faces=approved)
    shares = made_of(catalog, SNAPSHOT)
    assert sum(share.faces for share in shares) == 3
    assert all(isinstance(share, Share) and share.domain in Domain and share.source for share in shares)
    assert list(shares) == sorted(shares)
    assert made_of(catalog, sha256_of("another")) == []
