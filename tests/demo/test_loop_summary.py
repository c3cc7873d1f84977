"""The demo's last line: what it counts in the catalog, and when it says that all is well."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from catalog import Catalog
from catalog.records import (
    ApprovedFace,
    Checkpoint,
    Domain,
    GateDecision,
    SearchResult,
    Stage,
)
from demo.loop import as_json, summarise
from demo.stack import SOURCES
from rows import Rows, sha256_of

KEYS = [
    "photos",
    "refused",
    "queries_used",
    "faces",
    "decisions",
    "approved",
    "snapshot",
    "gate",
    "steps",
    "checkpoints",
    "champion",
    "seconds",
    "ok",
]


def photos(catalog: Catalog) -> None:
    for source in SOURCES:
        Rows(catalog).photo(source=source)


def used_query(catalog: Catalog) -> None:
    query = Rows(catalog).query()
    catalog.queries.claim(source="google", lease_seconds=60, query_id=query.id)
    catalog.queries.finish(query.id, SearchResult("found", found=1, new=1))


def refusals(catalog: Catalog) -> None:
    for reason in ("exact_duplicate", "near_duplicate"):
        catalog.candidates.refuse(Rows(catalog).claimed().id, reason=reason)


def bare_face(catalog: Catalog) -> None:
    Rows(catalog).approved_face(domain=Domain.BARE)


def made_up_face(catalog: Catalog) -> None:
    Rows(catalog).approved_face(domain=Domain.MAKEUP)


def gate(catalog: Catalog) -> None:
    snapshot = sha256_of("snapshot")
    faces: list[ApprovedFace] = list(catalog.faces.approved())
    catalog.snapshots.add(snapshot, manifest=sha256_of("manifest"), faces=faces)
    catalog.snapshots.add_gate_decision(
        GateDecision(snapshot_id=snapshot, train=True, reasons=("2 approved faces",), numbers={"faces": 2.0})
    )


def checkpoints(catalog: Catalog) -> None:
    run = catalog.models.open_run(sha256_of("snapshot"), preset="tiny-64", seed=777, total_steps=2000)
    for step in (20, 40):
        files = [
            Checkpoint(run.id, step, kind, f"{step:06d}_{kind}", sha256_of(f"{kind} {step}"))
            for kind in ("nets", "nets_ema", "optims", "trainer")
        ]
        catalog.models.add_checkpoint(run.id, step=step, files=files)


def champion(catalog: Catalog) -> None:
    run = catalog.models.open_run(sha256_of("snapshot"), preset="tiny-64", seed=777, total_steps=2000)
    evaluation = catalog.models.add_evaluation(run.id, step=40, metrics={}, version="v")
    catalog.models.add(evaluation, promote=True, reasons=["the first model"], over=None)


LOOP = (bare_face, made_up_face, photos, used_query, refusals, gate, checkpoints, champion)


@pytest.fixture
def after() -> Callable[..., Catalog]:
    """A catalog after the parts of the loop, but for those named in ``without``."""

    def looped(*without: Callable[[Catalog], None]) -> Catalog:
        catalog = Catalog(memory=True)
        for part in LOOP:
            if part not in without:
                part(catalog)
        return catalog

    return looped


def test_it_counts_what_the_catalog_holds(after: Callable[..., Catalog]) -> None:
    catalog = after()
    found = summarise(catalog, {"collect": 1.5})
    (model,) = catalog.models.list()
    assert all(found.photos[source] >= 1 for source in SOURCES)
    assert found.refused == {"exact_duplicate": 1, "near_duplicate": 1}
    assert (found.queries_used, found.faces) == (1, 2)
    assert found.decisions == {stage.value: 2 for stage in Stage}
    assert found.approved == {"bare": 1, "makeup": 1}
    assert (found.gate.train, found.gate.reasons) == (True, ("2 approved faces",))
    assert found.snapshot == sha256_of("snapshot")
    assert (found.steps, found.checkpoints) == (40, ("000040_nets", "000040_nets_ema", "000040_optims"))
    assert found.champion == model.id
    assert found.seconds == {"collect": 1.5}
    assert found.ok


@pytest.mark.parametrize("part", [part for part in LOOP if part is not gate])
def test_all_is_not_well_when_a_part_of_the_loop_left_nothing(
    after: Callable[..., Catalog], part: Callable[[Catalog], None]
) -> None:
    # A model needs a run and a run its files; without the files there is no model either.
    without = (checkpoints, champion) if part is checkpoints else (part,)
    assert not summarise(after(*without), {}).ok


def test_all_is_not_well_when_nobody_decided_at_a_stage(after: Callable[..., Catalog]) -> None:
    found = summarise(after(bare_face, made_up_face), {})
    assert sum(found.decisions.values()) == 0
    assert not found.ok


def test_it_is_one_json_object_with_the_promised_keys(after: Callable[..., Catalog]) -> None:
    told = json.loads(json.dumps(as_json(summarise(after(), {"curate": 2.0}))))
    assert list(told) == KEYS
    assert told["gate"] == {"train": True, "reasons": ["2 approved faces"]}
    assert told["seconds"] == {"curate": 2.0}
