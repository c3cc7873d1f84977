"""The commands of python -m review, for whoever answers for what was decided; --help lists them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from catalog import Catalog
from catalog.complaints import EXPECTED, one_line
from catalog.records import Decision, Share
from review.agreement import agreement


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 when all is well, 1 with a one-line error when not."""
    given = _parser().parse_args(arguments)
    try:
        well, told, lines = _VERBS[given.verb](given)
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


def _log(given: argparse.Namespace) -> tuple[bool, dict[str, Any], list[str]]:
    log = Catalog().log
    if not given.verify:
        rows = log.rows(batch_id=given.batch, person=given.person)
        return True, {"decisions": [_told(row) for row in rows]}, [_line(row) for row in rows] or ["no decisions"]
    found = log.verify(head=given.head)
    lines = list(found.wrong)
    if found.differences > len(found.wrong):
        lines.append(f"{found.differences} subjects in all stand otherwise than the log comes to")
    if found.whole:
        lines.append(f"{found.rows} decisions, none altered, removed or inserted; the log comes to what stands")
    lines.append(f"head: {found.head or 'none'} (note it: --head finds out later whether rows were removed at the end)")
    return found.whole, asdict(found), lines


def _agreement(given: argparse.Namespace) -> tuple[bool, dict[str, Any], list[str]]:
    catalog = Catalog()
    if given.batch is not None:
        catalog.batches.get(given.batch)
    found = agreement(catalog, batch_id=given.batch)
    lines = [
        f"{one.stage}: {_share(one.agreed)}, kappa {_kappa(one.kappa)}, disputed {one.disputed}" for one in found.stages
    ]
    lines += [
        f"{one.stage} {one.reason}: both {one.both} of {one.given}, kappa {_kappa(one.kappa)}" for one in found.reasons
    ]
    lines += [f"{one.one} and {one.other}: {_share(one.agreed)}, kappa {_kappa(one.kappa)}" for one in found.pairs]
    for one in found.reviewers:
        seconds = "?" if one.seconds is None else f"{one.seconds:.1f}"
        lines.append(
            f"{one.person}: {one.acts} decisions, {seconds} s each; as another {_share(one.agreed)}, kappa "
            f"{_kappa(one.kappa)}; upheld {_share(one.upheld)}; known answers {_share(one.gold)}"
        )
    told = json.loads(json.dumps(asdict(found), default=str))
    return True, {"agreement": told}, lines


def _share(share: Share) -> str:
    return f"{share.part} of {share.whole}"


def _kappa(kappa: float | None) -> str:
    return "undefined" if kappa is None else f"{kappa:.3f}"


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


_VERBS = {"log": _log, "agreement": _agreement}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m review", description="Read what was decided at the review desk.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    line = "list who decided what, when and for how long it was looked at; --verify finds out whether the log is whole"
    log = verbs.add_parser("log", help=line, description=line)
    log.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    log.add_argument("--batch", type=int, metavar="ID", help="of this batch alone")
    log.add_argument("--person", default="", metavar="NAME", help="of this person alone (or check:NAME)")
    log.add_argument(
        "--verify",
        action="store_true",
        help="say whether a row was altered, removed or inserted, and whether the log comes to what stands",
    )
    log.add_argument(
        "--head", default="", metavar="HEX", help="with --verify: a head noted before, which must be there still"
    )
    line = "say how far people agree: per stage, reason, pair and person, and on subjects whose answer is known"
    agreed = verbs.add_parser("agreement", help=line, description=line)
    agreed.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    agreed.add_argument("--batch", type=int, metavar="ID", help="of this batch alone")
    return parser


if __name__ == "__main__":
    sys.exit(main())
