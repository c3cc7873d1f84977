"""The gate says yes only when everything speaks for it, and names every blocker."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from training.gate import Facts, decide

READY = Facts(
    snapshot="s2", faces={"bare": 60, "makeup": 50}, min_faces=100, run="tiny-s2", finished="tiny-s1", failure=""
)
counts = st.integers(0, 200)
facts = st.builds(
    Facts,
    snapshot=st.just("s2"),
    faces=st.fixed_dictionaries({"bare": counts, "makeup": counts}),
    min_faces=st.integers(1, 300),
    run=st.sampled_from(["a", "b"]),
    finished=st.sampled_from([None, "a", "b"]),
    failure=st.sampled_from(["", "step 3: not a finite number"]),
)


def test_enough_changed_faces_of_both_domains_are_trained() -> None:
    decision = decide(READY)
    assert decision.train
    assert decision.snapshot_id == "s2"
    assert decision.reasons[0] == "110 approved faces, 100 needed"
    assert decision.numbers == {"faces": 110, "min_faces": 100, "faces_bare": 60, "faces_makeup": 50}


def test_the_first_training_needs_no_change() -> None:
    assert decide(replace(READY, finished=None)).train


def test_too_few_faces_say_how_many_are_missing() -> None:
    decision = decide(replace(READY, min_faces=20_000))
    assert not decision.train
    assert decision.reasons == ("110 approved faces, 19890 fewer than the 20000 needed",)


def test_a_missing_domain_is_named() -> None:
    assert decide(replace(READY, faces={"bare": 110, "makeup": 0})).reasons == ("no approved face in domain makeup",)


def test_the_training_that_finished_last_is_not_repeated() -> None:
    decision = decide(replace(READY, finished=READY.run))
    assert decision.reasons == ("nothing has changed since the last training that came to its end",)


def test_the_training_that_failed_is_not_repeated() -> None:
    (reason,) = decide(replace(READY, failure="step 3: D/latent_r1 is not a finite number")).reasons
    assert "step 3" in reason


def test_every_blocker_is_listed() -> None:
    blocked = replace(READY, faces={"bare": 0, "makeup": 0}, finished=READY.run, failure="why")
    assert len(decide(blocked).reasons) == 5


@given(facts=facts)
def test_the_same_facts_give_the_same_decision_with_reasons(facts: Facts) -> None:
    assert decide(facts) == decide(facts)
    assert decide(facts).reasons


@given(facts=facts, bare=counts, makeup=counts)
def test_more_faces_never_turn_a_yes_into_a_no(facts: Facts, bare: int, makeup: int) -> None:
    more = replace(facts, faces={"bare": facts.faces["bare"] + bare, "makeup": facts.faces["makeup"] + makeup})
    assert decide(more).train >= decide(facts).train


@given(facts=facts)
def test_a_yes_means_that_every_condition_holds(facts: Facts) -> None:
    enough = sum(facts.faces.values()) >= facts.min_faces and all(facts.faces.values())
    assert decide(facts).train == (enough and facts.finished != facts.run and not facts.failure)
