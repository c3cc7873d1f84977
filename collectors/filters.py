"""The filters of a query: those that its source declares, in the source's own spelling."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.query_keys import filters_of, normalise
from collectors.base import Source
from collectors.errors import BadInput


def allowed(site: Source, asked: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The filters that were asked for, as the source spells them; BadInput for one that it has not, or a value that
    its filter has not (a filter that declares no value takes any)."""
    told = {}
    for name, value in filters_of(dict(asked)):
        if name not in site.filters:
            has = f"it has {', '.join(sorted(site.filters))}" if site.filters else "it has none"
            raise BadInput(f"{site.name} has no filter {name!r}; {has}")
        spelt = {normalise(choice): choice for choice in site.filters[name]}
        if spelt and normalise(value) not in spelt:
            raise BadInput(f"{site.name}'s filter {name} is {', '.join(site.filters[name])}, not {value!r}")
        told[name] = spelt.get(normalise(value), value)
    return told


def filter_from(word: str) -> tuple[str, str]:
    """The filter in ``name=value``; BadInput for what is none."""
    name, is_one, value = word.partition("=")
    if not is_one or not name.strip() or not value.strip():
        raise BadInput(f"a filter is name=value, not {word[:80]!r}")
    return name.strip(), value.strip()
