"""A check's number is kept with the check's version; a flag is a suggestion that reviewers see."""

from __future__ import annotations

import math

import pytest

from catalog.catalog import Catalog
from catalog.errors import BadInput
from catalog.records import Flag, Reason, Score, Stage
from rows import Rows, subject_of


def test_scores_are_read_back_by_subject_in_the_order_of_names(catalog: Catalog, rows: Rows) -> None:
    photo = rows.photo()
    face = rows.face(photo)
    measured = [
        Score(subject_of(photo), "size", "1", 1.0),
        Score(subject_of(photo), "blur", "1", 0.25, {"variance": 12.5}),
        Score(subject_of(face), "exposure", "1", 0.5),
    ]
    assert catalog.scores.add(measured) == 3
    assert catalog.scores.of(subject_of(photo)) == [measured[1], measured[0]]
    assert catalog.scores.of(subject_of(face)) == [measured[2]]
    assert catalog.scores.of_many([]) == {}


def test_a_check_measures_a_subject_once_per_version(catalog: Catalog, rows: Rows) -> None:
    subject = subject_of(rows.photo())
    assert catalog.scores.add([Score(subject, "blur", "1", 0.25)]) == 1
    assert catalog.scores.add([Score(subject, "blur", "1", 0.75)]) == 0
    assert catalog.scores.add([Score(subject, "blur", "2", 0.75)]) == 1
    assert [(s.version, s.value) for s in catalog.scores.of(subject)] == [("1", 0.25), ("2", 0.75)]


@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf])
def test_a_score_lies_between_0_and_1(catalog: Catalog, rows: Rows, value: float) -> None:
    subject = subject_of(rows.photo())
    with pytest.raises(BadInput, match="blur"):
        catalog.scores.add([Score(subject, "size", "1", 1.0), Score(subject, "blur", "1", value)])
    assert catalog.scores.of(subject) == []


def test_a_number_that_is_none_is_kept_as_nothing(catalog: Catalog, rows: Rows) -> None:
    subject = subject_of(rows.photo())
    catalog.scores.add([Score(subject, "blur", "1", 0.0, {"ratio": math.nan, "sizes": [1.0, math.inf]})])
    (score,) = catalog.scores.of(subject)
    assert score.detail == {"ratio": None, "sizes": [1.0, None]}


def test_one_suggester_speaks_once_of_a_subject_at_a_stage(catalog: Catalog, rows: Rows) -> None:
    photo = subject_of(rows.photo())
    flag = Flag(photo, Stage.RAW, Reason.MIRRORED, by="mirrored", detail="borders repeat")
    assert catalog.scores.flag([flag, flag, Flag(photo, Stage.RAW, Reason.OTHER, by="validation")]) == 2
    flags = catalog.scores.flags([photo], stage=Stage.RAW)[photo]
    assert flags == [flag, Flag(photo, Stage.RAW, Reason.OTHER, by="validation")]
    assert catalog.scores.flags([photo], stage=Stage.CROP) == {}


def test_a_batch_has_the_scores_of_its_photos_and_of_their_faces(catalog: Catalog, rows: Rows) -> None:
    batch, (photo,) = rows.batch()
    face = rows.face(photo)
    elsewhere = rows.photo()
    measured = [Score(subject_of(row), "blur", "1", 0.5) for row in (photo, face, elsewhere)]
    catalog.scores.add(measured)
    assert catalog.scores.of_batch(batch.id) == measured[:2]


def test_any_number_of_subjects_may_be_asked_for(catalog: Catalog, rows: Rows) -> None:
    photo = rows.photo()
    score = Score(subject_of(photo), "blur", "1", 0.5)
    catalog.scores.add([score])
    subjects = [subject_of(photo)] + [type(score.subject)(score.subject.kind, 10_000 + n) for n in range(70_000)]
    assert dict(catalog.scores.of_many(subjects)) == {score.subject: [score]}
