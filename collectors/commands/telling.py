"""What every verb shares: its options, and how it tells a person or a program what it did."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from catalog.records import Domain


def verb(into: Any, name: str, about: str, run: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    """A verb of the parser: ``run`` gets its options and gives the exit status."""
    made: argparse.ArgumentParser = into.add_parser(name, help=about, description=about)
    made.add_argument("--json", action="store_true", help="print one JSON object")
    made.set_defaults(verb=run, act=name)
    return made


def about_photos(parser: argparse.ArgumentParser) -> None:
    """What is known of photos before they are searched for: domain, licence, whether they were generated."""
    parser.add_argument("--domain", choices=[domain.value for domain in Domain], default=Domain.BARE.value)
    parser.add_argument("--licence", default="unknown", help="licence of the photos")
    parser.add_argument("--generated", action="store_true", help="a program made them all, no camera")


def filters_about(options: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    """What is known of photos and is told to their source as a filter."""
    return (("kind", "generated"),) if options.generated else ()


def positive(text: str) -> int:
    """A number from 1, for argparse."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1")
    return number


def say(options: argparse.Namespace, lines: Sequence[str], told: dict[str, Any]) -> None:
    """Print lines for a person, or one JSON object for a program."""
    if options.json:
        print(json.dumps(told, default=_plain))
    else:
        print("\n".join(_safe(line) for line in lines))


@contextmanager
def counting(unit: str, *, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """What to tell how many more are done: a person at a terminal sees it, and nobody else loads what draws it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=unit, leave=False) as bar:
        yield bar.update


def until(moment: datetime | None) -> str:
    """The end of a rest, as the end of a sentence."""
    return f" until {moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def _safe(line: str) -> str:
    """Titles and queries may hold anything; a terminal gets no control characters, and no letter it cannot show."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in line)
    encoding = sys.stdout.encoding or "utf-8"
    return shown.encode(encoding, "replace").decode(encoding)


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
