"""One language: its catalog, and what becomes of a sentence in it."""

from __future__ import annotations

import gettext as translating
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, cached_property
from importlib.resources import files
from typing import TypeVar

from babel import Locale
from babel.messages import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_Key = TypeVar("_Key")

#: No sentence of ours is longer. A stranger's may be, and looking for our shapes in it takes as its length cubed.
_LONGEST = 400

#: What stands for a value in a shape, {number}, once the shape is escaped; and which of them are numbers.
_PLACE = re.compile(r"\\{(\w+)\\}")
_NAMES = {"metric", "moment", "name", "reader", "who", "why"}  # said as they are
_NUMBERS = {"batch", "count", "failing", "least", "less", "missing", "more", "most", "number", "others", "rows"}
_NUMBERS |= {"score", "threshold", "times", "total"}


class Language:
    """A language that the desk speaks, by its two letters. Without a catalog it says everything as the code does."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.name: str = (Locale.parse(code).get_display_name() or code).capitalize()

    @cached_property
    def messages(self) -> Catalog:
        """Its catalog as it is written; empty for the language of the code."""
        place = files(__package__) / f"{self.code}.po"
        if not place.is_file():
            return Catalog(self.code)
        return read_po(io.BytesIO(place.read_bytes()), locale=self.code)

    @cached_property
    def _said(self) -> translating.NullTranslations:
        compiled = io.BytesIO()
        write_mo(compiled, self.messages)
        compiled.seek(0)
        return translating.GNUTranslations(compiled)

    def gettext(self, text: str) -> str:
        """A sentence of the code in this language; as it is where the catalog has none."""
        return self._said.gettext(text) if text else ""

    def ngettext(self, one: str, many: str, number: int) -> str:
        """The same for a sentence that counts."""
        return self._said.ngettext(one, many, number)

    def table(self, words: Mapping[_Key, str]) -> dict[_Key, str]:
        """A table of words in this language."""
        return {key: self.gettext(word) for key, word in words.items()}

    def spoken(self, text: str) -> str:
        """A finished sentence of the catalog or of a check, whose values are filled in already, in this language.

        The domain speaks English, and what it said yesterday is stored so: what it may say is known here by its
        shape. What fits no shape is shown as it is.
        """
        known = self.gettext(text)
        if known != text:
            return known
        for shape, said in self._shapes if len(text) <= _LONGEST else ():
            if found := shape.fullmatch(text):
                values = found.groupdict()
                return said.format_map(
                    {one: values[one] if one in _NAMES else self.spoken(values[one]) for one in values}
                )
        if "; " in text:
            return "; ".join(self.spoken(part) for part in text.split("; "))
        return text

    @cached_property
    def _shapes(self) -> list[tuple[re.Pattern[str], str]]:
        """Those with the most words of their own first: they say more than those that they fit, too."""
        shapes = {
            _forms(message.id)[0]: said
            for message in self._of("review/sayings.py")
            if (said := _forms(message.string)[0]) and "{" in said
        }
        longest_first = sorted(shapes.items(), key=lambda shape: -len(re.sub(r"{\w+}", "", shape[0])))
        return [
            (re.compile(_PLACE.sub(_any, re.escape(sentence)), re.DOTALL), said) for sentence, said in longest_first
        ]

    @cached_property
    def scripts(self) -> dict[str, str | list[str]]:
        """What the pages' scripts say, for them to look up: a sentence, or its plural forms for one that counts."""
        found: dict[str, str | list[str]] = {}
        for message in self._of(".js"):
            said = _forms(message.string)
            if all(said):
                found[_forms(message.id)[0]] = said if message.pluralizable else said[0]
        return found

    def _of(self, ending: str) -> Iterator[Message]:
        """The messages that files with this ending say."""
        for message in self.messages:
            if any(place.endswith(ending) for place, _ in message.locations):
                yield message


def _any(place: re.Match[str]) -> str:
    """The values that a place in a shape can have."""
    name = place[1]
    return rf"(?P<{name}>[\d.,e+-]+)" if name in _NUMBERS else rf"(?P<{name}>.+?)"


def _forms(told: str | Sequence[str] | None) -> list[str]:
    return [told] if isinstance(told, str) else list(told or [""])


ENGLISH = Language("en")


@cache
def of() -> dict[str, Language]:
    """Every language there is a catalog of, and English before them, by their two letters."""
    codes = sorted(
        entry.name.removesuffix(".po") for entry in files(__package__).iterdir() if entry.name.endswith(".po")
    )
    return {"en": ENGLISH} | {code: Language(code) for code in codes}


_CURRENT: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def current() -> Language:
    """The language that this request is answered in."""
    return _CURRENT.get()


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Answer in this language as long as the block lasts."""
    before = _CURRENT.set(language)
    try:
        yield
    finally:
        _CURRENT.reset(before)


def gettext(text: str) -> str:
    """A sentence of the code, in the language of this request."""
    return current().gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    """A sentence of the code that counts, in the language of this request."""
    return current().ngettext(one, many, number)


def spoken(text: str) -> str:
    """A finished sentence of the domain, in the language of this request."""
    return current().spoken(text)
