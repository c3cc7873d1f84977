"""The commands: python -m preprocessing VERB; the steps of the DAG, and align, duplicates, calibrate, evaluate."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.complaints import EXPECTED, one_line
from preprocessing import aligning, calibrating, steps
from preprocessing.best import NOTHING
from preprocessing.checks import CHECKS, checks_markdown
from preprocessing.errors import PreprocessingError, ValidationStopped
from preprocessing.report import BatchReport
from preprocessing.steps import Tally

if TYPE_CHECKING:
    from preprocessing.clusters import Clusters
    from preprocessing.evaluation import Evaluation


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with a one-line error when not."""
    given = _parser().parse_args(arguments)
    try:
        status = _run(given)
        sys.stdout.flush()  # not after us, where nobody could say anything of it
        return status
    except BrokenPipeError:  # whoever reads has had enough: `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (*EXPECTED, PreprocessingError) as error:
        line = one_line(error)
        print(f"error: {line}", file=sys.stderr)
        if given.json:
            print(json.dumps({"ok": False, "error": line, "stopped": isinstance(error, ValidationStopped)}))
        return 1


def _run(given: argparse.Namespace) -> int:
    match given.verb:
        case "open_batch":
            _tell_batch(steps.open_batch(given.key or f"by hand {datetime.now(UTC):%Y-%m-%d %H:%M:%S}"), given)
        case "close_batch":
            approved = steps.close_batch(given.batch)
            print(f"batch {given.batch} is done: {approved} faces approved in it")
            if given.json:
                print(json.dumps({"ok": True, "batch": given.batch, "approved": approved}))
        case "screen":
            _tell_tally(steps.screen(given.batch, limit=given.limit), "photo", "score", as_json=given.json)
        case "crop":
            _tell_tally(steps.crop(given.batch, limit=given.limit), "photo", "face", as_json=given.json)
        case "check":
            _tell_tally(steps.check(given.batch, limit=given.limit), "face", "score", as_json=given.json)
        case "validate":
            _tell_report(steps.validate(given.batch), as_json=given.json)
        case "align":
            aligning.run(given)
        case "calibrate":
            calibrating.run(given)
        case "duplicates":
            _tell_clusters(steps.duplicates(given.batch, bits=given.bits), as_json=given.json)
        case "checks":
            _tell_checks(markdown=given.markdown, as_json=given.json)
        case "evaluate":
            _tell_evaluation(steps.evaluate(given.manifest, faces=given.faces), as_json=given.json)
    return 0


def _tell_batch(batch: int | None, given: argparse.Namespace) -> None:
    if batch is None:
        print("no photo waits that is in no batch yet; nothing was opened")
    else:
        print(f"batch {batch} is open; next: screen --batch {batch}")
    if given.json:
        print(json.dumps({"ok": True, "batch": batch}))


def _tell_tally(tally: Tally, seen: str, made: str, *, as_json: bool) -> None:
    refused = sum(tally.refused.values())
    print(f"{_counted(tally.seen, seen)} seen, {_counted(tally.made, made)} made, {refused} refused")
    for reason, count in sorted(tally.refused.items()):
        print(f"  refused {count}: {reason}")
    if as_json:
        print(json.dumps({"ok": True, **asdict(tally)}))


def _tell_report(report: BatchReport, *, as_json: bool) -> None:
    held = f"{_counted(report.photos, 'photo')}, {_counted(report.faces, 'face')}"
    print(f"batch {report.batch_id}: {held}, nothing stops it")
    for expected in report.expectations:
        if expected.failing or not expected.success:
            outcome = "holds" if expected.success else "does not hold"
            rows = _counted(expected.rows, expected.on)
            print(f"  {outcome}, {len(expected.failing)} of {rows} fail: {expected.sentence}")
    print(f"  Data Docs: {report.docs}")
    if as_json:
        print(json.dumps({"ok": True, **report.to_json()}))


def _tell_clusters(found: Clusters, *, as_json: bool) -> None:
    print(
        f"{_counted(found.photos, 'photo')} within {_counted(found.bits, 'bit')}: {_counted(found.gathered, 'photo')}"
        f" in {_counted(len(found.clusters), 'cluster')}; {_counted(len(found.perhaps), 'pair')} that may be the same"
    )
    if found.unlooked:
        print(f"too many to be looked at: {_counted(found.unlooked, 'pair')} farther apart")
    print(f"refused when fetched: {_counted(found.refused_copies, 'copy', 'copies')}")
    for cluster in found.clusters:
        kept, *others = cluster.members
        print(f"photo {kept.photo_id} ({kept.source}) is the best of {len(cluster.members)}")
        for member in others:
            print(f"  photo {member.photo_id} ({member.source}): {_beaten(kept.photo_id, member.because)}")
        for pair in cluster.pairs:
            print(f"  {pair.one} and {pair.other}: {pair.tie}, {_counted(pair.bits, 'bit')}")
    for two in found.perhaps:
        kept, other = two.members
        print(f"photos {kept.photo_id} ({kept.source}) and {other.photo_id} ({other.source}) may be the same")
        print(f"  {_beaten(kept.photo_id, other.because)}; {two.pairs[0].tie}, {_counted(two.pairs[0].bits, 'bit')}")
    print("bits  clusters  photos  perhaps  new pairs  one of them")
    for radius in found.preview:
        example = "{} and {}".format(*radius.example) if radius.example else ""
        numbers = f"{radius.bits:>4}{radius.clusters:>10}{radius.photos:>8}{radius.perhaps:>9}{radius.new_pairs:>11}"
        print(f"{numbers}  {example}".rstrip())
    if as_json:
        print(json.dumps({"ok": True, **asdict(found)}))


def _counted(count: int, one: str, many: str = "") -> str:
    """How many, in words that fit the number: 1 pair, 2 pairs."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def _beaten(best: int, because: str) -> str:
    return because if because == NOTHING else f"{best} is better: {because}"


def _tell_checks(*, markdown: bool, as_json: bool) -> None:
    if markdown:
        print(checks_markdown(), end="")
        return
    for check in CHECKS.values():
        print(f"{check.name} ({check.on}, version {check.version}): below {check.threshold:g} suggests {check.reason}")
        print(f"  {check.question}")
    if as_json:
        table = [
            {
                "name": check.name,
                "on": check.on,
                "reason": check.reason,
                "threshold": check.threshold,
                "version": check.version,
                "question": check.question,
            }
            for check in CHECKS.values()
        ]
        print(json.dumps({"ok": True, "checks": table}))


def _tell_evaluation(evaluation: Evaluation, *, as_json: bool) -> None:
    """One JSON object with --json, else a table: nobody wants to search for the one in the other."""
    if as_json:
        print(json.dumps({"ok": True, **evaluation.to_json()}))
        return
    looked, faceless = _counted(evaluation.photos, "photo"), _counted(len(evaluation.faceless), "portrait")
    print(f"{looked} looked at, {faceless} in which no face was found")
    for file, why in sorted(evaluation.unreadable.items()):
        print(f"  cannot be read: {file}: {why}")
    for file in evaluation.faceless:
        print(f"  no face found: {file}")
    columns = ("auc", "tpr_at_1pct_fpr", "tpr", "fpr", "eer", "n_positive", "n_negative")
    print(" ".join([f"{'':24}", *(f"{column:>15}" for column in columns)]))
    for name, row in evaluation.rows.items():
        measured = asdict(row.rates)
        print(" ".join([f"{name:24}", *(f"{_number(measured[column]):>15}" for column in columns)]))
    print("\nA positive should be flagged. tpr and fpr: at the check's threshold as shipped.")
    for name, row in evaluation.rows.items():
        error = "" if row.largest_error is None else f" Largest error: {row.largest_error:.4f}."
        print(f"  {name} ({row.check} {row.version}, below {row.threshold:g}): {row.asks}{error}")
        if row.n_fitted:
            samples = row.rates.n_positive + row.rates.n_negative
            print(f"    No test: {row.n_fitted} of {samples} are from repositories that its weights were fitted on.")


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m preprocessing", description="Photo -> Face -> Score.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    command = verbs.add_parser("open_batch", help="take the photos that wait into a batch, for people to review")
    command.add_argument("--key", default="", help="the same key gives the same batch again (default: the time)")
    command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    batch_needed = {"screen": True, "crop": False, "check": False, "validate": True}
    helps = {
        "screen": "look at a batch's photos before people do",
        "crop": "cut the faces out of the photos that wait",
        "check": "score the faces that wait",
        "validate": "hold a batch against its expectations",
    }
    for verb, needed in batch_needed.items():
        command = verbs.add_parser(verb, help=helps[verb])
        unset = "" if needed else " (without it: all photos that are in no batch)"
        command.add_argument("--batch", type=int, required=needed, help=f"number of the batch{unset}")
        if verb != "validate":
            command.add_argument("--limit", type=_positive, help="stop after this many")
        command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    command = verbs.add_parser("close_batch", help="end a batch that people have decided")
    command.add_argument("--batch", type=int, required=True, help="number of the batch")
    command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    aligning.add_to(verbs)
    calibrating.add_to(verbs)
    command = verbs.add_parser("duplicates", help="gather photos that show the same, and preview other radii")
    command.add_argument("--batch", type=int, help="number of the batch (without it: all photos)")
    command.add_argument("--bits", type=int, choices=range(17), metavar="0-16", help="how many bits may differ")
    command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    command = verbs.add_parser("checks", help="list the checks")
    command.add_argument("--markdown", action="store_true", help="as the page docs/checks.md")
    command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    command = verbs.add_parser("evaluate", help="measure the checks on labelled photos")
    command.add_argument("--faces", type=Path, required=True, help="folder that the manifest's files lie below")
    command.add_argument("--manifest", type=Path, required=True, help="CSV that says what each photo shows")
    command.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
