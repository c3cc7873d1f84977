"""Two reviewers share a batch: nobody is given what the other looks at, and nobody has to wait for who went home."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.records import Flag, Reason, Score, Stage, Subject, SubjectKind
from catalog.settings import settings
from preprocessing import crowds

Door = Callable[[str], Visitor]


@pytest.fixture(autouse=True)
def one_look_each(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "0")
    settings.cache_clear()
    yield
    settings.cache_clear()


def queue(visitor: Visitor, batch: int, **asked: Any) -> dict[str, Any]:
    query = "&".join(f"{name}={value}" for name, value in ({"batch": batch, "stage": "raw"} | asked).items())
    answer = visitor.get(f"/api/queue?{query}")
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def ids(page: dict[str, Any]) -> list[int]:
    return [item["id"] for item in page["items"]]


def hold(visitor: Visitor, batch: int, *, keep: list[int] = [], release: list[int] = []) -> list[int]:  # noqa: B006
    answer = visitor.post("/api/leases", {"batch": batch, "stage": "raw", "keep": keep, "release": release})
    assert answer.status_code == 200, answer.text
    lost: list[int] = answer.json()["lost"]
    return lost


def test_each_is_given_other_pictures(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(6)
    photos = shelf.photos(batch)

    assert ids(queue(desk("rita"), batch, limit=4)) == photos[:4]
    assert ids(queue(desk("olga"), batch, limit=4)) == photos[4:]
    assert ids(queue(desk("anna"), batch, limit=4)) == []


def test_what_one_was_given_comes_again_when_they_start_anew(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    photos = shelf.photos(batch)
    rita = desk("rita")
    queue(rita, batch)
    rita.decide(batch, "raw", {"subject": photos[1], "verdict": "approve"})

    assert ids(queue(rita, batch)) == [photos[0], photos[2]]


def test_the_queue_goes_on_from_where_it_ended(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(5)
    photos = shelf.photos(batch)

    first = queue(desk("rita"), batch, limit=3)
    second = queue(desk("rita"), batch, limit=3, after=first["after"])

    assert ids(first) + ids(second) == photos
    assert second["after"] is None
    assert first["lease_seconds"] == 120


def test_what_is_given_back_is_free_for_the_other(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    photos = shelf.photos(batch)
    queue(desk("rita"), batch)

    assert hold(desk("rita"), batch, release=photos[1:]) == []

    assert ids(queue(desk("olga"), batch)) == photos[1:]


def test_a_lease_that_has_lapsed_keeps_nobody_away_and_refuses_no_decision(
    shelf: Shelf, desk: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    lapse(shelf, desk("rita"), batch)

    assert ids(queue(desk("olga"), batch)) == [photo]
    assert desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "approve"})[0]["saved"]
    assert hold(desk("olga"), batch, keep=[photo]) == [photo], "decided by somebody else: lost"


def test_who_keeps_looking_keeps_what_they_look_at(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    photos = shelf.photos(batch)
    lapse(shelf, desk("rita"), batch)

    assert hold(desk("rita"), batch, keep=photos) == []
    assert ids(queue(desk("olga"), batch)) == []
    assert hold(desk("olga"), batch, keep=photos) == photos


def test_an_onlooker_is_given_nothing_and_holds_nothing(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    photos = shelf.photos(batch)

    seen = queue(desk("vic"), batch)

    assert (ids(seen), seen["lease_seconds"]) == (photos, None)
    assert ids(queue(desk("rita"), batch)) == photos
    assert desk("vic").post("/api/leases", {"batch": batch, "stage": "raw", "keep": photos}).status_code == 403


def test_looking_at_everything_takes_nothing_from_anybody(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(2)
    photos = shelf.photos(batch)
    queue(desk("rita"), batch)

    assert ids(queue(desk("olga"), batch, everything="true")) == photos


def test_no_more_than_two_hundred_are_held_in_one_request(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    half = list(range(1, 151))

    answer = desk("rita").post("/api/leases", {"batch": batch, "stage": "raw", "keep": half, "release": half})

    assert answer.status_code == 422


def test_two_who_ask_at_once_are_given_different_pictures(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(12)
    given: dict[str, list[int]] = {}

    def ask(name: str) -> None:
        given[name] = [
            subject.id for subject in shelf.catalog.queue.give(batch, Stage.RAW, person=name, limit=3).subjects
        ]

    threads = [threading.Thread(target=ask, args=(f"person-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    together = [number for numbers in given.values() for number in numbers]
    assert sorted(together) == shelf.photos(batch)


# ------------------------------------------------------------------------------------------- order and filters


def test_the_flagged_come_first(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(4)
    photos = shelf.photos(batch)
    flag(shelf, photos[2])

    page = queue(desk("rita"), batch, order="flagged", limit=2)
    rest = queue(desk("rita"), batch, order="flagged", limit=2, after=page["after"])

    assert ids(page) + ids(rest) == [photos[2], photos[0], photos[1], photos[3]]


def test_the_uncertain_come_first(shelf: Shelf, desk: Door) -> None:
    from preprocessing.checks import CHECKS

    batch = shelf.batch(3)
    photos = shelf.photos(batch)
    check = CHECKS["head_room"]
    distances = (0.3, 0.01, 0.2)
    shelf.catalog.scores.add(
        Score(Subject(SubjectKind.PHOTO, photo), check.name, check.version, min(1.0, check.threshold + apart))
        for photo, apart in zip(photos, distances, strict=True)
    )

    assert ids(queue(desk("rita"), batch, order="uncertain")) == [photos[1], photos[2], photos[0]]


def test_the_queue_is_filtered_by_source_query_reason_and_flag(shelf: Shelf, desk: Door) -> None:
    shelf.photo(query="red lips 50%")
    batch = shelf.batch(2)
    photos = shelf.photos(batch)
    flag(shelf, photos[1])
    vic = desk("vic")

    assert ids(queue(vic, batch, source="folder")) == photos
    assert ids(queue(vic, batch, source="google")) == []
    assert ids(queue(vic, batch, query="LIPS 50%25")) == [photos[0]]
    assert ids(queue(vic, batch, query="LIPS_50")) == []
    assert ids(queue(vic, batch, reason="mirrored")) == [photos[1]]
    assert ids(queue(vic, batch, flag="mirrored")) == [photos[1]]
    assert ids(queue(vic, batch, flag="check:mirrored")) == [photos[1]]
    assert ids(queue(vic, batch, flag="head_room")) == []


def test_a_page_opens_as_its_address_says(shelf: Shelf, desk: Door) -> None:
    from opening import opening_of

    batch = shelf.batch(2)
    flag(shelf, shelf.photos(batch)[1])

    opened = opening_of(desk("rita").get(f"/batch/{batch}/raw?order=flagged&reason=mirrored").text)

    assert opened["filters"] == {"order": "flagged", "reason": "mirrored"}
    assert ids(opened["page"]) == shelf.photos(batch)[1:]


@pytest.mark.parametrize("asked", ["after=nowhere", "after=-1", "order=newest", "limit=101", "flag=" + "x" * 300])
def test_what_cannot_be_asked_is_refused(shelf: Shelf, desk: Door, asked: str) -> None:
    assert desk("rita").get(f"/api/queue?batch={shelf.batch(1)}&stage=raw&{asked}").status_code == 422


# -------------------------------------------------------------------------------------------------- what is mine


def test_everything_one_decided_can_be_taken_back_the_latest_first(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(5)
    photos = shelf.photos(batch)
    rita = desk("rita")
    rita.decide(batch, "raw", *({"subject": photo, "verdict": "approve", "seconds": 1.5} for photo in photos))
    rita.decide(batch, "raw", {"subject": photos[4], "verdict": "undo"})
    desk("olga").decide(batch, "raw", {"subject": photos[4], "verdict": "approve"})

    first = rita.get(f"/api/mine?batch={batch}&stage=raw&limit=3").json()
    second = rita.get(f"/api/mine?batch={batch}&stage=raw&limit=3&before={first['before']}").json()

    assert ids(first) + ids(second) == photos[3::-1]
    assert second["before"] is None
    assert all(item["decision"]["mine"] for item in first["items"])
    assert shelf.catalog.log.rows()[0].seconds == 1.5


def test_a_page_of_somebody_else_decides_nothing(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    act = {"token": "left-behind-by-olga-1", "subject": photo, "verdict": "approve"}

    answer = desk("rita").post("/api/decisions", {"batch": batch, "stage": "raw", "person": "olga", "acts": [act]})

    assert answer.status_code == 409
    assert shelf.catalog.decisions.counts()["raw"] == 0


# ----------------------------------------------------------------------------------------------- what lies beside


def test_what_shows_the_same_lies_beside_it(shelf: Shelf, desk: Door) -> None:
    one, other = shelf.alike(3, same=True)

    beside = desk("rita").get(f"/api/beside?stage=raw&subject={one}").json()

    assert [near["id"] for near in beside["near"]][:1] == [other]
    assert str(one) in beside["near"][0]["tie"]
    assert beside["person"] == []


def flag(shelf: Shelf, photo: int) -> None:
    subject = Subject(SubjectKind.PHOTO, photo)
    shelf.catalog.scores.flag([Flag(subject, Stage.RAW, Reason.MIRRORED, by="check:mirrored")])


def lapse(shelf: Shelf, visitor: Visitor, batch: int) -> None:
    """Let a visitor be given what waits, and their time run out."""
    from datetime import UTC, datetime

    from sqlalchemy import update

    from catalog.tables import review_leases

    queue(visitor, batch)
    with shelf.catalog.writing() as connection:
        connection.execute(update(review_leases).values(until=datetime(2026, 1, 1, tzinfo=UTC)))


def test_what_a_page_gives_back_late_stays_with_the_page_that_has_it_since(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(3)
    photos, rita = shelf.photos(batch), desk("rita")
    closed = queue(rita, batch)
    opened_since = queue(rita, batch)
    late = {"batch": batch, "stage": "raw", "keep": [], "release": photos, "until": closed["until"]}

    assert rita.post("/api/leases", late).status_code == 200
    assert ids(queue(desk("olga"), batch)) == []

    answer = rita.post("/api/leases", late | {"keep": photos, "release": []})
    assert answer.json()["until"] > opened_since["until"]
    assert rita.post("/api/leases", late | {"until": answer.json()["until"]}).status_code == 200
    assert ids(queue(desk("olga"), batch)) == photos


def test_the_same_persons_faces_lie_beside_each_other_when_a_flag_names_them(
    shelf: Shelf, desk: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = shelf.batch(4)
    kept, too_many, another, stranger = shelf.faces(batch)
    for face in (too_many, another):
        subject, sentence = Subject(SubjectKind.FACE, face), crowds.said(most=1, kept=[kept])
        shelf.catalog.scores.flag([Flag(subject, Stage.CROP, Reason.OTHER, crowds.BY, sentence)])

    def person(face: int) -> list[int]:
        beside = desk("rita").get(f"/api/beside?stage=crop&subject={face}").json()
        return [other["id"] for other in beside["person"]]

    assert person(kept) == [], "nobody asked for people to be told apart"
    monkeypatch.setenv("FACELOOP_FACES_PER_PERSON", "1")
    settings.cache_clear()
    assert person(kept) == [too_many, another]
    assert person(too_many) == [kept, another]
    assert person(stranger) == []
