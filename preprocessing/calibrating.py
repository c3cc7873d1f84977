"""The command calibrate: a table of what people decided of each check's flags, and new thresholds from it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from catalog import Catalog, settings
from catalog.records import Calibration, Share
from catalog.who import who
from preprocessing.checks import Thresholds

if TYPE_CHECKING:
    from preprocessing.calibration import Fit, Outcome, Refit

_HEAD = ("check", "rejected", "approved", "others", "AUC", "below", "precision", "recall", "false alarms", "new", "why")


def add_to(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's verbs."""
    line = "refit the checks' thresholds from people's decisions"
    command = verbs.add_parser("calibrate", help=line, description=f"{line[0].upper()}{line[1:]}.")
    command.add_argument(
        "--false-alarms",
        type=float,
        default=0.01,
        metavar="SHARE",
        help="of the subjects people approve, how many a check may flag (default 0.01)",
    )
    command.add_argument("--by", default="", help="who asks for it (default: you)")
    what = command.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="show the table and write nothing")
    what.add_argument("--list", action="store_true", help="list the calibrations there are, and which one judges")
    what.add_argument(
        "--use", type=_number, metavar="N", help='judge by calibration N again, or "shipped": by those of the code'
    )
    command.add_argument("--json", action="store_true", help="print one JSON object on the last line")


def run(given: argparse.Namespace) -> None:
    """Do what was asked for, and tell it."""
    catalog = Catalog()
    if given.list:
        told, lines = _list(catalog)
    elif given.use is not None:
        told, lines = _use(catalog, given.use or None, by=given.by or who())
    else:
        from preprocessing.calibration import calibrate

        # A dry run writes nothing, so nobody need stand for it.
        by = given.by or ("" if given.dry_run else who())
        told, lines = _told(calibrate(catalog, false_alarms=given.false_alarms, by=by, dry_run=given.dry_run))
    print("\n".join(lines))
    if given.json:
        print(json.dumps({"ok": True, **told}))


def _told(refit: Refit) -> tuple[dict[str, Any], list[str]]:
    from preprocessing.calibration import MIN_REJECTED, enough_approved
    from preprocessing.earning import EARNED_CASES, EARNED_PRECISION

    enough, acts = enough_approved(refit.false_alarms), settings().auto_reject
    lines = [
        f"To {refit.false_alarms:.3g} false alarms; it takes {MIN_REJECTED} cases rejected for a check's reason and "
        f"{enough} approved ones. Shares with their 95 % interval.",
        *_columns([_HEAD, *(_row(fit) for fit in refit.fits)]),
        f"{'written and in use' if refit.written else 'nothing new written; in use'}: {_name(refit.current)}",
    ]
    earned = [fit for fit in refit.fits if fit.earned]
    for fit in earned:
        low, _ = fit.fitted.precision.interval
        lines.append(
            f"{fit.check.name} has earned to reject by itself: {_share(fit.fitted.precision)} of its flags were "
            f"confirmed, {low:.3f} at least"
        )
    if not earned:
        lines.append(
            f"no check has earned to reject by itself: {EARNED_PRECISION:.0%} of {EARNED_CASES} flags or more confirmed"
        )
    elif not acts:
        lines.append("they only suggest: FACELOOP_AUTO_REJECT is off")
    told = {
        "false_alarms": refit.false_alarms,
        "least_rejected": MIN_REJECTED,
        "least_approved": enough,
        "written": refit.written,
        "in_use": refit.current.id if refit.current else "shipped",
        "auto_reject": acts,
        "checks": [_json(fit, acts=acts) for fit in refit.fits],
    }
    return told, lines


def _row(fit: Fit) -> tuple[str, ...]:
    cases, old = fit.cases, fit.standing
    return (
        fit.check.name,
        f"{len(cases.rejected)}",
        f"{len(cases.approved)}",
        f"{cases.others}",
        "" if fit.auc is None else f"{fit.auc:.3f}",
        f"{old.threshold:.4g}",
        _share(old.precision),
        _share(old.recall),
        _share(old.false_alarms),
        f"{fit.fitted.threshold:.4g}" if fit.moved else "-",
        fit.why,
    )


def _share(share: Share) -> str:
    if share.value is None:
        return "-"
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f}-{high:.3f}) of {share.whole}"


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _json(fit: Fit, *, acts: bool) -> dict[str, Any]:
    return {
        "check": fit.check.name,
        "version": fit.check.version,
        "stage": fit.check.stage.value,
        "reason": fit.check.reason.value,
        "decided": len(fit.cases.rejected) + len(fit.cases.approved) + fit.cases.others,
        "rejected": len(fit.cases.rejected),
        "approved": len(fit.cases.approved),
        "others": fit.cases.others,
        "auc": fit.auc,
        "standing": _outcome(fit.standing),
        "fitted": _outcome(fit.fitted),
        "moved": fit.moved,
        "why": fit.why,
        "earned": fit.earned,
        "acts": fit.earned and acts,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    shares = {"precision": outcome.precision, "recall": outcome.recall, "false_alarms": outcome.false_alarms}
    return {"threshold": outcome.threshold} | {
        name: {"value": share.value, "interval": list(share.interval), "part": share.part, "of": share.whole}
        for name, share in shares.items()
    }


def _list(catalog: Catalog) -> tuple[dict[str, Any], list[str]]:
    current = catalog.calibrations.current()
    known = catalog.calibrations.list()
    lines = [f"{_mark(current is None)} shipped: the thresholds of the code"]
    for one in known:
        lines.append(
            f"{_mark(one == current)} {one.id}: {one.at:%Y-%m-%d %H:%M} UTC, by {one.by}, "
            f"to {one.false_alarms:.3g} false alarms"
        )
        lines += [f"      {row.check} {row.version}: below {row.threshold:.4g} ({row.n} cases)" for row in one.checks]
    told = [asdict(one) | {"at": one.at.isoformat()} for one in known]
    return {"in_use": current.id if current else "shipped", "calibrations": told}, lines


def _use(catalog: Catalog, number: int | None, *, by: str) -> tuple[dict[str, Any], list[str]]:
    used = catalog.calibrations.use(number, by=by)
    return {"in_use": used.id if used else "shipped"}, [f"in use: {_name(used)}"]


def _mark(in_use: bool) -> str:
    return "*" if in_use else " "


def _name(calibration: Calibration | None) -> str:
    number = Thresholds.of(calibration).number
    return "the thresholds of the code" if number is None else f"calibration {number}"


def _number(text: str) -> int:
    """A calibration's number; 0 for the thresholds of the code."""
    if text == "shipped":
        return 0
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError('must be 1 or more, or "shipped"')
    return number
