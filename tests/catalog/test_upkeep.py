"""Upkeep: lost claims return, orphan blobs go, old bytes go, an erased photo does not come back, copies are whole."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from catalog import steps
from catalog.__main__ import main
from catalog.backups import back_up, backups
from catalog.blobs import FolderBlobs
from catalog.catalog import Catalog
from catalog.census import census
from catalog.errors import BadInput, BlobMissing, CatalogError, Conflict, NotFound
from catalog.records import BatchState, Face, Flag, NewFace, NewPhoto, Photo, Reason, Score, Stage, Verdict
from catalog.settings import settings
from catalog.tables import batches, faces
from rows import Rows, subject_of


@pytest.fixture
def blobs(tmp_path: Path) -> FolderBlobs:
    """An empty store."""
    return FolderBlobs(tmp_path / "blobs")


@pytest.fixture
def stored(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> tuple[Photo, Face]:
    """An approved face of a photo, both with their bytes."""
    photo = rows.photo(new=with_bytes(blobs, rows, b"photo"))
    assert catalog.batches.open(key="monday") is not None
    rows.approve(photo, Stage.RAW)
    crop, large = blobs.put("faces", b"crop"), blobs.put("faces", b"large crop")
    new = rows.new_face()
    named = NewFace(**{**{f: getattr(new, f) for f in NewFace.__slots__}, "sha256": crop, "sha256_512": large})
    catalog.faces.store(photo.id, [named])
    (face,) = catalog.faces.of_photo(photo.id)
    rows.approve(face, Stage.CROP)
    rows.approve(face, Stage.FINAL)
    return photo, face


def with_bytes(blobs: FolderBlobs, rows: Rows, data: bytes) -> NewPhoto:
    new = rows.new_photo()
    return NewPhoto(blobs.put("photos", data), new.media_type, len(data), new.width, new.height, new.phash)


def age(blobs: FolderBlobs, tmp_path: Path, *, hours: float) -> None:
    """Make every blob so old."""
    moment = time.time() - hours * 3600
    for path in (tmp_path / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (moment, moment))


def close_long_ago(catalog: Catalog, batch_id: int, *, days: float) -> None:
    catalog.batches.close(batch_id, state=BatchState.DONE)
    with catalog.writing() as connection:
        connection.execute(update(batches).values(closed_at=datetime.now(UTC) - timedelta(days=days)))


def test_release_gives_back_what_dead_workers_held(catalog: Catalog, rows: Rows) -> None:
    rows.candidate()
    catalog.queries.claim(source="google", lease_seconds=-1)
    catalog.candidates.claim(count=1, lease_seconds=-1)
    assert steps.release(catalog=catalog) == 2
    assert steps.release(catalog=catalog) == 0


def test_a_sweep_takes_old_orphans_and_leaves_the_rest(
    catalog: Catalog, blobs: FolderBlobs, stored: tuple[Photo, Face], tmp_path: Path
) -> None:
    orphan, lost_crop = blobs.put("photos", b"orphan"), blobs.put("faces", b"lost crop")
    weights = blobs.put("checkpoints", b"no row is asked about these")
    age(blobs, tmp_path, hours=25)
    fresh = blobs.put("photos", b"just stored, its row is on the way")
    assert steps.sweep(catalog=catalog, blobs=blobs) == 2
    assert blobs.has("photos", orphan)
    assert steps.sweep(delete=True, catalog=catalog, blobs=blobs) == 2
    assert not blobs.has("photos", orphan)
    assert not blobs.has("faces", lost_crop)
    assert blobs.has("checkpoints", weights)
    photo, face = stored
    assert set(blobs.names("photos")) == {photo.sha256, fresh}
    assert set(blobs.names("faces")) == {face.face.sha256, face.face.sha256_512}
    assert steps.sweep(delete=True, catalog=catalog, blobs=blobs) == 0


def test_an_orphan_that_is_stored_again_during_the_sweep_stays(catalog: Catalog, tmp_path: Path) -> None:
    class StoredAgainMeanwhile(FolderBlobs):
        def stored_before(self, kind: str, moment: datetime) -> Iterator[str]:
            names = list(super().stored_before(kind, moment))
            if kind == "photos":
                self.put("photos", b"orphan")
            return iter(names)

    blobs = StoredAgainMeanwhile(tmp_path / "blobs")
    orphan = blobs.put("photos", b"orphan")
    age(blobs, tmp_path, hours=25)
    assert steps.sweep(delete=True, catalog=catalog, blobs=blobs) == 0
    assert blobs.has("photos", orphan)


def test_an_erased_photo_leaves_no_bytes_and_takes_part_in_nothing(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs, stored: tuple[Photo, Face]
) -> None:
    photo, face = stored
    catalog.snapshots.add("ab" * 32, manifest="cd" * 32, faces=catalog.faces.approved())
    done = steps.erase(photo_id=photo.id, by="rita", why="they asked", catalog=catalog, blobs=blobs)
    assert (done.photo_id, done.blobs, done.snapshots) == (photo.id, 3, ("ab" * 32,))
    assert list(blobs.names("photos")) == list(blobs.names("faces")) == []
    with pytest.raises(BlobMissing):
        blobs.get("photos", photo.sha256)
    assert catalog.faces.approved() == []
    assert photo.batch_id is None
    batch = catalog.batches.with_key("monday")
    assert [catalog.batches.progress(batch.id, stage).subjects for stage in Stage] == [0, 0, 0]
    assert catalog.faces.of_batch(batch.id) == []
    for subject, stage in ((photo, Stage.RAW), (face, Stage.FINAL)):
        with pytest.raises(Conflict, match="erased"):
            catalog.decisions.decide(subject_of(subject), stage=stage, verdict=Verdict.UNDO, by="rita")
        with pytest.raises(NotFound):
            catalog.batches.item(subject_of(subject), stage)
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.step, refusal.reason, refusal.detail) == ("erase", "erased", "rita: they asked")


def test_nothing_that_described_the_person_stays(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs, stored: tuple[Photo, Face]
) -> None:
    photo, face = stored
    catalog.scores.add([Score(subject_of(face), "blur", "1", 0.5), Score(subject_of(photo), "size", "1", 1.0)])
    catalog.scores.flag([Flag(subject_of(photo), Stage.RAW, Reason.OTHER, by="size")])
    steps.erase(photo_id=photo.id, by="rita", catalog=catalog, blobs=blobs)
    blank = catalog.faces.get(face.id).face
    assert (blank.landmarks, blank.crop_landmarks, blank.quad, blank.box) == ((), (), (), (0, 0, 0, 0))
    with catalog.reading() as connection:
        assert connection.scalars(select(faces.c.points).where(faces.c.id == face.id)).all() == [""]
    assert catalog.scores.of_many([subject_of(face), subject_of(photo)]) == {}
    assert catalog.scores.flags([subject_of(photo)], stage=Stage.RAW) == {}
    where = catalog.photos.provenance(photo.id)
    assert (where.title, where.author, where.page_url, where.image_url) == ("", "", "erased", "erased")
    assert len(catalog.decisions.history(subject_of(face))) == 2


def test_an_erased_photo_cannot_come_back(
    catalog: Catalog, rows: Rows, blobs: FolderBlobs, stored: tuple[Photo, Face]
) -> None:
    photo, _ = stored
    foreign_id = catalog.photos.provenance(photo.id).foreign_id
    steps.erase(sha256=photo.sha256, by="rita", catalog=catalog, blobs=blobs)
    same = NewPhoto(photo.sha256, "image/jpeg", 5, 640, 480, photo.phash)
    resized = NewPhoto("e" * 64, "image/jpeg", 5, 320, 240, photo.phash ^ 0b111)
    for new in (same, resized):
        assert catalog.photos.store(new, candidate_id=rows.claimed().id, bits=8) is None
    known = catalog.candidates.counts()
    with pytest.raises(AssertionError):
        rows.candidate(foreign_id=foreign_id)
    assert catalog.candidates.counts() == known


def test_what_a_fetch_stored_of_an_erased_photo_is_swept(
    catalog: Catalog, blobs: FolderBlobs, stored: tuple[Photo, Face], tmp_path: Path
) -> None:
    photo, _ = stored
    steps.erase(photo_id=photo.id, by="rita", catalog=catalog, blobs=blobs)
    blobs.put("photos", b"photo")
    age(blobs, tmp_path, hours=25)
    assert steps.sweep(delete=True, catalog=catalog, blobs=blobs) == 1
    assert list(blobs.names("photos")) == []


def test_an_erasure_that_was_interrupted_is_ended_by_the_next_sweep(
    catalog: Catalog, blobs: FolderBlobs, stored: tuple[Photo, Face]
) -> None:
    photo, _ = stored
    catalog.erasures.add(photo.id, by="rita")
    assert catalog.erasures.pending() == [photo.id]
    assert blobs.has("photos", photo.sha256)
    steps.sweep(delete=True, catalog=catalog, blobs=blobs)
    assert catalog.erasures.pending() == []
    assert list(blobs.names("photos")) == list(blobs.names("faces")) == []


def test_erasing_twice_is_erasing_once(catalog: Catalog, blobs: FolderBlobs, stored: tuple[Photo, Face]) -> None:
    photo, _ = stored
    for _ in range(2):
        steps.erase(photo_id=photo.id, by="rita", catalog=catalog, blobs=blobs)
    assert len(catalog.candidates.refusals()) == 1


def test_an_erasure_names_one_photo_and_who_asks(catalog: Catalog, rows: Rows, blobs: FolderBlobs) -> None:
    photo = rows.photo()
    with pytest.raises(BadInput):
        steps.erase(by="rita", catalog=catalog, blobs=blobs)
    with pytest.raises(BadInput):
        steps.erase(photo_id=photo.id, by=" ", catalog=catalog, blobs=blobs)
    for nothing in ({"photo_id": 404}, {"sha256": "f" * 64}):
        with pytest.raises(NotFound):
            steps.erase(**nothing, by="rita", catalog=catalog, blobs=blobs)  # type: ignore[arg-type]
    assert catalog.erasures.pending() == []


def test_old_bytes_of_what_people_rejected_go_and_the_rows_stay(
    catalog: Catalog,
    rows: Rows,
    blobs: FolderBlobs,
    stored: tuple[Photo, Face],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    approved, _ = stored
    rejected = rows.photo(new=with_bytes(blobs, rows, b"rejected"))
    with catalog.writing() as connection:
        connection.exec_driver_sql(f"UPDATE photos SET batch_id = 1 WHERE id = {rejected.id}")
    rows.reject(rejected, Stage.RAW)
    close_long_ago(catalog, 1, days=31)
    assert steps.retention(catalog=catalog, blobs=blobs) == 0
    monkeypatch.setenv("FACELOOP_RETENTION_DAYS", "30")
    settings.cache_clear()
    assert steps.retention(catalog=catalog, blobs=blobs) == 1
    assert steps.retention(catalog=catalog, blobs=blobs) == 0
    assert set(blobs.names("photos")) == {approved.sha256}
    assert catalog.photos.get(rejected.id).sha256 == rejected.sha256
    assert len(catalog.faces.approved()) == 1


def test_a_backup_holds_everything_and_only_the_newest_are_kept(catalog: Catalog, rows: Rows, tmp_path: Path) -> None:
    if catalog.dialect == "postgresql":
        if not any((Path(folder) / "pg_dump").exists() for folder in os.environ["PATH"].split(":")):
            with pytest.raises(CatalogError, match="postgresql-client"):
                steps.backup(catalog=Catalog(catalog.url.replace("faceloop@", "faceloop:x@"), migrate=False))
            return
        made = Path(steps.backup(catalog=catalog))
        assert made.read_bytes()[:5] == b"PGDMP"
        return
    query = rows.query("red lips")
    for _ in range(3):
        made = back_up(catalog.url, tmp_path / "backups", keep=2)
    assert backups(tmp_path / "backups")[-1] == made
    assert len(list((tmp_path / "backups").iterdir())) == 2
    with closing(sqlite3.connect(made)) as copy:
        assert copy.execute("SELECT text FROM queries").fetchall() == [("red lips",)]
    restored = Catalog(f"sqlite:///{made}")
    assert restored.queries.get(query.id) == query
    restored.close()


def test_a_backup_that_fails_removes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for day in range(3):
        (folder / f"catalog-2026010{day}T000000.000000Z.db").touch()
    with pytest.raises(CatalogError):
        back_up(f"sqlite:///{tmp_path}/not there.db", folder, keep=1)
    assert len(list(folder.iterdir())) == 3


def test_what_a_killed_backup_left_goes_with_the_next_and_a_running_one_stays(tmp_path: Path) -> None:
    url, folder = f"sqlite:///{tmp_path / 'catalog.db'}", tmp_path / "backups"
    Catalog(url).close()
    folder.mkdir()
    left, running = folder / ".catalog-20260101T000000.000000Z.db.part", folder / ".catalog-now.db.part"
    for path in (left, running):
        path.touch()
    os.utime(left, (0, 0))
    made = back_up(url, folder, keep=1)
    assert set(folder.iterdir()) == {made, running}


def test_the_census_counts_every_word(catalog: Catalog, rows: Rows) -> None:
    rows.approved_face()
    rows.query()
    counted = census(catalog)
    assert counted["queries"] == {"planned": 2}
    assert (counted["photos"], counted["faces"]) == ({"google": 1}, {"all": 1})
    assert counted["decisions final"] == {"approve": 1}
    assert counted["approved faces"] == {"bare": 1}
    assert counted["runs"] == {}


def test_every_verb_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("migrate", "release", "sweep", "retention", "backup", "status"):
        assert main([verb, "--json"]) == 0, verb
        said = capsys.readouterr().out.splitlines()
        assert json.loads(said[-1])["ok"] is True
        assert len(said) > 1


def test_a_command_that_fails_says_so_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["erase", "--photo", "404", "--json"]) == 1
    said = capsys.readouterr()
    assert said.err == "error: no photo 404\n"
    assert json.loads(said.out) == {"ok": False, "error": "no photo 404"}


def test_a_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACELOOP_LEASE_SECONDS", "0")
    settings.cache_clear()
    assert main(["status"]) == 1
    assert "FACELOOP_LEASE_SECONDS" in capsys.readouterr().err


def test_a_user_without_a_name_says_who_asks_and_needs_none_for_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody(number: int) -> None:
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert main(["release"]) == 0
    assert main(["erase", "--photo", "1"]) == 1
    assert capsys.readouterr().err == "error: this user has no name: say --by\n"
