"""A change of any source that fixes what a training computes gives the code another version."""

from __future__ import annotations

import re
from pathlib import Path

import training
from training.version import _COMPUTES

BESIDE = {
    *("checkpoint", "errors", "files", "published", "trainer_state", "version"),  # keep, read and refuse
    *("holding", "pictures", "samples", "stopping", "tracking", "watching", "journal"),  # look on, and end it
    *("presets", "snapshot", "packs", "split"),  # a run agrees with the one's numbers and the others' id
}
"""What a training imports that is no part of a step's numbers."""


def imported(name: str) -> set[str]:
    source = (Path(training.__file__).parent / f"{name}.py").read_text()
    alone = re.findall(r"^from training\.(\w+) import", source, re.MULTILINE)
    together = ",".join(re.findall(r"^from training import ([\w, ]+)", source, re.MULTILINE))
    return {*alone, *(word.strip() for word in together.split(",") if word)}


def test_every_source_that_a_step_is_made_of_is_in_the_version_of_the_code() -> None:
    found, waiting = set(), {"loop"}
    while waiting:
        found |= waiting
        waiting = set().union(*map(imported, waiting - BESIDE)) - found
    assert found - BESIDE == set(_COMPUTES)
