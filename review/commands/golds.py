"""``python -m review golds``: subjects whose answer is known, by which it is seen how well people judge."""

from __future__ import annotations

import argparse
from itertools import islice
from typing import Any

from catalog import Catalog
from catalog.errors import BadInput
from catalog.golds import Gold
from catalog.records import STAGE_SUBJECT, Reason, Stage, Subject, Verdict
from catalog.who import who
from review.commands.telling import Told, Verbs, add_verb


def add_to(verbs: Verbs) -> None:
    """Add the verb."""
    line = "list the subjects whose answer is known, add some, or withdraw one; reviewers meet them now and then"
    golds = add_verb(verbs, "golds", line, _golds)
    golds.add_argument("--stage", choices=[stage.value for stage in Stage], help="of this stage")
    what = golds.add_mutually_exclusive_group()
    what.add_argument("--approve", type=int, metavar="ID", help="this photo (raw stage) or face is one to approve")
    what.add_argument("--reject", type=int, metavar="ID", help="this one is to be rejected, for --reason")
    what.add_argument("--withdraw", type=int, metavar="ID", help="its answer is known no more")
    what.add_argument(
        "--agreed",
        type=int,
        metavar="COUNT",
        help="take so many on which two people agreed, reason included, each for themselves",
    )
    golds.add_argument("--reason", choices=[reason.value for reason in Reason], help="with --reject: why")
    golds.add_argument("--by", default="", metavar="NAME", help="who says so; this shell's user by default")


def _golds(given: argparse.Namespace) -> Told:
    catalog = Catalog()
    stage = Stage(given.stage) if given.stage else None
    if given.agreed is not None:
        _take_agreed(catalog, given.agreed, stage=stage, by=given.by or who())
    elif given.approve or given.reject or given.withdraw:
        _change(catalog, given, by=given.by or who())
    elif given.reason:
        raise BadInput("--reason goes with --reject")
    known = catalog.golds.list(stage)
    return True, {"golds": [_told(gold) for gold in known]}, [_line(gold) for gold in known] or ["no known answers"]


def _change(catalog: Catalog, given: argparse.Namespace, *, by: str) -> None:
    if given.stage is None:
        raise BadInput("say at which --stage")
    stage = Stage(given.stage)
    subject = Subject(STAGE_SUBJECT[stage], given.approve or given.reject or given.withdraw)
    if given.withdraw:
        catalog.golds.withdraw(subject, stage=stage, by=by)
        return
    verdict = Verdict.APPROVE if given.approve else Verdict.REJECT
    catalog.golds.add(
        subject, stage=stage, verdict=verdict, reason=Reason(given.reason) if given.reason else None, by=by
    )


def _take_agreed(catalog: Catalog, count: int, *, stage: Stage | None, by: str) -> None:
    known = {(gold.subject, gold.stage) for gold in catalog.golds.list()}
    agreed = (
        looks.first
        for looks in catalog.second_looks.twice()
        if (looks.first.verdict, looks.first.reason) == (looks.second.verdict, looks.second.reason)
        and stage in (None, looks.stage)
        and (looks.first.subject, looks.stage) not in known
    )
    for said in list(islice(agreed, max(0, count))):
        catalog.golds.add(said.subject, stage=said.stage, verdict=said.verdict, reason=said.reason, by=by)


def _line(gold: Gold) -> str:
    why = f" ({gold.reason})" if gold.reason else ""
    what = f"{gold.stage} {gold.subject.kind} {gold.subject.id}"
    return f"{gold.at:%Y-%m-%d %H:%M:%S}  {gold.by:<20}  {what}: {gold.verdict}{why}"


def _told(gold: Gold) -> dict[str, Any]:
    return {
        "subject": gold.subject.id,
        "kind": gold.subject.kind,
        "stage": gold.stage,
        "verdict": gold.verdict,
        "reason": gold.reason,
        "by": gold.by,
        "at": gold.at.isoformat(),
    }
