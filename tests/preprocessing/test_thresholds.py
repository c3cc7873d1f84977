"""Scores are judged by the calibration in use: on every page and in every step, without measuring anything again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from catalog.records import Calibrated, Score, Subject, SubjectKind, Verdict
from preprocessing import steps
from preprocessing.checks import CHECKS, SHIPPED, Thresholds, judge
from preprocessing.decode import Pixels, encode_jpeg

SIZE = CHECKS["size"]
SCORE = Score(Subject(SubjectKind.FACE, 1), "size", SIZE.version, 0.7)
STRICT = Calibrated("size", SIZE.version, threshold=0.9, precision=1.0, recall=1.0, n=500)


def test_without_a_calibration_the_threshold_is_the_one_of_the_code(catalog) -> None:
    thresholds = Thresholds.current(catalog)
    assert thresholds == SHIPPED
    assert [thresholds.below(check) for check in CHECKS.values()] == [check.threshold for check in CHECKS.values()]
    assert judge([SCORE], thresholds)[0].good


def test_a_calibrated_threshold_judges_scores_that_were_there_before(catalog) -> None:
    made = catalog.calibrations.add([STRICT], by="olga", false_alarms=0.01)
    thresholds = Thresholds.current(catalog)
    (finding,) = judge([SCORE], thresholds)
    assert (thresholds.number, finding.threshold, finding.good) == (made.id, 0.9, False)
    assert finding.sentence == "0.70, below 0.9"
    assert thresholds.below(CHECKS["blur"]) == CHECKS["blur"].threshold


def test_a_check_that_has_changed_since_is_judged_by_the_threshold_of_its_code(catalog) -> None:
    catalog.calibrations.add([replace(STRICT, version="of-long-ago")], by="olga", false_alarms=0.01)
    assert Thresholds.current(catalog).below(SIZE) == SIZE.threshold


@pytest.mark.parametrize(("threshold", "flagged"), [(0.99, True), (0.01, False)])
def test_screening_flags_by_the_calibrated_threshold(
    catalog, blobs, add, finder, astronaut: Pixels, threshold: float, flagged: bool
) -> None:
    check = CHECKS["head_room"]
    catalog.calibrations.add(
        [Calibrated(check.name, check.version, threshold, precision=1.0, recall=1.0, n=500)],
        by="olga",
        false_alarms=0.01,
    )
    photo = add(encode_jpeg(astronaut))
    batch = catalog.batches.open(key="today")
    steps.screen(batch.id, catalog=catalog, blobs=blobs, finder=finder)
    subject = Subject(SubjectKind.PHOTO, photo.id)
    flags = catalog.scores.flags([subject], stage=check.stage).get(subject, [])
    assert ("check:head_room" in {flag.by for flag in flags}) is flagged


def test_a_batch_is_expected_to_reach_the_calibrated_threshold(
    catalog, blobs, add, finder, astronaut, tmp_path: Path
) -> None:
    catalog.calibrations.add([STRICT], by="olga", false_alarms=0.01)
    photo = add(encode_jpeg(astronaut))
    batch = catalog.batches.open(key="today")
    subject = Subject(SubjectKind.PHOTO, photo.id)
    catalog.decisions.decide(subject, stage=CHECKS["head_room"].stage, verdict=Verdict.APPROVE, by="ada")
    steps.crop(batch.id, catalog=catalog, blobs=blobs, finder=finder)
    steps.check(batch.id, catalog=catalog, blobs=blobs)
    report = steps.validate(batch.id, catalog=catalog, docs=tmp_path)
    (expected,) = [e for e in report.expectations if e.name == "size"]
    assert expected.sentence == "most faces score 0.9 or more for size"
    assert len(expected.failing) == 1
