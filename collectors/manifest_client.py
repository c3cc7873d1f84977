"""The door to manifests: reads a person's CSV file page by page, each row with the number of its line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from collectors.base import Answer, Request
from collectors.errors import Unanswerable


class ManifestClient:
    """A context manager. A request is a file's path with ``after`` (the last line seen) and ``count`` (rows)."""

    def __enter__(self) -> ManifestClient:
        self._open = ExitStack()
        self._session, self._after = "", ""
        self._columns: list[str] = []
        self._rows: Iterator[dict[str, Any]] = iter(())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def ask(self, request: Request) -> Answer:
        """The next rows as JSON: {"folder": percent-encoded, "columns": [...], "rows": [{"line", "cells", "error"}],
        "last": line}; raises Unanswerable when there is no such file, or it is no text in UTF-8."""
        said = dict(request.parameters)
        after, count = said.get("after", ""), int(said.get("count", "500"))
        path = Path(request.what).resolve()
        if not path.is_file():  # a named pipe would hold us for ever
            raise Unanswerable(f"no file {request.what}")
        try:
            if request.session != self._session or after != self._after or not after:
                self._begin(path, after)
                self._session = request.session
            rows = list(islice(self._rows, count))
        except UnicodeDecodeError as error:
            raise Unanswerable(f"{request.what} is no text in UTF-8") from error
        except OSError as error:
            raise Unanswerable(f"{request.what} cannot be read ({type(error).__name__})") from error
        self._after = str(rows[-1]["line"]) if rows else after
        listed = {"folder": quote(bytes(path.parent)), "columns": self._columns, "rows": rows, "last": self._after or 0}
        return Answer(body=json.dumps(listed), url=path.as_uri(), ended=len(rows) < count)

    def _begin(self, path: Path, after: str) -> None:
        """Open the file and read on to the line after the one named."""
        self._open.close()
        text = self._open.enter_context(path.open(encoding="utf-8-sig", newline=""))
        lines = csv.reader(text)
        try:
            self._columns = [name.strip().lower() for name in next(lines, [])]
        except csv.Error as error:
            raise Unanswerable(f"{path} is no CSV file ({error})") from error
        passed = int(after) if after.isdecimal() else 0
        self._rows = (row for row in _rows(lines, self._columns) if row["line"] > passed)


def _rows(lines: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    """Every row but the empty ones, named by the line it ends in."""
    while True:
        error, cells = "", []
        try:
            cells = next(lines)
        except StopIteration:
            return
        except csv.Error as broken:
            error = f"cannot be read ({broken})"
        if not error and not any(cell.strip() for cell in cells):
            continue
        if len(cells) > len(columns):
            error = f"has {len(cells)} cells for {len(columns)} columns"
        yield {"line": lines.line_num, "cells": dict(zip(columns, cells, strict=False)), "error": error}
