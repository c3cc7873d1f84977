"""The journal of a run: what it reported, line by line, as JSON in `journal.jsonl` of the run's folder.

For commands and pages that want the numbers without TensorBoard's or W&B's libraries. A resumed run's journal forgets
what was written after the step that it goes on from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from training.files import write_atomically

NAME = "journal.jsonl"


class Journal:
    """Appends to a run's journal, from a step on; each line is written at once."""

    def __init__(self, folder: Path, *, step: int) -> None:
        path = folder / NAME
        kept = [line for line in read(folder) if line["step"] <= step]
        text = "".join(f"{json.dumps(line)}\n" for line in kept)
        write_atomically(path, lambda file: file.write(text.encode()))
        self._file = path.open("a", encoding="utf-8")

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Note the numbers of a step."""
        self._write({"step": step, "numbers": dict(values)})

    def note(self, step: int, kind: str, text: str) -> None:
        """Note what happened at a step, in words."""
        self._write({"step": step, "kind": kind, "text": text})

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps({**line, "at": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n")
        self._file.flush()


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a run's journal; a last one that a kill cut short is left out."""
    path = folder / NAME
    if not path.is_file():
        return
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and isinstance(found.get("step"), int):
                yield found
