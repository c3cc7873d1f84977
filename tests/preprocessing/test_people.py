"""At most so many faces of one person in a batch, when that is asked for, and nothing of how that was told remains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.transform import rotate

from catalog import Blobs, Catalog
from catalog.records import Flag, Reason, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings
from preprocessing import crowds, people, steps
from preprocessing.decode import Pixels, decode, encode_jpeg
from preprocessing.errors import ModelMissing
from preprocessing.geometry import Landmarks


@pytest.fixture
def batch(catalog: Catalog, blobs: Blobs, add, finder, astronaut: Pixels) -> int:
    """Four photos of one person, each a little other than the rest, cropped and checked."""
    head = np.ascontiguousarray(astronaut[:300, 90:390])  # one face and nothing that looks like one
    turned = [(rotate(head, angle, mode="edge") * 255).astype(np.uint8) for angle in (-8, -3, 4, 9)]
    for pixels in turned:
        add(encode_jpeg(pixels))
    opened = catalog.batches.open(key="today").id
    for photo in catalog.photos.of_batch(opened):
        subject = Subject(SubjectKind.PHOTO, photo.id)
        catalog.decisions.decide(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="ada")
    steps.crop(opened, catalog=catalog, blobs=blobs, finder=finder)
    steps.check(opened, catalog=catalog, blobs=blobs)
    return opened


def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **values: object) -> None:
    monkeypatch.setenv("FACELOOP_HOME", str(tmp_path / "home"))
    for name, value in values.items():
        monkeypatch.setenv(f"FACELOOP_{name.upper()}", str(value))
    settings.cache_clear()


def flagged(catalog: Catalog, batch: int) -> list[Flag]:
    subjects = [Subject(SubjectKind.FACE, face.id) for face in catalog.faces.of_batch(batch)]
    of_each = catalog.scores.flags(subjects, stage=Stage.CROP)
    return [flag for flags in of_each.values() for flag in flags if flag.by == "faces_per_person"]


def test_it_is_off_unless_configured(catalog, blobs, batch: int, monkeypatch, tmp_path: Path) -> None:
    configure(monkeypatch, tmp_path)
    steps.validate(batch, catalog=catalog, blobs=blobs)
    assert flagged(catalog, batch) == []


def test_those_beyond_are_flagged_and_nothing_says_who_it_is_or_is_left(
    catalog, blobs, batch: int, monkeypatch, tmp_path: Path, caplog, capfd
) -> None:
    configure(monkeypatch, tmp_path, faces_per_person=2)
    steps.validate(batch, catalog=catalog, blobs=blobs)
    found = flagged(catalog, batch)
    assert len(found) == 4 - 2
    kept = sorted({face.id for face in catalog.faces.of_batch(batch)} - {flag.subject.id for flag in found})
    assert {flag.reason for flag in found} == {Reason.OTHER}
    assert [sorted(crowds.kept_beside(flag.detail)) for flag in found] == [kept, kept]

    describe = people.describer(people.recognition_model())
    written = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    written += [caplog.text.encode(), *(text.encode() for text in capfd.readouterr())]
    assert len(written) > 10
    for face in catalog.faces.of_batch(batch):
        crop = decode(blobs.get("faces", face.face.sha256))
        for number in describe(crop, Landmarks(face.face.crop_landmarks))[:40]:
            traces = (np.float64(number).tobytes(), f"{number:.6f}".encode())
            assert not any(trace in text for trace in traces for text in written)


def test_a_model_that_is_missing_is_told_before_anything_is_judged(
    catalog, blobs, batch: int, monkeypatch, tmp_path: Path
) -> None:
    configure(monkeypatch, tmp_path, faces_per_person=2, recognition_model=tmp_path / "none.dat")
    with pytest.raises(ModelMissing, match="FACELOOP_FACES_PER_PERSON needs a recognition model"):
        steps.validate(batch, catalog=catalog, blobs=blobs)
    assert catalog.batches.validation(batch) is None


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 5))
def test_of_each_person_the_first_so_many_are_kept(who: list[int], most: int) -> None:
    middles = np.eye(5, 128)  # people as far apart as sqrt(2)
    shaken = [middles[person] + np.random.default_rng(n).normal(0, 0.01, 128) for n, person in enumerate(who)]
    expected = [n for n, person in enumerate(who) if who[:n].count(person) >= most]
    found = people.too_many(shaken, most=most)
    assert list(found) == expected
    for n, kept in found.items():
        assert list(kept) == [k for k, person in enumerate(who) if person == who[n]][:most]


def test_a_row_of_faces_each_a_little_like_the_next_is_not_one_person() -> None:
    row = [np.eye(1, 128)[0] * 0.4 * step for step in range(12)]
    assert len(people.too_many(row, most=1)) < 8
