"""Which arm to ask next: Thompson sampling over what people approved, with two floors. Pure: no clock, no catalog.

An arm's worth is the number of faces that people approve of one query of it: the share of its candidates that they
approve, times the candidates that a query finds. The share is believed as a Beta distribution; what is not decided yet
counts neither for an arm nor against it. Thompson, "On the likelihood that one unknown probability exceeds another",
Biometrika 25 (1933); Chapelle and Li, "An empirical evaluation of Thompson sampling", NIPS 2011.

An arm begins from what its words have brought elsewhere: the source's own share, times how much better or worse its
subject, its style and its language have done than the source (each drawn towards the source's share while little is
known of it). So the first Korean selfies that people like speak for all that is Korean.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random

from catalog.records import Domain, Harvest
from collectors.templates import Arm

_BEFORE = 0.1  # the share that is approved of a source that nobody has asked anything
_SOURCE, _WORD, _ARM = 20.0, 40.0, 8.0  # candidates' worth of doubt in a source, in a word, in an arm's beginning
_CANDIDATE = 0.25  # candidates of one query are alike: four of them tell as much as one that was drawn by itself
_QUERIES = 2.0  # queries' worth of doubt in how many candidates one finds
_FIND = 20.0  # candidates that a query finds at a source that nobody has asked anything


class Why(StrEnum):
    """Why an arm was chosen."""

    BEST = "best so far"
    HOPE = "promising"  # drawn as the best, of an arm that was never asked
    UNTRIED = "untried"
    SHORT = "short domain"


@dataclass(frozen=True, slots=True)
class Belief:
    """What an arm is believed to bring: a Beta distribution of the share approved, and candidates per query."""

    alpha: float
    beta: float
    size: float

    @property
    def worth(self) -> float:
        """Approved faces expected of one query."""
        return self.size * self.alpha / (self.alpha + self.beta)

    def draw(self, rng: Random) -> float:
        """One guess at that number, as wide as the doubt is."""
        return self.size * rng.betavariate(self.alpha, self.beta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One query that was chosen, and why."""

    text: str
    domain: Domain
    arm: str
    why: Why
    harvest: Harvest
    worth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The floors: the share of choices that goes to untried arms, and the share of the rest to a short domain."""

    untried: float
    short_domain: float


def believe(arms: Iterable[str], harvests: Mapping[str, Harvest]) -> dict[str, Belief]:
    """What each arm is believed to bring, by what all arms (and the queries of no arm, "") have brought."""
    whole = _sum(harvests.values())
    share = (whole.approved + _BEFORE * _SOURCE) / (whole.settled + _SOURCE)
    size = (whole.found + _FIND * _QUERIES) / (whole.queries + _QUERIES)
    words = _by_word(harvests)
    return {arm: _belief(arm, harvests.get(arm, Harvest()), words, share=share, size=size) for arm in arms}


def choose(
    arms: Sequence[Arm],
    harvests: Mapping[str, Harvest],
    *,
    count: int,
    seed: str,
    shares: Shares,
    short: Domain | None = None,
) -> Iterator[Choice]:
    """Choose up to ``count`` queries, best first within each floor; the same arguments give the same choices.

    ``harvests`` by arm; "" holds what belongs to no arm. ``short``: the domain of which too few faces are approved.
    """
    beliefs = believe((arm.name for arm in arms), harvests)
    line = [_Waiting(arm, harvests.get(arm.name, Harvest()), beliefs[arm.name]) for arm in arms if arm.texts]
    phases = Random(f"{seed}/phases")
    untried, other = _Floor(shares.untried, phases), _Floor(shares.short_domain, phases)
    for slot in range(count):
        rng = Random(f"{seed}/{slot}")
        guesses = [(waiting.belief.draw(rng), rng.random(), waiting) for waiting in line]
        fresh = [(luck, waiting) for _, luck, waiting in guesses if waiting.untried]
        if untried.due() and fresh:
            why, taken = Why.UNTRIED, max(fresh, key=lambda pair: pair[0])[1]
        else:
            why, wanted = Why.BEST, guesses
            if short and other.due() and (of_short := [g for g in guesses if g[2].arm.domain is short]):
                why, wanted = Why.SHORT, of_short
            if not wanted:
                return
            taken = max(wanted, key=lambda guess: guess[:2])[2]
        yield taken.take(why)
        line = [waiting for waiting in line if waiting.texts]


@dataclass(slots=True)
class _Waiting:
    """An arm that has queries left, while choosing."""

    arm: Arm
    harvest: Harvest
    belief: Belief
    texts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.texts = list(self.arm.texts)

    @property
    def untried(self) -> bool:
        return self.harvest.planned == 0 and len(self.texts) == len(self.arm.texts)

    def take(self, why: Why) -> Choice:
        if why is Why.BEST and not self.harvest.queries:
            why = Why.HOPE
        return Choice(
            text=self.texts.pop(0),
            domain=self.arm.domain,
            arm=self.arm.name,
            why=why,
            harvest=self.harvest,
            worth=self.belief.worth,
        )


class _Floor:
    """Is due for exactly its share of the slots over many days: every so many, beginning anywhere."""

    def __init__(self, share: float, rng: Random) -> None:
        self._share, self._reached = share, rng.random()

    def due(self) -> bool:
        before = math.floor(self._reached)
        self._reached += self._share
        return math.floor(self._reached) > before


def _belief(arm: str, own: Harvest, words: Mapping[tuple[int, str], Harvest], *, share: float, size: float) -> Belief:
    mean, finds = share, size
    for place in enumerate(arm.split("/")):
        others = words.get(place, Harvest())
        mean *= (others.approved + _WORD * share) / (others.settled + _WORD) / share
        finds *= (others.found + _QUERIES * size) / (others.queries + _QUERIES) / size
    mean = min(max(mean, 0.002), 0.9)
    return Belief(
        alpha=_ARM * mean + _CANDIDATE * min(own.approved, own.settled),
        beta=_ARM * (1 - mean) + _CANDIDATE * max(own.settled - own.approved, 0),
        size=(own.found + _QUERIES * min(finds, 4 * size)) / (own.queries + _QUERIES),
    )


def _by_word(harvests: Mapping[str, Harvest]) -> Mapping[tuple[int, str], Harvest]:
    """What the arms with each word at each place have brought together."""
    grouped: dict[tuple[int, str], list[Harvest]] = defaultdict(list)
    for arm, harvest in harvests.items():
        if arm:
            for place in enumerate(arm.split("/")):
                grouped[place].append(harvest)
    return {place: _sum(held) for place, held in grouped.items()}


def _sum(harvests: Iterable[Harvest]) -> Harvest:
    total = Harvest()
    for h in harvests:
        total = replace(
            total,
            planned=total.planned + h.planned,
            queries=total.queries + h.queries,
            found=total.found + h.found,
            settled=total.settled + h.settled,
            approved=total.approved + h.approved,
        )
    return total
