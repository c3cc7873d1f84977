"""Files of queries that somebody brings: CSV or YAML. Every row is read and judged before any is planned.

A CSV has a header of source, domain, text, and what it wants of limit, licence and filters (``size=large; type=face``).
A YAML file is a list, as the seed files are. Both are small, UTF-8, and somebody else's: nothing in them is run.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from catalog.errors import BadInput as CatalogBadInput
from catalog.query_keys import plannable
from collectors import registry
from collectors.errors import BadInput
from collectors.filters import allowed, filter_from
from collectors.seeds import Seed, path_seed, seed_from
from collectors.yaml_file import read_text, read_yaml_rows

_ABOUT = "file of queries"
_MOST_ROWS = 10_000
_MOST_TOLD = 20  # wrong lines in one message
_COLUMNS = frozenset({"source", "domain", "text", "limit", "licence", "filters"})
_NEEDED = frozenset({"source", "domain", "text"})


@dataclass(frozen=True, slots=True)
class Row:
    """One query of a file. ``same_as``: the line of an earlier row that asks for the same; None when there is none."""

    line: int
    seed: Seed
    same_as: int | None = None


def read_queries(file: Path) -> list[Row]:
    """Every query of a file, in order; BadInput, naming each line that is wrong, when one is."""
    if file.suffix.lower() not in (".csv", ".yaml", ".yml"):
        raise BadInput(f"the {_ABOUT} {file} is neither .csv nor .yaml")
    entries = _csv_rows(file) if file.suffix.lower() == ".csv" else iter(read_yaml_rows(file, about=_ABOUT))
    rows: list[Row] = []
    wrong: list[str] = []
    first: dict[tuple[str, str], int] = {}
    for number, (line, entry) in enumerate(entries):
        if number >= _MOST_ROWS:
            raise BadInput(f"the {_ABOUT} {file} has more than {_MOST_ROWS} rows")
        try:
            seed, key = _judged(entry, line)
        except (BadInput, CatalogBadInput) as error:
            told = str(error)
            wrong.append(told if told.startswith(f"line {line}: ") else f"line {line}: {told}")
            continue
        before = first.setdefault((seed.source, key), line)
        rows.append(Row(line, seed, same_as=before if before != line else None))
    if wrong:
        more = f" (and {len(wrong) - _MOST_TOLD} more)" if len(wrong) > _MOST_TOLD else ""
        raise BadInput(f"{file}: {'; '.join(wrong[:_MOST_TOLD])}{more}; nothing was planned")
    return rows


def _judged(entry: Any, line: int) -> tuple[Seed, str]:
    """The seed that an entry is, as its source takes it, and its key."""
    if isinstance(entry, Exception):
        raise entry
    seed = seed_from(entry, where=f"line {line}")
    if seed.source in ("folder", "manifest"):
        path = path_seed(seed.source, seed.text, seed.domain, seed.licence)
        seed = replace(path, limit=seed.limit, filters=seed.filters)
    filters = allowed(registry.load(seed.source), seed.filters)
    return seed, plannable(seed.source, seed.text, filters)


def _csv_rows(file: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a CSV as entries, each with the line it begins in; one that is none as what is wrong with it."""
    reader = csv.reader(io.StringIO(read_text(file, about=_ABOUT), newline=""), strict=True)
    header: list[str] = []
    began = 1
    try:
        for cells in reader:
            line, began = began, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = _header(file, cells)
            else:
                yield line, _entry(header, cells)
    except csv.Error as error:
        raise BadInput(f"the {_ABOUT} {file} cannot be read: line {reader.line_num}: {error}") from error
    if not header:
        raise BadInput(f"the {_ABOUT} {file} is empty")


def _header(file: Path, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    if unknown := [name for name in names if name not in _COLUMNS]:
        raise BadInput(f"the {_ABOUT} {file} has an unknown column {unknown[0][:40]!r}")
    if len(set(names)) < len(names) or not set(names) >= _NEEDED:
        raise BadInput(f"the {_ABOUT} {file} needs the columns source, domain and text, each once")
    return names


def _entry(header: list[str], cells: list[str]) -> dict[str, Any] | BadInput:
    if len(cells) != len(header):
        return BadInput(f"{len(cells)} cells, where the header has {len(header)}")
    entry: dict[str, Any] = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    if not entry.get("licence"):
        entry.pop("licence", None)
    limit = entry.pop("limit", "")
    if limit:
        entry["limit"] = int(limit) if limit.isascii() and limit.isdecimal() and len(limit) < 10 else limit
    words = [word for word in entry.pop("filters", "").split(";") if word.strip()]
    try:
        asked = [filter_from(word) for word in words]
    except BadInput as error:
        return error
    if len({name for name, _ in asked}) < len(asked):
        return BadInput("a filter stands twice")
    return entry | {"filters": dict(asked)}
