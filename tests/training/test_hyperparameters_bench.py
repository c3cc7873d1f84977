"""The bench that shows what each number of a preset does: it leaves none out, and does nothing twice."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from bench.hyperparameters import TRIED, Kept, Measured, base_of, page, values_of, with_number
from training.presets import Preset

SAME_PICTURE = {
    *("name", "img_size"),  # what it is called; what all strips have in common
    *("fused_adam", "reordered", "folded", "fused_norm", "channels_last", "precision", "compiled", "cuda_graphs"),
    *("pack_on_device", "accumulate", "log_every", "save_every", "probe_every", "keep"),
}
"""The numbers that change how fast a training is and what it leaves behind, and no picture."""

BASE = base_of(steps=300, width=8)
FOUND = Measured(taken=0.5, copied=0.0, kept=1.0, background=0.0, distance=0.8, diversity=1.5, processor_seconds=90)


def test_every_number_that_changes_a_picture_is_tried() -> None:
    assert {field.name for field in fields(Preset)} == SAME_PICTURE | set(TRIED)


@pytest.mark.parametrize("number", TRIED)
def test_a_number_is_shown_beside_the_bases_own_value(number: str) -> None:
    values = values_of(number, BASE)
    assert getattr(BASE, number) in values
    assert len(values) >= 2
    assert values == sorted(set(values))
    assert len({with_number(BASE, number, value) for value in values}) == len(values)


def test_what_was_measured_is_kept_and_the_base_is_trained_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path, BASE)
    assert kept.measured("lambda_ds", BASE.lambda_ds) is None
    kept.keep("lambda_ds", BASE.lambda_ds, FOUND, np.zeros((2, 2, 3), dtype=np.uint8))
    again = Kept(tmp_path, BASE)
    assert again.measured("lambda_ds", BASE.lambda_ds) == FOUND
    assert again.measured("lr", BASE.lr) == FOUND, "another number's own value is the same training"
    assert again.measured("lr", 4e-3) is None


def test_what_was_measured_under_another_base_is_measured_again(tmp_path: Path) -> None:
    Kept(tmp_path, BASE).keep("lr", 4e-3, FOUND, np.zeros((2, 2, 3), dtype=np.uint8))
    assert Kept(tmp_path, base_of(steps=200, width=8)).measured("lr", 4e-3) is None


def test_the_page_tells_each_value_and_marks_the_bases_own(tmp_path: Path) -> None:
    kept = Kept(tmp_path, BASE)
    for value in values_of("lambda_ds", BASE):
        kept.keep("lambda_ds", value, FOUND, np.zeros((2, 2, 3), dtype=np.uint8))
    told = page(kept, BASE, portraits=640, held_out=64)
    assert '## `lambda_ds`\n\n<img src="lambda_ds.png"' in told
    assert "| **1** | 50.0% | 0.0% | 100.0% | 0.0 | 0.80 | 1.5 |" in told
    assert "| 4 |" in told
    assert "`lr`" not in told, "nothing is told of what was not measured"
