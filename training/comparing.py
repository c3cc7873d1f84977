"""A challenger beside the champion, pair by pair: what their evaluations' pages hold of it, and what one page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings
from catalog.records import Evaluation
from training.measuring import page_path, write_page
from training.release.promotion import Compared

if TYPE_CHECKING:
    from training.evaluation.paired import Interval


def intervals_between(challenger: Evaluation, champion: Evaluation, *, blobs: Blobs) -> dict[str, Interval]:
    """How far each difference of two evaluations may be chance, by metric; empty when a page is gone, or holds no
    pairs."""
    from training.evaluation.paired import intervals, kept_in

    pages = [one.report for one in (challenger, champion)]
    if not all(name and blobs.has("reports", name) for name in pages):
        return {}
    mine, theirs = (kept_in(blobs.get("reports", name)) for name in pages)
    return intervals(mine, theirs)


def put_beside(
    found: Evaluation,
    compared: Sequence[Compared],
    *,
    champion: str,
    catalog: Catalog,
    blobs: Blobs,
    settings: Settings,
) -> None:
    """Show on an evaluation's page how it stands beside the champion; nothing when the page is gone."""
    from training.release.beside import beside

    if not found.report or not blobs.has("reports", found.report):
        return
    shown = catalog.evaluations.may_be_shown(found.snapshot_id)
    page = beside(blobs.get("reports", found.report), compared, champion=champion)
    name = blobs.put("reports", page)
    if name == found.report:
        return
    run, gone = catalog.models.run(found.run_id), found.report
    if catalog.evaluations.replace_report(found.id, old=found.report, new=name):
        write_page(run, replace(found, report=name), page, settings=settings)
    else:  # erased, or measured again meanwhile
        gone = name
    dropped = [gone]
    # An erasure removes the pages that evaluations name: one that came before this was named has not found it.
    if shown and not catalog.evaluations.may_be_shown(found.snapshot_id):
        catalog.evaluations.forget_reports([name])
        dropped.append(name)
    for each in dropped:
        blobs.delete("reports", each)
        page_path(run, found.step, each, settings=settings).unlink(missing_ok=True)
