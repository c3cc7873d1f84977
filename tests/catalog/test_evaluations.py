"""Evaluations keep what judged them and their page; the page goes with any face that it may show."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import steps
from catalog.blobs import FolderBlobs
from catalog.catalog import Catalog
from catalog.errors import Conflict
from catalog.records import Evaluation, Face, NewFace, Photo, Stage
from catalog.settings import settings
from rows import Rows, sha256_of


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    """An empty store."""
    return FolderBlobs(tmp_path / "blobs")


def approved(catalog: Catalog, rows: Rows, name: str) -> tuple[Photo, Face]:
    """A face that people approved at every stage, and its photo."""
    photo = rows.photo()
    catalog.batches.open(key=name)
    rows.approve(photo, Stage.RAW)
    new = rows.new_face()
    fields = {field: getattr(new, field) for field in NewFace.__slots__}
    catalog.faces.store(photo.id, [NewFace(**{**fields, "sha256": sha256_of(name)})])
    (face,) = catalog.faces.of_photo(photo.id)
    rows.approve(face, Stage.CROP)
    rows.approve(face, Stage.FINAL)
    return photo, face


def evaluated(
    catalog: Catalog,
    snapshot: str,
    *,
    step: int = 1,
    report: str = "",
    pairs: str = "",
    on: str = "",
    pictures: bool = True,
) -> Evaluation:
    run = catalog.models.open_run(snapshot, preset="tiny-64", seed=1, total_steps=9)
    return catalog.models.add_evaluation(
        run.id,
        step=step,
        metrics={"m": 1.0},
        version="code-faces-judge",
        snapshot_id=on or snapshot,
        classifier=sha256_of("judge"),
        report=report,
        pairs=pairs,
        pictures=pictures,
    )


def test_a_runs_evaluations_follow_each_other(catalog: Catalog) -> None:
    catalog.snapshots.add(sha256_of("s"), manifest=sha256_of("s"), faces=[])
    late, early = (evaluated(catalog, sha256_of("s"), step=step) for step in (20, 10))
    assert catalog.evaluations.of_run(late.run_id) == [early, late]
    assert catalog.evaluations.of_run(404) == []


def test_what_judged_is_found_by_the_beginning_of_its_version(catalog: Catalog) -> None:
    catalog.snapshots.add(sha256_of("s"), manifest=sha256_of("s"), faces=[])
    evaluated(catalog, sha256_of("s"))
    assert catalog.evaluations.classifier("code-faces") == sha256_of("judge")
    assert catalog.evaluations.classifier("code-other") == ""
    assert catalog.evaluations.classifier("%") == ""


@pytest.mark.parametrize("measured", ["in its run's snapshot", "on another"])
def test_erasing_a_photo_removes_every_page_that_may_show_its_face(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs, measured: str
) -> None:
    photo, face = approved(catalog, rows, "one")
    with_face, without = sha256_of("with"), sha256_of("without")
    catalog.snapshots.add(with_face, manifest=with_face, faces=catalog.faces.trainable())
    catalog.snapshots.add(without, manifest=without, faces=[])
    page, other = blobs.put("reports", b"a page"), blobs.put("reports", b"a page of others")
    pairs = blobs.put("reports", b"its pairs")
    copy = settings().home / "runs" / "a-run" / "reports" / f"000001-{page[:12]}.html"
    copy.parent.mkdir(parents=True)
    copy.write_bytes(b"a page")
    shown = evaluated(catalog, with_face if "its" in measured else without, report=page, pairs=pairs, on=with_face)
    kept = evaluated(catalog, without, step=2, report=other)

    steps.erase(photo_id=photo.id, by="rita", catalog=catalog, blobs=blobs)
    assert set(blobs.names("reports")) == {other}
    assert not copy.exists()
    assert catalog.models.evaluation(shown.id).report == catalog.models.evaluation(shown.id).pairs == ""
    assert catalog.models.evaluation(shown.id).metrics == {"m": 1.0}
    assert catalog.models.evaluation(kept.id).report == other
    assert face.photo_id == photo.id


def test_a_page_with_pictures_is_not_named_once_a_face_was_erased(catalog: Catalog, rows: Rows) -> None:
    photo, _ = approved(catalog, rows, "one")
    snapshot, without = sha256_of("with"), sha256_of("without")
    catalog.snapshots.add(snapshot, manifest=snapshot, faces=catalog.faces.trainable())
    catalog.snapshots.add(without, manifest=without, faces=[])
    assert evaluated(catalog, snapshot, report=sha256_of("before")).report == sha256_of("before")
    steps.erase(photo_id=photo.id, by="rita", catalog=catalog)
    with pytest.raises(Conflict, match="was erased"):
        evaluated(catalog, snapshot, step=2, report=sha256_of("page"))
    assert [each.report for each in catalog.evaluations.of_run(1)] == [""]
    assert evaluated(catalog, without, report=sha256_of("others")).report == sha256_of("others")
    assert evaluated(catalog, snapshot, report=sha256_of("page"), pictures=False).report == sha256_of("page")


def test_a_page_that_no_evaluation_names_is_swept_however_young_with_its_copies(
    catalog: Catalog, blobs: FolderBlobs
) -> None:
    catalog.snapshots.add(sha256_of("s"), manifest=sha256_of("s"), faces=[])
    page, pairs, gone = (blobs.put("reports", data) for data in (b"named", b"its pairs", b"replaced since"))
    evaluated(catalog, sha256_of("s"), report=page, pairs=pairs)
    folder = settings().home / "runs" / "a-run" / "reports"
    folder.mkdir(parents=True)
    kept, left = (folder / f"000001-{name[:12]}.html" for name in (page, gone))
    half = folder / f".{kept.name}.x1y2z3"  # what somebody is writing, or died over
    for path in (kept, left, half):
        path.write_bytes(b"<img>")

    found = steps.look_over(delete=False, catalog=catalog, blobs=blobs)
    assert (found.reports, found.copies) == (1, 1)
    assert left.exists()
    steps.look_over(delete=True, catalog=catalog, blobs=blobs)
    assert set(blobs.names("reports")) == {page, pairs}
    assert set(folder.iterdir()) == {kept, half}
    assert steps.look_over(delete=True, grace_hours=0, catalog=catalog, blobs=blobs).unfinished == 1
    assert set(folder.iterdir()) == {kept}


def test_a_page_that_is_named_again_while_a_sweep_is_at_other_blobs_stays(catalog: Catalog, tmp_path: Path) -> None:
    """Measured anew it may be the same to the byte; then it is stored already, and nobody writes it again."""
    catalog.snapshots.add(sha256_of("s"), manifest=sha256_of("s"), faces=[])

    class Measuring(FolderBlobs):
        def delete(self, kind: str, name: str) -> None:
            if kind == "faces":
                evaluated(catalog, sha256_of("s"), report=page)
                self.put("reports", b"as before")
            super().delete(kind, name)

    blobs = Measuring(tmp_path / "store")
    page, crop = blobs.put("reports", b"as before"), blobs.put("faces", b"an orphan")
    steps.look_over(delete=True, grace_hours=0, catalog=catalog, blobs=blobs)
    assert not blobs.has("faces", crop)
    assert blobs.has("reports", page)
