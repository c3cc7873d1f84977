"""Openly licensed photographs, through Openverse's API: licence, author and attribution come with each of them."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from catalog.records import Candidate, Query, Window
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Drift, Empty, Unanswerable
from collectors.licences import UNKNOWN, from_code, line

_SEARCH = "https://api.openverse.org/v1/images/"
_PAGES = 12  # who asks without a key is shown no more
_WEB = re.compile(r"https?://[^\s/?#\"<>]+[^\s\"<>]*")
_OPEN = ("cc0", "pdm", "by", "by-sa")
_CODES = (*_OPEN, "by-nc", "by-nc-sa", "by-nd", "by-nc-nd")
#: Our words for sets of licences; a licence's own code is one, too.
_LICENCES = {"open": _OPEN, "public-domain": ("cc0", "pdm"), "any": _CODES} | {code: (code,) for code in _CODES}


class Openverse(Source):
    """Photographs under the open licences; those for no commercial use or without derivatives only when asked for."""

    door = "http"
    terms = (
        "each photo under its own licence, which wants its author named; the API forbids copying the whole catalogue"
    )
    train_ok = True
    paging = "20 results a page, 12 pages; the cursor is the page's number"
    pace = Pace(interval=3.0, windows=(Window(20, 60), Window(200, 86_400)))
    again_after = timedelta(days=30)
    canary = "portrait"
    filters = {  # noqa: RUF012  declared once, in the base
        "licence": tuple(_LICENCES),
        "size": ("large", "medium", "small"),
        "shape": ("square", "tall", "wide"),
    }

    def request(self, query: Query, cursor: str) -> Request:
        """The results at the page's number."""
        if not query.text.strip() or len(query.text) > 200:
            raise Unanswerable("Openverse takes queries of 1 to 200 characters")
        said = dict(query.filters)
        parameters = {"q": query.text, "license": ",".join(_licences(query)), "category": "photograph"}
        parameters |= {"size": said.get("size", ""), "aspect_ratio": said.get("shape", "")}
        parameters |= {"mature": "false", "page_size": "20", "page": cursor or "1"}
        return Request(what=_SEARCH, parameters=tuple((name, value) for name, value in parameters.items() if value))

    def parse(self, answer: Answer, query: Query) -> Page:
        """A candidate for each result; one without an address or a page has nothing to fetch."""
        try:
            told = json.loads(answer.body)
            if answer.status != 200:
                raise Drift(f"Openverse does not take our question: {told.get('detail', told)}"[:300])
            count, last, page, results = (told[name] for name in ("result_count", "page_count", "page", "results"))
            if not all(type(number) is int for number in (count, last, page)) or not isinstance(results, list):
                raise TypeError("numbers or results of another type")
            shown = [one for one in results if one["mature"] is not True and one["url"] and one["foreign_landing_url"]]
            found = tuple(_candidate(one, _licences(query)) for one in shown)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Drift(f"Openverse answers otherwise now ({type(error).__name__}: {error})"[:300]) from error
        if count == 0 and not results:
            raise Empty("Openverse has no such photograph")
        asked = parse_qs(urlsplit(answer.url).query).get("page", ["1"])[0]
        if not found or str(page) != asked or last < page:
            raise Drift(
                f"Openverse counts {count} results, and page {asked} of them holds {len(found)} that can be had"
            )
        return Page(candidates=found, next=str(page + 1) if page < min(last, _PAGES) else "")


def _licences(query: Query) -> tuple[str, ...]:
    return _LICENCES[dict(query.filters).get("licence", "open")]


def _candidate(one: dict[str, Any], wanted: tuple[str, ...]) -> Candidate:
    """Raises ValueError for what is not said as it used to be, TypeError and AttributeError likewise."""
    if one["license"] not in wanted or not (_WEB.fullmatch(one["url"]) and _WEB.fullmatch(one["foreign_landing_url"])):
        raise ValueError(f"a licence that was not asked for, or no address: {one['license']!r}, {one['url']!r}")
    licence = from_code(one["license"], one["license_version"] or "", one["license_url"] or "")
    title, author = " ".join((one["title"] or "").split()), " ".join((one["creator"] or "").split())
    return Candidate(
        source="openverse",
        foreign_id=one["id"],
        page_url=one["foreign_landing_url"],
        image_url=one["url"],
        licence=licence.name or UNKNOWN,
        licence_url=licence.url,
        title=title[:300],
        author=author[:300],
        attribution=(one["attribution"] or "").strip()
        or line(title=title, author=author, licence=licence, site="Openverse"),
        width=one["width"],
        height=one["height"],
        train_ok=licence.train_ok,
    )
