"""docs/training.md says what every number of a preset does to the picture, with the values that the presets have."""

from __future__ import annotations

import re
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from training.presets import Preset, preset

PAGE = (Path(__file__).parents[2] / "docs" / "training.md").read_text()


def table() -> dict[str, tuple[str, ...]]:
    """The rows of the table of numbers: what is said of each field, in the table's columns."""
    section = PAGE.split("## The numbers of a preset")[1].split("\n## ")[0]
    found: dict[str, tuple[str, ...]] = {}
    for line in section.splitlines():
        names, *cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        for place, name in enumerate(re.findall(r"`(\w+)`", names) if line.startswith("| `") else []):
            # A row of two numbers gives the values of both, parted by commas.
            both = [cell.split(", ")[place] if names.count("`") > 2 and ", " in cell else cell for cell in cells[:-1]]
            found[name] = (*both, cells[-1])
    return found


def value_of(cell: str) -> Any:
    """What a cell of the table says."""
    if cell in ("yes", "no"):
        return cell == "yes"
    try:
        return float(cell.replace(",", ""))
    except ValueError:
        return cell


def test_every_number_of_a_preset_is_in_the_table_and_nothing_else_is() -> None:
    assert set(table()) == {field.name for field in fields(Preset)} - {"name"}


@pytest.mark.parametrize(("column", "name"), [(0, "paper-256"), (1, "tiny-64")])
def test_the_values_in_the_table_are_those_of_the_presets(column: int, name: str) -> None:
    for field, value in asdict(preset(name)).items():
        if field == "name" or value is None:
            continue
        assert value_of(table()[field][column]) == value, field


def test_what_each_number_does_is_said_in_words() -> None:
    for name, cells in table().items():
        assert len(cells) == 3, name
        assert len(cells[-1].split()) >= 4, name
