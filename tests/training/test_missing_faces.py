"""What a night lacked of faces is what would have made the difference: no more, and no less."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from catalog.records import GateDecision
from training.gate.deciding import decide
from training.gate.facts import Facts, History, Policy, Training
from training.gate.missing import OF_FACES, needs

AT = datetime(2026, 11, 26, tzinfo=UTC)
counts = st.integers(0, 30_000)


def decided(bare: int, makeup: int, policy: Policy) -> GateDecision:
    faces = {"bare": bare, "makeup": makeup}
    facts = Facts(Training("a" * 64, "p", 1), faces, {name: count // 2 for name, count in faces.items()})
    return decide(facts, History(), policy, AT)


def stands(decision: GateDecision, *names: str) -> bool:
    return any(rule.stands_in_the_way for rule in decision.rules if rule.name in names)


@given(bare=counts, makeup=counts, least=st.integers(1, 30_000), share=st.floats(0, 0.5))
def test_so_many_more_faces_of_each_domain_and_in_all_satisfy_the_gate(
    bare: int, makeup: int, least: int, share: float
) -> None:
    policy = Policy(min_faces=least, domain_share=share)
    found = {(need.rule, need.domain): need for need in needs(decided(bare, makeup, policy))}
    more_bare, more_makeup = found["domains", "bare"].missing, found["domains", "makeup"].missing
    rest = max(0, found["size", ""].missing - more_bare - more_makeup)
    assert not stands(decided(bare + more_bare + rest, makeup + more_makeup, policy), "size", "domains")
    if more_bare:
        assert stands(decided(bare + more_bare - 1, makeup + more_makeup, policy), "domains")
    if rest:
        assert stands(decided(bare + more_bare + rest - 1, makeup + more_makeup, policy), "size")


@given(bare=counts, makeup=counts)
def test_something_is_missing_just_when_a_rule_about_faces_stands_in_the_way(bare: int, makeup: int) -> None:
    decision = decided(bare, makeup, Policy())
    assert any(need.missing for need in needs(decision)) == stands(decision, *OF_FACES)


def test_a_decision_of_before_there_were_rules_tells_its_total() -> None:
    (need,) = needs(GateDecision("a" * 64, False, (), {"faces": 12.0, "min_faces": 20.0}))
    assert (need.rule, need.found, need.asked, need.missing) == ("size", 12, 20, 8)
