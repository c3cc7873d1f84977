"""validate and close: a batch's rates are held against those of the batches before it, and drift stops nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import Catalog
from catalog.records import Batch, BatchState, Face, Reason, Score, Share, Stage, SubjectKind
from preprocessing import steps
from preprocessing.checks import CHECKS, checks_on
from preprocessing.drift import ENOUGH
from preprocessing.report import BatchReport, Rate
from rows import Rows, subject_of

FACES = 12
BLUR = CHECKS["blur"]


@pytest.fixture
def rows(catalog: Catalog) -> Rows:
    return Rows(catalog)


def cropped(catalog: Catalog, rows: Rows, *, blurred: int) -> tuple[Batch, list[Face]]:
    """A batch that has passed the raw stage, with so many blurred faces."""
    batch, photos = rows.batch(FACES)
    for photo in photos:
        rows.approve(photo, Stage.RAW)
    faces = [rows.face(photo) for photo in photos]
    for number, face in enumerate(faces):
        low = {BLUR.name} if number < blurred else set()
        scores = [(check, 0.0 if check.name in low else 1.0) for check in checks_on(SubjectKind.FACE)]
        catalog.scores.add(Score(subject_of(face), check.name, check.version, value) for check, value in scores)
    return batch, faces


def decided(catalog: Catalog, rows: Rows, batch: Batch, faces: list[Face], *, rejected: int) -> None:
    for number, face in enumerate(faces):
        if number < rejected:
            rows.reject(face, Stage.CROP, reason=Reason.ARTEFACT)
        else:
            rows.approve(face, Stage.CROP)
            rows.approve(face, Stage.FINAL)
    steps.close_batch(batch.id, catalog=catalog)


def told(catalog: Catalog, batch: Batch) -> dict[str, Rate]:
    """The rates in a batch's report, by name."""
    report = BatchReport.from_json(catalog.batches.validation(batch.id) or {})
    assert report is not None
    return {rate.name: rate for rate in report.rates}


def test_a_batch_is_compared_with_those_before_when_it_is_validated_and_when_it_is_closed(
    catalog: Catalog, rows: Rows, tmp_path: Path
) -> None:
    for _ in range(ENOUGH):  # validated and done, as far as a comparison can see
        batch, faces = cropped(catalog, rows, blurred=1)
        catalog.batches.add_validation(batch.id, success=True, stopped_by="", report={})
        decided(catalog, rows, batch, faces, rejected=1)

    batch, faces = cropped(catalog, rows, blurred=FACES)
    report = steps.validate(batch.id, catalog=catalog, docs=tmp_path)
    rates = told(catalog, batch)
    assert (rates["below:blur"].part, rates["below:blur"].whole, rates["below:blur"].batches) == (FACES, FACES, ENOUGH)
    assert rates["below:blur"].median == pytest.approx(1 / FACES)
    assert {name for name, rate in rates.items() if not rate.success} == {"below:blur"}
    assert not report.success
    assert report.stopped_by == ""
    assert catalog.batches.get(batch.id).state is BatchState.OPEN
    assert "rejected:crop" not in rates, "nobody has decided the crops yet"

    decided(catalog, rows, batch, faces, rejected=10)
    rates = told(catalog, batch)
    assert catalog.batches.get(batch.id).state is BatchState.DONE
    drifted = {name for name, rate in rates.items() if not rate.success}
    assert drifted == {"below:blur", "rejected:crop", f"rejected:crop:{Reason.ARTEFACT}"}
    assert (rates["rejected:final"].part, rates["rejected:final"].whole) == (0, 2)


def test_a_moved_threshold_is_no_drift(catalog: Catalog, rows: Rows) -> None:
    """The scores of earlier batches are judged by today's thresholds too."""
    batches = [cropped(catalog, rows, blurred=2)[0].id for _ in range(2)]
    for threshold, part in ((BLUR.threshold, 2), (0.0, 0)):
        found = catalog.rates.below({(BLUR.name, BLUR.version): threshold}, batches)
        assert found == {BLUR.name: {batch: Share(part, FACES) for batch in batches}}


def test_a_licence_that_lets_no_model_learn_is_flagged_on_the_faces_that_wait(
    catalog: Catalog, rows: Rows, tmp_path: Path
) -> None:
    from sqlalchemy import update

    from catalog.tables import candidates

    batch, faces = cropped(catalog, rows, blurred=0)
    with catalog.writing() as connection:
        connection.execute(update(candidates).values(train_ok=False, licence="CC BY-ND 4.0"))
    steps.validate(batch.id, catalog=catalog, docs=tmp_path)
    (flag,) = catalog.batches.item(subject_of(faces[0]), Stage.CROP).flags
    assert (flag.reason, flag.by, flag.detail) == (
        Reason.OTHER,
        "expectation:photo_licence_allowed",
        "CC BY-ND 4.0",
    )
