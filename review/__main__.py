"""The commands of python -m review, for whoever answers for what was decided; --help lists them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from catalog.complaints import EXPECTED, one_line
from review.commands import agreement, golds, log


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 when all is well, 1 with a one-line error when not."""
    given = _parser().parse_args(arguments)
    try:
        well, told, lines = given.run(given)
    except EXPECTED as error:
        line = one_line(error)
        print(f"error: {line}", file=sys.stderr)
        if given.json:
            print(json.dumps({"ok": False, "error": line}))
        return 1
    if lines:
        print("\n".join(lines))
    if given.json:
        print(json.dumps({"ok": well, **told}))
    return 0 if well else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m review", description="Read what was decided at the review desk.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in (log, agreement, golds):
        verb.add_to(verbs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
