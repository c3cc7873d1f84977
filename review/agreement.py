"""How far the people who decide agree: per stage, per reason, per pair and per person; and how they do on gold ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from catalog import Catalog
from catalog.kappa import cohen_kappa, fleiss_kappa
from catalog.records import Reason, Share, Stage
from catalog.second_looks import GoldLook, Looks, Work


@dataclass(frozen=True, slots=True)
class StageAgreement:
    """How often first and second looks gave the same verdict at a stage. ``kappa`` is Fleiss', for who looks differs
    from subject to subject; None where it is not defined. ``disputed``: verdicts differ, and no third has decided."""

    stage: Stage
    agreed: Share
    kappa: float | None
    disputed: int


@dataclass(frozen=True, slots=True)
class ReasonAgreement:
    """How far two looks agree on rejecting for this reason; ``given``: subjects for which one of them did at least."""

    stage: Stage
    reason: Reason
    given: int
    both: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class PairAgreement:
    """Two people on the subjects that both looked at; ``kappa`` is Cohen's over their verdicts."""

    one: str
    other: str
    agreed: Share
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Reviewer:
    """One person: acts, median seconds a subject, verdicts the same as another's (Cohen's kappa against all others
    together), how often a third look took their side, and answers right on gold subjects."""

    person: str
    acts: int
    seconds: float | None
    last_at: datetime
    agreed: Share
    kappa: float | None
    upheld: Share
    gold: Share


@dataclass(frozen=True, slots=True)
class Agreement:
    """All of it; ``batch_id`` None: of every batch."""

    batch_id: int | None
    stages: tuple[StageAgreement, ...]
    reasons: tuple[ReasonAgreement, ...]
    pairs: tuple[PairAgreement, ...]
    reviewers: tuple[Reviewer, ...]


def agreement(catalog: Catalog, *, batch_id: int | None = None) -> Agreement:
    """What the log tells. Of every pair of looks a few words are held in memory."""
    return summed_up(
        looks=list(catalog.second_looks.twice(batch_id=batch_id)),
        gold=catalog.second_looks.gold(batch_id=batch_id),
        work=catalog.second_looks.work(batch_id=batch_id),
        batch_id=batch_id,
    )


def summed_up(
    *, looks: Sequence[Looks], gold: Sequence[GoldLook], work: Sequence[Work], batch_id: int | None = None
) -> Agreement:
    """The agreement of these looks, answers and times."""
    return Agreement(
        batch_id=batch_id,
        stages=tuple(_stage(stage, [one for one in looks if one.stage is stage]) for stage in Stage),
        reasons=tuple(_reasons(looks)),
        pairs=tuple(_pairs(looks)),
        reviewers=tuple(_reviewers(looks, gold, work)),
    )


def _stage(stage: Stage, looks: Sequence[Looks]) -> StageAgreement:
    verdicts = [(one.first.verdict, one.second.verdict) for one in looks]
    disputed = sum(one.third is None and one.first.verdict is not one.second.verdict for one in looks)
    return StageAgreement(stage, _same(verdicts), fleiss_kappa(verdicts), disputed)


def _reasons(looks: Sequence[Looks]) -> Sequence[ReasonAgreement]:
    found = []
    for stage in Stage:
        said = [(one.first.reason, one.second.reason) for one in looks if one.stage is stage]
        for reason in Reason:
            labels = [(one is reason, other is reason) for one, other in said]
            given, both = sum(any(pair) for pair in labels), sum(all(pair) for pair in labels)
            if given:
                found.append(ReasonAgreement(stage, reason, given, both, fleiss_kappa(labels)))
    return found


def _pairs(looks: Sequence[Looks]) -> Sequence[PairAgreement]:
    together: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for one in looks:
        (by, verdict), (other, differing) = sorted(
            ((look.by, look.verdict.value) for look in (one.first, one.second)), key=lambda said: said[0]
        )
        together[by, other].append((verdict, differing))
    return [
        PairAgreement(one, other, _same(verdicts), cohen_kappa(verdicts))
        for (one, other), verdicts in sorted(together.items())
    ]


@dataclass(slots=True)
class _Tally:
    acts: int = 0
    seconds: list[tuple[float, int]] = field(default_factory=list)
    last_at: datetime | None = None
    beside: list[tuple[str, str]] = field(default_factory=list)  # own verdict, the other's
    thirds: list[bool] = field(default_factory=list)
    gold: list[bool] = field(default_factory=list)


def _reviewers(looks: Sequence[Looks], gold: Sequence[GoldLook], work: Sequence[Work]) -> Sequence[Reviewer]:
    of: dict[str, _Tally] = defaultdict(_Tally)
    for done in work:
        tally = of[done.person]
        tally.acts += done.acts
        tally.last_at = max(tally.last_at or done.last_at, done.last_at)
        if done.seconds is not None:
            tally.seconds.append((done.seconds, done.acts))
    for one in looks:
        for mine, other in ((one.first, one.second), (one.second, one.first)):
            of[mine.by].beside.append((mine.verdict.value, other.verdict.value))
            if one.third is not None:
                of[mine.by].thirds.append(mine.verdict is one.third.verdict)
    for answer in gold:
        of[answer.said.by].gold.append(answer.right)
    return [
        Reviewer(
            person=person,
            acts=tally.acts,
            seconds=_typical(tally.seconds),
            last_at=tally.last_at,
            agreed=_same(tally.beside),
            kappa=cohen_kappa(tally.beside),
            upheld=Share(sum(tally.thirds), len(tally.thirds)),
            gold=Share(sum(tally.gold), len(tally.gold)),
        )
        for person, tally in sorted(of.items())
        if tally.last_at is not None
    ]


def _same(pairs: Sequence[tuple[str, str]]) -> Share:
    return Share(sum(one == other for one, other in pairs), len(pairs))


def _typical(seconds: Sequence[tuple[float, int]]) -> float | None:
    """The median of the stages' medians, each counted as often as there were acts."""
    return median([value for value, acts in seconds for _ in range(acts)]) if seconds else None
