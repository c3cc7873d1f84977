"""Prints a lock without some of its packages, so that an image holds only what its service needs.

``python without.py requirements.lock opencv-python dlib-bin`` fails when the lock has no such package.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path


def without(lock: str, packages: set[str]) -> str:
    """The lock without these packages and their hashes; ValueError names those that it does not have."""
    entries = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    names = [re.split(r"[=\[ ;@]", entry, maxsplit=1)[0].strip() for entry in entries]
    missing = packages - set(names)
    if missing:
        raise ValueError(f"not in the lock: {', '.join(sorted(missing))}")
    return "".join(entry for entry, name in zip(entries, names, strict=True) if name not in packages)


if __name__ == "__main__":
    sys.stdout.write(without(Path(sys.argv[1]).read_text(), set(sys.argv[2:])))
