"""What a batch's own page tells: every expectation, what it does, which rows fail, what has drifted, why it stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from desks import Visitor
from shelf import Shelf
from starlette.testclient import TestClient

from catalog.records import BatchState, Reason, Share, SubjectKind
from preprocessing.drift import compare
from preprocessing.report import BatchReport, Expected, Failing, Rate, Severity
from review.access import Access, Person
from review.app import create_app
from review.desk import Desk

Door = Callable[[str], Visitor]
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"

EYES = Expected(
    "eyes", "most faces score 0.5 or more for eyes", SubjectKind.FACE, Severity.WARNING, Reason.EYES, True, 100, ()
)
SOURCES = Expected(
    "photo_source_not_null", "every photo says its source", SubjectKind.PHOTO, Severity.CRITICAL, None, False, 40, ()
)
BEFORE = [Share(10, 100)] * 30


def rate(part: int, *, before: list[Share] = BEFORE, success: bool = True) -> Rate:
    return replace(
        compare("below:eyes", "about as many faces as before wink", now=Share(part, 100), before=before),
        success=success,
    )


def told(shelf: Shelf, *expected: Expected, rates: tuple[Rate, ...] = (), docs: str = "") -> int:
    """A batch with this report; its number."""
    batch = shelf.batch(1)
    report = BatchReport(batch, True, "", 40, 100, expected, docs, rates)
    shelf.catalog.batches.add_validation(batch, success=True, stopped_by="", report=report.to_json())
    return batch


def page(shelf: Shelf, desk: Door, *expected: Expected, rates: tuple[Rate, ...] = ()) -> str:
    text: str = desk("rita").get(f"/batch/{told(shelf, *expected, rates=rates)}").text
    return " ".join(text.split())


def test_each_expectation_says_what_its_failure_does_and_how_many_rows_fail(shelf: Shelf, desk: Door) -> None:
    failing = tuple(Failing(number, "0.1") for number in (3, 5))
    text = page(shelf, desk, replace(EYES, failing=failing), replace(SOURCES, failing=failing[:1]))
    assert "1 of 2 hold" in text
    assert "Holds · 2 of 100 faces fail · stops nothing · flags failing rows as “Wink or closed eyes”" in text
    assert "Fails · 1 of 40 photos fails · a failure stops the batch" in text


def test_failing_rows_are_links_into_the_queue_of_their_stage(shelf: Shelf, desk: Door) -> None:
    batch = told(shelf, replace(EYES, failing=(Failing(7, "0.31"),)), replace(SOURCES, failing=(Failing(9, ""),)))
    text = desk("rita").get(f"/batch/{batch}").text
    assert f'<a href="../batch/{batch}/crop/7">Face 7</a> <span class="meta">0.31</span>' in text
    assert f'<a href="../batch/{batch}/raw/9">Photo 9</a></li>' in text


def test_of_many_failing_rows_the_first_are_linked_and_the_others_counted(shelf: Shelf, desk: Door) -> None:
    text = page(shelf, desk, replace(EYES, failing=tuple(Failing(number, "0.1") for number in range(1, 101))))
    assert text.count(">Face ") == 12
    assert "and 88 more" in text


def test_a_rate_that_has_drifted_is_told_with_what_it_was_before(shelf: Shelf, desk: Door) -> None:
    text = page(shelf, desk, EYES, rates=(rate(41, success=False), rate(10)))
    assert "1 has drifted" in text
    assert "stops nothing" in text
    assert "<b>41 % now</b> (41 of 100) · before: median 10 %, spread 0.0 points, of 30 batches" in text
    assert "1 as before" in text


def test_too_few_batches_before_are_said_to_be_too_few(shelf: Shelf, desk: Door) -> None:
    text = page(shelf, desk, EYES, rates=(rate(41, before=BEFORE[:4]), rate(41, before=[])))
    assert "too few batches yet" in text
    assert "2 with fewer than 10 batches to compare with" in text
    assert "<b>41 % now</b> (41 of 100) · before: median 10 %, spread 0.0 points, of 4 batches</p>" in text
    assert "<b>41 % now</b> (41 of 100)</p>" in text


def test_a_stopped_batch_says_why(shelf: Shelf, desk: Door) -> None:
    batch = told(shelf, SOURCES)
    shelf.catalog.batches.close(batch, state=BatchState.STOPPED, reason="it does not hold that every photo has one")
    text = desk("rita").get(f"/batch/{batch}").text
    assert "<strong>Stopped.</strong> it does not hold that every photo has one" in text


def test_what_strangers_wrote_is_text(shelf: Shelf, desk: Door) -> None:
    failing = (Failing(1, HOSTILE),)
    text = page(
        shelf,
        desk,
        replace(EYES, sentence=HOSTILE, failing=failing, detail=HOSTILE),
        rates=(replace(rate(10), sentence=HOSTILE),),
    )
    assert "<script>document" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;document") == 4


def test_nothing_is_loaded_from_elsewhere(shelf: Shelf, desk: Door) -> None:
    answer = desk("rita").get(f"/batch/{told(shelf, EYES, rates=(rate(10),))}")
    assert "://" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_batch_that_was_not_validated_yet_says_so(shelf: Shelf, desk: Door) -> None:
    assert "not been validated yet" in desk("rita").get(f"/batch/{shelf.batch(1)}").text


def test_a_report_of_another_version_says_so(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    shelf.catalog.batches.add_validation(batch, success=True, stopped_by="", report={"mean": 0.5})
    assert "another version of this program" in desk("rita").get(f"/batch/{batch}").text


@pytest.mark.parametrize("number", ["404", "0", "-1", "x", "99999999999999999999"])
def test_there_is_no_page_of_a_batch_that_is_not(desk: Door, number: str) -> None:
    assert desk("rita").get(f"/batch/{number}").status_code == 404


def test_the_first_page_and_the_queue_lead_to_it(shelf: Shelf, desk: Door) -> None:
    batch = told(shelf, EYES)
    assert f'href="./batch/{batch}"' in desk("rita").get("/").text
    assert f'href="../../batch/{batch}"' in desk("rita").get(f"/batch/{batch}/raw").text


# ------------------------------------------------------------------------------------------- Data Docs


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "validations" / "faces").mkdir(parents=True)
    (folder / "index.html").write_text("<html>the index</html>")
    (folder / "validations" / "faces" / "one.html").write_text(f"<html>{HOSTILE}</html>")
    (folder / "secret.txt").write_text("no page")
    (tmp_path / "outside.html").write_text("outside")
    (folder / "link.html").symlink_to(tmp_path / "outside.html")
    return folder


def test_data_docs_are_linked_and_run_nothing(shelf: Shelf, desk: Door, docs: Path) -> None:
    batch = told(shelf, EYES, docs=str(docs / "index.html"))
    assert (
        f'href="../data-docs/{batch}/validations/faces/one.html">faces</a>' in desk("rita").get(f"/batch/{batch}").text
    )
    assert "the index" in desk("vic").get(f"/data-docs/{batch}/index.html").text
    answer = desk("rita").get(f"/data-docs/{batch}/validations/faces/one.html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"].split("; ")
    assert "sandbox" in policy, "no script, no form, and an origin of its own"
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    "page",
    [
        "secret.txt",
        "link.html",
        "%2e%2e/outside.html",
        "..%2foutside.html",
        "/etc/hostname",
        "none.html",
        "%00.html",
        f"{5000 * 'a'}.html",
        "",
    ],
)
def test_nothing_but_pages_of_data_docs_is_served(shelf: Shelf, desk: Door, docs: Path, page: str) -> None:
    batch = told(shelf, EYES, docs=str(docs / "index.html"))
    assert desk("rita").get(f"/data-docs/{batch}/{page}").status_code == 404


def test_data_docs_that_lie_on_another_machine_are_named(shelf: Shelf, desk: Door) -> None:
    batch = told(shelf, EYES, docs="/nowhere/validations/1/index.html")
    assert "are not on this machine: /nowhere/validations/1/index.html" in desk("rita").get(f"/batch/{batch}").text
    assert desk("rita").get(f"/data-docs/{batch}/index.html").status_code == 404


@pytest.mark.parametrize(("host", "shown"), [(lambda key: f"../dags/d/runs/{key}", True), (lambda _: "", False)])
def test_a_batch_leads_back_to_the_run_that_opened_it_where_the_host_has_such_a_page(
    shelf: Shelf, host: Callable[[str], str], shown: bool
) -> None:
    batch = shelf.catalog.batches.get(shelf.batch(1))
    anyone = Access(lambda: Person("rita", "Rita", True), lambda: Person("rita", "Rita", True))
    app = create_app(open_desk=lambda: Desk(shelf.catalog, shelf.blobs), access=anyone, run_of=host)
    text = TestClient(app).get(f"/batch/{batch.id}").text
    assert (f'href="../../dags/d/runs/{batch.key}" target="_top"' in text) is shown
