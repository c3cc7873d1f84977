"""Snapshots: the same faces are the same snapshot, and a flipped byte is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.records import ApprovedFace, Domain
from training import snapshot as snapshots
from training.data import open_faces
from training.errors import BadSnapshot

hashes = st.integers(0, 10**9).map(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
coordinates = st.floats(-50, 300, allow_nan=False).map(lambda x: round(x, 2))


def approved(
    sha256: str, *, photo: str = "", domain: Domain = Domain.BARE, face_id: int = 1, x: float = 1.0
) -> ApprovedFace:
    points = tuple((x + i, 2.0 * i) for i in range(68))
    return ApprovedFace(
        face_id=face_id, sha256=sha256, photo_sha256=photo or sha256, domain=domain, crop_landmarks=points
    )


faces = st.lists(
    st.builds(approved, hashes, photo=hashes, domain=st.sampled_from(Domain), face_id=st.integers(1), x=coordinates),
    max_size=30,
)


@given(faces=faces, order=st.randoms(use_true_random=False))
def test_the_same_faces_give_the_same_id_in_any_order_and_under_any_row_numbers(
    faces: list[ApprovedFace], order: object
) -> None:
    shuffled = list(faces)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    renumbered = [
        ApprovedFace(n, face.sha256, face.photo_sha256, face.domain, face.crop_landmarks)
        for n, face in enumerate(shuffled)
    ]
    one, other = (snapshots.manifest_of(snapshots.entries_of(some)) for some in (faces, renumbered))
    assert snapshots.id_of(one) == snapshots.id_of(other)


@given(faces=faces)
def test_a_manifest_says_what_it_was_made_from(faces: list[ApprovedFace]) -> None:
    entries = snapshots.entries_of(faces)
    assert snapshots.read_manifest(snapshots.manifest_of(entries)) == entries


@given(faces=faces, more=hashes)
def test_one_face_more_is_another_snapshot(faces: list[ApprovedFace], more: str) -> None:
    entries = snapshots.entries_of(faces)
    extra = snapshots.entries_of([approved(hashlib.sha256(more.encode()).hexdigest())])
    assert snapshots.manifest_of(entries) != snapshots.manifest_of((*entries, *extra))


def test_a_crop_approved_in_both_domains_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    torn = [approved("a" * 64, domain=domain) for domain in Domain]
    assert snapshots.entries_of([*torn, approved("b" * 64)]) == snapshots.entries_of([approved("b" * 64)])
    assert "a" * 64 in caplog.text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"not json\n", "line 1 cannot be read"),
        (b'{"sha256":"a","domain":"bare","photo":"a"}\n', "line 1 cannot be read"),
        (b'{"sha256":"a","domain":"bare","photo":"a","landmarks":[[1,2]]}\n', "1 landmarks"),
        (b'{"sha256":"a","domain":"cat","photo":"a","landmarks":[]}\n', "domain cat"),
    ],
)
def test_a_bad_manifest_is_refused_by_line(line: bytes, says: str) -> None:
    with pytest.raises(BadSnapshot, match=says):
        snapshots.read_manifest(line)


@given(faces=faces, order=st.randoms(use_true_random=False))
def test_the_split_is_a_property_of_the_faces_and_keeps_photos_together(
    faces: list[ApprovedFace], order: object
) -> None:
    entries = list(snapshots.entries_of(faces))
    sides = dict(zip(entries, snapshots.held_out(entries), strict=True))
    order.shuffle(entries)  # type: ignore[attr-defined]
    assert dict(zip(entries, snapshots.held_out(entries), strict=True)) == sides
    by_photo: dict[str, set[bool]] = {}
    for entry, side in sides.items():
        by_photo.setdefault(entry.photo, set()).add(side)
    assert all(len(found) == 1 for found in by_photo.values())


def many(count: int, domain: Domain = Domain.BARE) -> list[snapshots.Entry]:
    names = [hashlib.sha256(f"{domain} {i}".encode()).hexdigest() for i in range(count)]
    return list(snapshots.entries_of([approved(name, domain=domain) for name in names]))


@pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 0), (1, 0, 0), (4, 1, 2), (32, 8, 10), (2000, 160, 240)])
def test_about_a_tenth_is_held_out_and_enough_of_a_small_domain(count: int, low: int, high: int) -> None:
    assert low <= sum(snapshots.held_out(many(count))) <= high


def test_a_photo_keeps_its_side_as_a_large_snapshot_grows() -> None:
    before, after = many(1000), many(1500)
    sides = dict(zip(after, snapshots.held_out(after), strict=True))
    assert all(sides[entry] == side for entry, side in zip(before, snapshots.held_out(before), strict=True))


def test_both_domains_are_on_both_sides() -> None:
    entries = [*many(8), *many(8, Domain.MAKEUP)]
    sides = {(entry.domain, side) for entry, side in zip(entries, snapshots.held_out(entries), strict=True)}
    assert len(sides) == 4


class Crops:
    """Crops whose bytes are their pixels: raw squares of 4 by 4."""

    def __init__(self, count: int) -> None:
        draw = np.random.default_rng(0)
        raws = [draw.integers(0, 256, (4, 4, 3), dtype=np.uint8).tobytes() for _ in range(count)]
        self.by_name = {hashlib.sha256(raw).hexdigest(): raw for raw in raws}
        domains = list(Domain) * count
        self.entries = snapshots.entries_of([approved(name, domain=domains[i]) for i, name in enumerate(self.by_name)])

    def read(self, name: str) -> bytes:
        return self.by_name[name]

    @staticmethod
    def decode(data: bytes, size: int = 4) -> np.ndarray:
        return np.frombuffer(data, np.uint8).reshape(size, size, 3)


@pytest.fixture
def crops() -> Crops:
    return Crops(12)


@pytest.fixture
def folder(crops: Crops, tmp_path: Path) -> Path:
    """A snapshot on the disk, packed at 4 pixels."""
    manifest = snapshots.manifest_of(crops.entries)
    folder = tmp_path / snapshots.id_of(manifest)
    snapshots.write_manifest(folder, manifest)
    snapshots.pack(folder, crops.entries, size=4, read=crops.read, decode=crops.decode)
    return folder


def test_a_pack_holds_each_crop_in_the_manifests_order(crops: Crops, folder: Path) -> None:
    pixels = np.load(folder / "faces-4.npy", mmap_mode="r")
    assert [row.tobytes() for row in pixels] == [crops.by_name[entry.sha256] for entry in crops.entries]


def test_the_two_sides_of_a_pack_are_disjoint_and_whole(crops: Crops, folder: Path) -> None:
    train, test = (open_faces(folder / "faces-4.npy", crops.entries, held_out=side) for side in (False, True))
    assert sorted([*train.rows, *test.rows]) == list(range(12))
    assert [train.names[d] for d in train.domains] == [crops.entries[row].domain for row in train.rows]
    assert np.allclose(train.landmarks[0, 5], np.array([6.0, 10.0]) / 256)


def test_packing_again_leaves_the_pack_alone(crops: Crops, folder: Path) -> None:
    before = (folder / "faces-4.npy").stat().st_mtime_ns
    snapshots.pack(folder, crops.entries, size=4, read=crops.read, decode=crops.decode)
    assert (folder / "faces-4.npy").stat().st_mtime_ns == before


def test_a_crop_that_cannot_be_read_is_named_and_leaves_no_pack(crops: Crops, tmp_path: Path) -> None:
    def broken(data: bytes) -> np.ndarray:
        raise BadSnapshot("no picture")

    with pytest.raises(BadSnapshot, match=crops.entries[0].sha256):
        snapshots.pack(tmp_path / "other", crops.entries, size=4, read=crops.read, decode=broken)
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["lock"]


def check(folder: Path, crops: Crops) -> list[str]:
    return snapshots.verify(folder, read=crops.read, decode=crops.decode, original=snapshots.manifest_of(crops.entries))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_an_untouched_snapshot_verifies(crops: Crops, folder: Path) -> None:
    assert check(folder, crops) == []


@settings(max_examples=40, deadline=None)
@given(at=st.integers(0, 12 * 48 - 1))
def test_a_flipped_byte_of_a_row_is_named(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    crops = Crops(12)
    manifest = snapshots.manifest_of(crops.entries)
    folder = tmp_path_factory.mktemp("flip") / snapshots.id_of(manifest)
    snapshots.write_manifest(folder, manifest)
    path = snapshots.pack(folder, crops.entries, size=4, read=crops.read, decode=crops.decode)
    byte = path.stat().st_size - 12 * 48 + at
    flip(path, byte)
    (problem,) = check(folder, crops)
    assert problem.startswith(f"faces-4.npy: byte {byte} differs, in row {at // 48} ")
    assert crops.entries[at // 48].sha256 in problem


def test_a_flipped_byte_of_a_packs_header_is_named(crops: Crops, folder: Path) -> None:
    flip(folder / "faces-4.npy", 60)
    assert check(folder, crops) == ["faces-4.npy: byte 60 differs, in its header"]


def test_a_flipped_byte_of_the_manifest_is_named(crops: Crops, folder: Path) -> None:
    flip(folder / "manifest.jsonl", 100)
    assert check(folder, crops) == ["manifest.jsonl does not hash to the snapshot's id: byte 100 differs"]


def test_a_wrong_digest_is_told_from_a_wrong_row(crops: Crops, folder: Path) -> None:
    flip(folder / "faces-4.sha256", 65 * 3 + 2)
    (problem,) = check(folder, crops)
    assert problem.startswith("faces-4.sha256: line 4 ")


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:0], lambda data: b"\0" + data[1:]])
def test_a_pack_that_is_no_pack_is_reported(crops: Crops, folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = folder / "faces-4.npy"
    path.write_bytes(damage(path.read_bytes()))
    (problem,) = check(folder, crops)
    assert problem.startswith("faces-4.npy")
    with pytest.raises(BadSnapshot):
        open_faces(path, crops.entries, held_out=False)
