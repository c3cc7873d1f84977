"""Airflow imports plugins in every process: they bring nothing heavy, and no file name of theirs hides a module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow

REPOSITORY = Path(__file__).resolve().parents[2]
PLUGINS = sorted((REPOSITORY / "plugins").glob("*.py"))
HEAVY = ["torch", "cv2", "dlib", "selenium", "instaloader", "tweepy", "great_expectations", "wandb", "boto3"]


def test_importing_them_opens_no_catalog_and_builds_no_page(tmp_path: Path) -> None:
    names = ", ".join(path.stem for path in PLUGINS)
    script = (
        "import json, sys, airflow.sdk, airflow.plugins_manager, airflow.triggers.base\n"
        "before = set(sys.modules)\n"
        f"import {names}\n"
        f"print(json.dumps(sorted({{name.partition('.')[0] for name in set(sys.modules) - before}})))"
    )
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
    }

    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=True
    )

    brought = set(json.loads(done.stdout.strip().splitlines()[-1]))
    assert not brought & {*HEAVY, "catalog", "review", "jinja2", "preprocessing", "sqlalchemy"}


def test_no_file_name_hides_a_module_of_python_or_ours() -> None:
    taken = set(sys.stdlib_module_names) | {path.name for path in REPOSITORY.iterdir() if path.is_dir()}

    assert PLUGINS
    assert not {path.stem for path in PLUGINS} & taken
