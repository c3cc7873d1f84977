"""The door to folders: lists what lies below one, page by page, always in the same order."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from urllib.parse import quote, unquote_to_bytes

from collectors.base import Answer, Request
from collectors.errors import Unanswerable

_log = logging.getLogger(__name__)


class FolderClient:
    """A context manager. A request is a folder's path with ``after`` (the last file seen) and ``count``."""

    def __enter__(self) -> FolderClient:
        self._session = ""
        self._after = ""
        self._files: Iterator[bytes] = iter(())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files = iter(())

    def ask(self, request: Request) -> Answer:
        """The next files as JSON, paths percent-encoded: {"root": ..., "files": [...]}; raises Unanswerable."""
        said = dict(request.parameters)
        after, count = said.get("after", ""), int(said.get("count", "1000"))
        root = os.path.realpath(os.fsencode(request.what))
        if not os.path.isdir(root) or not os.access(root, os.R_OK | os.X_OK):
            raise Unanswerable(f"no folder {request.what}, or none that we may read")
        if request.session != self._session or after != self._after or not after:
            self._session, self._files = request.session, _below(root, unquote_to_bytes(after))
        files = [quote(file) for file in islice(self._files, count)]
        self._after = files[-1] if files else after
        body = json.dumps({"root": quote(root), "files": files})
        return Answer(body=body, url=f"file://{quote(root)}", ended=len(files) < count)


def _below(root: bytes, after: bytes) -> Iterator[bytes]:
    """Every file below ``root``, relative to it, after the one named: a folder's files first, then its folders, each in
    the order of their names. Links to folders are not followed."""
    passed = _place(after) if after else ()
    for where, folders, files in os.walk(root, onerror=_unreadable):
        inside = os.path.relpath(where, root)
        above = b"" if inside == b"." else inside + b"/"
        # What is before the place in which we stopped need not even be looked at.
        folders[:] = sorted(name for name in folders if _may_follow(_place(above + name, folder=True), passed))
        yield from (above + name for name in sorted(files) if _place(above + name) > passed)


def _place(path: bytes, *, folder: bool = False) -> tuple[tuple[bool, bytes], ...]:
    """Where a path comes in the order of the walk."""
    *above, name = path.split(b"/")
    return (*((True, part) for part in above), (folder, name))


def _may_follow(folder: tuple[tuple[bool, bytes], ...], passed: tuple[tuple[bool, bytes], ...]) -> bool:
    """Whether a folder may hold files after the place."""
    return folder >= passed[: len(folder)]


def _unreadable(error: OSError) -> None:
    _log.warning("a folder is left out that cannot be read (%s)", type(error).__name__)
