"""Reads MediaWiki's answers to a search for files: pictures with their licences, or what went wrong. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from catalog.records import Candidate
from collectors.base import Answer, Page
from collectors.errors import Drift, Empty, RateLimited, Unreachable
from collectors.hosts import rest_after
from collectors.licences import UNKNOWN, from_words, line

_ORIGINAL = re.compile(r"https://upload\.wikimedia\.org/wikipedia/commons/[0-9a-f]/[0-9a-f]{2}/[^\s\"<>/?#]+")
_FILE = re.compile(r"https://commons\.wikimedia\.org/wiki/[^\s\"<>]+")
_PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif"})
_KEY = re.compile(r"continue|[a-z]{2,12}")
_BUSY = ("maxlag", "ratelimited")
_BROKEN = ("readonly", "internal_api_error", "backend", "unavailable", "timeout")
_PATIENCE = 60.0  # seconds to leave it alone when it is busy and does not say for how long


def read(answer: Answer) -> Page:
    """What the answer holds; raises RateLimited (it lags), Unreachable (it is broken), Empty or Drift."""
    try:
        told = json.loads(answer.body)
        _must_be_well(told, answer)
        if set(told) <= {"batchcomplete"} and told["batchcomplete"] is True and not _goes_on(answer):
            raise Empty("Commons has no such file")
        onward = _onward(told.get("continue", {}))
        files = sorted(told["query"]["pages"], key=lambda file: int(file["index"]))
        pictures = tuple(filter(None, (_candidate(file, partial="ii" in onward) for file in files)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Drift(f"Commons answers otherwise now ({type(error).__name__}: {error})"[:300]) from error
    if not pictures:
        raise Drift(f"none of {len(files)} files is a picture, though pictures were asked for")
    if len(pictures) > 5 and all(one.licence == UNKNOWN for one in pictures):
        raise Drift(f"none of {len(pictures)} files says its licence")
    if onward and onward == urlencode(sorted(_asked(answer).items())):
        raise Drift("Commons goes on where it was")
    return Page(candidates=pictures, next=onward)


def _must_be_well(told: Any, answer: Answer) -> None:
    if answer.status != 200:
        raise ValueError(f"status {answer.status}")
    if "error" not in told:
        return
    code, said = str(told["error"]["code"]), f"{told['error']['code']}: {told['error'].get('info', '')}"[:300]
    if code in _BUSY:
        waits = dict(answer.headers).get("retry-after", "")
        rest = timedelta(seconds=rest_after(503, waits) or _PATIENCE)
        raise RateLimited(f"Commons is busy: {said}", until=datetime.now(UTC) + rest)
    if any(word in code for word in _BROKEN):
        raise Unreachable(f"Commons is broken: {said}")
    raise Drift(f"Commons does not take our question: {said}")


def _asked(answer: Answer) -> dict[str, str]:
    """What of the question said where to go on."""
    said = {name: values[-1] for name, values in parse_qs(urlsplit(answer.url).query).items()}
    return {name: value for name, value in said.items() if name == "continue" or name.endswith(("offset", "continue"))}


def _goes_on(answer: Answer) -> bool:
    return bool(_asked(answer))


def _onward(goes_on: Mapping[str, Any]) -> str:
    """The cursor: what ``continue`` holds, as it is to be sent back. Raises ValueError for what cannot be sent."""
    for name, value in goes_on.items():
        if not _KEY.fullmatch(name) or type(value) not in (str, int) or len(str(value)) > 500:
            raise ValueError(f"a place to go on at that is none: {name!r}: {value!r}"[:200])
    if goes_on and ("continue" not in goes_on or len(goes_on) < 2):
        raise ValueError("no whole place to go on at")
    return urlencode(sorted(goes_on.items()))


def _candidate(file: dict[str, Any], *, partial: bool) -> Candidate | None:
    """One file; None when it is no picture, or its description comes with another answer (``partial``)."""
    if "imageinfo" not in file and partial:
        return None
    (info,) = file["imageinfo"]
    if not isinstance(info["mime"], str) or info["mime"] not in _PICTURES:
        return None
    if not _ORIGINAL.fullmatch(info["url"]) or not _FILE.fullmatch(info["descriptionurl"]):
        raise ValueError(f"a file's address that is none: {info['url']!r}"[:200])
    said = info["extmetadata"] or {}
    licence = from_words(_said(said, "LicenseShortName"), _said(said, "LicenseUrl"))
    title = _said(said, "ObjectName") or unquote(file["title"]).removeprefix("File:").rpartition(".")[0]
    author = _said(said, "Artist") or str(info.get("user", ""))
    credit = _said(said, "Attribution") or line(title=title, author=author, licence=licence, site="Wikimedia Commons")
    limits = [word for word in _said(said, "Restrictions").split("|") if word]
    return Candidate(
        source="commons",
        foreign_id=str(int(file["pageid"])),
        page_url=info["descriptionurl"],
        image_url=info["url"],
        licence=licence.name,
        licence_url=licence.url,
        title=title[:300],
        author=author[:300],
        attribution=f"{credit} (other rights: {', '.join(limits)})" if limits else credit,
        width=info["width"],
        height=info["height"],
        train_ok=licence.train_ok,
    )


def _said(metadata: Mapping[str, Any], name: str) -> str:
    """One of the file's own statements, as plain text; empty when it makes none. Raises for one of another shape."""
    if name not in metadata:
        return ""
    value = metadata[name]["value"]
    if not isinstance(value, str | int | float):
        raise TypeError(f"{name} is {type(value).__name__}")
    return plain(str(value))[:500]


def plain(markup: str) -> str:
    """The text of a piece of HTML, on one line: no tags, no scripts, no hidden parts."""
    reader = _Text()
    reader.feed(markup[:20_000])
    reader.close()
    return " ".join("".join(reader.pieces).split())


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._silent = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p", "div", "li", "tr", "td"):
            self.pieces.append(" ")
        if tag in ("script", "style") or any(
            n == "style" and "display:none" in (v or "").replace(" ", "") for n, v in attrs
        ):
            self._silent = self._silent or tag

    def handle_endtag(self, tag: str) -> None:
        if tag == self._silent:
            self._silent = ""

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.pieces.append(data)
