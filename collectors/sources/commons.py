"""Photographs of Wikimedia Commons, through its API; how answers are read is in collectors/commons_page.py."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl

from catalog.records import Query, Window
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.commons_page import read
from collectors.errors import Unanswerable

_API = "https://commons.wikimedia.org/w/api.php"
_TOLD = "LicenseShortName|LicenseUrl|Artist|Attribution|AttributionRequired|Restrictions|ObjectName"
#: Our filter in the words of CirrusSearch: the square root of width times height, in pixels.
_SIZE = {"large": "fileres:>2000", "medium": "fileres:>800", "small": "fileres:<800"}


class Commons(Source):
    """Every bitmap that the search finds, at its original size (other sizes are not for robots)."""

    door = "http"
    terms = (
        "each photo under its own licence, which wants its author named; Wikimedia wants a contact in the User-Agent"
    )
    train_ok = True
    needs = ("contact",)
    paging = "25 files a page; the cursor is MediaWiki's own `continue`"
    pace = Pace(interval=1.0, windows=(Window(500, 3600),))
    again_after = timedelta(days=30)
    canary = "portrait photograph"
    filters = {"size": tuple(_SIZE)}  # noqa: RUF012  declared once, in the base

    def request(self, query: Query, cursor: str) -> Request:
        """The files after ``cursor``."""
        if not query.text.strip() or len(query.text) > 250:
            raise Unanswerable("Commons takes queries of 1 to 250 characters")
        size = _SIZE.get(dict(query.filters).get("size", ""), "")
        parameters = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": "5",
            "generator": "search",
            "gsrnamespace": "6",
            "gsrlimit": "25",
            "gsrsearch": " ".join(("filetype:bitmap", size, query.text)).replace("  ", " "),
            "prop": "imageinfo",
            "iiprop": "url|size|mime|extmetadata|sha1|user",
            "iiextmetadatafilter": _TOLD,
        }
        return Request(what=_API, parameters=tuple((parameters | dict(parse_qsl(cursor))).items()))

    def parse(self, answer: Answer, query: Query) -> Page:  # noqa: ARG002  the answer says all
        """A candidate for each picture among the files."""
        return read(answer)
