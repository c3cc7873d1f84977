"""The presets: every number is explained to whoever changes one."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from training.errors import Unknown
from training.presets import PRESETS, Preset, preset

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


@pytest.mark.parametrize("name", [field.name for field in fields(Preset) if field.name != "name"])
def test_the_page_on_training_explains_the_number(name: str) -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    assert any(f"`{name}`" in row.split("|")[1] for row in rows)


def test_a_preset_is_found_by_its_name_and_an_unknown_one_is_refused_with_those_there_are() -> None:
    assert all(preset(name).name == name for name in PRESETS)
    with pytest.raises(Unknown, match=r"paper-256, .*tiny-64"):
        preset("huge")


def test_diversity_has_come_to_rest_when_a_training_ends() -> None:
    assert all(one.ds_iter <= one.total_iters for one in PRESETS.values())
