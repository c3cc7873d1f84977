"""The question that a person is asked before an unusual promotion, and how the answer is read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import signing

from catalog.records import Domain, FreshFace
from training.release.promotion import Judgement
from training.release.signoff import Change, Question

pytestmark = pytest.mark.airflow

QUESTION = Question(
    change=Change("b" * 64, "a" * 64, {"bare": 13, "makeup": 13}, {"bare": 8, "makeup": 8}, fresh=10),
    reasons=("10 of 26 faces are new (38.5%): more than 30.0%",),
    judgement=Judgement(True, ("not worse than the champion in anything",)),
    sample=(FreshFace(7, Domain.BARE, 1), FreshFace(9, Domain.MAKEUP, 1)),
)


def answer(option: str = "Approve", **changes: Any) -> dict[str, Any]:
    """What Airflow keeps of an answer."""
    return {
        "chosen_options": [option],
        "params_input": {"why": "looked at all of them"},
        "responded_at": "2026-11-26T02:30:00+00:00",
        "responded_by_user": {"id": "4", "name": "rita"},
        **changes,
    }


def test_the_question_says_why_it_is_asked_and_what_was_measured() -> None:
    body = signing.body_of(QUESTION)
    assert "10 of 26 faces are new (38.5%): more than 30.0%" in body
    assert "not worse than the champion in anything" in body
    assert "| bare | 8 (50.0%) | 13 (50.0%) |" in body


def test_its_pictures_and_links_are_the_desks_and_relative_to_wherever_airflow_is() -> None:
    addresses = re.findall(r"\]\(([^)]*)\)", signing.body_of(QUESTION))
    assert addresses == [
        f"review-desk/snapshot/{'b' * 64}",
        "review-desk/image/face/7?side=160",
        "review-desk/image/face/9?side=160",
    ]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 12])
def test_the_faces_lie_side_by_side_in_a_table_of_markdown(count: int) -> None:
    shown = replace(QUESTION, sample=tuple(FreshFace(number, Domain.BARE, 1) for number in range(1, count + 1)))
    lines = [line for line in signing.body_of(shown).splitlines() if "/image/face/" in line]
    assert [line.count("/image/face/") for line in lines] == [4] * (count // 4) + ([count % 4] if count % 4 else [])
    assert all(line.startswith("| ![") and line.endswith(") |") for line in lines)
    rule = "|---" * min(count, 4) + "|"
    assert signing.body_of(shown).splitlines().count(rule) == bool(count)


@pytest.mark.parametrize(("option", "approved"), [("Approve", True), ("Reject", False)])
def test_an_answer_is_who_when_and_why(option: str, approved: bool) -> None:
    heard = signing.answer_of(answer(option))
    assert heard is not None
    assert (heard.approved, heard.by, heard.why) == (approved, "rita", "looked at all of them")
    assert heard.at == datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


@pytest.mark.parametrize("given", [None, {}, answer(responded_by_user=None)])
def test_what_nobody_answered_is_no_answer(given: dict[str, Any] | None) -> None:
    assert signing.answer_of(given) is None


def test_no_reason_is_an_empty_one() -> None:
    for params in (None, {}, {"why": None}):
        heard = signing.answer_of(answer(params_input=params))
        assert heard is not None
        assert heard.why == ""
