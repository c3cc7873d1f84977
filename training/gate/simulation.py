"""Nights made up: what the gate would decide as faces come in, trainings fail, people erase photos, others use the GPU.

Pure: the same world and seed give the same nights, without a catalog or a clock. It answers "what would this policy do
with a crawl like ours?" before the policy is set, and the tests hold the gate to its promises over thousands of nights.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog.records import GateDecision
from training.gate.deciding import decide
from training.gate.facts import Facts, History, Kappa, Largest, Past, Policy, Training

FIRST_NIGHT = datetime(2026, 1, 1, 2, tzinfo=UTC)
_HELD_OUT = 0.1
_SOURCES = {"openverse": 0.45, "commons": 0.35, "folder": 0.20}


@dataclass(frozen=True, slots=True)
class World:
    """What may happen. Chances are a night's, hours are means."""

    days: int = 60
    seed: int = 0
    start_faces: int = 14_000
    faces_per_day: int = 450
    makeup_share: float = 0.45
    hours: float = 30.0  # that a training takes
    failing: float = 0.15  # trainings that end with a number that is none
    dying: float = 0.05  # trainings whose machine dies: nobody gives the lease back
    promoted: float = 0.7  # trainings whose model becomes champion
    erasing: float = 0.06
    busy: float = 0.08  # nights on which somebody else takes the GPU
    failed_batch: float = 0.03
    waiting: int = 3_000  # subjects that wait for people, on average
    lease_hours: float = 48.0  # after which a lease that nobody renews is free

    @property
    def line(self) -> str:
        """What is made up, in one line."""
        return (
            f"nights of an invented world (seed {self.seed}), no real batch or person: made up are the faces "
            f"({self.start_faces:,} at first, about {self.faces_per_day:,} a day), batches that fail, who has the GPU, "
            "trainings that fail and photos that are erased; the policy is the one configured"
        )


@dataclass(frozen=True, slots=True)
class Held:
    """Who had the GPU's lease from when until when, with its token."""

    token: int
    holder: str
    begun: datetime
    ended: datetime


@dataclass(frozen=True, slots=True)
class Night:
    """One night: the facts, what had come before, and what was decided. `erasing`: photos were erased that day."""

    number: int
    at: datetime
    facts: Facts
    history: History
    decision: GateDecision
    came: int
    erasing: bool

    @property
    def in_the_way(self) -> list[str]:
        """The rules that stood in the way, by name."""
        return [rule.name for rule in self.decision.rules if rule.stands_in_the_way]

    @property
    def deciding(self) -> str:
        """What decided: the first blocker in full and the others by name, or what speaks for a training."""
        if self.decision.train:
            return self.decision.reasons[-1]
        first, *others = self.in_the_way
        also = f"; also {', '.join(others)}" if others else ""
        return f"{first}: {self.decision.reasons[0]}{also}"

    @property
    def line(self) -> str:
        """The night in one line."""
        word = "TRAIN" if self.decision.train else "wait "
        faces = sum(self.facts.faces.values())
        return f"{self.number:3} {self.at:%Y-%m-%d} {faces:7,} faces ({self.came:+5}) {word} {self.deciding}"

    @property
    def told(self) -> dict[str, Any]:
        """The night as JSON can hold it."""
        return {
            "night": self.number,
            "faces": sum(self.facts.faces.values()),
            "train": self.decision.train,
            "reasons": list(self.decision.reasons),
            "in_the_way": self.in_the_way,
        }


@dataclass(frozen=True, slots=True)
class Nights:
    """All of them, and who held the GPU meanwhile."""

    nights: tuple[Night, ...]
    leases: tuple[Held, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Counts: nights, trainings, and how often each rule stood in the way."""
        blockers = Counter(name for night in self.nights for name in night.in_the_way)
        return {
            "days": len(self.nights),
            "trainings": sum(night.decision.train for night in self.nights),
            "erasures": sum(night.erasing for night in self.nights),
            "leases": len(self.leases),
            "in_the_way": dict(blockers.most_common()),
        }

    @property
    def lines(self) -> list[str]:
        """The counts in words, and what is counted."""
        told = self.summary
        others = told["leases"] - told["trainings"]
        blockers = ", ".join(f"{name} {count}" for name, count in told["in_the_way"].items())
        return [
            f"days {told['days']}, trainings {told['trainings']} (nights that said yes: a training is begun, or one "
            "whose machine died is gone on with)",
            f"leases {told['leases']} (times that somebody had the GPU: these trainings {told['trainings']}, others "
            f"{others}), erasures {told['erasures']} (days on which photos were erased)",
            f"nights on which a rule was in the way: {blockers or 'none'}",
        ]


@dataclass(slots=True)
class _Running:
    """A training that is on: how it will end, and when."""

    training: Training
    faces: int
    trained: set[int]
    ends: datetime
    how: str  # done, failed or died


@dataclass(slots=True)
class _State:
    """The world as it stands. Faces are numbers, so that one can tell which a champion has seen."""

    faces: dict[str, set[int]]
    sources: Counter[str] = field(default_factory=Counter)
    next_face: int = 0
    failed_batches: tuple[int, ...] = ()
    waiting: int = 0
    kappa: float = 0.7
    running: _Running | None = None
    finished: Past | None = None
    finished_faces: set[int] = field(default_factory=set)
    champion: set[int] = field(default_factory=set)
    done: set[Training] = field(default_factory=set)
    failures: list[Past] = field(default_factory=list)
    begun: set[Training] = field(default_factory=set)
    last_start: datetime | None = None
    leases: list[Held] = field(default_factory=list)


def simulate(world: World, policy: Policy) -> Nights:
    """Every night of a world, decided by a policy."""
    draw = random.Random(world.seed)
    state = _State(faces={"bare": set(), "makeup": set()}, waiting=world.waiting)
    _come(state, world, draw, count=world.start_faces)
    nights = []
    for number in range(1, world.days + 1):
        at = FIRST_NIGHT + timedelta(days=number - 1)
        before = _total(state)
        erasing = _a_day(state, world, draw)
        _settle(state, draw, world, at)
        if not _holder(state, at) and draw.random() < world.busy:
            _lease(state, "somebody else", at, at + timedelta(hours=draw.uniform(2, 30)))
        facts, history = _facts(state, at), _history(state)
        decision = decide(facts, history, policy, at)
        if decision.train:
            _begin(state, facts.training, world, draw, at)
        nights.append(Night(number, at, facts, history, decision, _total(state) - before, erasing))
    return Nights(tuple(nights), tuple(state.leases))


def _a_day(state: _State, world: World, draw: random.Random) -> bool:
    """Faces come, people review, somebody may erase photos; whether somebody did."""
    _come(state, world, draw, count=max(0, round(draw.gauss(world.faces_per_day, world.faces_per_day / 4))))
    state.waiting = max(0, round(state.waiting * 0.8 + draw.expovariate(1 / max(world.waiting, 1)) * 0.4))
    state.kappa = min(0.95, max(0.1, state.kappa + draw.gauss(0, 0.04)))
    if state.failed_batches and draw.random() < 0.5:
        state.failed_batches = ()  # somebody has mended the cause, and validated again
    elif draw.random() < world.failed_batch:
        state.failed_batches = (draw.randrange(1, 10_000),)
    if draw.random() >= world.erasing:
        return False
    for domain, faces in state.faces.items():
        gone = set(draw.sample(sorted(faces), min(len(faces), draw.randrange(1, 6))))
        state.faces[domain] = faces - gone
    return True


def _come(state: _State, world: World, draw: random.Random, *, count: int) -> None:
    for face in range(state.next_face, state.next_face + count):
        state.faces["makeup" if draw.random() < world.makeup_share else "bare"].add(face)
    for source in draw.choices(list(_SOURCES), list(_SOURCES.values()), k=count):
        state.sources[source] += 1
    state.next_face += count


def _settle(state: _State, draw: random.Random, world: World, at: datetime) -> None:
    """What has become of the training that was on."""
    running = state.running
    if running is None or running.ends > at:
        return
    state.running = None
    if running.how == "died":
        return  # its lease runs out by itself; the same training may go on
    # It gave the lease back when it ended.
    state.leases[-1] = replace(state.leases[-1], ended=min(state.leases[-1].ended, running.ends))
    past = Past(running.training, faces=running.faces)
    if running.how == "failed":
        state.failures.insert(0, replace(past, reason="step 812: a loss is not a finite number"))
        return
    state.finished, state.finished_faces, state.failures = past, running.trained, []
    state.done.add(running.training)
    if draw.random() < world.promoted:
        state.champion = running.trained


def _begin(state: _State, training: Training, world: World, draw: random.Random, at: datetime) -> None:
    hours = max(1.0, draw.gauss(world.hours, world.hours / 4))
    chance = draw.random()
    how = "failed" if chance < world.failing else "died" if chance < world.failing + world.dying else "done"
    ends = at + timedelta(hours=hours if how == "done" else hours * draw.random())
    trained = set().union(*state.faces.values())
    state.running = _Running(training, _total(state), trained, ends, how)
    state.begun.add(training)
    state.last_start = at
    # A training renews its lease as long as it lives; one that died keeps it until it has run out.
    _lease(
        state,
        f"the training of {training.snapshot[:12]}",
        at,
        ends + timedelta(hours=world.lease_hours if how == "died" else 0),
    )


def _lease(state: _State, holder: str, begun: datetime, ended: datetime) -> None:
    token = state.leases[-1].token + 1 if state.leases else 1
    state.leases.append(Held(token, holder, begun, ended))


def _holder(state: _State, at: datetime) -> str:
    return next((held.holder for held in state.leases if held.begun <= at < held.ended), "")


def _facts(state: _State, at: datetime) -> Facts:
    faces = set().union(*state.faces.values())
    source, most = max(state.sources.items(), key=lambda item: item[1], default=("", 0))
    return Facts(
        training=_training(state),
        faces={domain: len(some) for domain, some in state.faces.items()},
        held_out={domain: round(len(some) * _HELD_OUT) for domain, some in state.faces.items()},
        source=Largest(source, min(most, len(faces))),
        query=Largest(f"{source}: portrait", most // 20),
        account=Largest(f"{source}/somebody", most // 200),
        fresh=len(faces - state.finished_faces),
        failed_batches=state.failed_batches,
        failed_faces=40 * len(state.failed_batches),
        waiting=state.waiting,
        agreement=Kappa("crop", round(state.kappa, 3), 600),
        gpu_holder=_holder(state, at),
    )


def _history(state: _State) -> History:
    faces, training = set().union(*state.faces.values()), _training(state)
    ended = state.done | {past.training for past in state.failures}
    erased = state.champion - faces
    return History(
        finished=state.finished,
        done=frozenset(state.done),
        failures=tuple(state.failures),
        unfinished=training in state.begun and training not in ended,
        last_start=state.last_start,
        erased=len(erased),
        answered=bool(erased) and not state.finished_faces - faces,
    )


def _training(state: _State) -> Training:
    faces = set().union(*state.faces.values())
    name = hashlib.sha256(",".join(map(str, sorted(faces))).encode()).hexdigest()
    return Training(name, "paper-256", 777, "c0de")


def _total(state: _State) -> int:
    return sum(len(faces) for faces in state.faces.values())
