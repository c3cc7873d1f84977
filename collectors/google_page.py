"""Google's image results, read by meaning and not by class names; pure, so that a recorded page can be read too.

In this order: the data block in the page's scripts (original address, size, page and title of each result), the
``/imgres?imgurl=`` links, and at last the thumbnails, marked as such in the title.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from catalog.records import Candidate
from collectors.errors import Blocked

_THUMBNAIL = "[thumbnail]"
_THUMB_HOST = re.compile(r"https://encrypted-tbn\d*\.gstatic\.com/")
_STRING = r'"((?:[^"\\]|\\.)*)"'
# "ID",[thumbnail,h,w],[ORIGINAL,H,W] … "2003":[null,doc,PAGE,TITLE   (sizes are height, width)
_BLOCK = re.compile(
    rf'{_STRING},\s*\["https://encrypted-tbn[^"]+",\d+,\d+\]\s*,\s*\[{_STRING},(\d{{1,8}}),(\d{{1,8}})\]'
    rf'(?:(?!"https://encrypted-tbn).){{0,2000}}?"2003":\[null,{_STRING},{_STRING},{_STRING}',
    re.DOTALL,
)
_NOTHING = re.compile(r"did not match any|no results (?:found )?for|aren.t any image results", re.IGNORECASE)


class Page(Protocol):
    """What is read of a page: its address after redirects, and its document."""

    @property
    def url(self) -> str: ...
    @property
    def html(self) -> str: ...


def check(page: Page) -> None:
    """Raise Blocked when the page is the captcha or the consent wall."""
    where = urlsplit(page.url)
    if "/sorry/" in where.path or 'id="captcha-form"' in page.html:
        raise Blocked("Google shows its captcha (unusual traffic)")
    if where.hostname == "consent.google.com" or "https://consent.google.com/save" in page.html:
        raise Blocked("Google shows its consent wall")


def says_nothing_found(html: str) -> bool:
    """Whether the page says that there is no result."""
    return bool(_NOTHING.search(html))


def is_thumbnail(candidate: Candidate) -> bool:
    """Whether only the search engine's small copy of it is known."""
    return candidate.title.startswith(_THUMBNAIL)


def parse_results(html: str, *, licence: str = "unknown") -> list[Candidate]:
    """Every result of a page, each once: originals first, thumbnails last."""
    found: dict[str, Candidate] = {}
    reader = _Reader()
    reader.feed(html)
    for candidate in (*_of_block(html), *_of_links(reader.links)):
        found.setdefault(candidate.foreign_id, candidate)
    pages = {candidate.page_url for candidate in found.values()}
    for cell in reader.cells:
        if cell.foreign_id not in found and cell.page_url not in pages:
            found[cell.foreign_id] = cell
    return [
        replace(candidate, licence=licence)
        for candidate in found.values()
        if _is_web(candidate.image_url) and _is_web(candidate.page_url)
    ]


def _of_block(html: str) -> list[Candidate]:
    return [
        _candidate(_text(mark), image=_text(image), page=_text(page), title=_text(title), width=width, height=height)
        for mark, image, height, width, _, page, title in _BLOCK.findall(html)
    ]


def _of_links(links: list[str]) -> list[Candidate]:
    made = []
    for link in links:
        said = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
        made.append(
            _candidate(
                said.get("tbnid", ""),
                image=said.get("imgurl", ""),
                page=said.get("imgrefurl", ""),
                width=said.get("w", ""),
                height=said.get("h", ""),
            )
        )
    return made


def _candidate(mark: str, *, image: str, page: str, title: str = "", width: str = "", height: str = "") -> Candidate:
    return Candidate(
        source="google",
        foreign_id=mark or hashlib.sha256(image.encode()).hexdigest()[:32],
        page_url=page,
        image_url=image,
        title=" ".join(title.split())[:300],
        width=_number(width),
        height=_number(height),
    )


class _Reader(HTMLParser):
    """Collects the ``/imgres`` links, and the cells of the grid with their thumbnails."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.cells: list[Candidate] = []
        self._cell: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        said = {name: value or "" for name, value in attrs}
        if "data-docid" in said and "data-lpage" in said:
            self._cell = (said["data-docid"], said["data-lpage"])
        elif tag == "a" and "/imgres?" in said.get("href", ""):
            self.links.append(said["href"])
        elif tag == "img" and self._cell and _THUMB_HOST.match(said.get("src", "")):
            mark, page = self._cell
            title = f"{_THUMBNAIL} {said.get('alt', '')}"
            self.cells.append(_candidate(mark, image=said["src"], page=page, title=title))
            self._cell = None


def _text(escaped: str) -> str:
    try:
        return str(json.loads(f'"{escaped}"'))
    except ValueError:
        return ""


def _number(digits: str) -> int | None:
    return int(digits) if digits.isdecimal() and 0 < len(digits) < 9 else None


def _is_web(url: str) -> bool:
    return url.startswith(("http://", "https://"))
