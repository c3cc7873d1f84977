"""The planner spends its queries where people approve: more than taking turns would bring, and no arm is forgotten."""

from __future__ import annotations

from collections import Counter
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import planner as simulation
from catalog.records import Domain, Harvest
from collectors.bandit import Choice, Shares, Why, believe, choose
from collectors.planner import short_domain
from collectors.templates import Arm

ARMS = [
    Arm(f"{who}/{how}/{tongue}", domain, tuple(f"{who} {how} {tongue} {shot}" for shot in range(4)))
    for who in ("man", "woman")
    for how, domain in (("plain", Domain.BARE), ("natural", Domain.BARE), ("full", Domain.MAKEUP))
    for tongue in ("en", "ko")
]
SHARES = Shares(untried=0.2, short_domain=0.4)
NO_FLOOR = Shares(untried=0, short_domain=0)
GOOD = Harvest(planned=3, queries=3, found=200, settled=200, approved=120)
POOR = Harvest(planned=3, queries=3, found=200, settled=200, approved=1)


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Harvest]:
    """What may be known of some arms, and of the queries of none."""
    known = {}
    for arm in draw(st.sets(st.sampled_from(["", *(arm.name for arm in ARMS)]))):
        queries = draw(st.integers(0, 50))
        found = draw(st.integers(0, 5000)) if queries else 0
        settled = draw(st.integers(0, found))
        known[arm] = Harvest(
            planned=queries + draw(st.integers(0, 5)),
            queries=queries,
            found=found,
            settled=settled,
            approved=draw(st.integers(0, 2 * settled)),  # a photo may show two faces
        )
    return known


def chosen(
    harvests: dict[str, Harvest],
    *,
    count: int = 10,
    seed: str = "day",
    shares: Shares = SHARES,
    short: Domain | None = None,
) -> list[Choice]:
    return list(choose(ARMS, harvests, count=count, seed=seed, shares=shares, short=short))


@given(histories(), st.integers(0, 60), st.sampled_from([None, *Domain]))
def test_whatever_is_known_each_query_is_chosen_once_in_its_arms_order_and_the_same_again(
    known: dict[str, Harvest], count: int, short: Domain | None
) -> None:
    first = chosen(known, count=count, short=short)
    assert first == chosen(known, count=count, short=short)
    assert len(first) == min(count, sum(len(arm.texts) for arm in ARMS))
    assert len({choice.text for choice in first}) == len(first)
    for arm in ARMS:
        asked = [choice.text for choice in first if choice.arm == arm.name]
        assert asked == list(arm.texts[: len(asked)])
    assert chosen(known, count=count // 2, short=short) == first[: count // 2]  # fewer are the first of more


@given(histories())
def test_a_belief_is_always_a_share_and_a_number_of_candidates(known: dict[str, Harvest]) -> None:
    for belief in believe((arm.name for arm in ARMS), known).values():
        assert belief.alpha > 0
        assert belief.beta > 0
        assert belief.size >= 0
        assert belief.worth <= belief.size


def test_another_day_chooses_otherwise() -> None:
    assert chosen({}, seed="2026-01-01/google") != chosen({}, seed="2026-01-02/google")


def test_what_people_approve_is_asked_more_and_said_to_be_the_best() -> None:
    known = {arm.name: POOR for arm in ARMS} | {"woman/full/ko": GOOD}
    choices = chosen(known, count=4, shares=NO_FLOOR)
    assert {choice.arm for choice in choices} == {"woman/full/ko"}
    assert {choice.why for choice in choices} == {Why.BEST}
    assert choices[0].harvest == GOOD


def test_what_nobody_has_decided_counts_neither_for_an_arm_nor_against_it() -> None:
    decided = {arm.name: Harvest(planned=1, queries=1, found=60, settled=60, approved=6) for arm in ARMS}
    waiting = decided | {"man/full/en": Harvest(planned=9, queries=9, found=540, settled=60, approved=6)}
    before, after = (believe(["man/full/en"], known)["man/full/en"] for known in (decided, waiting))
    assert after.alpha / (after.alpha + after.beta) == pytest.approx(before.alpha / (before.alpha + before.beta))


def test_a_known_word_speaks_for_an_arm_that_was_never_asked() -> None:
    known = {arm.name: (GOOD if arm.name.endswith("/ko") else POOR) for arm in ARMS if arm.name.startswith("woman/")}
    beliefs = believe((arm.name for arm in ARMS), known)
    for how in ("plain", "natural", "full"):
        assert beliefs[f"man/{how}/ko"].worth > 3 * beliefs[f"man/{how}/en"].worth


def test_untried_arms_get_their_share_over_many_days_while_there_are_any() -> None:
    known = {arm.name: GOOD for arm in ARMS[:2]}
    whys: Counter[Why] = Counter()
    for day in range(300):  # of two queries, which alone hold no fifth
        whys.update(choice.why for choice in chosen(known, count=2, seed=f"{day}", shares=SHARES))
    assert 0.15 * 600 <= whys[Why.UNTRIED] <= 0.25 * 600
    everything = {arm.name: POOR for arm in ARMS}
    assert Why.UNTRIED not in {choice.why for choice in chosen(everything)}


def test_the_short_domain_gets_its_share_of_the_rest_and_no_share_when_level() -> None:
    known = {arm.name: (GOOD if arm.domain is Domain.BARE else POOR) for arm in ARMS}
    short = [c for day in range(100) for c in chosen(known, count=3, seed=f"{day}", short=Domain.MAKEUP)]
    assert sum(choice.why is Why.SHORT for choice in short) >= 0.3 * 300
    assert {choice.domain for choice in short if choice.why is Why.SHORT} == {Domain.MAKEUP}
    level = [c for day in range(100) for c in chosen(known, count=3, seed=f"{day}")]
    assert sum(choice.domain is Domain.MAKEUP for choice in level) < 0.05 * 300


@pytest.mark.parametrize(
    ("bare", "makeup", "short"),
    [(0, 0, None), (0, 5, Domain.BARE), (44, 56, Domain.BARE), (46, 54, None), (50, 50, None), (9, 2, Domain.MAKEUP)],
)
def test_a_domain_is_short_when_it_clearly_has_fewer(bare: int, makeup: int, short: Domain | None) -> None:
    assert short_domain({Domain.BARE: bare, Domain.MAKEUP: makeup}) is short


SEEDS, DAYS = 6, 40


@pytest.mark.parametrize(("world", "least"), [("recorded", 1.5), ("words", 1.2), ("few", 1.2), ("dry", 1.0)])
def test_on_the_same_budget_people_approve_more_than_of_taking_turns(world: str, least: float) -> None:
    ratios = []
    for seed in range(SEEDS):
        made = simulation.WORLDS[world](seed)
        ours = simulation.run_bandit(made, seed, days=DAYS)
        theirs = simulation.run_round_robin(made, seed, days=DAYS)
        assert len(ours) == len(theirs) == DAYS * simulation.PER_DAY
        assert sum(one.why is Why.UNTRIED for one in ours) >= 0.9 * simulation.SHARES.untried * len(ours)
        ratios.append(simulation.total(ours) / simulation.total(theirs))
    assert median(ratios) > least
    assert sum(ratio > 1 for ratio in ratios) >= SEEDS - 1


def test_where_all_arms_are_alike_there_is_nothing_to_win_and_nothing_is_lost() -> None:
    made = simulation.WORLDS["equal"](1)
    ours, theirs = (run(made, 1, days=DAYS) for run in (simulation.run_bandit, simulation.run_round_robin))
    assert simulation.total(ours) / simulation.total(theirs) == pytest.approx(1, abs=0.1)
