"""Every page of the desk, with much on it and long words: what the tests of how it looks look at."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from desks import Airflow, Sitting

from catalog.records import Reason, RestKind, Share, SubjectKind
from preprocessing.drift import compare
from preprocessing.report import BatchReport, Expected, Failing, Severity


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
    return [f"/batch/{batch}/raw", f"/batch/{batch}/raw/{last}", *own]


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
