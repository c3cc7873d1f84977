"""A change of any source that fixes what a training computes gives the code another version."""

from __future__ import annotations

import ast
from pathlib import Path

import training
from training.version import _COMPUTES

TRAINING = Path(training.__file__).parent

BESIDE = {
    *("learning/checkpoint", "learning/trainer_state", "networks/published"),  # keep and read
    *("errors", "files", "version"),  # refuse
    *("holding", "faces/pictures", "evaluation/samples"),  # look on
    *("monitoring/journal", "monitoring/stopping", "monitoring/tracking", "monitoring/watching"),  # and end it
    *("presets", "faces/snapshot", "faces/packs", "faces/split"),  # a run agrees with the one's numbers, the others' id
}
"""What a training imports that is no part of a step's numbers."""


def imported(name: str) -> set[str]:
    """The modules of this package that one imports at its head, as paths below it."""
    found: set[str] = set()
    for node in ast.parse((TRAINING / f"{name}.py").read_text()).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("training"):
            home = "/".join(str(node.module).split(".")[1:])
            found |= {home, *(f"{home}/{alias.name}".lstrip("/") for alias in node.names)}
    return {one for one in found if one and (TRAINING / f"{one}.py").is_file()}


def test_every_source_that_a_step_is_made_of_is_in_the_version_of_the_code() -> None:
    found, waiting = set(), {"learning/loop"}
    while waiting:
        found |= waiting
        waiting = set().union(*map(imported, waiting - BESIDE)) - found
    assert found - BESIDE == set(_COMPUTES)
