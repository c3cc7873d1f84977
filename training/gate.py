"""The gate: is tonight's snapshot worth a training? A pure function, so that every answer can be explained."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.records import GateDecision


@dataclass(frozen=True, slots=True)
class Facts:
    """What the gate looks at. A run's name stands for snapshot, preset and seed.

    `finished` is the last run that came to its end, if any; `failure` says why `run` itself failed before.
    """

    snapshot: str
    faces: dict[str, int]  # per domain, every domain named
    min_faces: int
    run: str  # the run that would be trained
    finished: str | None
    failure: str = ""


def decide(facts: Facts) -> GateDecision:
    """Train when there are enough faces, some in each domain, and something has changed; else every blocker.

    More faces never turn a yes into a no.
    """
    total = sum(facts.faces.values())
    blockers = []
    if total < facts.min_faces:
        blockers.append(f"{total} approved faces, {facts.min_faces - total} fewer than the {facts.min_faces} needed")
    blockers += [f"no approved face in domain {domain}" for domain, count in facts.faces.items() if count == 0]
    if facts.finished == facts.run:
        blockers.append("nothing has changed since the last training that came to its end")
    if facts.failure:
        blockers.append(f"this very training failed before: {facts.failure}")
    change = (
        "no training has come to its end before"
        if facts.finished is None
        else "faces, preset or seed have changed since the last training"
    )
    return GateDecision(
        snapshot_id=facts.snapshot,
        train=not blockers,
        reasons=tuple(blockers) or (f"{total} approved faces, {facts.min_faces} needed", change),
        numbers={
            "faces": float(total),
            "min_faces": float(facts.min_faces),
            **{f"faces_{domain}": float(count) for domain, count in facts.faces.items()},
        },
    )
