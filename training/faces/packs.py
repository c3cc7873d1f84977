"""Packs: the faces' pixels, decoded once, in shards that snapshots share.

    <home>/packs/64/<shard>.npy     [n,64,64,3] uint8 RGB, 2,000 faces at most
    <home>/packs/64/<shard>.rows    a line per row: the crop's sha256, the sha256 of its pixels
    <home>/packs/64/<shard>.unsure  the start of the machine that it was written in, while that is this one

A shard is named by the sha256 of its `.rows`, which names every byte of it. A snapshot finds its faces by their crops'
names in whatever shards hold them, so tomorrow's packs only what is new. Small shards are made one when there are many,
and a shard that holds an erased face is written again without it; a reader that has the old one open keeps it.

Packing waits for no disk: gigabytes can be made again. Until the machine starts anew what was written is what is read;
after that each shard of before is looked over once, and one that a power cut has damaged is made again.
No torch here; `decode` is a parameter, so that no picture library is needed either.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from training.errors import BadSnapshot
from training.faces.shards import first_difference, header_of, lines_of, name_of
from training.files import boot, locked, sweep, write_atomically

log = logging.getLogger(__name__)

SHARD = 2_000
"""Faces in a shard at most: 393 MB at 256 pixels."""

MANY = 8
"""So many shards that are less than half full are made one."""

_THREADS = 4
_PACKING = "packing"
"""What a shard is called until its rows are written."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where a face's pixels are, and what they hash to."""

    shard: str
    number: int
    digest: str


class Pack:
    """The pixels of a snapshot's faces [n,S,S,3] uint8, memory-mapped from shards; read by number, slice or array."""

    ndim = 4
    dtype = np.dtype(np.uint8)

    def __init__(self, shards: Sequence[np.ndarray], which: np.ndarray, rows: np.ndarray, *, size: int) -> None:
        self._shards, self._which, self._rows = shards, which, rows
        self.shape = (len(rows), size, size, 3)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | np.ndarray | Sequence[int]) -> np.ndarray:
        which, rows = self._which[index], self._rows[index]
        if np.ndim(which) == 0:
            return np.asarray(self._shards[int(which)][int(rows)])
        found = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for shard in np.unique(which):
            here = which == shard
            found[here] = self._shards[shard][rows[here]]
        return found

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        """All of it in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)


class Shelf:
    """The shards of one size in a home. `read` gives a crop's bytes by name, `decode` [size,size,3] uint8 of them."""

    def __init__(
        self,
        home: Path,
        *,
        size: int,
        read: Callable[[str], bytes],
        decode: Callable[[bytes], np.ndarray],
        shard: int = SHARD,
        many: int = MANY,
        this_boot: str | None = None,
    ) -> None:
        self.folder, self.size = home / "packs" / str(size), size
        self._shard, self._many = shard, many
        self._boot = boot() if this_boot is None else this_boot
        self._read, self._decode = read, decode

    def fill(self, names: Sequence[str]) -> int:
        """Pack those of these faces that no shard holds; say how many.

        Bounded memory: rows go to their file as they come. Raises BadSnapshot naming the face that cannot be read.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / "lock", wait=True):
            self._clear_away()
            self._look_over()
            known = self._known()
            missing = sorted(set(names) - known.keys())
            held: dict[str, list[str]] = defaultdict(list)
            for name, row in known.items():
                held[row.shard].append(name)
            small = [shard for shard, rows in held.items() if len(rows) < self._shard // 2]
            merged = small if missing and len(small) >= self._many else []
            wanted = sorted([*missing, *(name for shard in merged for name in held[shard])])
            for start in range(0, len(wanted), self._shard):
                self._write(wanted[start : start + self._shard], known)
            for shard in merged:
                self._remove(shard)
        return len(missing)

    def open(self, names: Sequence[str]) -> Pack:
        """The pixels of these faces, in this order; every one must be packed. Raises BadSnapshot."""
        known = self._known()
        if lacking := [name for name in names if name not in known]:
            raise BadSnapshot(f"{len(lacking)} faces are not packed at {self.size} pixels, {lacking[0]} among them")
        rows = [known[name] for name in names]
        shards = sorted({row.shard for row in rows})
        number = {shard: place for place, shard in enumerate(shards)}
        return Pack(
            [self._pixels(shard) for shard in shards],
            np.array([number[row.shard] for row in rows], np.int64),
            np.array([row.number for row in rows], np.int64),
            size=self.size,
        )

    def forget(self, gone: Collection[str]) -> int:
        """Write every shard that holds one of these faces again without them; say how many faces went.

        What a killed packer left half done may hold any of them, and goes.
        """
        if not self.folder.is_dir():
            return 0
        with locked(self.folder / "lock", wait=True):
            self._clear_away()
            known = self._known()
            lost = set(gone) & known.keys()
            for shard in sorted({known[name].shard for name in lost}):
                kept = sorted(name for name, row in known.items() if row.shard == shard and name not in lost)
                if kept:
                    self._write(kept, known)
                self._remove(shard)
        return len(lost)

    def problems(self, names: Collection[str]) -> Iterator[str]:
        """What is wrong with the shards that hold one of these faces, each as a line that names the byte."""
        wanted = set(names)
        for path in sorted(self.folder.glob("*.npy")):
            rows = self._names_in(path.stem)
            if not rows:
                yield f"{path.stem}.rows is missing"
            elif wanted & {row[0] for row in rows}:
                yield from self._wrong(path, rows, wanted)

    def _wrong(self, path: Path, rows: Sequence[tuple[str, ...]], wanted: Collection[str]) -> Iterator[str]:
        header, row_size = header_of(len(rows), size=self.size), self.size * self.size * 3
        found, right_size = path.stat().st_size, len(header) + len(rows) * row_size
        if found != right_size:
            yield f"{path.name} has {found} bytes, not {right_size}"
            return
        if name_of(rows) != path.stem:
            yield f"{path.stem}.rows does not hash to its name"
        data = np.memmap(path, dtype=np.uint8, mode="r")
        if (start := data[: len(header)].tobytes()) != header:
            yield f"{path.name}: byte {first_difference(start, header)} differs, in its header"
        pixels = data[len(header) :].reshape(len(rows), row_size)
        with ThreadPoolExecutor(max_workers=_THREADS) as threads:
            digests = threads.map(lambda row: hashlib.sha256(row).hexdigest(), pixels)
            for number, (row, digest) in enumerate(zip(rows, digests, strict=True)):
                if row[0] not in wanted or (len(row) == 2 and digest == row[1]):
                    continue
                right = np.ascontiguousarray(self._decode(self._read(row[0]))).tobytes()
                if digest == hashlib.sha256(right).hexdigest():
                    yield f"{path.stem}.rows: line {number + 1} (face {row[0]}) is wrong, its row is right"
                else:
                    byte = len(header) + number * row_size + first_difference(pixels[number].tobytes(), right)
                    yield f"{path.name}: byte {byte} differs, in row {number} (face {row[0]})"

    def _clear_away(self) -> None:
        """Remove what a killed packer left, wherever it was: gigabytes, and faces that nobody would find in them."""
        sweep(self.folder)
        (self.folder / _PACKING).unlink(missing_ok=True)
        for path in [*self.folder.glob("*.rows"), *self.folder.glob("*.unsure")]:
            if not path.with_suffix(".npy").is_file():
                path.unlink()

    def _look_over(self) -> None:
        """Remove the shards that did not outlive a power cut."""
        for mark in sorted(self.folder.glob("*.unsure")):
            if mark.read_text() == self._boot:
                continue
            path, names = mark.with_suffix(".npy"), self._names_in(mark.stem)
            if path.is_file() and any(True for _ in self._wrong(path, names, {name for name, *_ in names})):
                log.warning("%s did not outlive a power cut; it is made again", path.name)
                self._remove(mark.stem)
            mark.unlink(missing_ok=True)

    def _names_in(self, shard: str) -> list[tuple[str, ...]]:
        path = self.folder / f"{shard}.rows"
        lines = path.read_text(errors="replace").splitlines() if path.is_file() else []
        return [tuple(line.split(" ")) for line in lines]

    def _known(self) -> dict[str, Row]:
        """Where each face is; of two shards that hold it, either."""
        found: dict[str, Row] = {}
        for path in sorted(self.folder.glob("*.rows")):
            if path.with_suffix(".npy").is_file():
                lines = path.read_text(errors="replace").splitlines()
                for number, line in enumerate(lines):
                    name, _, digest = line.partition(" ")
                    found[name] = Row(path.stem, number, digest)
        return found

    def _pixels(self, shard: str) -> np.ndarray:
        path = self.folder / f"{shard}.npy"
        try:
            pixels: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise BadSnapshot(f"{path.name} cannot be read: {error}") from None
        if pixels.shape[1:] != (self.size, self.size, 3) or pixels.dtype != np.uint8:
            raise BadSnapshot(f"{path.name} holds {pixels.shape} {pixels.dtype}")
        return pixels

    def _write(self, names: Sequence[str], known: dict[str, Row]) -> None:
        """Write one shard of these faces: copied where a shard holds them as they were, else decoded."""
        opened = {known[name].shard for name in names if name in known}
        shards = {shard: self._pixels(shard) for shard in opened}
        rows: list[tuple[str, str]] = []

        def pixels_of(name: str) -> tuple[bytes, str]:
            if (row := known.get(name)) is not None:
                copied = shards[row.shard][row.number].tobytes()
                if hashlib.sha256(copied).hexdigest() == row.digest:
                    return copied, row.digest
            try:
                pixels = np.ascontiguousarray(self._decode(self._read(name)), dtype=np.uint8).tobytes()
            except BadSnapshot as error:
                raise BadSnapshot(f"face {name}: {error}") from None
            if len(pixels) != self.size * self.size * 3:
                raise BadSnapshot(f"face {name}: not {self.size} pixels a side")
            return pixels, hashlib.sha256(pixels).hexdigest()

        def write(file: BinaryIO) -> None:
            file.write(header_of(len(names), size=self.size))
            with ThreadPoolExecutor(max_workers=_THREADS) as threads:
                for start in range(0, len(names), 64):
                    some = names[start : start + 64]
                    for name, (pixels, digest) in zip(some, threads.map(pixels_of, some), strict=True):
                        rows.append((name, digest))
                        file.write(pixels)

        packing = self.folder / _PACKING
        write_atomically(packing, write, sync=not self._boot)
        shard = self.folder / name_of(rows)
        # The rows first, and that nobody is sure of it: a shard that is there has both.
        lines, mark = lines_of(rows), self._boot.encode()
        write_atomically(shard.with_suffix(".rows"), lambda file: file.write(lines))
        if mark:
            write_atomically(shard.with_suffix(".unsure"), lambda file: file.write(mark))
        packing.replace(shard.with_suffix(".npy"))

    def _remove(self, shard: str) -> None:
        for suffix in (".npy", ".rows", ".unsure"):  # without its pixels a shard is none
            (self.folder / f"{shard}{suffix}").unlink(missing_ok=True)


def sizes_in(home: Path) -> list[int]:
    """The sizes at which anything is packed in a home."""
    return sorted(int(path.name) for path in (home / "packs").glob("*") if path.name.isdecimal())
