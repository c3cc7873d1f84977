"""``python -m review agreement``: how far the people who decide agree."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from catalog import Catalog
from catalog.records import Share
from review.agreement import agreement
from review.commands.telling import Told, Verbs, add_verb


def add_to(verbs: Verbs) -> None:
    """Add the verb."""
    line = "say how far people agree: per stage, reason, pair and person, and on subjects whose answer is known"
    verb = add_verb(verbs, "agreement", line, _agreement)
    verb.add_argument("--batch", type=int, metavar="ID", help="of this batch alone")


def _agreement(given: argparse.Namespace) -> Told:
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
