"""Google's image search, as a real browser shows it; how its pages are read is in collectors/google_page.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol
from urllib.parse import urlencode

from catalog.records import Candidate, Query
from collectors.base import Source
from collectors.errors import Drift
from collectors.google_page import Page, check, is_thumbnail, parse_results, says_nothing_found

_SEARCH = "https://www.google.com/search?"


class Browser(Protocol):
    """What the door hands over."""

    def scroll(self, url: str) -> Iterator[Page]:
        """Yield the page, and again each time it has grown."""


class Google(Source):
    """Every result of the image search, as far as the page goes when it is scrolled."""

    door = "browser"
    terms = "Google's terms forbid searching by machine; the photos are their owners'"

    def search(self, query: Query, client: Browser) -> Iterator[Candidate]:
        """Yield what each state of the growing page adds; thumbnails only when it has stopped growing."""
        seen: set[str] = set()
        small: list[Candidate] = []
        for page in client.scroll(_SEARCH + urlencode({"q": query.text, "udm": "2", "hl": "en"})):
            check(page)
            results = parse_results(page.html, licence=query.licence)
            if not results and not says_nothing_found(page.html):
                raise Drift("Google's page holds nothing that reads as a result, nor says that there is none")
            small = [candidate for candidate in results if is_thumbnail(candidate)]
            for candidate in results:
                if candidate.foreign_id not in seen and not is_thumbnail(candidate):
                    seen.add(candidate.foreign_id)
                    yield candidate
        yield from (candidate for candidate in small if candidate.foreign_id not in seen)
