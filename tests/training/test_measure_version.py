"""Numbers are compared when the same code measured the same faces with the same judge, and only then."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import training
from training.evaluation.classifier import train_classifier
from training.evaluation.examining import MEASURING, measure_version
from training.faces.data import Faces

TRAINING = Path(training.__file__).parent
#: What examining.py imports that decides no number: what is measured, and how files are found and errors are said.
MEASURED = {"errors", "files", "presets", "faces/augmenting", "faces/packs", "faces/snapshot", "networks/published"}


def imported(name: str) -> set[str]:
    """The modules of this package that one imports, anywhere in it, as paths below it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse((TRAINING / f"{name}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("training"):
            home = "/".join(str(node.module).split(".")[1:])
            found |= {home, *(f"{home}/{alias.name}".lstrip("/") for alias in node.names)}
    return {one for one in found if one and (TRAINING / f"{one}.py").is_file()}


def test_every_file_whose_code_decides_a_number_is_in_the_version() -> None:
    reached, todo = set(), {"evaluation/examining", "faces/descriptors"}
    while todo:
        name = todo.pop()
        reached.add(name)
        if name not in MEASURED:
            todo |= imported(name) - reached
    assert reached - MEASURED <= set(MEASURING)
    assert all((TRAINING / f"{name}.py").is_file() for name in MEASURING)


def test_another_judge_is_another_version(faces: Faces, make_faces: Callable[..., Faces]) -> None:
    one, other = (train_classifier(faces, seed=seed, steps=2) for seed in (1, 2))
    versions = {measure_version(faces, classifier=judge) for judge in (None, one, other)}
    assert len(versions) == 3
    assert all(version.startswith(measure_version(faces)) for version in versions)
    assert measure_version(make_faces(seed=1), classifier=one) not in versions
    assert all(len(version) <= 64 for version in versions)


def test_what_another_kind_of_device_repainted_is_another_version(faces: Faces) -> None:
    plain = measure_version(faces)
    assert measure_version(faces, device="cpu") == plain
    assert measure_version(faces, device="cuda:1") == measure_version(faces, device="cuda") == f"{plain}-cuda"
