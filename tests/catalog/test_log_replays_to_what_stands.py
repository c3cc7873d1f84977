"""However people decide, overrule and take back, what stands is what the log comes to, subject by subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.catalog import Catalog
from catalog.errors import CatalogError
from catalog.records import Decision, Judgement, Reason, Role, Stage, Subject, SubjectKind, Verdict
from catalog.replay import draw, stand
from catalog.settings import settings as configured
from rows import Rows, subject_of

PHOTO = Subject(SubjectKind.PHOTO, 1)


def said(by: str, verdict: Verdict, role: Role = Role.FIRST, number: int = 0) -> Decision:
    reason = Reason.OTHER if verdict is Verdict.REJECT else None
    return Decision(number, PHOTO, Stage.RAW, verdict, reason, "", by, datetime(2026, 1, 1, tzinfo=UTC), role)


def verdict_after(*rows: Decision) -> Verdict | str | None:
    stood = stand(rows)
    if stood is None:
        return None
    return stood.decision.verdict if stood.decision else "disputed"


APPROVE, REJECT, UNDO = Verdict.APPROVE, Verdict.REJECT, Verdict.UNDO


@pytest.mark.parametrize(
    ("rows", "comes_to"),
    [
        ([], None),
        ([said("rita", APPROVE)], APPROVE),
        ([said("rita", APPROVE), said("rita", REJECT)], REJECT),
        ([said("rita", APPROVE), said("rita", UNDO)], None),
        ([said("rita", APPROVE), said("olga", APPROVE, Role.SECOND)], APPROVE),
        ([said("rita", APPROVE), said("olga", REJECT, Role.SECOND)], "disputed"),
        ([said("rita", APPROVE), said("olga", REJECT, Role.SECOND), said("olga", UNDO, Role.SECOND)], APPROVE),
        ([said("rita", APPROVE), said("olga", REJECT, Role.SECOND), said("rita", UNDO)], REJECT),
        ([said("rita", APPROVE), said("olga", REJECT, Role.SECOND), said("anna", REJECT, Role.THIRD)], REJECT),
        ([said("rita", APPROVE), said("rita", REJECT, Role.GOLD)], APPROVE),
        ([said("rita", REJECT, Role.GOLD)], None),
        ([said("check:text", REJECT)], REJECT),
        ([said("check:text", REJECT), said("rita", APPROVE)], APPROVE),
        ([said("check:text", REJECT), said("rita", APPROVE), said("rita", UNDO)], None),
        ([said("check:text", REJECT), said("rita", UNDO)], None),
    ],
)
def test_the_rule(rows: Sequence[Decision], comes_to: Verdict | str | None) -> None:
    assert verdict_after(*rows) == comes_to


def test_where_two_agree_the_first_ones_decision_stands() -> None:
    stood = stand([said("rita", REJECT), said("olga", REJECT, Role.SECOND)])
    assert stood is not None
    assert stood.decision is not None
    assert (stood.decision.by, stood.looks) == ("rita", 2)


PEOPLE = st.sampled_from(["rita", "olga", "anna", "check:text"])
ROWS = st.lists(st.builds(said, PEOPLE, st.sampled_from(Verdict), st.sampled_from(Role)), max_size=12)


@given(ROWS)
def test_when_everybody_takes_back_what_they_said_nothing_of_theirs_stands(rows: list[Decision]) -> None:
    people = [row for row in rows if not row.by.startswith("check:")]
    undone = [*people, *(said(row.by, UNDO, row.role) for row in people)]
    assert stand(undone) is None


@given(ROWS)
def test_a_gold_look_changes_nothing_that_stands(rows: list[Decision]) -> None:
    assert stand(rows) == stand([row for row in rows if row.role is not Role.GOLD])


@given(st.integers(1, 10**9), st.sampled_from(Stage))
def test_a_lot_is_the_same_for_ever_and_lies_below_one(number: int, stage: Stage) -> None:
    subject = Subject(SubjectKind.PHOTO, number)
    assert 0 <= draw(subject, stage) < 1
    assert draw(subject, stage) == draw(subject, stage)


def test_about_a_tenth_of_the_lots_lie_below_a_tenth() -> None:
    below = sum(draw(Subject(SubjectKind.PHOTO, number), Stage.RAW) < 0.1 for number in range(10_000))
    assert 900 < below < 1100


# --------------------------------------------------------------------------------- the table beside the log

#: One act: who, on which of three photos, what, and which token it carries (few, so that they repeat).
ACTS = st.lists(
    st.tuples(PEOPLE, st.integers(0, 2), st.sampled_from(Verdict), st.integers(0, 30)), min_size=1, max_size=25
)


def do(
    catalog: Catalog, photos: Sequence[Subject], acts: Iterable[tuple[str, int, Verdict, int]], *, name: str = "token"
) -> None:
    for who, which, verdict, token in acts:
        reason = Reason.OTHER if verdict is REJECT else None
        if who.startswith("check:"):
            try:
                catalog.decisions.reject_by_check(
                    photos[which], check=who.partition(":")[2], stage=Stage.RAW, reason=Reason.OTHER
                )
            except CatalogError:
                continue
        else:
            act = Judgement(photos[which], verdict, reason, token=f"{name}-{token}")
            catalog.decisions.decide_all([act], stage=Stage.RAW, by=who)


def standing(catalog: Catalog, photos: Sequence[Subject]) -> list[tuple[str, str] | None]:
    found = [catalog.decisions.of(photo, stage=Stage.RAW) for photo in photos]
    return [(one.by, one.verdict.value) if one else None for one in found]


@pytest.fixture
def everything_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every subject goes to a second reviewer."""
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "1")
    configured.cache_clear()


@pytest.mark.usefixtures("everything_twice")
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS)
def test_after_any_acts_the_table_is_what_the_log_comes_to(
    catalog: Catalog, rows: Rows, acts: list[tuple[str, int, Verdict, int]]
) -> None:
    before = len(catalog.log.rows())
    batch, made = rows.batch(3)
    do(catalog, [subject_of(photo) for photo in made], acts, name=f"token-{batch.id}")
    found = catalog.log.verify()
    assert found.whole, found.wrong
    tokens = {token for who, _, _, token in acts if not who.startswith("check:")}
    added = [row for row in catalog.log.rows()[before:] if not row.by.startswith("check:")]
    assert len(added) <= len(tokens), "a token counts once"


@pytest.mark.usefixtures("everything_twice")
def test_after_second_and_third_looks_too(catalog: Catalog, rows: Rows) -> None:
    _, made = rows.batch(3)
    photos = [subject_of(photo) for photo in made]
    acts = [
        ("rita", 0, APPROVE, 1),
        ("olga", 0, REJECT, 2),
        ("anna", 0, REJECT, 3),
        ("rita", 1, APPROVE, 4),
        ("olga", 1, APPROVE, 5),
        ("rita", 2, REJECT, 6),
        ("olga", 2, APPROVE, 7),
        ("rita", 0, UNDO, 8),
        ("rita", 1, UNDO, 9),
    ]
    do(catalog, photos, acts)
    assert standing(catalog, photos) == [("anna", "reject"), ("olga", "approve"), None]
    assert catalog.log.verify().whole


def test_the_order_of_acts_on_different_subjects_does_not_matter(catalog: Catalog, rows: Rows) -> None:
    _, made = rows.batch(6)
    photos = [subject_of(photo) for photo in made]
    one = [("rita", 0, APPROVE, 1), ("rita", 0, UNDO, 2), ("olga", 0, REJECT, 3)]
    two = [("olga", 1, APPROVE, 4), ("olga", 1, REJECT, 5)]
    three = [("check:text", 2, REJECT, 0), ("anna", 2, APPROVE, 6)]
    do(catalog, photos[:3], [*one, *two, *three])
    mixed = [three[0], two[0], one[0], one[1], three[1], one[2], two[1]]
    do(catalog, photos[3:], [(who, which, verdict, token + 100) for who, which, verdict, token in mixed])
    stood = standing(catalog, photos)
    assert stood[:3] == stood[3:]
