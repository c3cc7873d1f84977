"""A check whose flags people confirm has earned to reject by itself; it does so only where the operator lets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from reviewed import HEAD_ROOM, reviewed, scored

from catalog import Catalog
from catalog.errors import BadInput
from catalog.records import Calibrated, Share, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings
from preprocessing import earning, steps
from preprocessing.checks import CHECKS, SHIPPED, Check, Thresholds
from preprocessing.decode import Pixels, encode_jpeg
from rows import Rows

SIZE = CHECKS["size"]


@pytest.mark.parametrize(
    ("confirmed", "earned"),
    [((90, 100), True), ((89, 100), False), ((99, 99), False), ((900, 1000), True), ((0, 0), False)],
)
def test_nine_in_ten_of_a_hundred_flags_earn_it(confirmed: tuple[int, int], earned: bool) -> None:
    assert earning.has_earned(Share(*confirmed)) is earned


def record(catalog: Catalog, check: Check, thresholds: Thresholds = SHIPPED) -> earning.Record:
    (found,) = [one for one in earning.records(catalog, thresholds) if one.check is check]
    return found


def test_only_what_it_flags_and_people_have_decided_counts(catalog: Catalog) -> None:
    reviewed(catalog, rejected=[0.1, 0.2, 0.9], approved=[0.4, 0.8], others=[0.1])
    assert record(catalog, HEAD_ROOM).confirmed == Share(2, 3)
    strict = Thresholds(1, {(HEAD_ROOM.name, HEAD_ROOM.version): 0.3})
    assert record(catalog, HEAD_ROOM, strict).confirmed == Share(2, 2)
    assert record(catalog, SIZE).confirmed == Share(0, 0)


def test_a_check_does_not_confirm_itself(catalog: Catalog) -> None:
    confirmed, overruled = scored(catalog, [0.1, 0.2])
    for subject in (confirmed, overruled):
        catalog.decisions.reject_by_check(
            subject, check=HEAD_ROOM.name, stage=Stage.RAW, reason=HEAD_ROOM.reason, note=""
        )
    assert record(catalog, HEAD_ROOM).confirmed == Share(0, 0)
    catalog.decisions.decide(overruled, stage=Stage.RAW, verdict=Verdict.APPROVE, by="rita")
    assert record(catalog, HEAD_ROOM).confirmed == Share(0, 1)


# -------------------------------------------------------------------------------------------------- acting


def strictly(catalog: Catalog, check: Check) -> None:
    """Let nearly everything be flagged by a check."""
    strict = Calibrated(check.name, check.version, threshold=0.999, precision=1.0, recall=1.0, n=100)
    catalog.calibrations.add([strict], by="olga", false_alarms=0.01)


def let_act(monkeypatch: pytest.MonkeyPatch, *, on: bool = True) -> None:
    monkeypatch.setenv("FACELOOP_AUTO_REJECT", str(on))
    settings.cache_clear()


def screened(catalog, blobs, add, finder, astronaut: Pixels) -> Subject:
    photo = add(encode_jpeg(astronaut))
    batch = catalog.batches.open(key="today")
    steps.screen(batch.id, catalog=catalog, blobs=blobs, finder=finder)
    return Subject(SubjectKind.PHOTO, photo.id)


def test_an_earned_check_only_suggests_unless_the_operator_lets_it_act(catalog, blobs, add, finder, astronaut) -> None:
    strictly(catalog, HEAD_ROOM)
    reviewed(catalog, rejected=[0.1] * 100)
    assert record(catalog, HEAD_ROOM).earned
    subject = screened(catalog, blobs, add, finder, astronaut)
    assert "check:head_room" in {flag.by for flag in catalog.scores.flags([subject], stage=Stage.RAW)[subject]}
    assert catalog.decisions.history(subject) == []


def test_let_act_it_rejects_in_its_own_name_and_people_overrule_it(
    catalog, blobs, add, finder, astronaut, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_act(monkeypatch)
    strictly(catalog, HEAD_ROOM)
    reviewed(catalog, rejected=[0.1] * 100)
    subject = screened(catalog, blobs, add, finder, astronaut)
    (made,) = catalog.decisions.history(subject)
    assert (made.by, made.verdict, made.reason) == ("check:head_room", Verdict.REJECT, HEAD_ROOM.reason)
    assert "below 0.999" in made.note
    catalog.decisions.decide(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="rita")
    batch = catalog.batches.with_key("today")
    steps.screen(batch.id, catalog=catalog, blobs=blobs, finder=finder)
    standing = catalog.decisions.of(subject, stage=Stage.RAW)
    assert (standing.by, standing.verdict) == ("rita", Verdict.APPROVE)


def test_a_check_that_has_not_earned_it_does_not_act(
    catalog, blobs, add, finder, astronaut, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_act(monkeypatch)
    strictly(catalog, HEAD_ROOM)
    reviewed(catalog, rejected=[0.1] * 99)
    subject = screened(catalog, blobs, add, finder, astronaut)
    assert catalog.decisions.history(subject) == []


def test_a_face_is_rejected_when_its_batch_is_validated_and_only_once(
    catalog, blobs, add, finder, astronaut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_act(monkeypatch)
    strictly(catalog, SIZE)
    reviewed(catalog, check=SIZE, rejected=[0.1] * 100)
    photo = add(encode_jpeg(astronaut))
    batch = catalog.batches.open(key="today").id
    subject = Subject(SubjectKind.PHOTO, photo.id)
    catalog.decisions.decide(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="ada")
    steps.crop(batch, catalog=catalog, blobs=blobs, finder=finder)
    steps.check(batch, catalog=catalog, blobs=blobs)
    for _ in range(2):
        steps.validate(batch, catalog=catalog, docs=tmp_path)
    (face,) = catalog.faces.of_batch(batch)
    (made,) = catalog.decisions.history(Subject(SubjectKind.FACE, face.id))
    assert (made.by, made.stage, made.verdict) == ("check:size", Stage.CROP, Verdict.REJECT)
    assert catalog.batches.progress(batch, Stage.CROP).complete


def test_no_machine_approves_a_crop_above_15_percent_padding_nor_anything_else(
    catalog, blobs, add, finder, astronaut, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where checks may act, a crop that none of them rejects still waits for a person; and none may say yes."""
    let_act(monkeypatch)
    photo = add(encode_jpeg(astronaut))
    batch = catalog.batches.open(key="today").id
    steps.screen(batch, catalog=catalog, blobs=blobs, finder=finder)
    catalog.decisions.decide(Subject(SubjectKind.PHOTO, photo.id), stage=Stage.RAW, verdict=Verdict.APPROVE, by="ada")
    large = blobs.put("faces", encode_jpeg(astronaut))
    catalog.faces.store(photo.id, [replace(Rows(catalog).new_face(), padded=0.16, sha256_512=large)])
    steps.check(batch, catalog=catalog, blobs=blobs)
    report = steps.validate(batch, catalog=catalog, docs=tmp_path)
    (face,) = catalog.faces.of_batch(batch)
    subject = Subject(SubjectKind.FACE, face.id)
    assert [failing.id for one in report.expectations if one.name == "mirrored" for failing in one.failing] == [face.id]
    assert catalog.decisions.history(subject) == []
    assert not catalog.batches.progress(batch, Stage.CROP).complete
    for name in ("check:", *(f"check:{check}" for check in CHECKS)):
        for stage in (Stage.CROP, Stage.FINAL):
            with pytest.raises(BadInput, match="can only reject"):
                catalog.decisions.decide(subject, stage=stage, verdict=Verdict.APPROVE, by=name)
    assert catalog.faces.approved() == []
