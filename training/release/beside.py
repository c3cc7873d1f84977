"""Puts a challenger beside the champion on the challenger's evaluation page, once both are measured."""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from training.release.promotion import Compared

_PLACE = re.compile(rb"<!-- beside -->.*?<!-- /beside -->", re.DOTALL)


def beside(page: bytes, compared: Sequence[Compared], *, champion: str) -> bytes:
    """The page with the comparison in it, in place of an earlier one; a page of before there was a place for it stays.

    `champion` says which model it is.
    """
    environment = Environment(
        loader=PackageLoader("training"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    ways = list(dict.fromkeys(one.direction for one in compared))
    section = environment.get_template("beside.html").render(ways=ways, compared=compared, champion=champion)
    return _PLACE.sub(lambda _: b"<!-- beside -->" + section.encode() + b"<!-- /beside -->", page, count=1)
