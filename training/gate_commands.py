"""The commands on people, the gate and two snapshots: python -m training people | gate [explain | simulate] | diff."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from catalog import Catalog, settings
from training import gating, steps
from training.gate import simulation

HELPS = {
    "people": "tell apart whose the approved faces are, where nobody has yet",
    "gate": "decide whether to train, and say why; or explain a decision, or simulate nights",
    "diff": "compare two snapshots: faces added, removed, of another domain",
}


def add_arguments(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """What these commands are told, beside what `gate` shares with `train`."""
    commands["diff"].add_argument("before", help="id of the earlier snapshot, or the beginning of it")
    commands["diff"].add_argument("after", nargs="?", default="", help="likewise of the later (default: the newest)")
    gate = commands["gate"]
    gate.add_argument(
        "what",
        nargs="?",
        default="decide",
        choices=["decide", "explain", "simulate"],
        help="decide anew (default), explain a decision rule by rule, or simulate nights without a catalog",
    )
    gate.add_argument("--lease", action="store_true", help="decide: a yes keeps the GPU for its training")
    gate.add_argument("--decision", type=int, help="explain: number of the decision (default: the last)")
    gate.add_argument("--days", type=int, default=60, help="simulate: so many nights")
    gate.add_argument("--faces-per-day", type=int, default=450, help="simulate: faces approved a day")
    gate.add_argument("--start-faces", type=int, default=14_000, help="simulate: faces on the first day")


def _gate(given: argparse.Namespace) -> int:
    if given.what == "simulate":
        return _simulate(given)
    catalog = Catalog()
    if given.what == "explain":
        decision = gating.decision_on(catalog, snapshot_id=given.snapshot, decision_id=given.decision)
        print("\n".join(gating.explained(decision)))
        _tell(given, **gating.told(decision))
        return 0
    steps.gate(given.snapshot, preset=given.preset, seed=given.seed, lease=given.lease)
    decision = catalog.snapshots.gate_decisions(limit=1)[0]
    print("train" if decision.train else "do not train")
    for reason in decision.reasons:
        print(f"  {reason}")
    _tell(
        given,
        snapshot=decision.snapshot_id,
        train=decision.train,
        reasons=decision.reasons,
        numbers=decision.numbers,
    )
    return 0


def _simulate(given: argparse.Namespace) -> int:
    world = simulation.World(
        days=given.days, seed=given.seed or 0, start_faces=given.start_faces, faces_per_day=given.faces_per_day
    )
    found = simulation.simulate(world, gating.policy_of(settings()))
    print("\n".join([world.line, *(night.line for night in found.nights), *found.lines]))
    _tell(given, **found.summary, nights=[night.told for night in found.nights])
    return 0


def _people(given: argparse.Namespace) -> int:
    told = steps.people()
    count = Catalog().people.count()
    print(f"{told} faces told apart; {count} people are known")
    _tell(given, told=told, people=count)
    return 0


def _diff(given: argparse.Namespace) -> int:
    found = steps.diff(given.before, given.after)
    print(f"from {found.before[:12]} to {found.after[:12]}")
    for what, count, sources in (
        ("added", len(found.added), found.sources_added),
        ("removed", len(found.removed), found.sources_removed),
        ("of another domain", len(found.moved), {}),
        ("of the other side of the split", len(found.switched), {}),
    ):
        of = ", ".join(f"{name} {number}" for name, number in sources.items())
        print(f"  {count:7} {what}{f' ({of})' if of else ''}")
    _tell(given, **asdict(found))
    return 0


def _tell(given: argparse.Namespace, **fields: Any) -> None:
    if given.json:
        print(json.dumps({"ok": True, **fields}))


VERBS = {"people": _people, "gate": _gate, "diff": _diff}
