"""Sign-off: an unusual change is for a person to judge, whose word is kept; nobody's silence promotes anything."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import Catalog, settings
from catalog.records import Domain, FreshFace, ModelState
from training import steps
from training.errors import NotSignedOff
from training.release.promotion import Judgement
from training.release.signoff import Change, SignOff, change_since_champion, heeding, sample, unusual

AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)
YES = SignOff(True, "rita", AT, "looked at all of them")
NO = SignOff(False, "rita", AT, "half of them\nare statues")
BETTER, WORSE = Judgement(True, ("not worse",)), Judgement(False, ("worse",))
UNUSUAL = ("40 of 100 faces are new",)


def change(
    *, bare: int = 50, makeup: int = 50, bare_before: int = 50, makeup_before: int = 50, fresh: int = 0
) -> Change:
    return Change(
        snapshot="b" * 64,
        before="a" * 64,
        faces={"bare": bare, "makeup": makeup},
        faces_before={"bare": bare_before, "makeup": makeup_before},
        fresh=fresh,
    )


def reasons(given: Change) -> tuple[str, ...]:
    return unusual(given, balance=0.1, fresh=0.3)


@pytest.mark.parametrize(
    "usual",
    [
        change(),
        change(fresh=30),  # 30 % exactly
        change(bare=60, makeup=40),  # moved by 10 points exactly
        change(bare=5000, makeup=5000, fresh=1),
        change(bare=0, makeup=0, bare_before=0, makeup_before=0),
    ],
)
def test_what_lies_within_the_limits_is_usual(usual: Change) -> None:
    assert reasons(usual) == ()


def test_more_new_faces_than_allowed_are_unusual_and_the_reason_has_the_numbers() -> None:
    assert reasons(change(fresh=31)) == ("31 of 100 faces are new (31.0%): more than 30.0%",)


def test_a_balance_that_moved_is_unusual_in_either_direction() -> None:
    for moved in (change(bare=61, makeup=39), change(bare=39, makeup=61)):
        told = reasons(moved)
        assert len(told) == 2  # both domains moved
        assert all("moved by more than 10.0%" in reason for reason in told)
    assert "bare was 50.0% of the faces and is 61.0%" in reasons(change(bare=61, makeup=39))[0]


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.floats(0, 1))
def test_more_new_faces_never_make_a_change_usual(
    bare: int, makeup: int, before: int, fewer: int, limit: float
) -> None:
    total = bare + makeup
    few, many = sorted((min(before, total), min(fewer, total)))
    less = unusual(change(bare=bare, makeup=makeup, fresh=few), balance=1, fresh=limit)
    more = unusual(change(bare=bare, makeup=makeup, fresh=many), balance=1, fresh=limit)
    assert bool(more) >= bool(less)


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))
def test_limits_of_one_ask_nobody(bare: int, makeup: int, bare_before: int, makeup_before: int, fresh: int) -> None:
    given = change(
        bare=bare,
        makeup=makeup,
        bare_before=bare_before,
        makeup_before=makeup_before,
        fresh=min(fresh, bare + makeup),
    )
    assert unusual(given, balance=1, fresh=1) == ()


def test_a_usual_change_needs_nobodys_word() -> None:
    assert heeding(BETTER, (), None) == BETTER
    assert heeding(WORSE, (), None) == WORSE


def test_an_unusual_change_is_never_promoted_on_nobodys_word() -> None:
    with pytest.raises(NotSignedOff, match="40 of 100 faces are new"):
        heeding(BETTER, UNUSUAL, None)


def test_a_yes_promotes_what_the_metrics_would_and_nothing_else() -> None:
    assert heeding(BETTER, UNUSUAL, YES) == Judgement(
        True,
        ("not worse", "signed off by rita, 2026-11-26 02:30 UTC: looked at all of them", *UNUSUAL),
    )
    assert not heeding(WORSE, UNUSUAL, YES).promote


@pytest.mark.parametrize("judgement", [BETTER, WORSE])
@pytest.mark.parametrize("told", [UNUSUAL, ()])
def test_a_refusal_holds_whatever_the_metrics_say_and_who_refused_comes_first(
    judgement: Judgement, told: tuple[str, ...]
) -> None:
    heard = heeding(judgement, told, NO)
    assert not heard.promote
    assert heard.reasons == (
        "refused by rita, 2026-11-26 02:30 UTC: half of them are statues",
        *told,
        *judgement.reasons,
    )


def test_an_answer_without_a_reason_says_so() -> None:
    assert SignOff(False, "rita", AT, " ").sentence == "refused by rita, 2026-11-26 02:30 UTC, without a reason given"


@given(st.lists(st.sampled_from(list(Domain)), max_size=40), st.integers(1, 20))
def test_a_sample_shows_each_domain_as_far_as_it_has_faces(domains: list[Domain], count: int) -> None:
    fresh = [FreshFace(number, domain, None) for number, domain in enumerate(domains)]
    shown = sample(fresh, count=count)
    assert len(shown) == len(set(shown)) == min(count, len(fresh))
    of = {domain: sum(face.domain is domain for face in shown) for domain in Domain}
    there = {domain: domains.count(domain) for domain in Domain}
    assert all(of[one] - of[other] <= 1 or of[other] == there[other] for one in Domain for other in Domain)


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


@pytest.fixture
def challenged(challenged_home: tuple[Path, int], monkeypatch: pytest.MonkeyPatch) -> tuple[Catalog, int]:
    """A copy of it, as the configured home."""
    shutil.copytree(challenged_home[0], settings().home)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    return Catalog(), challenged_home[1]


def as_good(catalog: Catalog, evaluation: int) -> int:
    """The same evaluation with metrics that beat any champion's: what a network of one step measures is chance."""
    found = catalog.models.evaluation(evaluation)
    best = {name: 1e6 if name.endswith("identity_kept") else -1e6 for name in found.metrics}
    return catalog.models.add_evaluation(found.run_id, step=found.step, metrics=best, version=found.version).id


def test_the_change_since_the_champion_counts_faces_and_not_rows(challenged: tuple[Catalog, int]) -> None:
    catalog, _ = challenged
    newest = catalog.snapshots.newest()
    assert newest is not None
    found = change_since_champion(catalog, newest.id)
    assert found is not None
    assert (found.faces, found.faces_before, found.fresh) == (
        {"bare": 13, "makeup": 13},
        {"bare": 8, "makeup": 8},
        10,
    )
    fresh = catalog.snapshots.fresh_faces(newest.id, since=found.before)
    assert {face.face_id for face in fresh} == set(catalog.snapshots.faces(newest.id)) - set(
        catalog.snapshots.faces(found.before)
    )
    assert catalog.snapshots.fresh_faces(newest.id, since=newest.id) == []


def test_a_better_model_of_unusually_many_new_faces_waits_for_a_person(
    challenged: tuple[Catalog, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, evaluation = challenged
    evaluation = as_good(catalog, evaluation)
    question = steps.unusual(evaluation, describe=describe)
    assert question is not None
    assert question.reasons == ("10 of 26 faces are new (38.5%): more than 30.0%",)
    assert len(question.sample) == 10
    assert question.judgement.promote
    with pytest.raises(NotSignedOff):
        steps.promote(evaluation, describe=describe)
    assert catalog.models.of_evaluation(evaluation) is None  # nothing was recorded: a person may still answer


def test_nobody_is_asked_about_a_model_that_is_worse(challenged: tuple[Catalog, int]) -> None:
    catalog, evaluation = challenged
    found = catalog.models.evaluation(evaluation)
    worst = {name: -1e6 if name.endswith("identity_kept") else 1e6 for name in found.metrics}
    catalog.models.add_evaluation(found.run_id, step=found.step, metrics=worst, version=found.version)
    assert steps.unusual(evaluation, describe=describe) is None
    model = steps.promote(evaluation, describe=describe)
    assert not steps.is_champion(model)


@pytest.mark.parametrize("signed", [YES, NO])
def test_what_the_person_said_decides_and_stays_with_the_model(
    challenged: tuple[Catalog, int], signed: SignOff, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, evaluation = challenged
    evaluation = as_good(catalog, evaluation)
    model = steps.promote(evaluation, signed=signed, describe=describe)
    assert steps.is_champion(model) is signed.approved
    kept = next(one for one in catalog.models.list() if one.id == model)
    assert kept.state is (ModelState.CHAMPION if signed.approved else ModelState.CANDIDATE)
    assert signed.sentence in kept.reasons
    assert "10 of 26 faces are new (38.5%): more than 30.0%" in kept.reasons
    assert steps.unusual(evaluation, describe=describe) is None  # judged once: nobody is asked again


def test_as_many_new_faces_as_the_settings_allow_are_promoted_by_themselves(
    challenged: tuple[Catalog, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog, evaluation = challenged
    evaluation = as_good(catalog, evaluation)
    monkeypatch.setenv("FACELOOP_SIGN_OFF_FRESH_FACES", "0.5")
    settings.cache_clear()
    assert steps.unusual(evaluation, describe=describe) is None
    assert steps.is_champion(steps.promote(evaluation, describe=describe))
