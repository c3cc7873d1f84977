"""validate: a batch is held against its expectations; failing rows are flagged, a critical failure stops the batch."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog.records import BatchState, Reason, Stage, Subject, SubjectKind, Verdict
from preprocessing import expectations, steps
from preprocessing.checks import CHECKS, checks_on
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.errors import ValidationStopped
from preprocessing.report import BatchReport, Expected, FaceRow, PhotoRow, Severity

GOOD = {check.name: 1.0 for check in checks_on(SubjectKind.FACE)}


def photo(number: int) -> PhotoRow:
    return PhotoRow(
        photo_id=number,
        sha256=f"{number:064x}",
        domain="bare",
        source="folder",
        foreign_id=str(number),
        page_url="https://photos.example/",
        image_url=f"https://photos.example/{number}",
        query="portraits",
        licence="CC0-1.0",
        found_at=datetime(2026, 1, 1, tzinfo=UTC),
        width=900,
        height=900,
        usable=True,
    )


def face(number: int, **scores: float) -> FaceRow:
    return FaceRow(number, number, 0, f"{number:064x}", "bare", 0.0, 500.0, GOOD | scores)


def validate(photos: list[PhotoRow], faces: list[FaceRow], **options: Path) -> BatchReport:
    return expectations.validate(batch_id=1, photos=photos, faces=faces, **options)


def named(report: BatchReport, name: str) -> Expected:
    (found,) = [expected for expected in report.expectations if expected.name == name]
    return found


PHOTOS = [photo(n) for n in range(1, 11)]
FACES = [face(n) for n in range(1, 11)]


# ------------------------------------------------------------------------------------------- the suite


def test_a_sound_batch_passes_everything() -> None:
    report = validate(PHOTOS, FACES)
    assert report.success
    assert report.stopped_by == ""
    assert not any(expected.failing for expected in report.expectations)


def test_a_batch_whose_photos_all_were_rejected_has_no_faces_and_is_sound() -> None:
    assert validate(PHOTOS, []).stopped_by == ""


@pytest.mark.parametrize("check", checks_on(SubjectKind.FACE), ids=lambda check: check.name)
def test_a_low_score_names_its_face_and_stops_nothing(check) -> None:
    report = validate(PHOTOS, [*FACES[:9], face(10, **{check.name: check.threshold - 0.01})])
    expected = named(report, check.name)
    assert [failing.id for failing in expected.failing] == [10]
    assert expected.reason is check.reason
    assert expected.success  # one of ten is few enough
    assert report.stopped_by == ""


def test_many_low_scores_fail_the_expectation_as_a_whole_and_still_stop_nothing() -> None:
    report = validate(PHOTOS, [face(n, size=0.1) for n in range(1, 11)])
    assert not report.success
    assert not named(report, "size").success
    assert named(report, "size").severity is Severity.WARNING
    assert report.stopped_by == ""


def test_a_threshold_is_met_by_its_own_value() -> None:
    report = validate(PHOTOS, [face(1, size=CHECKS["size"].threshold)])
    assert named(report, "size").failing == ()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"licence": ""}, "no photo's licence is empty (1 of 10 photos)"),
        ({"source": " "}, "no photo's source is empty (1 of 10 photos)"),
        ({"page_url": None}, "every photo says its page_url (1 of 10 photos)"),
        ({"domain": "cat"}, "every photo belongs to a domain of the model (1 of 10 photos)"),
        ({"photo_id": 2}, "no two photos share a photo_id (2 of 10 photos)"),
        ({"sha256": f"{2:064x}"}, "no two photos share a sha256 (2 of 10 photos)"),
        ({"sha256": "photo.jpg"}, "every photo's bytes are named by sha256 (1 of 10 photos)"),
        ({"width": 0}, "every photo's width is from 1 to 65,535 pixels (1 of 10 photos)"),
        ({"height": None}, "every photo's height is known (1 of 10 photos)"),
        ({"scores": {"head_room": -0.5}}, "every score for head room is from 0 to 1 (1 of 10 photos)"),
    ],
)
def test_a_photo_without_its_provenance_stops_the_batch(change: dict[str, object], said: str) -> None:
    report = validate([replace(PHOTOS[0], **change), *PHOTOS[1:]], FACES)
    assert said in report.stopped_by


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"padded": 1.2}, "the padded share of every crop is from 0 to 1 (1 of 10 faces)"),
        ({"padded": float("nan")}, "the padded share of every crop is known (1 of 10 faces)"),
        ({"side": 0.0}, "the side of every crop is from 1 to 131,070 pixels of its photo (1 of 10 faces)"),
        ({"sha256": "crop.jpg"}, "every face has its crop, named by sha256 (1 of 10 faces)"),
        ({"face_id": 2}, "no two faces share an id (2 of 10 faces)"),
        ({"scores": GOOD | {"blur": 1.5}}, "every score for blur is from 0 to 1 (1 of 10 faces)"),
        ({"scores": {}}, "every face has its score for blur (1 of 10 faces)"),
    ],
)
def test_a_face_that_the_pipeline_left_unfinished_stops_the_batch(change: dict[str, object], said: str) -> None:
    report = validate(PHOTOS, [replace(FACES[0], **change), *FACES[1:]])
    assert said in report.stopped_by


def test_a_photo_whose_licence_lets_no_model_learn_is_pointed_out_with_the_licence() -> None:
    report = validate([replace(PHOTOS[0], licence="CC BY-ND 4.0", learnable=False), *PHOTOS[1:]], FACES)
    allowed = named(report, "photo_licence_allowed")
    assert [(failing.id, failing.value) for failing in allowed.failing] == [(1, "CC BY-ND 4.0")]
    assert allowed.reason is Reason.OTHER
    assert report.stopped_by == ""


def test_scores_of_photos_may_be_missing_for_screen_gave_them_days_ago() -> None:
    assert not any(photo.scores for photo in PHOTOS)
    assert validate(PHOTOS, FACES).success


def test_an_empty_batch_is_stopped() -> None:
    assert "the batch has at least one photo" in validate([], []).stopped_by


def test_two_faces_with_the_same_crop_are_pointed_out() -> None:
    report = validate(PHOTOS, [*FACES[:9], replace(FACES[9], sha256=FACES[0].sha256)])
    assert [failing.id for failing in named(report, "face_crop_unique").failing] == [1, 10]
    assert report.stopped_by == ""


def test_a_report_is_json_and_back() -> None:
    report = validate(PHOTOS, [face(1, blur=0.1)])
    assert json.loads(json.dumps(report.to_json())) == report.to_json()


def test_data_docs_are_written(tmp_path: Path) -> None:
    report = validate(PHOTOS, FACES, docs=tmp_path / "docs")
    assert "<html" in Path(report.docs).read_text().lower()
    assert {page.stem for page in (tmp_path / "docs" / "expectations").glob("*.html")} == {"photos", "faces"}


# -------------------------------------------------------------------------------------------- the step


@pytest.fixture
def batch(catalog, blobs, add, finder, astronaut: Pixels) -> int:
    """A batch of one approved and cropped photo whose face is too small."""
    stored = add(encode_jpeg(astronaut))
    opened = catalog.batches.open(key="today")
    subject = Subject(SubjectKind.PHOTO, stored.id)
    catalog.decisions.decide(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="ada")
    steps.crop(opened.id, catalog=catalog, blobs=blobs, finder=finder)
    return opened.id


def only_face(catalog, batch: int) -> Subject:
    (found,) = catalog.faces.of_batch(batch)
    return Subject(SubjectKind.FACE, found.id)


def test_a_failing_face_reaches_the_reviewers_with_its_reason(
    catalog, blobs, batch: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = replace(CHECKS["size"], threshold=0.99, reason=Reason.PRODUCT)
    monkeypatch.setitem(CHECKS, "size", strict)
    steps.check(batch, catalog=catalog, blobs=blobs)
    report = steps.validate(batch, catalog=catalog, docs=tmp_path)
    item = catalog.batches.item(only_face(catalog, batch), Stage.CROP)
    assert [(flag.by, flag.reason) for flag in item.flags] == [("expectation:size", Reason.PRODUCT)]
    assert catalog.batches.validation(batch) == report.to_json()
    assert catalog.batches.get(batch).state is BatchState.OPEN


def test_validating_before_checking_stops_the_batch_with_a_readable_reason(catalog, batch: int, tmp_path: Path) -> None:
    with pytest.raises(ValidationStopped, match="every face has its score for blur"):
        steps.validate(batch, catalog=catalog, docs=tmp_path)
    closed = catalog.batches.get(batch)
    assert closed.state is BatchState.STOPPED
    assert "every face has its score for blur (1 of 1 faces)" in closed.reason


def test_a_stopped_batch_that_is_mended_and_validated_again_goes_on(catalog, blobs, batch: int, tmp_path: Path) -> None:
    with pytest.raises(ValidationStopped):
        steps.validate(batch, catalog=catalog, docs=tmp_path)
    steps.check(batch, catalog=catalog, blobs=blobs)
    assert steps.validate(batch, catalog=catalog, docs=tmp_path).stopped_by == ""
    assert catalog.batches.get(batch).state is BatchState.OPEN


def test_validating_twice_flags_and_reports_once(catalog, blobs, batch: int, tmp_path: Path) -> None:
    steps.check(batch, catalog=catalog, blobs=blobs)
    reports = [steps.validate(batch, catalog=catalog, docs=tmp_path) for _ in range(2)]
    assert reports[0] == reports[1]
    flags = catalog.batches.item(only_face(catalog, batch), Stage.CROP).flags
    assert len({flag.by for flag in flags}) == len(flags)
