"""Pictures that are made to hurt: each ends as a recorded refusal, in less than 2 s and 500 MB, and nothing crashes."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from hostile import write

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)  # its processes count their own seconds; a busy machine adds to the others
def test_each_is_refused_with_its_reason_in_little_time_and_memory(tmp_path: Path) -> None:
    reasons = write(tmp_path)
    # A process of its own, whose memory is measured.
    environment = {"PYTHONPATH": ".", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "tests/hostile.py", str(tmp_path)]
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert sorted((line["picture"], line["step"]) for line in told) == sorted(product(reasons, ("crop", "screen")))
    wrong = [
        line
        for line in told
        if line["reason"] != reasons[line["picture"]]
        or not line["detail"]
        or line["cpu_s"] >= 2
        or line["peak_mb"] >= 500
    ]
    assert not wrong, "\n".join(map(str, wrong))
