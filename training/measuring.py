"""The verb that measures a run, keeps the numbers and tells the story of them on a page. `steps` offers it too.

torch, cv2 and dlib are imported inside the verb.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings, open_blobs
from catalog import settings as configured
from catalog.records import Run, Snapshot
from training.devices import device_named, make_current
from training.errors import Unknown
from training.monitoring import journal
from training.pages import Measured, bring, keep
from training.release.policy import policy_of
from training.store import Judge, Store, run_name

if TYPE_CHECKING:
    from training.evaluation.examining import Describe, Direction
    from training.evaluation.extractors import Extractors
    from training.evaluation.report import Story
    from training.faces.data import Faces
    from training.faces.snapshot import Entry

_DRAWN = ("D/", "G/")  # what of a run's reports is a loss


def evaluate(
    trained: int | None = None,  # not run_id: Airflow keeps that name for itself
    *,
    step: int | None = None,
    on: str = "",
    describe: Describe | None = None,
    extractors: Extractors | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> int:
    """Measure a run's averaged networks (default: of the newest run and save) on held-out faces.

    Keeps the numbers and a page for people (`report`), and gives their evaluation's id. `on` names another snapshot
    whose held-out faces to use; `describe` another face network than dlib's.
    `extractors` are published networks in place of those whose weights the settings name.
    Raises Unknown, BadCheckpoint, BadExtractor, BadPolicy.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    run = catalog.models.run(trained) if trained is not None else next(iter(catalog.models.runs()), None)
    if run is None:
        raise Unknown("nothing has been trained yet")
    row = catalog.snapshots.get(on or run.snapshot_id)
    policy_of(settings.promotion_policy)  # the page shows its floors: refused now, not after an hour of measuring
    device = device_named(settings.evaluate_device, to="evaluate on (FACELOOP_EVALUATE_DEVICE)")
    make_current(device)
    extractors = extractors or _extractors(settings, device=device)  # files that are not theirs: refused now, too

    import torch

    from training import following
    from training.evaluation.examining import examine, measure_version, numbers_of
    from training.evaluation.report import render

    torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
    store = Store(catalog=catalog, blobs=blobs, settings=settings)
    networks, step = store.averaged_networks(run, step)
    faces = store.faces(row, held_out=True, size=networks.arch.img_size)
    trained_on = store.faces(row, held_out=False, size=networks.arch.img_size) if extractors is not None else None
    trace = None
    if describe is None:
        from training.faces.descriptors import Describer

        describe = describer = Describer(landmarks_model=settings.landmarks_model)
        trace = describer.trace
    judge = store.classifier(row, faces, version=measure_version(faces))
    version = measure_version(
        faces, classifier=judge.classifier, extractors=extractors, trained_on=trained_on, device=device
    )
    measured = examine(
        networks.to(device),
        faces,
        describe=describe,
        trace=trace,
        classifier=judge.classifier,
        extractors=extractors,
        trained_on=trained_on,
        device=device,
    )
    story = _story(run, row, measured, step=step, version=version, judge=judge, catalog=catalog, settings=settings)
    story = replace(story, lineage={**story.lineage, **_files(extractors)})
    found = keep(
        Measured(
            step=step,
            version=version,
            metrics=numbers_of(measured),
            snapshot_id=row.id,
            classifier=judge.blob,
            pairs=_pairs(measured, faces, store.entries(row)),
        ),
        run,
        render=lambda pictures: render(replace(story, pictures=pictures), measured),
        catalog=catalog,
        blobs=blobs,
        settings=settings,
    )
    if row.id == run.snapshot_id:  # measured on others' faces it is a champion beside a challenger, no news of the run
        following.report_evaluation(found, catalog=catalog, settings=settings)
    return found.id


def report(
    evaluation_id: int,
    *,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> Path:
    """The page of an evaluation beside its run on this machine, as it is to be shown now.

    Raises Unknown when there is none: it was made before there were pages, or a face that it showed was erased, be it
    while the page is brought.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    return bring(evaluation_id, catalog=catalog, blobs=blobs, settings=settings)


def _pairs(measured: Sequence[Direction], faces: Faces, entries: Sequence[Entry]) -> bytes:
    """Every pair's numbers, and by number who of them is the same person."""
    from training.evaluation.paired import kept_of, written

    who = [entries[row].group or entries[row].photo for row in faces.rows]
    sources = {way.name: faces.of(faces.names.index(way.origin))[: len(way.pairs)] for way in measured}
    return written({way.name: kept_of(way, [who[place] for place in sources[way.name]]) for way in measured})


def _story(
    run: Run,
    row: Snapshot,
    measured: Sequence[Direction],
    *,
    step: int,
    version: str,
    judge: Judge,
    catalog: Catalog,
    settings: Settings,
) -> Story:
    from training.evaluation.examining import numbers_of
    from training.evaluation.report import Story

    name = run_name(run.snapshot_id, preset=run.preset, seed=run.seed)
    code, faces = version.split("-")[:2]
    weights = next(file.sha256 for file in catalog.models.checkpoints(run.id, step=step) if file.kind == "nets_ema")
    said = judge.classifier
    lineage = {
        "run": f"{run.id} · {name}",
        "step": f"{step:,} of {run.total_steps:,}",
        "preset, seed": f"{run.preset}, {run.seed}",
        "learned from": run.snapshot_id,
        "measured on": f"{row.id} · {row.bare:,} bare and {row.makeup:,} made-up faces, those held out of training",
        "weights": weights,
        "measuring code": code,
        "held-out faces": faces,
        "classifier": f"{said.version} · right on {said.held_out_accuracy:.1%} of {said.held_out_faces} held-out faces",
    }
    earlier = [one for one in catalog.evaluations.of_run(run.id) if one.version == version and one.step != step]
    history = [*((one.step, one.metrics) for one in earlier), (step, numbers_of(measured))]
    losses: dict[str, list[tuple[float, float]]] = {}
    for line in journal.read(settings.home / "runs" / name):  # empty when it was trained on another machine
        for loss, value in line.get("numbers", {}).items():
            if loss.startswith(_DRAWN) and line["step"] <= step:
                losses.setdefault(loss, []).append((line["step"], value))
    return Story(
        f"{name}, step {step:,}",
        lineage,
        losses,
        sorted(history, key=lambda one: one[0]),
        floors=_floors(settings),
    )


def _files(extractors: Extractors | None) -> dict[str, str]:
    """The files of weights that looked, for the page: by their sha256, and whether others measure with the same."""
    names = {"inception": "Inception (FID)", "alexnet": "AlexNet (LPIPS)", "lpips": "channels of LPIPS"}
    return {
        names[file.kind]: f"{file.sha256} · "
        + ("the published file" if file.known else "not the published file: to be held beside nobody else's numbers")
        for file in (extractors.files if extractors is not None else ())
    }


def _extractors(settings: Settings, *, device: str) -> Extractors | None:
    wanted = {"inception": settings.inception_weights, "alexnet": settings.alexnet_weights}
    wanted["lpips"] = settings.lpips_weights
    if not any(wanted.values()):
        return None
    from training.evaluation.extractors import read_extractors

    return read_extractors(**wanted, device=device)


def _floors(settings: Settings) -> dict[str, float]:
    """What promotion asks of metrics, by their name or, where a direction has its own, by their full name."""
    policy = policy_of(settings.promotion_policy)
    asked = {floor.metric: floor.limit for floor in policy.floors} | dict(policy.changed)
    return {name: limit for name, limit in asked.items() if limit is not None}
