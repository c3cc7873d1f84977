"""A folder of photos: a drive, an export, generated images. A query's text is its path, a query's licence theirs, and
its filter ``kind=generated`` declares that a program made them all."""

from __future__ import annotations

import hashlib
import json
from typing import ClassVar
from urllib.parse import quote, unquote_to_bytes

from catalog.records import Candidate, Query
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Drift


class Folder(Source):
    """Every file below the folder is a candidate; what is no photo is refused, with its reason, when it is fetched."""

    door = "folder"
    terms = "whatever its owner says: give --licence"
    paging = "1,000 files a page, in the order of their names; the cursor is the last file's path, percent-encoded"
    pace = Pace(interval=0.0)
    limit = 1_000_000
    filters: ClassVar[dict[str, tuple[str, ...]]] = {"kind": ("generated",)}

    def request(self, query: Query, cursor: str) -> Request:
        """The files after the one at ``cursor``."""
        return Request(what=query.text, parameters=(("after", cursor), ("count", "1000")), session=f"folder/{query.id}")

    def parse(self, answer: Answer, query: Query) -> Page:
        """A candidate for each file; an empty folder is a page without any."""
        try:
            listed = json.loads(answer.body)
            root, files = listed["root"], listed["files"]
        except (ValueError, KeyError, TypeError) as error:
            raise Drift(f"a list of files that cannot be read ({type(error).__name__}: {error})") from error
        if not isinstance(files, list) or not all(isinstance(name, str) and name for name in (root, *files)):
            raise Drift("a list of files that holds something else")
        if not files and not answer.ended:
            raise Drift("a list of files that holds none, and goes on")
        # Two folders may hold files of the same name: the id starts with the folder's own.
        mark = hashlib.sha256(unquote_to_bytes(root)).hexdigest()[:12]
        candidates = tuple(_candidate(root, file, mark=mark, query=query) for file in files)
        return Page(candidates=candidates, next="" if answer.ended else files[-1])


def _candidate(root: str, file: str, *, mark: str, query: Query) -> Candidate:
    """``root`` and ``file`` are percent-encoded: names may hold any byte."""
    inside = unquote_to_bytes(file)
    folder, _, _ = f"{root.rstrip('/')}/{file}".rpartition("/")
    return Candidate(
        source="folder",
        foreign_id=f"{mark}/{quote(inside)}",
        page_url=f"file://{folder or '/'}",
        image_url=f"file://{root.rstrip('/')}/{file}",
        licence=query.licence,
        title=inside.decode("utf-8", "backslashreplace"),
        generated=dict(query.filters).get("kind") == "generated",
    )
