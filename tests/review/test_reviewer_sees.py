"""What a reviewer is shown: what waits, where it came from, what the checks suggest, how far the batch is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Visitor
from opening import opening_of
from shelf import Shelf

from catalog.records import BatchState, Flag, Reason, Score, Stage, Subject, SubjectKind
from preprocessing.report import BatchReport, Expected, Failing, Severity

Door = Callable[[str], Visitor]
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"


def test_the_first_page_says_what_waits(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    desk("rita").decide(batch, "raw", {"subject": shelf.photos(batch)[0], "verdict": "approve"})

    page = desk("rita").get("/").text

    assert f"2 pictures wait in batch {batch}." in page
    assert f'href="./batch/{batch}/raw"' in page
    assert "1 of 3 decided" in page
    assert "1 approved · 0 rejected" in page


def test_the_first_page_of_an_empty_desk_says_so(desk: Door) -> None:
    assert "No batch has been opened yet." in desk("rita").get("/").text


def test_the_first_page_tells_what_was_expected_of_a_batch(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    (one, _) = shelf.photos(batch)
    expected = [
        Expected("licences", "Every photo has a licence.", SubjectKind.PHOTO, Severity.WARNING, None, True, 2, ()),
        Expected(
            "photos_are_photos",
            f"At most half are drawings {HOSTILE}",
            SubjectKind.PHOTO,
            Severity.CRITICAL,
            Reason.NOT_A_PHOTO,
            False,
            2,
            (Failing(one, "0.9"),),
        ),
    ]
    report = BatchReport(batch, False, "At most half are drawings", 2, 0, tuple(expected))
    shelf.catalog.batches.add_validation(batch, success=False, stopped_by=report.stopped_by, report=report.to_json())
    shelf.catalog.batches.close(batch, state=BatchState.STOPPED, reason=report.stopped_by)

    page = desk("rita").get("/").text

    assert "1 of 2 hold" in page
    assert "Fails for 1 of 2 photos, and stops the batch." in page
    assert "Stopped" in page
    assert HOSTILE not in page


def test_a_stage_shows_what_waits_and_on_demand_everything(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    first, second, third = shelf.photos(batch)
    rita = desk("rita")
    rita.decide(batch, "raw", {"subject": second, "verdict": "reject", "reason": "other"})

    waiting = rita.get(f"/api/queue?batch={batch}&stage=raw").json()["items"]
    everything = rita.get(f"/api/queue?batch={batch}&stage=raw&everything=true").json()["items"]

    assert [item["id"] for item in waiting] == [first, third]
    assert [item["id"] for item in everything] == [first, second, third]
    assert everything[1]["decision"]["reason"] == "other"


def test_the_queue_comes_in_pages_that_neither_repeat_nor_skip(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(7)
    seen, after = [], 0
    while after is not None:
        page = desk("rita").get(f"/api/queue?batch={batch}&stage=raw&limit=3&after={after}").json()
        seen += [item["id"] for item in page["items"]]
        after = page["after"]

    assert seen == shelf.photos(batch)


def test_the_queue_keeps_those_suggested_for_a_reason(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    _, second = shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, second)
    shelf.catalog.scores.flag([Flag(subject, Stage.RAW, Reason.HEAD_ROOM, "check:head_room", "0.2, below 0.5")])

    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw&reason=no_head_room").json()["items"]

    assert item["id"] == second
    assert item["flags"] == [{"reason": "no_head_room", "by": "head room", "detail": "0.2, below 0.5"}]


def test_a_score_is_shown_with_its_threshold_and_question(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    subject = Subject(SubjectKind.PHOTO, shelf.photos(batch)[0])
    from preprocessing.checks import CHECKS

    check = CHECKS["head_room"]
    shelf.catalog.scores.add(
        [
            Score(subject, check.name, check.version, 0.1, {"above": 0.5}),
            Score(subject, "a_check_of_long_ago", "7", 0.4),
        ]
    )

    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"]
    old, today = item["scores"]

    assert (today["check"], today["good"], today["threshold"]) == ("head room", False, check.threshold)
    assert today["question"] == check.question
    assert today["detail"] == "above 0.5"
    assert (old["check"], old["good"]) == ("a check of long ago", None)


def test_where_a_check_found_something_is_shown_and_not_told(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    subject = Subject(SubjectKind.PHOTO, shelf.photos(batch)[0])
    detail = {"lines": 1, "boxes": [[0.1, 0.8, 0.9, 0.9]]}
    shelf.catalog.scores.add([Score(subject, "head_room", "1", 0.1, detail)])

    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"]

    assert item["scores"][0]["boxes"] == [[0.1, 0.8, 0.9, 0.9]]
    assert item["scores"][0]["detail"] == "lines 1"


def test_where_a_photo_came_from_is_told_whole(shelf: Shelf, desk: Door) -> None:
    shelf.photo(words="by Ada", page_url="https://photos.example.org/ada?q=1", query="portrait, window light")
    batch = shelf.batch(0)

    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"]
    origin = item["origin"]

    assert (origin["source"], origin["query"], origin["licence"]) == ("folder", "portrait, window light", "by Ada")
    assert origin["page_link"] == "https://photos.example.org/ada?q=1"


def test_that_a_photo_was_generated_is_told_where_its_source_declares_it(shelf: Shelf, desk: Door) -> None:
    shelf.photo()
    shelf.photo(generated=True)
    batch = shelf.batch(0)

    items = desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"]

    assert [item["origin"]["generated"] for item in items] == [False, True]


def test_a_licence_is_told_with_its_text_and_the_line_that_it_wants_shown(shelf: Shelf, desk: Door) -> None:
    deed = "https://creativecommons.org/licenses/by/4.0/"
    shelf.photo(licence_url=deed, attribution="“Portrait” by Ada, CC BY 4.0, via Wikimedia Commons")
    shelf.photo(licence_url="javascript:alert(1)")
    batch = shelf.batch(0)

    first, second = (i["origin"] for i in desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"])

    assert (first["licence_link"], first["attribution"]) == (
        deed,
        "“Portrait” by Ada, CC BY 4.0, via Wikimedia Commons",
    )
    assert second["licence_link"] is None


@pytest.mark.parametrize("page_url", ["javascript:alert(1)", "data:text/html,<b>", "file:///etc/passwd", "//x.example"])
def test_an_address_that_a_browser_should_not_follow_is_text_alone(shelf: Shelf, desk: Door, page_url: str) -> None:
    shelf.photo(page_url=page_url)
    batch = shelf.batch(0)

    (item,) = desk("rita").get(f"/api/queue?batch={batch}&stage=raw").json()["items"]

    assert item["origin"]["page_url"] == page_url
    assert item["origin"]["page_link"] is None


def test_collected_text_cannot_leave_its_place_in_the_page(shelf: Shelf, desk: Door) -> None:
    shelf.photo(words=HOSTILE, query=f"portrait {HOSTILE}")
    batch = shelf.batch(0)

    page = desk("rita").get(f"/batch/{batch}/raw").text

    assert "<script>document" not in page
    assert "<img src=x" not in page
    assert opening_of(page)["page"]["items"][0]["origin"]["title"] == HOSTILE


def test_a_single_photo_opens_by_its_number_also_when_it_is_decided(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    first, second, third = shelf.photos(batch)
    desk("rita").decide(batch, "raw", {"subject": second, "verdict": "approve"})

    items = opening_of(desk("rita").get(f"/batch/{batch}/raw/{second}").text)["page"]["items"]

    assert [item["id"] for item in items] == [second, third]
    assert first not in [item["id"] for item in items]


@pytest.mark.parametrize("path", ["/batch/999/raw", "/batch/{batch}/raw/999", "/batch/x/raw"])
def test_what_does_not_exist_is_said_to_not_exist(shelf: Shelf, desk: Door, path: str) -> None:
    batch = shelf.batch(1)

    answer = desk("rita").get(path.format(batch=batch), Accept="text/html")

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


def test_a_photo_of_another_batch_is_not_shown_here(shelf: Shelf, desk: Door) -> None:
    batch, other = shelf.batch(1), shelf.batch(1)
    (photo,), (waiting,) = shelf.photos(batch), shelf.photos(other)
    path = f"/batch/{other}/raw/{photo}"

    items = opening_of(desk("rita").get(path).text)["page"]["items"]

    # It may have been given among this batch's because its answer is known: loading the page again must not tell.
    assert [item["id"] for item in items] == [waiting]
    assert desk("vic").get(path).status_code == 404


def test_a_run_leads_to_the_batch_that_it_opened(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    key = shelf.catalog.batches.get(batch).key

    answer = desk("rita").get(f"/run?key={key}")

    assert answer.status_code == 303
    assert answer.headers["location"] == f"batch/{batch}/raw"
    assert "has opened no batch" in desk("rita").get("/run?key=another").text
