"""The gate says yes only when nothing stands in the way, names every blocker, and explains itself rule by rule."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.records import GateDecision, GateRule, RuleKind
from training import gating
from training.__main__ import main
from training.gate.deciding import AT_MOST, LIFTED_BY, cool_down, decide
from training.gate.facts import Facts, History, Kappa, Largest, Past, Policy, Training

NOW = datetime(2026, 3, 1, 2, tzinfo=UTC)
HERE = Training("s2", "tiny", 1, "c0de")
BEFORE = Training("s1", "tiny", 1, "c0de")
POLICY = Policy(min_faces=100)
READY = Facts(
    training=HERE,
    faces={"bare": 60, "makeup": 50},
    held_out={"bare": 6, "makeup": 5},
    source=Largest("commons", 60),
    query=Largest("commons: portrait", 20),
    account=Largest("commons/ann", 5),
    fresh=10,
    agreement=Kappa("crop", 0.7, 300),
)
EARLIER = History(
    finished=Past(BEFORE, faces=100), done=frozenset({BEFORE}), last_start=NOW - timedelta(days=2)
)  # nothing in the way

counts = st.integers(0, 200)
largest = st.builds(Largest, st.just("x"), counts)
trainings = st.builds(Training, st.sampled_from(["s1", "s2"]), st.just("tiny"), st.integers(1, 2), st.just("c0de"))
pasts = st.builds(Past, trainings, counts, st.just("step 3: not a finite number"))
facts = st.builds(
    Facts,
    training=trainings,
    faces=st.fixed_dictionaries({"bare": counts, "makeup": counts}),
    held_out=st.fixed_dictionaries({"bare": st.integers(0, 20), "makeup": st.integers(0, 20)}),
    source=largest,
    query=largest,
    account=largest,
    fresh=counts,
    failed_batches=st.sampled_from([(), (), (7,)]),
    waiting=st.integers(0, 20_000),
    agreement=st.builds(Kappa, st.just("crop"), st.none() | st.floats(-1, 1), counts),
    gpu_holder=st.sampled_from(["", "", "somebody"]),
)
histories = st.builds(
    History,
    finished=st.none() | pasts,
    done=st.frozensets(trainings, max_size=2),
    failures=st.lists(pasts, max_size=3).map(tuple),
    unfinished=st.booleans(),
    last_start=st.none() | st.integers(0, 400).map(lambda hours: NOW - timedelta(hours=hours)),
    erased=st.integers(0, 3),
    answered=st.booleans(),
)
policies = st.builds(
    Policy,
    min_faces=st.integers(1, 300),
    domain_share=st.floats(0, 0.5),
    fresh_faces=st.integers(0, 100),
    source_share=st.floats(0, 1),
    query_share=st.floats(0, 1),
    account_share=st.floats(0, 1),
    paused=st.sampled_from(["", "", "moving house"]),
)


def answers(decision: GateDecision) -> dict[str, GateRule]:
    return {rule.name: rule for rule in decision.rules}


def in_the_way(facts: Facts, history: History = EARLIER, policy: Policy = POLICY) -> set[str]:
    return {rule.name for rule in decide(facts, history, policy, NOW).rules if rule.stands_in_the_way}


def test_enough_changed_faces_of_both_domains_are_trained() -> None:
    decision = decide(READY, EARLIER, POLICY, NOW)
    assert decision.train
    assert decision.snapshot_id == "s2"
    assert decision.reasons == (
        "110 approved faces, 100 needed",
        "faces, preset or seed have changed since the last training",
    )
    assert decision.numbers["faces"] == 110
    assert decision.numbers["held_out_makeup"] == 5


def test_the_first_training_needs_no_change() -> None:
    assert decide(replace(READY, fresh=0), History(), POLICY, NOW).train


def test_too_few_faces_say_how_many_are_missing() -> None:
    decision = decide(READY, EARLIER, replace(POLICY, min_faces=20_000), NOW)
    assert not decision.train
    assert decision.reasons[0] == "110 approved faces, 19890 fewer than the 20000 needed"
    size = answers(decision)["size"]
    assert (size.holds, size.number, size.threshold) == (False, 110, 20_000)


@pytest.mark.parametrize(
    ("changed", "rule", "says"),
    [
        ({"faces": {"bare": 110, "makeup": 0}}, "domains", "no approved face in domain makeup"),
        ({"faces": {"bare": 90, "makeup": 20}}, "domains", "20 approved faces in domain makeup, 5 fewer"),
        ({"held_out": {"bare": 6, "makeup": 0}}, "split", "no face of makeup is held out"),
        ({"held_out": {"bare": 60, "makeup": 5}}, "split", "no face of bare is left to learn from"),
        ({"source": Largest("commons", 80)}, "source", "80 of 110 faces (73%) are of source commons; 30 are not"),
        ({"query": Largest("commons: eyes", 70)}, "query", "40 are not, 50 needed"),
        ({"account": Largest("commons/ann", 16)}, "account", "94 are not, 95 needed"),
        ({"fresh": 1}, "fresh", "1 faces are new since the last training that came to its end, 2 needed"),
        ({"failed_batches": (4, 9), "failed_faces": 12}, "expectations", "12 faces are of batches that failed"),
        ({"waiting": 10_001}, "backlog", "10001 photos and faces wait for people"),
        ({"agreement": Kappa("final", 0.31, 200)}, "agreement", "kappa 0.31 of 200 pairs, 0.4 needed"),
        ({"gpu_holder": "run 12"}, "gpu", "the GPU is leased to run 12"),
        ({"training": BEFORE}, "changed", "nothing has changed since the last training"),
    ],
)
def test_each_fact_alone_stands_in_the_way_and_says_so(changed: dict[str, object], rule: str, says: str) -> None:
    decision = decide(replace(READY, **changed), EARLIER, POLICY, NOW)  # type: ignore[arg-type]
    assert [one.name for one in decision.rules if one.stands_in_the_way] == [rule]
    (reason,) = decision.reasons
    assert says in reason


@pytest.mark.parametrize(
    ("changed", "rule", "says"),
    [
        ({"last_start": NOW - timedelta(hours=19)}, "cool_down", "began 19.0 hours ago, 20 needed"),
        ({"failures": (Past(HERE, reason="step 3: D/latent_r1"),)}, "failed", "failed before: step 3: D/latent_r1"),
        ({"done": frozenset({BEFORE, HERE})}, "changed", "this very training came to its end before"),
    ],
)
def test_what_came_before_alone_stands_in_the_way(changed: dict[str, object], rule: str, says: str) -> None:
    history = replace(EARLIER, **changed)  # type: ignore[arg-type]
    decision = decide(READY, history, POLICY, NOW)
    assert rule in {one.name for one in decision.rules if one.stands_in_the_way}
    assert any(says in reason for reason in decision.reasons)


def test_a_pause_is_told_with_its_reason() -> None:
    decision = decide(READY, EARLIER, replace(POLICY, paused="the card is being changed"), NOW)
    assert decision.reasons == ("trainings are paused: the card is being changed",)


def test_few_pairs_of_looks_hold_nothing_up() -> None:
    decision = decide(replace(READY, agreement=Kappa("crop", -0.5, 99)), EARLIER, POLICY, NOW)
    assert decision.train
    assert answers(decision)["agreement"].kind is RuleKind.NOTES


def test_the_same_training_that_failed_may_be_tried_again_with_other_code_and_others_at_once() -> None:
    failed = replace(EARLIER, failures=(Past(HERE, reason="NaN"),))
    assert "failed" in in_the_way(READY, failed)
    for other in (replace(HERE, code="beef"), replace(HERE, seed=2), replace(HERE, snapshot="s3")):
        assert "failed" not in in_the_way(replace(READY, training=other), failed)
    nobody_noted = replace(EARLIER, failures=(Past(replace(HERE, code=""), reason="NaN"),))
    assert "failed" in in_the_way(READY, nobody_noted)


def test_failures_in_a_row_double_the_cool_down_up_to_a_week() -> None:
    waits = [cool_down(POLICY, failures=count).total_seconds() / 3600 for count in (0, 1, 2, 3, 4, 50)]
    assert waits == [20, 40, 80, 160, 168, 168]
    assert cool_down(replace(POLICY, cool_down=timedelta(0)), failures=3) == timedelta(0)


def test_another_preset_or_seed_needs_no_new_faces() -> None:
    other = replace(READY, training=replace(BEFORE, seed=2), fresh=0)
    assert decide(other, EARLIER, POLICY, NOW).train
    assert "fresh" in in_the_way(replace(READY, fresh=0))


def test_an_erasure_forces_where_nothing_else_speaks_for_a_training() -> None:
    nothing_new = replace(READY, fresh=0, waiting=99_999, agreement=Kappa("crop", 0.1, 999))
    just_now = replace(EARLIER, last_start=NOW - timedelta(hours=1))
    assert in_the_way(nothing_new, just_now) == {"fresh", "backlog", "agreement", "cool_down"}
    decision = decide(nothing_new, replace(just_now, erased=2), POLICY, NOW)
    assert decision.train
    assert decision.reasons[-1] == "2 faces that the champion learned from have been erased since"
    assert {rule.name for rule in decision.rules if rule.lifted} == LIFTED_BY["erasure"]


def test_one_erased_face_is_said_as_one() -> None:
    (rule,) = (one for one in decide(READY, replace(EARLIER, erased=1), POLICY, NOW).rules if one.name == "erasure")
    assert rule.says == "1 face that the champion learned from has been erased since"


def test_an_erasure_that_cannot_force_is_told_beside_what_stands_in_the_way() -> None:
    decision = decide(READY, replace(EARLIER, erased=2), replace(POLICY, min_faces=1000), NOW)
    assert not decision.train
    assert "2 faces that the champion learned from have been erased since" in decision.reasons


def test_an_erasure_that_a_training_has_answered_forces_no_other() -> None:
    answered = replace(EARLIER, erased=2, answered=True)
    assert in_the_way(replace(READY, fresh=0), answered) == {"fresh"}


def test_it_is_said_that_a_begun_training_goes_before_a_newer_snapshot_or_why_it_is_dropped() -> None:
    goes_on = decide(READY, replace(EARLIER, unfinished=True, newer="9" * 64), POLICY, NOW)
    assert any("the newer snapshot 999999999999 waits for its end" in reason for reason in goes_on.reasons)
    why = "that of snapshot 888888888888, at step 4 of 9, is dropped: 1 of its faces has been erased since"
    begins = decide(READY, replace(EARLIER, dropped=why), POLICY, NOW)
    assert begins.train
    assert f"this very training has not begun; {why}" in begins.reasons


def test_an_unfinished_training_goes_on_at_once() -> None:
    just_now = replace(EARLIER, last_start=NOW - timedelta(minutes=5))
    assert in_the_way(READY, just_now) == {"cool_down"}
    assert decide(READY, replace(just_now, unfinished=True), POLICY, NOW).train


@given(facts=facts, history=histories, policy=policies)
def test_the_same_question_has_the_same_answer_explained(facts: Facts, history: History, policy: Policy) -> None:
    decision = decide(facts, history, policy, NOW)
    assert decision == decide(facts, history, policy, NOW)
    assert decision.reasons
    assert all(rule.says for rule in decision.rules)
    assert len({rule.name for rule in decision.rules}) == len(decision.rules)
    says = {rule.says for rule in decision.rules}
    assert says >= set(decision.reasons)


@given(facts=facts, history=histories, policy=policies)
def test_a_yes_means_that_nothing_stands_in_the_way_and_a_no_names_all_that_does(
    facts: Facts, history: History, policy: Policy
) -> None:
    decision = decide(facts, history, policy, NOW)
    blockers = [rule.says for rule in decision.rules if rule.stands_in_the_way]
    assert decision.train == (not blockers)
    assert set(blockers) <= set(decision.reasons)


@given(facts=facts, history=histories, policy=policies)
def test_a_training_is_never_begun_below_the_least_size_nor_beside_another(
    facts: Facts, history: History, policy: Policy
) -> None:
    if decide(facts, history, policy, NOW).train:
        assert sum(facts.faces.values()) >= policy.min_faces
        assert all(facts.faces.values())
        assert not facts.gpu_holder
        assert not facts.failed_batches


@given(facts=facts, history=histories, policy=policies, bare=counts, makeup=counts, places=st.data())
def test_more_approved_faces_never_turn_a_yes_into_a_no(
    facts: Facts, history: History, policy: Policy, bare: int, makeup: int, places: st.DataObject
) -> None:
    """Wherever they come from: all of them may be of the source, query and account that is the largest already."""
    came = bare + makeup
    grown = replace(
        facts,
        faces={"bare": facts.faces["bare"] + bare, "makeup": facts.faces["makeup"] + makeup},
        fresh=facts.fresh + came,
        **{  # type: ignore[arg-type]
            kind: replace(one, faces=one.faces + places.draw(st.integers(0, came), label=kind))
            for kind, one in (("source", facts.source), ("query", facts.query), ("account", facts.account))
        },
    )
    assert decide(grown, history, policy, NOW).train >= decide(facts, history, policy, NOW).train


def test_a_small_snapshot_of_allowed_shares_lacks_faces_alone_and_one_of_too_large_a_share_says_so() -> None:
    small = replace(READY, faces={"bare": 30, "makeup": 30}, source=Largest("commons", 36), account=Largest("ann", 3))
    assert in_the_way(small) == {"size"}
    crowded = replace(small, source=Largest("commons", 37), account=Largest("ann", 4))
    assert in_the_way(crowded) == {"size", "source", "account"}
    found = answers(decide(crowded, EARLIER, POLICY, NOW))["account"]
    assert (found.number, found.threshold) == (56, 95), "as many as a snapshot of the least size must have"


@given(facts=facts, history=histories, policy=policies)
def test_of_enough_faces_so_many_are_not_of_the_largest_as_a_snapshot_of_the_least_size_must_have(
    facts: Facts, history: History, policy: Policy
) -> None:
    found = answers(decide(facts, history, policy, NOW))
    if found["size"].holds:
        for name, share in (("source", policy.source_share), ("account", policy.account_share)):
            assert found[name].threshold == math.ceil(round((1 - share) * policy.min_faces, 6))


@given(facts=facts, history=histories, policy=policies)
def test_what_is_found_and_what_is_needed_never_contradict_the_verdict(
    facts: Facts, history: History, policy: Policy
) -> None:
    facts = replace(facts, failed_faces=40 * len(facts.failed_batches))  # a batch counts by its faces
    decision = decide(facts, history, policy, NOW)
    for rule in decision.rules:
        if rule.kind is RuleKind.NOTES or rule.number is None or rule.threshold is None:
            continue
        enough = rule.number <= rule.threshold if rule.name in AT_MOST else rule.number >= rule.threshold
        assert rule.holds is enough, rule
    _, headings, *rows = gating.explained(decision)
    assert headings.split() == ["rule", "kind", "verdict", "found", "needed", "in", "words"]
    assert len(rows) == len(decision.rules)
    assert all(row[2:].startswith(rule.name) for row, rule in zip(rows, decision.rules, strict=True))


def test_an_empty_snapshot_has_nothing_to_split() -> None:
    none = replace(READY, faces={"bare": 0, "makeup": 0}, held_out={})
    empty = replace(none, source=Largest(), query=Largest(), account=Largest())
    assert in_the_way(empty) == {"size", "domains"}
    split = answers(decide(empty, EARLIER, POLICY, NOW))["split"]
    assert (split.number, split.threshold) == (None, None)


def test_before_the_first_decision_it_is_said_how_to_get_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gate", "explain"]) == 1
    assert "the gate has not decided yet: run `python -m training gate` first" in capsys.readouterr().err


@given(facts=facts, history=histories, policy=policies)
def test_an_erasure_never_holds_a_training_up(facts: Facts, history: History, policy: Policy) -> None:
    calm, asked = (replace(history, erased=count, answered=False) for count in (0, 3))
    assert decide(facts, asked, policy, NOW).train >= decide(facts, calm, policy, NOW).train


@given(facts=facts, history=histories, policy=policies)
def test_a_forcer_lifts_only_what_it_may(facts: Facts, history: History, policy: Policy) -> None:
    rules = decide(facts, history, policy, NOW).rules
    forcing = {rule.name for rule in rules if rule.kind is RuleKind.FORCES and rule.holds}
    allowed = frozenset[str]().union(*(LIFTED_BY[name] for name in forcing))
    assert {rule.name for rule in rules if rule.lifted} <= allowed
    assert not allowed & {"size", "domains", "split", "changed", "failed", "expectations", "gpu", "paused"}
