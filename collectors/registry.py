"""The sources are the files in ``collectors/sources``: listed without importing them, imported one at a time.

A broken source file breaks its own search alone.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

from collectors.errors import BadInput

if TYPE_CHECKING:
    from collectors.base import Source

_FOLDER = Path(__file__).parent / "sources"


def names() -> list[str]:
    """Name every source, importing none of them."""
    return sorted(module.name for module in pkgutil.iter_modules([str(_FOLDER)]))


def load(name: str) -> Source:
    """Import one source; raises BadInput when there is none of that name, or its file cannot be imported."""
    from collectors.base import (
        Source,  # not before: Airflow asks for the names alone, in every process that parses a DAG
    )

    if name not in names():
        raise BadInput(f"no source {name!r}; there are {', '.join(names())}")
    try:
        module = importlib.import_module(f"collectors.sources.{name}")
    except Exception as error:  # whatever a broken file raises
        raise BadInput(f"collectors/sources/{name}.py is broken ({type(error).__name__}: {error})") from error
    found = [
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Source) and member.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise BadInput(f"collectors/sources/{name}.py holds {len(found)} sources, not one")
    return found[0]()
