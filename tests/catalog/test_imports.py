"""The catalog opens light: none of the heavy libraries comes with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HEAVY = ("torch", "cv2", "dlib", "selenium", "instaloader", "tweepy", "great_expectations", "wandb", "boto3", "airflow")
ASK = """
import sys, catalog, catalog.steps, catalog.__main__
print(*[name for name in sys.argv[1:] if name in sys.modules])
"""


def test_importing_the_catalog_imports_nothing_heavy() -> None:
    said = subprocess.run(
        [sys.executable, "-c", ASK, *HEAVY],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert said.stdout.split() == []
