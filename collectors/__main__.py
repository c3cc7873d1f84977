"""The steps of collecting from the shell: python -m collectors VERB."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from collectors.heap import loading


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; give the exit status: 0 done, 1 something is for a person to look at, 2 it cannot be done."""
    with loading():
        from collectors.commands.running import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
