"""Every page of the desk, with much on it and long words: what the tests of how it looks look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from desks import Airflow, Sitting
from nights import evaluation_page, night, submitted, trained

from catalog.records import Reason, RestKind, RunState, Share, Stage, SubjectKind, SubmissionState
from preprocessing.drift import compare
from preprocessing.report import BatchReport, Expected, Failing, Severity
from rows import sha256_of


def paths(airflow: Airflow) -> list[str]:
    airflow.shelf.photo(words="A title without a space: " + "x" * 300, page_url="https://example.org/" + "y" * 300)
    batch = airflow.shelf.batch(3)
    last = airflow.shelf.photos(batch)[-1]
    catalog, long = airflow.shelf.catalog, "https://www.example.org/sorry?" + "z" * 300
    until = datetime.now(UTC) + timedelta(hours=5)
    catalog.sources.rest("google", until=until, reason=long, kind=RestKind.CAPTCHA)
    page = airflow.shelf.blobs.put("pages", f"<html>{long}</html>".encode())
    alert = catalog.alerts.add("google", kind="drift", message=long, page=page)
    report(airflow, batch, long)
    airflow.shelf.alike(2, 5)
    airflow.shelf.alike(1, same=True)
    own = ["/sources", "/checks", "/agreement", "/duplicates?bits=8", f"/alert/{alert.id}", f"/batch/{batch}", "/"]
    own.append(f"/snapshot/{snapshot(airflow, long)}")
    own += [f"/evaluation/{nights(airflow, long)}", "/training"]
    return [f"/batch/{batch}/raw", f"/batch/{batch}/raw/{last}", *own]


def snapshot(airflow: Airflow, long: str) -> str:
    """A snapshot with a face, from which a model learned that somebody refused at length."""
    shelf, models = airflow.shelf, airflow.shelf.catalog.models
    for number in shelf.faces(shelf.batch(1)):
        for stage in (Stage.CROP, Stage.FINAL):
            shelf.rows.approve(shelf.catalog.faces.get(number), stage, by="olga")
    faces = shelf.catalog.faces.trainable()
    name = sha256_of(f"snapshot of {faces}")
    shelf.catalog.snapshots.add(name, manifest=name, faces=faces)
    run = models.open_run(name, preset="tiny-64", seed=1, total_steps=1)
    evaluation = models.add_evaluation(run.id, step=1, metrics={}, version="v")
    models.add(evaluation, promote=False, reasons=(f"refused by rita: {long}",), over=None)
    return name


def nights(airflow: Airflow, long: str) -> int:
    """Nights of every kind, trainings in every state, and champions; an evaluation that has a page."""
    catalog, page = airflow.shelf.catalog, airflow.shelf.blobs.put("reports", evaluation_page())
    night(catalog, bare=10_000, makeup=11_000)
    night(catalog, waiting=20_000, failed_batches=(1, 2), failed_faces=40, gpu_holder=long)
    trained(catalog, "failed", state=RunState.FAILED, reason=f"D/latent_real is not finite: {long}", step=40)
    trained(catalog, "stopped", state=RunState.RUNNING, step=20_000)
    submitted(catalog, "queued", SubmissionState.SUBMITTED)
    submitted(catalog, "lost", SubmissionState.FAILED, reason=long)
    told = ("the first model; every floor is kept", long)
    one, _ = (trained(catalog, name, report=page, promote=True, reasons=told) for name in ("one", "two"))
    return catalog.evaluations.of_run(one)[0].id


def report(airflow: Airflow, batch: int, long: str) -> None:
    """A report with long words in it, in which one rate has drifted."""
    failing = tuple(Failing(number, long) for number in range(1, 30))
    held = Expected("held", long, SubjectKind.PHOTO, Severity.WARNING, Reason.EYES, True, 90, failing)
    failed = replace(held, name="failed", severity=Severity.CRITICAL, success=False, detail=long)
    before = [Share(10, 100)] * 30
    rates = tuple(
        replace(compare("below:eyes", long, now=Share(part, 100), before=before), success=part == 10)
        for part in (10, 60, 100)
    )
    told = BatchReport(batch, False, "", 90, 90, (held, failed), long, rates)
    airflow.shelf.catalog.batches.add_validation(batch, success=True, stopped_by="", report=told.to_json())


def visit(sitting: Sitting, path: str) -> None:
    if not path.startswith("/batch") or path.count("/") == 2:
        sitting.driver.get(f"{sitting.airflow.desk}{path}")
    else:
        sitting.open(path)
