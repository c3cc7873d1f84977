"""A catalog in which nights were decided and models trained: what the tests of the training page look at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from shelf import drawn_pixels

from catalog import Catalog
from catalog.records import GateDecision, RunState, SubmissionState
from rows import sha256_of
from training.gate.deciding import decide
from training.gate.facts import Facts, History, Kappa, Largest, Past, Policy, Training

AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


def snapshot(catalog: Catalog, name: str, *, bare: int = 0, makeup: int = 0) -> str:
    """A snapshot that has nothing but its counts."""
    return catalog.snapshots.adopt(sha256_of(name), manifest=sha256_of(name), bare=bare, makeup=makeup).id


def night(
    catalog: Catalog, *, bare: int = 3_800, makeup: int = 8_200, name: str = "", trained: int = 0, **facts: object
) -> GateDecision:
    """A night with so many faces, decided by the policy as it ships and kept."""
    row = snapshot(catalog, name or f"{bare} and {makeup}", bare=bare, makeup=makeup)
    told = {
        "source": Largest("openverse", (bare + makeup) // 3),
        "query": Largest("openverse: portrait", (bare + makeup) // 5),
        "account": Largest("openverse/ada", 40),
        "fresh": bare + makeup - trained,
        "agreement": Kappa("crop", 0.71, 400),
        **facts,
    }
    history = History()
    if trained:
        past = Past(Training(sha256_of("earlier"), "makeup-256", 777), faces=trained)
        history = History(finished=past, done=frozenset({past.training}), last_start=AT - timedelta(hours=24))
    decision = decide(
        Facts(
            Training(row, "makeup-256", 777, "c0de"),
            faces={"bare": bare, "makeup": makeup},
            held_out={"bare": bare // 10, "makeup": makeup // 10},
            **told,  # type: ignore[arg-type]
        ),
        history,
        Policy(),
        AT,
    )
    return catalog.snapshots.add_gate_decision(decision)


def trained(
    catalog: Catalog,
    name: str,
    *,
    state: RunState = RunState.DONE,
    reason: str = "",
    step: int = 100_000,
    report: str = "",
    promote: bool | None = None,
    reasons: tuple[str, ...] = (),
) -> int:
    """The number of a run of its own snapshot; with an evaluation and a model when that is said."""
    row = snapshot(catalog, name, bare=10_000, makeup=11_000)
    run = catalog.models.open_run(row, preset="makeup-256", seed=777, total_steps=100_000, code="c0de")
    catalog.models.add_checkpoint(run.id, step=step, files=[])
    if state is not RunState.RUNNING:
        catalog.models.finish_run(run.id, state=state, reason=reason)
    if promote is not None:
        found = catalog.models.add_evaluation(run.id, step=step, metrics={}, version="v", report=report)
        champion = catalog.models.champion()
        catalog.models.add(found, promote=promote, reasons=reasons, over=champion.id if champion else None)
    return run.id


def submitted(catalog: Catalog, name: str, state: SubmissionState, *, reason: str = "", exit_code: int = 1) -> None:
    """A submission of a snapshot's training, as it stands."""
    row = snapshot(catalog, name, bare=10_000, makeup=11_000)
    one = catalog.submissions.open(
        sha256_of(f"key of {name}"), run=f"makeup-256-{row[:12]}-s777", snapshot_id=row, runner="ssh", job={}
    )
    if state is not SubmissionState.SUBMITTED:
        ended = None if state.active else exit_code
        catalog.submissions.note(one, state=state, handle={"host": "one"}, reason=reason, exit_code=ended)


def evaluation_page(*, title: str = "makeup-256-000000000000-s777, step 100,000") -> bytes:
    """The page of an evaluation, with a number for every reading, slices, pictures and curves."""
    from training.evaluation.examining import Direction
    from training.evaluation.paired import Interval
    from training.evaluation.pairs import Pairs, Pictures
    from training.evaluation.readings import BY_NAME
    from training.evaluation.report import Story, render
    from training.release.beside import put_in, told
    from training.release.promotion import compare

    draw, count = np.random.default_rng(0), 12
    faces = np.stack([drawn_pixels(number, side=64) for number in range(3 * count)])
    where = np.full((count, 68, 2), 0.5, np.float32)
    pictures = Pictures(faces[:count], where, faces[count : 2 * count], where, faces[2 * count :])
    each = {"copy_index": draw.random(count), "no_face": (np.arange(count) == 4).astype(float)}
    each |= {"colour_after": draw.random((count, 3)), "colour_before": 1 + draw.random((count, 3))}
    pairs = Pairs(each, np.empty((0, 0)), np.empty((0, 0)))
    numbers = {name: float(draw.random()) for name in BY_NAME}
    sliced = ("pairs", "copy_index", "copy_rate", "identity_kept", "no_face", "background_change", "makeup_distance")
    numbers |= {f"slice={part}/{name}": 0.5 for part in ("face:large", "pose:frontal", "skin:dark") for name in sliced}
    numbers |= {f"slice={part}/pairs": 40.0 for part in ("face:large", "pose:frontal", "skin:dark")}
    ways = [Direction(*way, pictures, pairs, numbers) for way in (("bare", "makeup"), ("makeup", "bare"))]
    lineage = {"run": f"1 · {title}", "learned from": "a" * 64, "weights": "b" * 64, "measuring code": "c" * 12}
    history = [(step, {f"{way.name}/{name}": 1 / step for way in ways for name in BY_NAME}) for step in (10, 20, 30)]
    losses = {f"{net}/{name}": [(1.0, 1.0), (2.0, 0.5)] for net in "DG" for name in ("latent_real", "reference_adv")}
    page = render(Story(title, lineage, losses, history), ways)
    champion = {f"{way.name}/{name}": value for way in ways for name, value in numbers.items()}
    changed = {name: value + draw.normal(0, 0.1) for name, value in champion.items()}
    chance = {name: Interval(-0.1, 0.2, pairs=12, people=12) for name in champion if not name.endswith("simple")}
    directions = [way.name for way in ways]
    compared = compare(changed, champion, directions=directions, intervals=chance)
    return put_in(page, told(compared, champion="model 1"))
