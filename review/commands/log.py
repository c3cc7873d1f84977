"""``python -m review log``: who decided what, when and for how long; whether the log is whole."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from catalog import Catalog
from catalog.records import Decision
from review.commands.telling import Told, Verbs, add_verb

#: So many decisions are listed at once.
MOST = 1_000


def add_to(verbs: Verbs) -> None:
    """Add the verb."""
    line = "list who decided what, when and for how long it was looked at; --verify finds out whether the log is whole"
    log = add_verb(verbs, "log", line, _log)
    log.add_argument("--batch", type=int, metavar="ID", help="of this batch alone")
    log.add_argument("--person", default="", metavar="NAME", help="of this person alone (or check:NAME)")
    log.add_argument("--after", type=int, default=0, metavar="ID", help="those that follow this decision")
    log.add_argument("--limit", type=_at_least_one, default=MOST, metavar="N", help=f"so many at most (default {MOST})")
    log.add_argument(
        "--verify",
        action="store_true",
        help="say whether a row was altered, removed or inserted, and whether the log comes to what stands",
    )
    log.add_argument(
        "--head", default="", metavar="HEX", help="with --verify: a head noted before, which must be there still"
    )


def _at_least_one(text: str) -> int:
    """A count as an option gives it."""
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count} is less than one")
    return count


def _log(given: argparse.Namespace) -> Told:
    catalog = Catalog()
    log = catalog.log
    if given.batch is not None:
        catalog.batches.get(given.batch)  # NotFound, where there is none
    if not given.verify:
        rows = log.rows(batch_id=given.batch, person=given.person, after=given.after, limit=given.limit)
        lines = [_line(row) for row in rows] or ["no decisions"]
        if len(rows) == given.limit:  # a log may be far larger than the memory
            lines.append(f"there may be more: --after {rows[-1].id}")
        return True, {"decisions": [_told(row) for row in rows]}, lines
    found = log.verify(head=given.head)
    lines = list(found.wrong)
    if found.differences > len(found.wrong):
        lines.append(f"{found.differences} subjects in all stand otherwise than the log comes to")
    if found.whole:
        lines.append(f"{found.rows} decisions, none altered, removed or inserted; the log comes to what stands")
    lines.append(f"head: {found.head or 'none'} (note it: --head finds out later whether rows were removed at the end)")
    return found.whole, asdict(found), lines


def _line(row: Decision) -> str:
    looked = f"{row.seconds:.1f} s" if row.seconds is not None else "?"
    why = f" ({row.reason})" if row.reason else ""
    what = f"{row.stage} {row.subject.kind} {row.subject.id}"
    return (
        f"{row.id:>8}  {row.at:%Y-%m-%d %H:%M:%S}  {row.by:<20}  {row.role:<6}  {looked:>7}  {what}: {row.verdict}{why}"
    )


def _told(row: Decision) -> dict[str, Any]:
    return {
        "id": row.id,
        "subject": row.subject.id,
        "kind": row.subject.kind,
        "stage": row.stage,
        "verdict": row.verdict,
        "reason": row.reason,
        "note": row.note,
        "by": row.by,
        "at": row.at.isoformat(),
        "role": row.role,
        "seconds": row.seconds,
    }
