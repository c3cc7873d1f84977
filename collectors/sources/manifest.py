"""A CSV file of photos, with the licence and the author of each: generated faces, say. A query's text is its path."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from typing import ClassVar
from urllib.parse import quote, unquote, unquote_to_bytes

from catalog.records import Candidate, Query
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Drift, Unanswerable

#: What the column ``generated`` may say, besides nothing: then the query's filter speaks for the row.
_GENERATED = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_WEB = re.compile(r"https?://[^\s/?#\"<>]+(?:[/?#][^\s\"<>]*)?", re.IGNORECASE)


class Manifest(Source):
    """A candidate for each row: its ``file`` below the manifest's folder, or its ``url``. Other columns, all optional:
    licence, licence_url, author, attribution, title, page, domain, and generated (yes or no: whether a program made it;
    else the query's filter ``kind=generated`` says). What a row says wrong is said with its line."""

    door = "manifest"
    terms = "whatever each row says; --licence for those that say nothing"
    paging = "500 rows a page, in the file's order; the cursor is the number of the last line read"
    pace = Pace(interval=0.0)
    limit = 1_000_000
    filters: ClassVar[dict[str, tuple[str, ...]]] = {"kind": ("generated",)}

    def request(self, query: Query, cursor: str) -> Request:
        """The rows after the line at ``cursor``."""
        parameters = (("after", cursor), ("count", "500"))
        return Request(what=query.text, parameters=parameters, session=f"manifest/{query.id}")

    def parse(self, answer: Answer, query: Query) -> Page:
        """A candidate for each good row, a line for each other."""
        try:
            listed = json.loads(answer.body)
            folder, columns, last = listed["folder"], list(listed["columns"]), int(listed["last"])
            rows = [(int(row["line"]), dict(row["cells"]), str(row["error"])) for row in listed["rows"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Drift(f"a list of rows that cannot be read ({type(error).__name__}: {error})") from error
        if not {"file", "url"} & set(columns):
            raise Unanswerable(f"{query.text} has no column file or url (it has {', '.join(map(str, columns))[:200]})")
        if not isinstance(folder, str) or not folder.startswith("/") or (not rows and not answer.ended):
            raise Drift("a list of rows without its folder, or one that holds none and goes on")
        candidates, skipped = [], []
        for line, cells, broken in rows:
            try:
                if broken:
                    raise ValueError(broken)
                candidates.append(_candidate(cells, folder, query))
            except ValueError as error:
                skipped.append(f"line {line}: {error}"[:300])
        onward = "" if answer.ended else str(last)
        return Page(candidates=tuple(candidates), next=onward, skipped=tuple(skipped))


def _candidate(cells: dict[str, str], folder: str, query: Query) -> Candidate:
    """What a row says; ValueError, with what is wrong with it."""
    if strange := [name for name, value in cells.items() if not isinstance(value, str)]:
        raise ValueError(f"{strange[0]} is not a text")
    said = {name: value.strip() for name, value in cells.items()}
    file, url, domain = said.get("file", ""), said.get("url", ""), said.get("domain", "").lower()
    if bool(file) == bool(url):
        raise ValueError("names both a file and a url" if file else "names no file and no url")
    if domain and domain not in ("bare", "makeup"):
        raise ValueError(f"a domain is bare or makeup, not {domain[:50]!r}")
    if domain and domain != query.domain:
        raise ValueError(f"is of the domain {domain}; this import is of {query.domain.value}")
    generated = said.get("generated", "").lower()
    if generated and generated not in _GENERATED:
        raise ValueError(f"generated is yes or no, not {generated[:50]!r}")
    page = said.get("page", "")
    if not all(_WEB.fullmatch(address) for address in (url, page) if address):
        raise ValueError(f"{(url or page)[:100]!r} or its page is no http address")
    mark, image = hashlib.sha256(url.encode()).hexdigest()[:32], url
    if file:
        root = unquote_to_bytes(folder)
        path = posixpath.normpath(posixpath.join(root, file.encode("utf-8", "surrogateescape")))
        if not path.startswith(root.rstrip(b"/") + b"/"):
            raise ValueError(f"{file[:100]!r} does not lie below the manifest's folder")
        mark = f"{hashlib.sha256(root).hexdigest()[:12]}/{quote(path[len(root.rstrip(b'/')) + 1 :])}"
        image = f"file://{quote(path)}"
        page = page or f"file://{quote(posixpath.dirname(path))}"
    return Candidate(
        source="manifest",
        foreign_id=mark,
        page_url=page or url,
        image_url=image,
        licence=said.get("licence", "") or said.get("license", "") or query.licence,
        title=said.get("title", "") or posixpath.basename(unquote(image)),
        author=said.get("author", ""),
        licence_url=said.get("licence_url", ""),
        attribution=said.get("attribution", ""),
        generated=_GENERATED.get(generated, dict(query.filters).get("kind") == "generated"),
    )
