"""A challenger beside the champion, pair by pair: how far what they differ by may be chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog import Blobs
from catalog.errors import BlobMissing
from catalog.records import Evaluation

if TYPE_CHECKING:
    from training.evaluation.paired import Interval


def intervals_between(challenger: Evaluation, champion: Evaluation, *, blobs: Blobs) -> dict[str, Interval]:
    """How far each difference of two evaluations may be chance, by metric; empty when the pairs of one are not known:
    they go with its page, and evaluations made before they were kept have none."""
    from training.evaluation.paired import intervals, kept_in

    if not challenger.pairs or not champion.pairs:
        return {}
    try:
        mine, theirs = (kept_in(blobs.get("reports", one.pairs)) for one in (challenger, champion))
    except BlobMissing:
        return {}
    return intervals(mine, theirs)
