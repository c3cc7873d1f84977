"""The planner's bandit beside round-robin, on yields that both see alike: what people approve of the same budget.

``make bench-planner``. A world says for every query of every arm how many candidates it finds, how many of them nobody
has seen before, and how many people approve; approvals are told some days late. Both planners ask so many queries a
day; the medians are over seeds. ``recorded`` is bench/yields.csv, counted in the demo's world (bench/yields.py); the
others are made: ``words`` (an arm is as good as its words), ``few`` (one arm in ten is good, whatever its words),
``dry`` (every further query of an arm finds half as much that is new), ``equal`` (all arms alike: nothing to win).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog import Settings  # noqa: E402
from catalog.records import Domain, Harvest  # noqa: E402
from collectors.bandit import Choice, Shares, Why, choose  # noqa: E402
from collectors.planner import short_domain  # noqa: E402
from collectors.templates import Arm, arms_of  # noqa: E402

YIELDS = ROOT / "bench" / "yields.csv"
DAYS, PER_DAY, DELAY, SEEDS = 60, 5, 3, 30
SHARES = Shares(untried=Settings().untried_share, short_domain=Settings().short_domain_share)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one query brings: candidates, how many of them are new, and how many of those people approve."""

    found: int
    new: int
    approved: int


@dataclass(frozen=True, slots=True)
class World:
    """Arms, and what each of their queries brings, by its text."""

    arms: Sequence[Arm]
    outcomes: Mapping[str, Outcome]


@dataclass(slots=True)
class Asked:
    """One query that was asked."""

    day: int
    arm: str
    domain: Domain
    outcome: Outcome
    why: Why | None = None


Planner = Callable[[World, Sequence[Asked], int, str], Sequence[Choice | tuple[Arm, str]]]


def bandit(world: World, asked: Sequence[Asked], day: int, seed: str, *, per_day: int = PER_DAY) -> list[Choice]:
    """The planner's own choice, of what is known on that day."""
    used = defaultdict(int)
    for one in asked:
        used[one.arm] += 1
    arms = [Arm(arm.name, arm.domain, arm.texts[used[arm.name] :]) for arm in world.arms]
    return list(
        choose(
            arms,
            harvests(asked, day),
            count=per_day,
            seed=f"{seed}/{day}",
            shares=SHARES,
            short=short_domain(approved_by(asked, day)),
        )
    )


def harvests(asked: Sequence[Asked], day: int) -> dict[str, Harvest]:
    """What is known of each arm on a day: people decide ``DELAY`` days after the search."""
    known: dict[str, Harvest] = {}
    for one in asked:
        held, decided = known.get(one.arm, Harvest()), one.day + DELAY <= day
        duplicate = one.outcome.found - one.outcome.new
        known[one.arm] = Harvest(
            planned=held.planned + 1,
            queries=held.queries + 1,
            found=held.found + one.outcome.found,
            settled=held.settled + (one.outcome.found if decided else duplicate),
            approved=held.approved + (one.outcome.approved if decided else 0),
        )
    return known


def approved_by(asked: Sequence[Asked], day: int) -> dict[Domain, int]:
    """The faces of each domain that are approved on a day."""
    counted = dict.fromkeys(Domain, 0)
    for one in asked:
        if one.day + DELAY <= day:
            counted[one.domain] += one.outcome.approved
    return counted


def run_bandit(world: World, seed: int, *, days: int = DAYS, per_day: int = PER_DAY) -> list[Asked]:
    """Plan so many days with the bandit."""
    asked: list[Asked] = []
    for day in range(days):
        for choice in bandit(world, asked, day, str(seed), per_day=per_day):
            asked.append(Asked(day, choice.arm, choice.domain, world.outcomes[choice.text], choice.why))
    return asked


def run_round_robin(world: World, seed: int, *, days: int = DAYS, per_day: int = PER_DAY) -> list[Asked]:
    """Ask every arm in turn, beginning anywhere."""
    arms = list(world.arms)
    Random(f"{seed}/order").shuffle(arms)
    depth = max(len(arm.texts) for arm in arms)
    turns = [(arm, arm.texts[turn]) for turn in range(depth) for arm in arms if turn < len(arm.texts)]
    return [
        Asked(number // per_day, arm.name, arm.domain, world.outcomes[text])
        for number, (arm, text) in enumerate(turns[: days * per_day])
    ]


def total(asked: Sequence[Asked]) -> int:
    """Faces approved of everything asked, once all is decided."""
    return sum(one.outcome.approved for one in asked)


@cache
def arms(source: str = "google") -> tuple[Arm, ...]:
    """The arms of the templates in the repository."""
    return tuple(arms_of(source, Settings(templates="", _env_file=None)))


def _made(seed: int, rate: Callable[[Arm, int], float], size: Callable[[Arm, int], float]) -> World:
    """A world in which query k of an arm finds ``size`` candidates, and people approve ``rate`` of the new ones."""
    rng = Random(f"{seed}/queries")
    outcomes = {}
    for arm in arms():
        for number, text in enumerate(arm.texts):
            found = min(round(size(arm, number) * rng.lognormvariate(0, 0.3)), 100)
            share = min(rate(arm, number) * rng.lognormvariate(0, 0.3), 0.95)
            approved = sum(rng.random() < share for _ in range(found))
            outcomes[text] = Outcome(found=found, new=found, approved=approved)
    return World(arms(), outcomes)


def words(seed: int) -> World:
    """An arm is as good as its subject, its style and its language are, each by itself."""
    rates, sizes = _by_word(seed, "rate", 0.6), _by_word(seed, "size", 0.4)
    return _made(seed, lambda arm, _: 0.12 * rates(arm), lambda arm, _: 60 * sizes(arm))


def few(seed: int) -> World:
    """One arm in ten is good, and its words say nothing of it."""
    rng = Random(f"{seed}/few")
    good = {arm.name for arm in arms() if rng.random() < 0.1}
    return _made(seed, lambda arm, _: 0.4 if arm.name in good else 0.04, lambda *_: 60)


def dry(seed: int) -> World:
    """As ``words``, but every further query of an arm finds half as much that nobody has seen."""
    world = words(seed)
    outcomes = {}
    for arm in world.arms:
        for number, text in enumerate(arm.texts):
            whole, left = world.outcomes[text], 0.5**number
            outcomes[text] = Outcome(whole.found, round(whole.new * left), round(whole.approved * left))
    return World(world.arms, outcomes)


def equal(seed: int) -> World:
    """All arms alike."""
    return _made(seed, lambda *_: 0.12, lambda *_: 60)


def recorded(_: int) -> World:
    """What was counted in the demo's world."""
    rows = list(csv.DictReader(YIELDS.read_text(encoding="utf-8").splitlines()))
    grouped: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in rows:
        grouped[row["arm"], row["domain"]].append(row["text"])
    return World(
        [Arm(arm, Domain(domain), tuple(texts)) for (arm, domain), texts in sorted(grouped.items())],
        {row["text"]: Outcome(int(row["found"]), int(row["new"]), int(row["approved"])) for row in rows},
    )


def _by_word(seed: int, what: str, spread: float) -> Callable[[Arm], float]:
    """How much better or worse an arm is for its words: the product of a log-normal factor for each."""

    def factor(arm: Arm) -> float:
        made = 1.0
        for place, word in enumerate(arm.name.split("/")):
            made *= Random(f"{seed}/{what}/{place}/{word}").lognormvariate(0, spread)
        return made

    return factor


WORLDS: dict[str, Callable[[int], World]] = {"words": words, "few": few, "dry": dry, "equal": equal}
if YIELDS.exists():
    WORLDS = {"recorded": recorded} | WORLDS


def compare(make: Callable[[int], World], seeds: int) -> dict[str, float]:
    """Both planners on one kind of world: medians over seeds, and in how many of them the bandit is ahead."""
    pairs = [(total(run_bandit(make(seed), seed)), total(run_round_robin(make(seed), seed))) for seed in range(seeds)]
    return {
        "bandit": median(ours for ours, _ in pairs),
        "round_robin": median(theirs for _, theirs in pairs),
        "ratio": round(median(ours / max(theirs, 1) for ours, theirs in pairs), 2),
        "ahead": sum(ours > theirs for ours, theirs in pairs),
        "seeds": seeds,
    }


def main() -> None:
    """Print a line for each world, and everything as one JSON object on the last."""
    parser = argparse.ArgumentParser(description="The planner's bandit beside round-robin.")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    seeds = parser.parse_args().seeds
    told = {}
    for name, make in WORLDS.items():
        told[name] = compare(make, seeds)
        print(f"{name:<9} {told[name]}", flush=True)
    first = next(iter(told.values()))
    headline = {name: first[name] for name in ("bandit", "round_robin", "ratio")}
    print(json.dumps(headline | {"worlds": told, "days": DAYS, "queries_per_day": PER_DAY, "delay_days": DELAY}))


if __name__ == "__main__":
    main()
