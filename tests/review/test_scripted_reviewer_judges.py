"""The demo's scripted reviewer gets a batch through the desk: picture by picture at first, by exception at the last."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Airflow, Sitting

from catalog.records import Reason, Stage, Subject, SubjectKind, Verdict
from demo.browser import Page
from demo.internet.world import World
from demo.reviewer import Reviewer, Truths

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

Judge = Callable[[int, Stage, dict[int, Reason]], list[Verdict | None]]


class Wrong(Truths):
    """Knows what is wrong with which subject, whatever was drawn."""

    def __init__(self, airflow: Airflow, wrong: dict[int, Reason]) -> None:
        super().__init__(airflow.shelf.catalog, world=World(seed=1), folder={})
        self._wrong = wrong

    def reason(self, subject: Subject, stage: Stage) -> Reason | None:  # noqa: ARG002
        return self._wrong.get(subject.id)


@pytest.fixture
def judge(sitting: Sitting, airflow: Airflow) -> Judge:
    """Lets the reviewer judge one stage of a batch; what then stands on its subjects."""

    def judge(batch: int, stage: Stage, wrong: dict[int, Reason]) -> list[Verdict | None]:
        catalog = airflow.shelf.catalog
        kind = SubjectKind.PHOTO if stage is Stage.RAW else SubjectKind.FACE
        subjects = [item.subject for item in catalog.batches.queue(batch, stage)]
        page = Page(sitting.driver, seconds=60)
        Reviewer(page, url=airflow.url, truths=Wrong(airflow, wrong), catalog=catalog, say=print)._judge(batch, stage)
        standing = [catalog.decisions.of(Subject(kind, subject.id), stage=stage) for subject in subjects]
        return [decision.verdict if decision else None for decision in standing]

    return judge


def test_one_by_one_at_the_raw_stage(airflow: Airflow, judge: Judge) -> None:
    batch = airflow.shelf.batch(4)
    photos = airflow.shelf.photos(batch)

    told = judge(batch, Stage.RAW, {photos[2]: Reason.OTHER})

    assert told == [Verdict.APPROVE, Verdict.APPROVE, Verdict.REJECT, Verdict.APPROVE]


def test_by_exception_page_by_page_at_the_last(airflow: Airflow, judge: Judge) -> None:
    batch = airflow.shelf.batch(26)
    faces = airflow.shelf.faces(batch)
    for face in faces:
        subject = Subject(SubjectKind.FACE, face)
        airflow.shelf.catalog.decisions.decide(subject, stage=Stage.CROP, verdict=Verdict.APPROVE, by="olga")

    told = judge(batch, Stage.FINAL, {faces[1]: Reason.FRINGE, faces[-1]: Reason.FRINGE})

    assert [number for number, verdict in enumerate(told) if verdict is Verdict.REJECT] == [1, 25]
    assert told.count(Verdict.APPROVE) == 24
