"""A folder of photos: a drive, an export, generated images. A query's text is its path, a query's licence theirs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from catalog.records import Candidate, Query
from collectors.base import Source
from collectors.errors import Unanswerable


class Folder(Source):
    """Every file below the folder is a candidate; what is no photo is refused, with its reason, when it is fetched."""

    door = "none"
    limit = 1_000_000
    terms = "whatever its owner says: give --licence"

    def search(self, query: Query, client: None) -> Iterator[Candidate]:  # noqa: ARG002  a folder needs no client
        """Yield every file, in the order of names, without following links to folders."""
        folder = Path(query.text)
        if not folder.is_dir():
            raise Unanswerable(f"no folder {query.text}")
        root = folder.resolve()
        # Two folders may hold files of the same name: the id starts with the folder's own.
        mark = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
        for place, folders, files in os.walk(root):
            folders.sort()
            for name in sorted(files):
                path = Path(place, name)
                inside = os.fsencode(path.relative_to(root))
                yield Candidate(
                    source=self.name,
                    foreign_id=f"{mark}/{quote(inside)}",
                    page_url=path.parent.as_uri(),
                    image_url=path.as_uri(),
                    licence=query.licence,
                    title=inside.decode("utf-8", "backslashreplace"),
                )
