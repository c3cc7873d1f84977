"""Licences under their usual names: one spelling for all sources, whichever way a source writes them. Pure.

A name that is not known keeps its own words, and is not trained on: nobody has read it yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

UNKNOWN = "unknown"
_PARTS = ("by", "by-sa", "by-nd", "by-nc", "by-nc-sa", "by-nc-nd", "sa", "nc", "nd", "nd-nc", "nc-sa", "sampling+")
_DEED = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/(?:licenses|licences|publicdomain)/"
    r"(?P<code>[a-z+-]{2,12})/(?P<version>\d\.\d)(?:/|$)",
    re.IGNORECASE | re.ASCII,
)
_NAME = re.compile(
    r"cc[ -](?P<code>by(?:-nc)?(?:-sa|-nd)?|sa|nd|nc|nc-sa|nd-nc)[ -](?P<version>\d\.\d)\b.*", re.IGNORECASE | re.ASCII
)
_CC0 = re.compile(r"cc[ -]?(?:0|zero)(?:[ -](?P<version>\d\.\d))?\b.*", re.IGNORECASE | re.ASCII)
#: Free licences that are no Creative Commons ones, by how their names begin.
_FREE = re.compile(
    r"(public domain|pd\b|no restrictions|no known copyright|gfdl|fal\b|free art|copyrighted free use|attribution\b|"
    r"ogl\b|open government|kogl|godl|apache|mit\b|bsd\b|cecill|wtfpl|gpl|lgpl|data licence germany|dl-de)",
    re.IGNORECASE,
)
_WEB = re.compile(r"https?://[^\s\"'<>]{4,1000}")


@dataclass(frozen=True, slots=True)
class Licence:
    """A licence's usual name, where its text is (empty: not known), and whether it lets a model learn: one that is
    not known does not, nor does one that forbids derivatives."""

    name: str
    url: str
    train_ok: bool


def from_code(code: str, version: str, url: str = "") -> Licence:
    """The licence of a code as Creative Commons writes it (``by-sa``, ``cc0``, ``pdm``), and its version if it has one.

    A code that is not known gives an unknown licence.
    """
    code, version = code.strip().lower(), version.strip()
    link = address(url) or _deed(code, version)
    if code in ("cc0", "zero"):
        return Licence(f"CC0 {version or '1.0'}", link, True)
    if code in ("pdm", "mark", "publicdomain"):
        return Licence("Public Domain Mark 1.0", link, True)
    if code not in _PARTS:
        return Licence(UNKNOWN, "", False)
    return Licence(f"CC {code.upper()} {version}".strip(), link, "nd" not in code)


def from_words(words: str, url: str = "") -> Licence:
    """The licence of a name in words (``CC BY-SA 3.0 de``, ``Public domain``), or of its text's address."""
    words, link = " ".join(words.split())[:200], address(url)
    if deed := _DEED.match(url.strip()):
        return from_code(deed["code"], deed["version"], link)
    if named := _NAME.fullmatch(words):
        return from_code(named["code"], named["version"], link)
    if named := _CC0.fullmatch(words):
        return from_code("cc0", named["version"] or "", link)
    if not words:
        return Licence(UNKNOWN, link, False)
    return Licence(words, link, bool(_FREE.match(words)))


def address(url: str) -> str:
    """The address of a licence's text, when it is one of the web; else nothing."""
    url = url.strip()
    url = f"https:{url}" if url.startswith("//") else url
    return url if _WEB.fullmatch(url) else ""


def line(*, title: str, author: str, licence: Licence, site: str) -> str:
    """The line that credits a photo: title, author, source, licence, as Creative Commons recommends (TASL)."""
    whom = f" by {author}" if author else ""
    under = f", {licence.name}" if licence.name != UNKNOWN else ""
    return f"“{title or 'Untitled'}”{whom}{under}, via {site}"


def _deed(code: str, version: str) -> str:
    root = "https://creativecommons.org"
    if code in ("cc0", "zero"):
        return f"{root}/publicdomain/zero/1.0/"
    if code in ("pdm", "mark", "publicdomain"):
        return f"{root}/publicdomain/mark/1.0/"
    return f"{root}/licenses/{code}/{version}/" if code in _PARTS and re.fullmatch(r"\d\.\d", version) else ""
