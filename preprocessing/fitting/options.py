"""What every fit is told on the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path


def options(
    fit: str, description: str, *, rounds: int | None = None, of: str = "rounds of 1024 pictures"
) -> ArgumentParser:
    """The parser of ``python -m preprocessing.fitting.FIT``: --faces and --out, and --rounds where there is a usual
    number of them; a fit adds what it alone is told."""
    parser = ArgumentParser(prog=f"python -m preprocessing.fitting.{fit}", description=description)
    parser.add_argument("--faces", type=Path, required=True, help="folder with the photos and their MANIFEST.csv")
    parser.add_argument("--out", type=Path, help="where to write what was fitted; without it, only measure")
    if rounds is not None:
        parser.add_argument("--rounds", type=int, default=rounds, help=f"{of} (default {rounds})")
    return parser
