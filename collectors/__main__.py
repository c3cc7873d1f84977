"""The steps of collecting from the shell: python -m collectors VERB."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; give the exit status: 0 done, 1 something is for a person to look at, 2 it cannot be done."""
    gc.disable()  # what is imported stays: to look for garbage in it takes as long as to import it
    from collectors.commands.running import run

    gc.freeze()
    gc.enable()
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
