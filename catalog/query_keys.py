"""What makes a query the same as another: its source, its words and its filters, however they are spelt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from catalog.errors import BadInput
from catalog.part import clean

#: The most candidates that a query may want.
MOST_WANTED = 1_000_000_000
#: Characters of a key, in the form that the index holds: one letter may stand for eighteen.
_LONGEST = 500
#: Stands between the words and each filter of a key; no text that was cleaned holds it.
_BETWEEN = "\x1f"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")

#: The sources whose queries are paths, which keep their spelling.
PATHS = frozenset({"folder", "manifest"})


def normalise(text: str) -> str:
    """The form under which a query is unique: NFKC, case-folded, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def query_key(source: str, text: str, filters: Mapping[str, str] | None = None) -> str:
    """What a source's query is unique by: its words in their normal form, and its filters by name in theirs.

    Without filters it is the words alone. BadInput for filters that mean nothing.
    """
    words = clean(text) if source in PATHS else normalise(clean(text))
    asked = {name: normalise(value) for name, value in filters_of(filters or {})}
    return _BETWEEN.join([words, *(f"{name}={value}" for name, value in asked.items())])


def plannable(source: str, text: str, filters: Mapping[str, str]) -> str:
    """The key of a query that may be planned; BadInput for one without words, or of more than an index holds."""
    key = query_key(source, text, filters)
    if not source or not query_key(source, text).strip():
        raise BadInput("a query needs a source and words")
    if len(key) > _LONGEST:
        raise BadInput(f"a query of {len(key)} characters; {_LONGEST} is the most")
    return key


def filters_of(filters: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Filters as a query keeps them: sorted by name, values without needless white space; BadInput for a name that is
    none, an empty value, or one name with two values."""
    kept: dict[str, str] = {}
    for spelt, value in filters.items():
        name, told = normalise(clean(spelt)), " ".join(clean(value).split())
        if not _NAME.fullmatch(name):
            raise BadInput(f"a filter's name is letters, digits and underscores, not {spelt[:40]!r}")
        if not normalise(told):
            raise BadInput(f"the filter {name} has no value")
        if normalise(kept.get(name, told)) != normalise(told):
            raise BadInput(f"the filter {name} has two values")
        kept.setdefault(name, told)
    return tuple(sorted(kept.items()))
