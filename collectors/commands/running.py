"""What ``python -m collectors`` runs: its verbs, and what it says of what goes wrong."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from catalog.complaints import EXPECTED, one_line
from collectors.errors import CollectorError

#: As the help lists them; each is a module here.
VERBS = ("plan", "search", "fetch", "queries", "sources", "alerts", "canary", "estimate", "sign-in")


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; give the exit status: 0 done, 1 something is for a person to look at, 2 it cannot be done."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = parser_for(arguments).parse_args(arguments)
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


def parser_for(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Knows the verb that is asked for, and all of them when it is none of them: a verb loads much."""
    parser = argparse.ArgumentParser(prog="python -m collectors", description="Collect photos: plan, search, fetch.")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for name in VERBS if not arguments or arguments[0] not in VERBS else arguments[:1]:
        import_module(f"collectors.commands.{name.replace('-', '_')}").add_to(verbs)
    return parser
