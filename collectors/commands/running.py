"""What ``python -m collectors`` runs: its verbs, and what it says of what goes wrong."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence

from catalog.complaints import EXPECTED, one_line
from collectors.commands import alerts, canary, estimate, fetch, plan, queries, search, sign_in, sources
from collectors.errors import CollectorError


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; give the exit status: 0 done, 1 something is for a person to look at, 2 it cannot be done."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", stream=sys.stderr)
    verb: Callable[[argparse.Namespace], int] = options.verb
    try:
        return verb(options)
    except (*EXPECTED, CollectorError) as error:
        line = one_line(error)
        print(f"error: {line}", file=sys.stderr)
        if options.json:
            print(json.dumps({"ok": False, "error": line}))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m collectors", description="Collect photos: plan, search, fetch.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for command in (plan, search, fetch, queries, sources, alerts, canary, estimate, sign_in):
        command.add_to(verbs)
    return parser
