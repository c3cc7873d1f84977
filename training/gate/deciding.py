"""The gate: is tonight's snapshot worth a training? A pure function, so that every answer can be explained.

`decide` holds a snapshot (`Facts`) and what came before it (`History`) against a `Policy`, at a moment. Every rule
answers, whatever the others say, in one sentence with its number and the number it was held against:

- a rule that *blocks* stands in the way while it does not hold;
- a rule that *forces* lifts some of the blockers (`LIFTED_BY`), never those that say a training would be of no use;
- a rule that *notes* only says.

More approved faces never turn a yes into a no. So balance and concentration are not held as shares of the snapshot, by
which a gift of faces could do harm, but as what a snapshot of the least size must have: so many faces of each domain,
so many that are not of the largest source. A smaller snapshot is not trained, whatever its shares are; one whose shares
are no larger than they may be lacks faces alone, and so only `size` is in its way.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from catalog.records import GateDecision, GateRule, RuleKind
from training.gate.facts import Facts, History, Policy, Training

#: After failures in a row the cool-down doubles each time, up to this.
LONGEST_COOL_DOWN = timedelta(days=7)

#: Rules whose second number is the most that there may be; of all others it is the least.
AT_MOST = frozenset({"expectations", "backlog"})

#: What each forcer lifts. An erasure may not wait for more faces, for a cool-down, or for people; an unfinished
#: training was decided already; another preset or seed is a reason of its own. None lifts what says that a training
#: would be of no use.
LIFTED_BY = {
    "erasure": frozenset({"fresh", "cool_down", "backlog", "agreement"}),
    "unfinished": frozenset({"fresh", "cool_down", "backlog"}),
    "configuration": frozenset({"fresh"}),
}


def decide(facts: Facts, history: History, policy: Policy, now: datetime) -> GateDecision:
    """Train, unless a rule stands in the way that nothing lifts; every rule's answer is kept."""
    rules = [
        *_enough(facts, policy),
        *_wide(facts, policy),
        *_new(facts, history, policy),
        *_sound(facts, policy),
        *_timely(facts, history, policy, now),
        *_forcers(facts, history),
    ]
    forced = {rule.name for rule in rules if rule.kind is RuleKind.FORCES and rule.holds}
    lifting = frozenset[str]().union(*(LIFTED_BY[name] for name in forced))
    answers = tuple(
        replace(rule, lifted=True) if rule.name in lifting and rule.kind is RuleKind.BLOCKS and not rule.holds else rule
        for rule in rules
    )
    blockers = [rule for rule in answers if rule.stands_in_the_way]
    forcers = [rule for rule in answers if rule.name in forced]
    if blockers:
        told = [*blockers, *(rule for rule in forcers if rule.name == "erasure")]  # whoever reads it must know
    else:
        told = [rule for rule in answers if rule.name in ("size", "changed")] + forcers
        # A night's work is given up: whoever reads it must know.
        told += [rule for rule in answers if rule.name == "unfinished" and not rule.holds and history.dropped]
    return GateDecision(
        snapshot_id=facts.training.snapshot,
        train=not blockers,
        reasons=tuple(rule.says for rule in told),
        numbers=_numbers(facts, policy),
        rules=answers,
    )


def _enough(facts: Facts, policy: Policy) -> Iterator[GateRule]:
    """Enough faces in all, in each domain, and on each side of the split."""
    total = sum(facts.faces.values())
    missing = policy.min_faces - total
    says = f"{total} approved faces, {policy.min_faces} needed"
    if missing > 0:
        says = f"{total} approved faces, {missing} fewer than the {policy.min_faces} needed"
    yield _block("size", missing <= 0, says, total, policy.min_faces)

    needed = max(1, math.ceil(_exact(policy.domain_share * policy.min_faces)))
    domain, fewest = min(facts.faces.items(), key=lambda item: (item[1], item[0]))
    says = f"{fewest} approved faces in domain {domain}, {needed} needed in each"
    if fewest == 0:
        says = f"no approved face in domain {domain}"
    elif fewest < needed:
        says = f"{fewest} approved faces in domain {domain}, {needed - fewest} fewer than the {needed} needed in each"
    yield _block("domains", fewest >= needed, says, fewest, needed)

    # A domain without a face is named above.
    there = [name for name, count in facts.faces.items() if count]
    sides = {name: (facts.faces[name] - facts.held_out.get(name, 0), facts.held_out.get(name, 0)) for name in there}
    empty = [
        *(f"no face of {name} is left to learn from" for name, (learned, _) in sides.items() if learned < 1),
        *(f"no face of {name} is held out to measure on" for name, (_, held) in sides.items() if held < 1),
    ]
    counts = ", ".join(f"{learned} {name} + {held}" for name, (learned, held) in sides.items())
    says = "; ".join(empty) if empty else f"learned from + held out: {counts or 'no face'}"
    least = min((min(both) for both in sides.values()), default=None)
    yield _block("split", not empty, says, least, None if least is None else 1)


def _wide(facts: Facts, policy: Policy) -> Iterator[GateRule]:
    """Enough faces that are not of the largest source, query, account."""
    total = sum(facts.faces.values())
    for name, largest, share in (
        ("source", facts.source, policy.source_share),
        ("query", facts.query, policy.query_share),
        ("account", facts.account, policy.account_share),
    ):
        needed = math.ceil(_exact((1 - share) * policy.min_faces))
        others, allowed = total - largest.faces, math.ceil(_exact((1 - share) * total))
        if others >= allowed:  # no larger a share than it may have: what a smaller snapshot lacks, `size` says
            needed = min(needed, allowed)
        part = largest.faces / total if total else 0.0
        most = f"{largest.faces} of {total} faces ({part:.0%}) are of {name} {largest.name}" if largest.faces else ""
        most = most or f"no {name} is known of any face"
        says = f"{most}; {others} are not, {needed} needed"
        yield _block(name, others >= needed, says, others, needed)


def _new(facts: Facts, history: History, policy: Policy) -> Iterator[GateRule]:
    """Something has changed since the last success, and enough; and it did not fail before."""
    training, last = facts.training, history.finished
    if last is None:
        yield _block("changed", True, "no training has come to its end before")
        yield _block("fresh", True, "nothing has been trained before: every face is new", facts.fresh, 0)
    else:
        again = _same(training, last.training)
        before = any(_same(training, other) for other in history.done)
        says = "faces, preset or seed have changed since the last training"
        if again:
            says = "nothing has changed since the last training that came to its end"
        elif before:
            says = "this very training came to its end before"
        yield _block("changed", not (again or before), says)
        needed = min(policy.fresh_faces, math.ceil(_exact(policy.fresh_share * last.faces)))
        says = f"{facts.fresh} faces are new since the last training that came to its end, {needed} needed"
        yield _block("fresh", facts.fresh >= needed, says, facts.fresh, needed)
    failure = next((past for past in history.failures if _repeats(past.training, training)), None)
    says = f"this very training failed before: {failure.reason}" if failure else "this training has not failed before"
    yield _block("failed", failure is None, says, len(history.failures))


def _sound(facts: Facts, policy: Policy) -> Iterator[GateRule]:
    """What people and expectations say of the faces."""
    says = f"no batch of its faces failed its expectations ({facts.unvalidated_faces} faces of batches without any)"
    if facts.failed_batches:
        named = ", ".join(map(str, facts.failed_batches[:5])) + (", …" if len(facts.failed_batches) > 5 else "")
        says = f"{facts.failed_faces} faces are of batches that failed their expectations: {named}"
    yield _block("expectations", not facts.failed_batches, says, facts.failed_faces, 0)

    says = f"{facts.waiting} photos and faces wait for people, {policy.waiting} at most"
    yield _block("backlog", facts.waiting <= policy.waiting, says, facts.waiting, policy.waiting)

    found = facts.agreement
    if found.value is None or found.pairs < policy.kappa_pairs:
        says = f"{found.pairs} pairs of looks, too few to say how far people agree ({policy.kappa_pairs} needed)"
        yield GateRule("agreement", RuleKind.NOTES, True, says, found.value, policy.kappa)
        return
    says = f"two looks agree least at stage {found.stage}: kappa {found.value:.2f} of {found.pairs} pairs"
    says += f", {policy.kappa:g} needed"
    yield _block("agreement", found.value >= policy.kappa, says, found.value, policy.kappa)


def _timely(facts: Facts, history: History, policy: Policy, now: datetime) -> Iterator[GateRule]:
    """Not paused, not too soon, and nobody else trains."""
    says = f"trainings are paused: {policy.paused}" if policy.paused else "trainings are not paused"
    yield _block("paused", not policy.paused, says)

    failures = len(history.failures)
    wait = cool_down(policy, failures=failures)
    hours = wait.total_seconds() / 3600
    if history.last_start is None:
        yield _block("cool_down", True, "no training has begun before", None, hours)
    else:
        since = (now - history.last_start).total_seconds() / 3600
        doubled = f", after {failures} failures in a row" if failures > 1 else ", after a failure" if failures else ""
        says = f"the last training began {since:.1f} hours ago, {hours:g} needed{doubled}"
        yield _block("cool_down", now - history.last_start >= wait, says, round(since, 3), hours)

    says = f"the GPU is leased to {facts.gpu_holder}" if facts.gpu_holder else "nobody has the GPU's lease"
    yield _block("gpu", not facts.gpu_holder, says)


def _forcers(facts: Facts, history: History) -> Iterator[GateRule]:
    says = "nothing that the champion learned from has been erased"
    if history.erased:
        one = history.erased == 1
        says = f"{history.erased} {'face' if one else 'faces'} that the champion learned from"
        says += f" {'has' if one else 'have'} been erased since"
        if history.answered:
            says += f"; the last training, without {'it' if one else 'them'}, was not promoted"
    forces = history.erased > 0 and not history.answered
    asked = None if history.answered else 1.0  # a training has answered them: no number of them would force another
    yield GateRule("erasure", RuleKind.FORCES, forces, says, float(history.erased), asked)

    says = "this very training has begun and goes on" if history.unfinished else "this very training has not begun"
    says += (
        f"; the newer snapshot {history.newer[:12]} waits for its end" if history.unfinished and history.newer else ""
    )
    says += f"; {history.dropped}" if history.dropped else ""
    yield GateRule("unfinished", RuleKind.FORCES, history.unfinished, says)

    last = history.finished
    other = last is not None and (last.training.preset, last.training.seed) != (
        facts.training.preset,
        facts.training.seed,
    )
    says = "preset and seed are those of the last training" if last else "there is no earlier preset or seed"
    if other and last:
        says = f"preset or seed have changed: {last.training.preset}, {last.training.seed} came to its end last"
    yield GateRule("configuration", RuleKind.FORCES, other, says)


def cool_down(policy: Policy, *, failures: int) -> timedelta:
    """How long to wait after a start, after so many failures in a row."""
    if not failures:
        return policy.cool_down
    return max(policy.cool_down, min(policy.cool_down * 2 ** min(failures, 16), LONGEST_COOL_DOWN))


def _same(one: Training, other: Training) -> bool:
    """Whether both are one run: snapshot, preset and seed name it."""
    return (one.snapshot, one.preset, one.seed) == (other.snapshot, other.preset, other.seed)


def _repeats(failed: Training, training: Training) -> bool:
    """Whether it would fail again: other code may not. Of a failure whose code nobody noted, nobody knows."""
    return _same(failed, training) and failed.code in ("", training.code)


def _block(name: str, holds: bool, says: str, number: float | None = None, threshold: float | None = None) -> GateRule:
    number, threshold = (None if value is None else float(value) for value in (number, threshold))
    return GateRule(name, RuleKind.BLOCKS, holds, says, number, threshold)


def _exact(number: float) -> float:
    """A product of a share and a count, without the hair that floats add: 0.4 of 20,000 is 8,000."""
    return round(number, 6)


def _numbers(facts: Facts, policy: Policy) -> dict[str, float]:
    return {
        "faces": float(sum(facts.faces.values())),
        "min_faces": float(policy.min_faces),
        **{f"faces_{domain}": float(count) for domain, count in facts.faces.items()},
        **{f"held_out_{domain}": float(count) for domain, count in facts.held_out.items()},
        "fresh": float(facts.fresh),
    }
