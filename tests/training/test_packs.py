"""Packs: each face's pixels once, shared by snapshots; a flipped byte is named; what is erased is gone."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import BadSnapshot
from training.faces.packs import Shelf

SIZE = 4
ROW = SIZE * SIZE * 3


class Crops:
    """Crops whose bytes are their pixels: raw squares of 4 by 4."""

    def __init__(self, count: int) -> None:
        draw = np.random.default_rng(0)
        raws = [draw.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8).tobytes() for _ in range(count)]
        self.by_name = {hashlib.sha256(raw).hexdigest(): raw for raw in raws}
        self.names = sorted(self.by_name)
        self.read_again: list[str] = []

    def read(self, name: str) -> bytes:
        self.read_again.append(name)
        return self.by_name[name]

    @staticmethod
    def decode(data: bytes) -> np.ndarray:
        return np.frombuffer(data, np.uint8).reshape(SIZE, SIZE, 3)

    def shelf(self, home: Path, *, shard: int = 2_000, many: int = 8) -> Shelf:
        return Shelf(home, size=SIZE, read=self.read, decode=self.decode, shard=shard, many=many)


@pytest.fixture
def crops() -> Crops:
    return Crops(12)


@pytest.fixture
def shelf(crops: Crops, tmp_path: Path) -> Shelf:
    """A shelf on which all twelve are packed, in one shard."""
    shelf = crops.shelf(tmp_path)
    assert shelf.fill(crops.names) == 12
    return shelf


def shard(shelf: Shelf) -> Path:
    (path,) = shelf.folder.glob("*.npy")
    return path


def held(shelf: Shelf) -> list[str]:
    """Every face in a shard, as often as it is in one."""
    return [line.split()[0] for path in shelf.folder.glob("*.rows") for line in path.read_text().splitlines()]


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 0x10
    path.write_bytes(data)


def test_a_pack_holds_each_face_in_the_order_asked_for(crops: Crops, shelf: Shelf) -> None:
    asked = crops.names[::-2]
    pack = shelf.open(asked)
    assert (len(pack), pack.shape, pack.dtype, pack.ndim) == (6, (6, SIZE, SIZE, 3), np.uint8, 4)
    assert [pack[number].tobytes() for number in range(6)] == [crops.by_name[name] for name in asked]


@given(asked=st.lists(st.integers(0, 11), max_size=20), index=st.lists(st.integers(0, 19), max_size=30))
@settings(max_examples=30)
def test_a_pack_of_many_shards_reads_like_one_array(
    tmp_path_factory: pytest.TempPathFactory, asked: list[int], index: list[int]
) -> None:
    crops = Crops(12)
    shelf = crops.shelf(tmp_path_factory.mktemp("many"), shard=4)
    shelf.fill(crops.names)
    names = [crops.names[number] for number in asked]
    whole = np.array([crops.decode(crops.by_name[name]) for name in names]).reshape(-1, SIZE, SIZE, 3)
    pack = shelf.open(names)
    rows = np.array([number for number in index if number < len(names)], np.int64)
    assert np.array_equal(np.asarray(pack), whole)
    assert np.array_equal(pack[rows], whole[rows])
    assert np.array_equal(pack[2:7], whole[2:7])


def test_another_snapshot_packs_only_what_is_new(crops: Crops, tmp_path: Path) -> None:
    shelf = crops.shelf(tmp_path)
    shelf.fill(crops.names[:9])
    crops.read_again.clear()
    assert shelf.fill(crops.names) == 3
    assert sorted(crops.read_again) == crops.names[9:]
    assert shelf.fill(crops.names[2:5]) == 0
    assert len(list(shelf.folder.glob("*.npy"))) == 2


def test_the_same_faces_make_the_same_shard(crops: Crops, shelf: Shelf, tmp_path: Path) -> None:
    other = crops.shelf(tmp_path / "elsewhere")
    other.fill(crops.names[::-1])
    assert shard(other).name == shard(shelf).name
    assert shard(other).read_bytes() == shard(shelf).read_bytes()


def test_small_shards_are_made_one_and_no_face_is_lost_or_read_again(crops: Crops, tmp_path: Path) -> None:
    shelf = crops.shelf(tmp_path, shard=4, many=3)
    for number in range(3):
        shelf.fill([crops.names[number]])
    assert len(list(shelf.folder.glob("*.npy"))) == 3
    before = shelf.open(crops.names[:3])
    crops.read_again.clear()
    shelf.fill(crops.names[:4])
    assert crops.read_again == [crops.names[3]]
    assert len(list(shelf.folder.glob("*.npy"))) == 1
    assert sorted(held(shelf)) == crops.names[:4]
    assert [row.tobytes() for row in before[:]] == [crops.by_name[name] for name in crops.names[:3]]  # still open


def test_what_is_forgotten_is_in_no_file_any_more_and_the_rest_is(crops: Crops, shelf: Shelf) -> None:
    gone = crops.names[3]
    assert shelf.forget({gone, "f" * 64}) == 1
    assert sorted(held(shelf)) == [name for name in crops.names if name != gone]
    files = b"".join(path.read_bytes() for path in shelf.folder.iterdir())
    assert crops.by_name[gone] not in files
    assert crops.by_name[crops.names[4]] in files
    assert list(shelf.problems(crops.names)) == []
    with pytest.raises(BadSnapshot, match="1 faces are not packed at 4 pixels"):
        shelf.open(crops.names)
    assert shelf.forget(crops.names) == 11
    assert list(shelf.folder.glob("*.npy")) == []


@pytest.mark.parametrize("left", [".packing.x7", "packing", f".{'0' * 32}.npy.x7"])
@pytest.mark.parametrize("packed", [True, False])
def test_what_a_killed_packer_left_half_done_holds_no_forgotten_face_either(
    crops: Crops, tmp_path: Path, left: str, packed: bool
) -> None:
    shelf, gone = crops.shelf(tmp_path), crops.names[3]
    shelf.fill(crops.names[4 - packed :])
    (shelf.folder / left).write_bytes(b"header" + crops.by_name[gone] + b"half")
    (shelf.folder / f"{'0' * 32}.rows").write_text(f"{gone} {'b' * 64}\n")
    (shelf.folder / f"{'0' * 32}.unsure").write_text("monday")
    assert shelf.forget({gone}) == packed
    files = {path.name: path.read_bytes() for path in shelf.folder.iterdir()}
    assert not [name for name, data in files.items() if crops.by_name[gone] in data or gone.encode() in data]
    assert {name.partition(".")[2] for name in files} == {"", "npy", "rows", "unsure"}
    assert list(shelf.problems(crops.names[4:])) == []


def test_a_crop_that_cannot_be_read_is_named_and_leaves_no_shard(crops: Crops, tmp_path: Path) -> None:
    def broken(data: bytes) -> np.ndarray:
        raise BadSnapshot("no picture")

    shelf = Shelf(tmp_path, size=SIZE, read=crops.read, decode=broken)
    with pytest.raises(BadSnapshot, match=crops.names[0]):
        shelf.fill(crops.names)
    assert [path.name for path in shelf.folder.iterdir()] == ["lock"]


def test_a_packer_that_was_killed_leaves_nothing_that_counts(crops: Crops, shelf: Shelf) -> None:
    (shelf.folder / ".packing.x").write_bytes(b"half")
    (shelf.folder / f"{'0' * 32}.rows").write_text(f"{'a' * 64} {'b' * 64}\n")  # its pixels were not there yet
    assert shelf.fill([*crops.names]) == 0
    shelf.open(crops.names)


def test_a_shard_that_a_power_cut_damaged_is_made_again_and_the_others_are_kept(crops: Crops, tmp_path: Path) -> None:
    def shelf(boot: str) -> Shelf:
        return Shelf(tmp_path, size=SIZE, read=crops.read, decode=crops.decode, this_boot=boot)

    shelf("monday").fill(crops.names[:6])
    shelf("monday").fill(crops.names[6:])
    damaged = next(
        path for path in shelf("").folder.glob("*.npy") if crops.names[0] in path.with_suffix(".rows").read_text()
    )
    flip(damaged, damaged.stat().st_size - 1)
    crops.read_again.clear()
    assert shelf("monday").fill(crops.names) == 0  # nobody looks while the machine is up
    assert shelf("tuesday").fill(crops.names) == 6
    assert set(crops.read_again) == set(crops.names[:6])
    assert list(shelf("tuesday").problems(crops.names)) == []
    assert [path.read_text() for path in shelf("").folder.glob("*.unsure")] == ["tuesday"]


def test_where_a_start_of_the_machine_cannot_be_told_nothing_is_unsure(crops: Crops, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, size=SIZE, read=crops.read, decode=crops.decode, this_boot="")
    shelf.fill(crops.names)
    assert list(shelf.folder.glob("*.unsure")) == []


def test_untouched_shards_have_no_problem(crops: Crops, shelf: Shelf) -> None:
    assert list(shelf.problems(crops.names)) == []


@settings(max_examples=40)
@given(at=st.integers(0, 12 * ROW - 1))
def test_a_flipped_byte_of_a_row_is_named(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    crops = Crops(12)
    shelf = crops.shelf(tmp_path_factory.mktemp("flip"))
    shelf.fill(crops.names)
    path = shard(shelf)
    byte = path.stat().st_size - 12 * ROW + at
    flip(path, byte)
    name = crops.names[at // ROW]
    assert list(shelf.problems(crops.names)) == [f"{path.name}: byte {byte} differs, in row {at // ROW} (face {name})"]
    assert list(shelf.problems([other for other in crops.names if other != name])) == []  # not this snapshot's


def test_a_flipped_byte_of_a_header_is_named(crops: Crops, shelf: Shelf) -> None:
    flip(shard(shelf), 60)
    assert list(shelf.problems(crops.names)) == [f"{shard(shelf).name}: byte 60 differs, in its header"]


def test_a_wrong_digest_is_told_from_a_wrong_row(crops: Crops, shelf: Shelf) -> None:
    rows = shard(shelf).with_suffix(".rows")
    flip(rows, 130 * 3 + 70)
    first, second = shelf.problems(crops.names)
    assert first == f"{rows.name} does not hash to its name"
    assert second == f"{rows.name}: line 4 (face {crops.names[3]}) is wrong, its row is right"


def test_a_shard_that_is_cut_short_is_reported_and_not_opened(crops: Crops, shelf: Shelf) -> None:
    path = shard(shelf)
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = shelf.problems(crops.names)
    assert problem.startswith(f"{path.name} has ")
    with pytest.raises(BadSnapshot, match="cannot be read"):
        shelf.open(crops.names)
