"""The commands that measure: python -m training evaluate | report."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from catalog import Catalog
from training import steps

HELPS = {
    "evaluate": "measure a run on held-out faces, and write a page on it",
    "report": "the page of an evaluation, as a file on this machine",
}


def add_arguments(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """What these commands are told."""
    commands["evaluate"].add_argument("--run", type=int, help="number of the run (default: the newest)")
    commands["evaluate"].add_argument("--step", type=_not_negative, help="default: the newest save")
    commands["evaluate"].add_argument("--on", default="", help="snapshot whose held-out faces to use")
    commands["report"].add_argument("--evaluation", type=int, required=True, help="number of the evaluation")


def _evaluate(given: argparse.Namespace) -> int:
    found = Catalog().models.evaluation(steps.evaluate(given.run, step=given.step, on=given.on))
    page = steps.report(found.id)
    print(f"evaluation {found.id} of run {found.run_id}, step {found.step} (measured by {found.version})")
    for name, value in found.metrics.items():
        print(f"  {name:40} {value:10.4f}")
    print(f"page with pictures and the meaning of each number: {page}")
    _tell(
        given,
        evaluation=found.id,
        run=found.run_id,
        step=found.step,
        metrics=found.metrics,
        version=found.version,
        report=str(page),
    )
    return 0


def _report(given: argparse.Namespace) -> int:
    page = steps.report(given.evaluation)
    print(page)
    _tell(given, evaluation=given.evaluation, report=str(page))
    return 0


VERBS = {"evaluate": _evaluate, "report": _report}


def _tell(given: argparse.Namespace, **fields: Any) -> None:
    if given.json:
        print(json.dumps({"ok": True, **fields}))


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number
