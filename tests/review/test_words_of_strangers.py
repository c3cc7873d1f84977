"""Whatever a stranger wrote, in whichever field, is shown as the words that it is: on no page of the desk is it run.

Looked at in a real browser, which knows better than any pattern what is a script and what is an element.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from desks import Airflow, Sitting
from doors import every_door, place
from shelf import Shelf
from sqlalchemy import select, update

from catalog.records import (
    BatchState,
    Domain,
    Flag,
    Reason,
    RestKind,
    Score,
    SearchResult,
    Share,
    Stage,
    Subject,
    SubjectKind,
    Verdict,
)
from catalog.tables import candidates, photos
from preprocessing.drift import compare
from preprocessing.report import BatchReport, Expected, Failing, Severity
from rows import sha256_of

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

#: Ways out of a text, an attribute, a title, a style, a comment, a template and a block of JSON, each of which would
#: leave its mark on the window or an element of the class `stranger`.
HOSTILE = (
    "</script><script class=stranger>window.owned=1</script></title></style></textarea></noscript>-->"
    "<img class=stranger src=x onerror='window.owned=1'>\"><svg class=stranger onload=window.owned=1>"
    "' onmouseover='window.owned=1' class='stranger' x='<iframe class=stranger srcdoc='<script>top.owned=1</script>'>"
    "{{ 7*6 }}${window.owned=1}<base class=stranger href='https://elsewhere.example/'>"
    "<form class=stranger><meta class=stranger http-equiv=refresh content='0;url=https://elsewhere.example/'>\u2028&#60;"
)
LINK = "javascript:window.owned=1//" + HOSTILE
#: An address that a browser would follow, with as much in it as one can hold.
ADDRESS = "https://elsewhere.example/?" + HOSTILE

LOOK = """
return {
  owned: window.owned ?? null,
  strangers: [...document.querySelectorAll('.stranger, iframe, base, meta[http-equiv]')]
    .map((one) => one.outerHTML),
  handlers: [...document.querySelectorAll('*')].flatMap((one) => [...one.attributes])
    .filter(({ name, value }) => name.startsWith('on') || /^\\s*(javascript|data|vbscript):/i.test(value))
    .map(({ name, value }) => `${name}=${value}`),
  there: location.href,
};
"""


def fill(shelf: Shelf) -> dict[str, object]:
    """A shelf on which everything that comes from outside is hostile; the doors' parameters."""
    catalog = shelf.catalog
    there = place(shelf)
    for domain in (1, 2):
        shelf.photo(words=f"{domain}{HOSTILE}", page_url=LINK, query=f"{domain}{HOSTILE}", licence_url=LINK)
    shelf.photo(words=HOSTILE, page_url=ADDRESS, query=HOSTILE, licence_url=ADDRESS)
    batch, faced = shelf.batch(0), int(str(there["batch_id"]))
    numbers, face = shelf.photos(batch), Subject(SubjectKind.FACE, int(str(there["face"])))
    dress(shelf, [*numbers, int(str(there["photo"]))])
    for number in numbers:
        judged(shelf, Subject(SubjectKind.PHOTO, number), Stage.RAW)
    for stage in (Stage.CROP, Stage.FINAL):
        judged(shelf, face, stage)
    shelf.copy(numbers[0], page_url=LINK)
    shelf.copy(numbers[0], page_url=ADDRESS)
    shelf.sketch(987654321, *numbers)
    told(shelf, batch)
    stopped = shelf.batch(1)
    told(shelf, stopped)
    catalog.batches.close(stopped, state=BatchState.STOPPED, reason=HOSTILE)
    until = datetime.now(UTC) + timedelta(hours=5)
    catalog.sources.rest("google", until=until, reason=HOSTILE, kind=RestKind.CAPTCHA)
    query = catalog.queries.plan(source="google", text=HOSTILE, domain=Domain.BARE)
    assert query
    catalog.queries.claim(source="google", lease_seconds=60)
    catalog.queries.finish(query.id, SearchResult("used", reason=HOSTILE))
    alert = catalog.alerts.add("google", kind=HOSTILE, message=HOSTILE, page=shelf.blobs.put("pages", HOSTILE.encode()))
    return there | {
        "batch_id": batch,
        "subject": numbers[0],
        "faced": faced,
        "stopped": stopped,
        "alert_id": alert.id,
        "snapshot_id": learned(shelf),
    }


def dress(shelf: Shelf, numbers: list[int]) -> None:
    """Where these photos come from, in words that no search of ours lets in; a catalog may hold them all the same."""
    of = select(photos.c.candidate_id).where(photos.c.id.in_(numbers))
    words = {"author": HOSTILE, "title": HOSTILE, "attribution": HOSTILE, "licence": HOSTILE[:60]}
    with shelf.catalog.writing() as connection:
        connection.execute(update(photos).where(photos.c.id.in_(numbers)).values(usage_headers=HOSTILE))
        connection.execute(update(candidates).where(candidates.c.id.in_(of)).values(words))


def told(shelf: Shelf, batch: int) -> None:
    """A report in which every word is a stranger's."""
    failing = (Failing(1, HOSTILE),)
    failed = Expected("x", HOSTILE, SubjectKind.PHOTO, Severity.WARNING, Reason.EYES, False, 9, failing, HOSTILE)
    drifted = replace(compare("below:x", HOSTILE, now=Share(60, 100), before=[Share(10, 100)] * 30), success=False)
    report = BatchReport(batch, False, HOSTILE, 9, 9, (failed,), HOSTILE, (drifted,))
    shelf.catalog.batches.add_validation(batch, success=False, stopped_by=HOSTILE, report=report.to_json())


def judged(shelf: Shelf, subject: Subject, stage: Stage) -> None:
    """A flag, a score and a decision on this subject, each with what a stranger wrote."""
    catalog = shelf.catalog
    catalog.scores.flag([Flag(subject, stage, Reason.OTHER, f"check:{HOSTILE[:40]}", HOSTILE)])
    catalog.scores.add([Score(subject, "<b class=stranger>x", "<b class=stranger>1", 0.1, {HOSTILE[:60]: 0.5})])
    verdict, reason = (Verdict.APPROVE, None) if stage is Stage.CROP else (Verdict.REJECT, Reason.OTHER)
    catalog.decisions.decide(subject, stage=stage, verdict=verdict, by="rita", reason=reason, note=HOSTILE[:480])


def learned(shelf: Shelf) -> str:
    """A snapshot from which a model learned that somebody with much to say refused."""
    models, name = shelf.catalog.models, sha256_of("snapshot of strangers")
    shelf.catalog.snapshots.add(name, manifest=name, faces=[])
    run = models.open_run(name, preset="tiny-64", seed=1, total_steps=1)
    evaluation = models.add_evaluation(run.id, step=1, metrics={}, version="v")
    models.add(evaluation, promote=False, reasons=(f"refused by {HOSTILE}",), over=None)
    return name


@pytest.fixture(scope="module")
def there(airflow: Airflow) -> dict[str, object]:
    return fill(airflow.shelf)


def pages(there: dict[str, object]) -> Iterator[str]:
    """Every page that a browser may open: each route that gives one, and what else leads to the hostile subjects."""
    yield from (door.at(there) for door in every_door() if not door.writes and not door.path.startswith("/static"))
    batch, photo, face, faced = there["batch_id"], there["subject"], there["face"], there["faced"]
    yield from (f"/batch/{batch}/{stage}?everything=true" for stage in Stage)
    yield f"/batch/{batch}/raw/{photo}?everything=true"
    yield from (f"/batch/{faced}/{stage}/{face}?everything=true" for stage in (Stage.CROP, Stage.FINAL))
    yield from (f"/batch/{there['stopped']}", f"/duplicates?batch={batch}", f"/image/face/{face}")


def test_on_no_page_is_anything_run_or_made_of_it(sitting: Sitting, there: dict[str, object]) -> None:
    for path in pages(there):
        for found in looks(sitting, path):
            assert found["owned"] is None, path
            assert found["strangers"] == [], path
            assert found["handlers"] == [], path
            assert found["there"].startswith(sitting.airflow.desk), path
        # What Chromium wraps around a picture that is opened by itself breaks a policy that lets nothing be styled.
        said = [entry["message"] for entry in sitting.driver.get_log("browser") if "/image/" not in path]
        assert [line for line in said if "Content Security Policy" in line or "violates" in line] == [], path


def test_the_words_were_there_to_be_run(sitting: Sitting, there: dict[str, object]) -> None:
    """What the test before looks at is worth looking at: the words are on the pages, as words."""
    batch, photo, snapshot = there["batch_id"], there["subject"], there["snapshot_id"]
    single = f"/batch/{batch}/raw/{photo}?everything=true"
    for path in (single, "/", "/sources", f"/alert/{there['alert_id']}", f"/batch/{batch}", f"/snapshot/{snapshot}"):
        list(looks(sitting, path))
        assert "window.owned=1" in sitting.run("return document.body.textContent"), path


def looks(sitting: Sitting, path: str) -> Iterator[Any]:
    """What there is of strangers in a page after its scripts have run: of a stage's, in the grid and one by one."""
    sitting.driver.get(f"{sitting.airflow.desk}{path}")
    sitting.until("document.readyState === 'complete'")
    if sitting.run("return Boolean(document.getElementById('opening'))"):
        sitting.until("document.body.dataset.ready === 'true'")
        time.sleep(0.3)  # what is asked for after the page has opened: marks, what lies beside
        yield sitting.run(LOOK)
        sitting.press("g")  # the other view
        time.sleep(0.3)
    yield sitting.run(LOOK)
