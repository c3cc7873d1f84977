"""Snapshots: the same faces are the same snapshot, and a flipped byte is named."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import points
from catalog.records import ApprovedFace, Domain
from training.errors import BadSnapshot
from training.faces import snapshot as snapshots
from training.faces.data import open_faces

hashes = st.integers(0, 10**9).map(lambda n: hashlib.sha256(str(n).encode()).hexdigest())
coordinates = st.floats(-50, 300, allow_nan=False).map(lambda x: round(x, 2))


def approved(
    sha256: str, *, photo: str = "", domain: Domain = Domain.BARE, face_id: int = 1, x: float = 1.0
) -> ApprovedFace:
    written = points.written((x + i, 2.0 * i) for i in range(68))
    return ApprovedFace(face_id=face_id, sha256=sha256, photo_sha256=photo or sha256, domain=domain, points=written)


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
        ApprovedFace(n, face.sha256, face.photo_sha256, face.domain, face.points) for n, face in enumerate(shuffled)
    ]
    one, other = (snapshots.manifest_of(snapshots.entries_of(some)) for some in (faces, renumbered))
    assert snapshots.id_of(one) == snapshots.id_of(other)


@given(faces=faces, ties=st.lists(st.tuples(*[st.integers(0, 3)] * 4), max_size=30), order=st.randoms())
def test_nor_do_ties_between_faces_make_the_order_matter(
    faces: list[ApprovedFace], ties: list[tuple[int, int, int, int]], order: object
) -> None:
    tied = [
        replace(face, person=person or None, account=f"x/{account}", page=f"https://x.example/{page}", phash=looks)
        for face, (person, account, page, looks) in zip(faces, ties, strict=False)
    ]
    known = {face.photo_sha256: bool(face.phash) for face in tied[::3]}
    shuffled = [
        replace(face, face_id=number, person=None if face.person is None else 7 - face.person)
        for number, face in enumerate(tied)
    ]
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (snapshots.manifest_of(snapshots.entries_of(some, known)) for some in (tied, shuffled))
    assert one == other


def test_a_line_is_as_it_has_been_since_there_were_groups() -> None:
    manifest = snapshots.manifest_of(snapshots.entries_of([approved("a" * 64, photo="b" * 64, x=1.625)]))
    points = ",".join(f"{162 + 100 * number},{200 * number}" for number in range(68))
    assert manifest.decode() == (
        f'{{"sha256":"{"a" * 64}","domain":"bare","photo":"{"b" * 64}","group":"e4b52c89755cb44a",'
        f'"held_out":false,"points":[{points}]}}\n'
    )


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


def test_a_face_without_its_landmarks_is_named_and_makes_no_snapshot() -> None:
    lacking = replace(approved("a" * 64, face_id=7), points="")
    with pytest.raises(BadSnapshot, match="face 7 among them"):
        snapshots.entries_of([lacking, approved("b" * 64)])


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"not json\n", "line 1 cannot be read"),
        (b'{"sha256":"a","domain":"bare","photo":"a"}\n', "line 1 cannot be read"),
        (b'{"sha256":"a","domain":"bare","photo":"a","landmarks":[[1,2]]}\n', "1 landmarks"),
        (b'{"sha256":"a","domain":"cat","photo":"a","landmarks":[]}\n', "domain cat"),
        (b'{"sha256":"a","domain":"bare","photo":"a","points":[1,2,3]}\n', "1 landmarks"),
        (b'{"sha256":"a","domain":"bare","photo":"a","points":[1.5,2]}\n', "line 1 cannot be read"),
        (b'{"sha256":"a","domain":"bare","photo":"a","points":["x","y"]}\n', "1 landmarks"),
    ],
)
def test_a_bad_manifest_is_refused_by_line(line: bytes, says: str) -> None:
    with pytest.raises(BadSnapshot, match=says):
        snapshots.read_manifest(line)


def test_the_split_is_in_the_manifest_and_known_sides_are_kept() -> None:
    some = [approved(hashlib.sha256(str(number).encode()).hexdigest()) for number in range(40)]
    known = {face.photo_sha256: number % 2 == 0 for number, face in enumerate(some)}
    entries = snapshots.read_manifest(snapshots.manifest_of(snapshots.entries_of(some, known)))
    assert {entry.photo: entry.held_out for entry in entries} == known
    assert snapshots.held_out(entries) == [known[entry.photo] for entry in entries]
    assert len({entry.group for entry in entries}) == 40
    assert snapshots.torn_groups(entries) == []
    assert snapshots.torn_groups([replace(entries[0], group="x"), replace(entries[1], group="x")]) == (
        ["x"] if entries[0].held_out is not entries[1].held_out else []
    )


def test_who_is_the_same_person_is_part_of_what_a_snapshot_is() -> None:
    apart = [replace(approved(letter * 64), person=number) for number, letter in enumerate("abcdef")]
    together = [replace(face, person=1) for face in apart]
    one, other = (snapshots.entries_of(some) for some in (apart, together))
    assert len({entry.group for entry in one}) == 6
    assert len({entry.group for entry in other}) == 1
    assert snapshots.manifest_of(one) != snapshots.manifest_of(other)


def test_a_manifest_of_before_there_were_groups_is_split_by_its_photos() -> None:
    landmarks = ",".join(f"[{number}.5,{number}.25]" for number in range(68))
    lines = [
        f'{{"sha256":"{hashlib.sha256(str(number).encode()).hexdigest()}","domain":"bare","photo":"p{number}",'
        f'"landmarks":[{landmarks}]}}\n'
        for number in range(32)
    ]
    entries = snapshots.read_manifest("".join(lines).encode())
    assert entries[0].landmarks[7] == (7.5, 7.25)
    assert 8 <= sum(snapshots.held_out(entries)) <= 12


def many(count: int, domain: Domain = Domain.BARE) -> list[snapshots.Entry]:
    names = [hashlib.sha256(f"{domain} {i}".encode()).hexdigest() for i in range(count)]
    return list(snapshots.entries_of([approved(name, domain=domain) for name in names]))


def test_both_domains_are_on_both_sides_and_counted() -> None:
    entries = [*many(80), *many(80, Domain.MAKEUP)]
    counts = snapshots.counts_of(entries)
    assert counts.keys() == {"bare", "makeup"}
    for learned, held in counts.values():
        assert learned + held == 80
        assert 8 <= held <= 20


def test_a_face_keeps_its_side_as_a_snapshot_grows() -> None:
    before, after = many(1000), many(1500)
    sides = {entry.sha256: entry.held_out for entry in after}
    assert all(sides[entry.sha256] == entry.held_out for entry in before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A snapshot's folder with its manifest."""
    manifest = snapshots.manifest_of(many(12))
    folder = tmp_path / snapshots.id_of(manifest)
    snapshots.write_manifest(folder, manifest)
    return folder


def test_a_manifest_that_is_as_it_was_has_no_problem(folder: Path) -> None:
    assert snapshots.manifest_problems(folder, original=None) == []


def test_a_flipped_byte_of_the_manifest_is_named(folder: Path) -> None:
    data = bytearray((folder / "manifest.jsonl").read_bytes())
    original = bytes(data)
    data[100] ^= 0x10
    (folder / "manifest.jsonl").write_bytes(data)
    assert snapshots.manifest_problems(folder, original=original) == [
        "manifest.jsonl does not hash to the snapshot's id: byte 100 differs"
    ]


def test_a_manifest_that_holds_out_half_a_group_is_reported(tmp_path: Path) -> None:
    one, other, *_ = many(12)
    torn = [replace(one, group="g", held_out=True), replace(other, group="g", held_out=False)]
    manifest = snapshots.manifest_of(torn)
    folder = tmp_path / snapshots.id_of(manifest)
    snapshots.write_manifest(folder, manifest)
    assert snapshots.manifest_problems(folder, original=None) == ["group g is on both sides of the split"]


def test_the_two_sides_of_a_pack_are_disjoint_and_whole() -> None:
    entries = many(12)
    pixels = np.arange(12, dtype=np.uint8)[:, None, None, None].repeat(4, 1).repeat(4, 2).repeat(3, 3)
    train, test = (open_faces(pixels, entries, held_out=side) for side in (False, True))
    assert sorted([*train.rows, *test.rows]) == list(range(12))
    assert [train.names[d] for d in train.domains] == [entries[row].domain for row in train.rows]
    assert np.allclose(train.landmarks[0, 5], np.array([6.0, 10.0]) / 256)
    with pytest.raises(BadSnapshot, match="for 11 faces"):
        open_faces(pixels, entries[:11], held_out=False)
