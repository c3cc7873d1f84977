"""Where two differ nothing stands until a third has decided between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from desks import Visitor
from shelf import Shelf

from catalog.records import BatchState, Role, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings
from preprocessing.steps import close_batch

Door = Callable[[str], Visitor]


@pytest.fixture(autouse=True)
def everything_twice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "1")
    settings.cache_clear()
    yield
    settings.cache_clear()


def disputed(shelf: Shelf, desk: Door) -> tuple[int, int]:
    """A batch of one photo that Olga approves and Rita rejects."""
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    assert desk("olga").decide(batch, "raw", {"subject": photo, "verdict": "approve"})[0]["saved"]
    act = {"subject": photo, "verdict": "reject", "reason": "other", "note": "a doll"}
    assert desk("rita").decide(batch, "raw", act)[0]["saved"]
    return batch, photo


def items(visitor: Visitor, batch: int, **asked: str) -> list[dict[str, Any]]:
    query = "".join(f"&{name}={value}" for name, value in asked.items())
    found: list[dict[str, Any]] = visitor.get(f"/api/queue?batch={batch}&stage=raw{query}").json()["items"]
    return found


def stands(shelf: Shelf, photo: int) -> str | None:
    found = shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return found.verdict.value if found else None


def test_nothing_stands_and_the_stage_is_not_complete(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)

    progress = shelf.catalog.batches.progress(batch, Stage.RAW)

    assert stands(shelf, photo) is None
    assert (progress.subjects, progress.decided, progress.disputed, progress.complete) == (1, 0, 1, False)


def test_a_third_is_shown_both_verdicts_without_a_name(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)

    (item,) = items(desk("anna"), batch)

    assert (item["id"], item["blind"], item["decision"]) == (photo, False, None)
    assert sorted((look["verdict"], look["note"]) for look in item["looks"]) == [("approve", ""), ("reject", "a doll")]
    assert "olga" not in str(item)
    assert "rita" not in str(item)


def test_the_third_decides(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)

    assert desk("anna").decide(batch, "raw", {"subject": photo, "verdict": "approve"})[0]["saved"]

    assert stands(shelf, photo) == "approve"
    history = shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, photo))
    assert [row.role for row in history] == [Role.FIRST, Role.SECOND, Role.THIRD]
    assert shelf.catalog.batches.progress(batch, Stage.RAW).complete
    assert items(desk("vera"), batch) == []


def test_neither_of_the_two_is_told_or_asked_again(shelf: Shelf, desk: Door) -> None:
    batch, _ = disputed(shelf, desk)

    for name in ("olga", "rita"):
        assert items(desk(name), batch) == []
        (item,) = items(desk(name), batch, everything="true")
        assert (item["decision"]["mine"], item["looks"]) == (True, [])


def test_either_of_the_two_may_take_theirs_back_and_then_the_other_ones_stands(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)

    assert desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "undo"})[0]["saved"]
    assert stands(shelf, photo) == "approve"


def test_the_third_may_take_theirs_back_and_the_dispute_is_open_again(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)
    anna = desk("anna")
    anna.decide(batch, "raw", {"subject": photo, "verdict": "approve"})

    assert anna.decide(batch, "raw", {"subject": photo, "verdict": "undo"})[0]["saved"]

    assert stands(shelf, photo) is None
    assert shelf.catalog.batches.progress(batch, Stage.RAW).disputed == 1
    assert [item["id"] for item in items(desk("vera"), batch)] == [photo]


def test_a_dispute_about_a_photo_that_is_cropped_takes_its_face_out_of_the_later_stages(
    shelf: Shelf, desk: Door
) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    (face,) = shelf.faces(batch)
    desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "other"})

    assert shelf.catalog.batches.progress(batch, Stage.CROP).subjects == 0
    (outcome,) = desk("olga").decide(batch, "crop", {"subject": face, "verdict": "approve"})
    assert (outcome["saved"], outcome["message"]) == (False, "not approved at the raw stage")

    desk("anna").decide(batch, "raw", {"subject": photo, "verdict": "approve"})
    assert shelf.catalog.batches.progress(batch, Stage.CROP).subjects == 1
    assert [item["id"] for item in desk("olga").get(f"/api/queue?batch={batch}&stage=crop").json()["items"]] == [face]


def test_what_is_disputed_when_a_batch_closes_is_not_used(shelf: Shelf, desk: Door) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    (face,) = shelf.faces(batch)
    for stage in ("crop", "final"):
        desk("olga").decide(batch, stage, {"subject": face, "verdict": "approve"})
    assert len(shelf.catalog.faces.approved()) == 1
    desk("rita").decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "other"})

    assert close_batch(batch, catalog=shelf.catalog) == 0

    assert shelf.catalog.batches.get(batch).state is BatchState.DONE
    assert shelf.catalog.faces.approved() == []
    assert shelf.catalog.log.verify().whole


def test_a_batch_with_something_undecided_does_not_close(shelf: Shelf) -> None:
    from catalog.errors import Conflict

    batch = shelf.batch(1)
    with pytest.raises(Conflict, match="1 of 1 wait at the raw stage"):
        close_batch(batch, catalog=shelf.catalog)


def test_a_third_who_agrees_with_the_rejection_rejects(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)

    desk("anna").decide(batch, "raw", {"subject": photo, "verdict": "reject", "reason": "not_a_photo"})

    found = shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    assert found is not None
    assert (found.by, found.verdict) == ("anna", Verdict.REJECT)


def test_a_team_of_two_finds_what_it_differs_about_and_settles_it(shelf: Shelf, desk: Door) -> None:
    batch, photo = disputed(shelf, desk)
    agreed = shelf.batch(1)
    for name in ("olga", "rita"):
        desk(name).decide(agreed, "raw", {"subject": shelf.photos(agreed)[0], "verdict": "approve"})
        assert items(desk(name), agreed, disputed="true") == []

    for name in ("olga", "rita"):
        (item,) = items(desk(name), batch, disputed="true")
        assert (item["id"], item["decision"]["by"], item["looks"]) == (photo, name, [])
    act = {"subject": photo, "verdict": "reject", "reason": "not_a_photo"}
    assert desk("olga").decide(batch, "raw", act)[0]["saved"]

    assert stands(shelf, photo) == "reject"
    assert shelf.catalog.batches.progress(batch, Stage.RAW).complete
    assert items(desk("olga"), batch, disputed="true") == []
    assert "disputed" not in desk("olga").get("/").text


def test_either_of_the_two_settles_a_dispute_about_a_crop_whose_face_is_judged_finally(
    shelf: Shelf, desk: Door
) -> None:
    batch = shelf.batch(1)
    (face,) = shelf.faces(batch)
    for stage in ("crop", "final"):
        desk("olga").decide(batch, stage, {"subject": face, "verdict": "approve"})
    rejected = {"subject": face, "verdict": "reject", "reason": "wink_or_closed_eyes"}
    assert desk("rita").decide(batch, "crop", rejected)[0]["saved"]

    assert desk("olga").decide(batch, "crop", rejected)[0]["saved"]

    found = shelf.catalog.decisions.of(Subject(SubjectKind.FACE, face), stage=Stage.CROP)
    assert found is not None
    assert (found.by, found.verdict) == ("olga", Verdict.REJECT)
    assert shelf.catalog.faces.approved() == []
    assert shelf.catalog.log.verify().whole


def test_the_first_page_tells_of_a_dispute(shelf: Shelf, desk: Door) -> None:
    disputed(shelf, desk)

    assert "1 disputed" in desk("vic").get("/").text
