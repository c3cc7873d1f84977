"""The page of an evaluation, and the numbers of its pairs beside it: named, kept and erased together.

The catalog names them first and they are written then; whoever wrote one asks whether it is still named. An erasure
takes the names away first and removes then what they named, and names no page with pictures any more. So whatever is
killed between any two of these steps, a page that shows an erased face is named by nobody, and the next sweep removes
it (catalog/steps.py).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings
from catalog.errors import BlobMissing, Conflict
from catalog.records import Evaluation, Run
from training.errors import Unknown
from training.files import write_atomically
from training.store import run_name

if TYPE_CHECKING:
    from training.release.promotion import Compared


@dataclass(frozen=True, slots=True)
class Measured:
    """What is kept of one measurement. `pairs` are its numbers pair by pair, in writing (paired.py)."""

    step: int
    version: str
    metrics: dict[str, float]
    snapshot_id: str
    classifier: str
    pairs: bytes


def keep(
    measured: Measured,
    run: Run,
    *,
    render: Callable[[bool], bytes],
    catalog: Catalog,
    blobs: Blobs,
    settings: Settings,
) -> Evaluation:
    """Record an evaluation, with its page and its pairs in place of those of the measurement before, if there was one.

    `render` makes the page, with pictures or without: they are left out when somebody whose face they may show was
    erased, be it while this is at work.
    """
    same = (measured.step, measured.version)
    before = [one for one in catalog.evaluations.of_run(run.id) if (one.step, one.version) == same]
    pictures = True
    while True:
        page = render(pictures)
        try:
            found = catalog.models.add_evaluation(
                run.id,
                step=measured.step,
                metrics=measured.metrics,
                version=measured.version,
                snapshot_id=measured.snapshot_id,
                classifier=measured.classifier,
                report=sha256(page).hexdigest(),
                pairs=sha256(measured.pairs).hexdigest(),
                pictures=pictures,
            )
        except Conflict:
            pictures = False
            continue
        blobs.put("reports", page)
        blobs.put("reports", measured.pairs)
        _write(run, found, page, settings=settings)
        named = catalog.models.evaluation(found.id)
        _drop([*before, found], run, catalog=catalog, blobs=blobs, settings=settings)
        if named.report:
            return found  # or somebody who measured the same meanwhile was later: then theirs is named


def page_of(found: Evaluation, *, blobs: Blobs) -> bytes:
    """The page of an evaluation as it is to be shown, beside the champion once it was judged.

    Raises Unknown when there is none: it was made before there were pages, or a face that it showed was erased.
    """
    if not found.report:
        raise Unknown(f"evaluation {found.id} has no page; evaluate again")
    try:
        page = blobs.get("reports", found.report)
    except BlobMissing:
        raise Unknown(f"the page of evaluation {found.id} is not in the blob store; evaluate again") from None
    from training.release.beside import put_in

    return put_in(page, found.beside)


def bring(evaluation_id: int, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> Path:
    """The page of an evaluation beside its run, as it is to be shown now. Raises Unknown."""
    found = catalog.models.evaluation(evaluation_id)
    run = catalog.models.run(found.run_id)
    path = _write(run, found, page_of(found, blobs=blobs), settings=settings)
    if catalog.models.evaluation(evaluation_id).report != found.report:
        path.unlink(missing_ok=True)
        raise Unknown(f"a face that the page of evaluation {evaluation_id} showed was erased; evaluate again")
    return path


def put_beside(
    found: Evaluation,
    compared: Sequence[Compared],
    *,
    champion: str,
    catalog: Catalog,
    blobs: Blobs,
    settings: Settings,
) -> None:
    """Show from now on how an evaluation stands beside a champion, on its page if it has one."""
    from training.release.beside import told

    catalog.evaluations.put_beside(found.id, told(compared, champion=champion))
    with suppress(Unknown):
        bring(found.id, catalog=catalog, blobs=blobs, settings=settings)


def _drop(evaluations: Collection[Evaluation], run: Run, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> None:
    """Remove what these evaluations named, unless an evaluation names it now."""
    named = catalog.evaluations.reports()
    for one in evaluations:
        for name in {one.report, one.pairs} - named - {""}:
            blobs.delete("reports", name)
        if one.report and one.report not in named:
            _path(run, one, settings=settings).unlink(missing_ok=True)


def _write(run: Run, found: Evaluation, page: bytes, *, settings: Settings) -> Path:
    path = _path(run, found, settings=settings)
    write_atomically(path, lambda file: file.write(page))
    return path


def _path(run: Run, found: Evaluation, *, settings: Settings) -> Path:
    """Erasures and sweeps find it by the name of its blob (catalog/steps.py)."""
    folder = settings.home / "runs" / run_name(run.snapshot_id, preset=run.preset, seed=run.seed) / "reports"
    return folder / f"{found.step:06d}-{found.report[:12]}.html"
