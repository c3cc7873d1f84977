"""What holds for the repository as a whole."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "cv2", "dlib", "selenium", "instaloader", "tweepy", "great_expectations", "wandb", "boto3"}


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / line for line in listed.splitlines()]


def test_the_lock_pins_and_hashes_everything_and_names_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    assert "://" not in lock
    pins = re.findall(r"^([a-z0-9._-]+(?:\[[a-z,]+\])?)==", lock, re.MULTILINE)
    assert len(pins) > 200
    assert lock.count("--hash=sha256:") >= len(pins)
    assert "torch" not in pins
    assert "torch==2.13.0" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("package", ["catalog", "collectors.steps", "preprocessing.steps", "training.steps"])
def test_importing_what_a_dag_imports_loads_no_heavy_library(package: str) -> None:
    code = f"import sys, {package}; print(*sorted({HEAVY!r} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


def test_no_photo_no_secret_and_no_path_of_some_machine_is_in_the_repository() -> None:
    for path in tracked():
        if path.suffix.lower() in {".jpg", ".jpeg", ".webp", ".heic", ".bmp"}:
            pytest.fail(f"{path.relative_to(ROOT)}: no photo belongs here")
        if path.suffix in {".png", ".npz", ".npy", ".lock"}:
            continue
        text = path.read_text(errors="replace")
        assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----", text), path
        assert not re.search(r"(?<![\w.~$}{/])/(?:work|root)/", text), path


def test_every_setting_of_the_environment_example_exists() -> None:
    from catalog.settings import Settings

    known = {f"FACELOOP_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"FACELOOP_[A-Z0-9_]+", (ROOT / ".env.example").read_text()))
    assert known <= named
    assert named - known == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix == ".py" and path.stat().st_size and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


@pytest.mark.parametrize("word", ["source", "check"])
def test_adding_one_is_described(word: str) -> None:
    assert (ROOT / "docs" / f"adding-a-{word}.md").stat().st_size > 500
