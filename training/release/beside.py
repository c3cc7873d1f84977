"""Puts a challenger beside the champion on the challenger's evaluation page, once both are measured."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.evaluation.paired import Interval
from training.release.promotion import Compared

_PLACE = re.compile(rb"<!-- beside -->.*?<!-- /beside -->", re.DOTALL)


def told(compared: Sequence[Compared], *, champion: str) -> dict[str, Any]:
    """The comparison as the catalog keeps it with the challenger's evaluation; `champion` says which model it is."""
    return {"champion": champion, "compared": [asdict(one) for one in compared]}


def put_in(page: bytes, beside: Mapping[str, Any]) -> bytes:
    """The page with the comparison in it, in place of an earlier one; as it is when there is none, or no place."""
    if not beside:
        return page
    environment = Environment(
        loader=PackageLoader("training"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    compared = [_compared(one) for one in beside["compared"]]
    ways = list(dict.fromkeys(one.direction for one in compared))
    template = environment.get_template("beside.html")
    section = template.render(ways=ways, compared=compared, champion=beside["champion"])
    return _PLACE.sub(lambda _: b"<!-- beside -->" + section.encode() + b"<!-- /beside -->", page, count=1)


def _compared(one: Mapping[str, Any]) -> Compared:
    interval = one["interval"]
    return Compared(**{**one, "interval": None if interval is None else Interval(**interval)})
