"""Google's image results, read by meaning and not by class names; pure, so that a recorded page can be read too.

In this order: the data block in the page's scripts (original address, size, page and title of each result), the
``/imgres?imgurl=`` links, the side panel (the picture that links to a result's own page), and at last the thumbnails,
marked as such.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

from catalog.records import Candidate
from collectors.base import Answer
from collectors.errors import Blocked

_WEB = re.compile(r"https?://[^\s/?#\"'<>\\]+(?:[/?#][^\s\"<>\\]*)?")
_THUMB = re.compile(r"https://encrypted-tbn\d*\.gstatic\.com/images")
_OWN = re.compile(r"https?://(?:[^/]+\.)?(?:google|gstatic)\.[a-z.]+(?:[/?#]|$)")
_STRING = r'"((?:[^"\\]|\\.)*)"'
#: A result's id: short, and begun by no escaped quote, of which scripts hold tens of thousands in one string.
_MARK = r'(?<!\\)"((?:[^"\\]|\\.){0,100})"'
# "ID",[thumbnail,h,w],[ORIGINAL,H,W] … "2003":[null,doc,PAGE,TITLE   (sizes are height, width)
_BLOCK = re.compile(
    rf'{_MARK},\s*\["https://encrypted-tbn[^"]+",\d+,\d+\]\s*,\s*\[{_STRING},(\d{{1,8}}),(\d{{1,8}})\]'
    rf'(?:(?!"https://encrypted-tbn|\["https?:).){{0,2000}}?"2003":\[null,{_STRING},{_STRING},{_STRING}',
    re.DOTALL,
)
#: How Google says that there is nothing, in each language that a query may ask for.
_NOTHING = re.compile(
    r"did not match any|no results (?:found )?for|aren.t any image results"
    r"|keine mit (?:deiner|ihrer) suchanfrage|stimmte? mit keinem|keine ergebnisse für"
    r"|ning[uú]n (?:resultado|documento)|no se han encontrado resultados"
    r"|aucun(?:e)? (?:résultat|document|image) ne correspond|aucun résultat"
    r"|non ha prodotto|nessun risultato"
    r"|geen (?:resultaten|documenten|afbeeldingen)|komt met geen enkel"
    r"|não encontrou nenhum|nenhum (?:resultado|documento)",
    re.IGNORECASE,
)


def check(answer: Answer) -> None:
    """Raise Blocked when the page is the captcha, or the consent wall that comes back after "Reject all"."""
    where = urlsplit(answer.url)
    if "/sorry/" in where.path or "captcha-form" in answer.body:
        raise Blocked("Google shows its captcha (unusual traffic)")
    if where.hostname == "consent.google.com" or "https://consent.google.com/save" in answer.body:
        raise Blocked("Google shows its consent wall")


def says_nothing_found(html: str) -> bool:
    """Whether the page says that there is no result."""
    return bool(_NOTHING.search(html))


def read(html: str, *, licence: str = "unknown") -> tuple[list[Candidate], int]:
    """Every result of a page, each once: originals first, thumbnails last. And how many results the page holds, those
    that could not be read included."""
    page = _Reader()
    with suppress(AssertionError):  # html.parser's word for a declaration it does not know: what came before is read
        page.feed(html)
    found: dict[str, Candidate] = {}
    for candidate in (*_of_block(html), *_of_links(page.links), *_of_panels(page)):
        if _WEB.fullmatch(candidate.image_url) and _WEB.fullmatch(candidate.page_url):
            found.setdefault(candidate.foreign_id, candidate)
    pages = {candidate.page_url for candidate in found.values()}
    for cell in page.cells.values():
        if cell.mark not in found and cell.page not in pages and cell.thumb and _WEB.fullmatch(cell.page):
            small = _candidate(cell.mark, image=cell.thumb, page=cell.page, title=cell.title)
            found[cell.mark] = replace(small, thumbnail=True)
    return [replace(candidate, licence=licence) for candidate in found.values()], max(len(page.cells), len(found))


def _of_block(html: str) -> list[Candidate]:
    return [
        _candidate(_text(mark), image=_text(image), page=_text(page), title=_text(title), width=width, height=height)
        for mark, image, height, width, _, page, title in _BLOCK.findall(html)
    ]


def _of_links(links: list[str]) -> list[Candidate]:
    made = []
    for link in links:
        said = {name: values[0] for name, values in parse_qs(_plain(link).partition("?")[2]).items()}
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


def _of_panels(page: _Reader) -> list[Candidate]:
    """The pictures that link to the page of exactly one cell."""
    times = Counter(cell.page for cell in page.cells.values())
    marks = {cell.page: cell.mark for cell in page.cells.values() if times[cell.page] == 1}
    return [
        _candidate(marks[where], image=image, page=where, title=title)
        for where, image, title in page.pictures
        if where in marks
    ]


def _candidate(mark: str, *, image: str, page: str, title: str = "", width: str = "", height: str = "") -> Candidate:
    image, page = _plain(image), _plain(page)
    return Candidate(
        source="google",
        foreign_id=mark or hashlib.sha256(image.encode(errors="surrogatepass")).hexdigest()[:32],
        page_url=page,
        image_url=image,
        title=" ".join(title.split())[:300],
        width=_number(width),
        height=_number(height),
    )


@dataclass(slots=True)
class _Cell:
    """One cell of the grid: the result's id and page, and its thumbnail once it is shown."""

    mark: str
    page: str
    thumb: str = ""
    title: str = ""


class _Reader(HTMLParser):
    """Collects the ``/imgres`` links, the cells of the grid, and the pictures outside them that link elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.cells: dict[str, _Cell] = {}
        self.pictures: list[tuple[str, str, str]] = []
        self._cell: _Cell | None = None
        self._tag, self._depth = "", 0  # of the cell's own element
        self._link = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag says."""
        said = {name: value or "" for name, value in attrs}
        if "data-docid" in said or "data-lpage" in said:
            self._open(tag, said)
        elif tag == self._tag:
            self._depth += 1
        if tag == "a":
            self._link = said.get("href", "")
            if "/imgres?" in self._link:
                self.links.append(self._link)
        elif tag == "img":
            self._picture(said)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """``<img/>`` is ``<img>``."""
        if tag == "img":
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Notice where a link and a cell end."""
        if tag == "a":
            self._link = ""
        if tag == self._tag:
            self._depth -= 1
            if not self._depth:
                self._cell, self._tag = None, ""

    def _open(self, tag: str, said: dict[str, str]) -> None:
        self._cell, self._tag, self._depth = None, tag, 1
        mark, page = said.get("data-docid", ""), said.get("data-lpage", "")
        if mark and page:
            self._cell = self.cells.setdefault(mark, _Cell(mark, page))

    def _picture(self, said: dict[str, str]) -> None:
        source, title = said.get("src", ""), said.get("alt", "")
        if self._tag:
            if self._cell and not self._cell.thumb and _THUMB.match(source) and _WEB.fullmatch(source):
                self._cell.thumb, self._cell.title = source, title
        elif _WEB.fullmatch(source) and not _OWN.match(source) and _WEB.fullmatch(self._link):
            self.pictures.append((self._link, source, title))


def _text(escaped: str) -> str:
    try:
        return str(json.loads(f'"{escaped}"'))
    except ValueError:
        return ""


def _plain(url: str) -> str:
    """An address as it was before somebody escaped it once too often: none holds this by itself."""
    return url.replace("&amp;", "&")


def _number(digits: str) -> int | None:
    return int(digits) if digits.isdecimal() and 0 < len(digits) < 9 else None
