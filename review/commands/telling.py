"""What a verb gives back, and the option that all have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

#: Whether all is well, what a program is told, and what people read.
Told = tuple[bool, dict[str, Any], list[str]]

Verbs = Any  # argparse has no public name for it


def add_verb(verbs: Verbs, name: str, line: str, run: Callable[[argparse.Namespace], Told]) -> argparse.ArgumentParser:
    """A verb of its own, which prints JSON when it is asked to."""
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=line, description=line)
    verb.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    verb.set_defaults(run=run)
    return verb
