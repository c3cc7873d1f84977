"""Google's image search, as a real browser shows it; how its pages are read is in collectors/google_page.py."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

from catalog.records import Query, Window
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Drift, Empty
from collectors.google_page import check, read, says_nothing_found

_SEARCH = "https://www.google.com/search?"
#: Our filters in the words of Google's ``tbs`` parameter.
_TBS = {
    "size": {"large": "isz:l", "medium": "isz:m", "icon": "isz:i"},
    "licence": {"creative-commons": "il:cl", "commercial": "il:ol"},
}


class Google(Source):
    """Every result of the image search, as far as the page goes when it is scrolled."""

    door = "browser"
    terms = "Google's terms forbid searching by machine; the photos are their owners'"
    paging = "one page that grows when it is scrolled; the cursor is the number of results passed"
    pace = Pace(interval=2.0, windows=(Window(200, 3600),))
    again_after = timedelta(days=30)
    canary = "portrait photo"
    filters = {  # noqa: RUF012  declared once, in the base
        **{name: tuple(words) for name, words in _TBS.items()},
        "language": ("de", "en", "es", "fr", "it", "nl", "pt"),
    }

    def request(self, query: Query, cursor: str) -> Request:
        """The result page from the result at ``cursor`` on; the browser that shows it already scrolls."""
        said = dict(query.filters)
        parameters = {"q": query.text, "udm": "2", "hl": said.get("language", "en")}
        if tbs := ",".join(words[said[name]] for name, words in _TBS.items() if name in said):
            parameters["tbs"] = tbs
        if cursor:
            parameters["start"] = cursor
        return Request(what=_SEARCH + urlencode(parameters), session=f"google/{query.id}")

    def parse(self, answer: Answer, query: Query) -> Page:
        """Every result that the page holds by now: originals first, thumbnails last and marked."""
        check(answer)
        found, passed = read(answer.body, licence=query.licence)
        if not found and says_nothing_found(answer.body):
            raise Empty("Google says that no picture matches")
        if not found:
            raise Drift("Google's page holds nothing that reads as a result, nor says that there is none")
        start = parse_qs(urlsplit(answer.url).query).get("start", ["0"])[0]
        onward = int(start if start.isdecimal() else 0) + passed
        return Page(candidates=tuple(found), next="" if answer.ended else str(onward))
