"""Snapshots: an immutable list of approved faces, named by its content, and the packed pixels made from it.

    <home>/snapshots/<id>/manifest.jsonl     one line per face; the id is this file's sha256
    <home>/snapshots/<id>/faces-64.npy       [n,64,64,3] uint8 RGB in the manifest's order
    <home>/snapshots/<id>/faces-64.sha256    one line per row of it

The same faces give the same id, in whatever order they come and whatever their rows in the catalog are called: a face
is named by its crop's sha256. The manifest alone is the snapshot; a pack can be made again from the crops' blobs.
No torch here; `decode` is a parameter, so that no picture library is needed either.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from catalog.records import ApprovedFace, Domain
from training.errors import BadSnapshot
from training.files import locked, sweep, write_atomically

if TYPE_CHECKING:
    import numpy as np  # slow to import, and DAG files import this module

log = logging.getLogger(__name__)

CROP_SIZE = 256
"""Pixels a side of the crops that manifests list; their landmarks are in these pixels."""

TEST_PERCENT = 10
"""About this share of the photos is held out of training, for evaluation."""

TEST_LEAST = 8
"""Photos of a domain held out at least, when it has four times as many."""

DOMAINS = tuple(domain.value for domain in Domain)
"""The order of the domains in the networks' heads."""


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One face of a snapshot: a line of its manifest. `photo` is the sha256 of the photo that it was cut from."""

    sha256: str
    domain: str
    photo: str
    landmarks: tuple[tuple[float, float], ...]


def entries_of(faces: Iterable[ApprovedFace]) -> tuple[Entry, ...]:
    """The entries of a snapshot of these faces, in its order.

    Equal crops count once. A crop that people approved in both domains can teach neither: it is left out, with a
    warning.
    """
    by_crop: dict[str, set[Entry]] = {}
    for face in faces:
        points = tuple((round(x, 2), round(y, 2)) for x, y in face.crop_landmarks)
        entry = Entry(sha256=face.sha256, domain=face.domain.value, photo=face.photo_sha256, landmarks=points)
        by_crop.setdefault(entry.sha256, set()).add(entry)
    kept = []
    for sha256, same in sorted(by_crop.items()):
        if len({entry.domain for entry in same}) > 1:
            log.warning("crop %s is approved in two domains; left out of the snapshot", sha256)
            continue
        kept.append(min(same))
    return tuple(kept)


def manifest_of(entries: Iterable[Entry]) -> bytes:
    """The manifest: one JSON object a line, sorted, so that equal lists are equal bytes."""
    lines = (
        json.dumps(
            {
                "sha256": entry.sha256,
                "domain": entry.domain,
                "photo": entry.photo,
                "landmarks": [list(point) for point in entry.landmarks],
            },
            separators=(",", ":"),
        )
        for entry in sorted(set(entries))
    )
    return "".join(f"{line}\n" for line in lines).encode()


def id_of(manifest: bytes) -> str:
    """A snapshot's id: the sha256 of its manifest."""
    return hashlib.sha256(manifest).hexdigest()


def read_manifest(manifest: bytes) -> tuple[Entry, ...]:
    """The entries of a manifest; raises BadSnapshot naming the line that cannot be read."""
    entries = []
    for number, line in enumerate(manifest.splitlines(), start=1):
        try:
            fields = json.loads(line)
            entry = Entry(
                sha256=fields["sha256"],
                domain=fields["domain"],
                photo=fields["photo"],
                landmarks=tuple((float(x), float(y)) for x, y in fields["landmarks"]),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadSnapshot(f"manifest, line {number} cannot be read: {error!r}") from None
        if entry.domain not in DOMAINS or len(entry.landmarks) != 68:
            raise BadSnapshot(f"manifest, line {number} has domain {entry.domain}, {len(entry.landmarks)} landmarks")
        entries.append(entry)
    return tuple(entries)


def held_out(entries: Sequence[Entry]) -> list[bool]:
    """For each entry: is it kept for evaluation?

    By the photo's hash, so the faces of one photo stay together and a photo keeps its side from one snapshot to the
    next. A small domain gives the photos of its lowest hashes, so that there are `TEST_LEAST` of them, but no more
    than a quarter; there a photo may change sides as the domain grows.
    """
    test = {entry.photo for entry in entries if _draw(entry.photo) < TEST_PERCENT / 100}
    for domain in DOMAINS:
        photos = sorted({entry.photo for entry in entries if entry.domain == domain}, key=_draw)
        least, most = min(TEST_LEAST, len(photos) // 4), (len(photos) + 1) // 2
        test.update(photos[:least])
        test.difference_update(photos[most:])
    return [entry.photo in test for entry in entries]


def write_manifest(folder: Path, manifest: bytes) -> None:
    """Put a manifest in its folder unless it is there."""
    path = folder / "manifest.jsonl"
    if not path.is_file():
        write_atomically(path, lambda file: file.write(manifest))


def pack(
    folder: Path,
    entries: Sequence[Entry],
    *,
    size: int,
    read: Callable[[str], bytes],
    decode: Callable[[bytes], np.ndarray],
) -> Path:
    """Make the pack of that size unless it is there; returns its path.

    `read` gives a crop's bytes by sha256, `decode` makes [size,size,3] uint8 of them. Bounded memory: rows go to the
    file as they come. Raises BadSnapshot naming the face whose crop cannot be read.
    """
    import numpy as np

    path = pack_path(folder, size)
    if path.is_file():
        return path
    digests: list[str] = []

    def row(entry: Entry) -> bytes:
        try:
            return np.ascontiguousarray(decode(read(entry.sha256)), dtype=np.uint8).tobytes()
        except BadSnapshot as error:
            raise BadSnapshot(f"face {entry.sha256}: {error}") from None

    def write(file: BinaryIO) -> None:
        file.write(_header(len(entries), size=size))
        with ThreadPoolExecutor(max_workers=4) as threads:
            for some in _chunks(entries, 256):
                for pixels in threads.map(row, some):
                    if len(pixels) != size * size * 3:
                        raise BadSnapshot(f"face {entries[len(digests)].sha256}: not {size} pixels a side")
                    digests.append(hashlib.sha256(pixels).hexdigest())
                    file.write(pixels)
        # The digests first: a pack that is there has them.
        lines = "".join(f"{digest}\n" for digest in digests).encode()
        write_atomically(path.with_suffix(".sha256"), lambda digest_file: digest_file.write(lines))

    with locked(folder / "lock", wait=True):
        sweep(folder)  # a killed packer's half file may be gigabytes
        if not path.is_file():
            write_atomically(path, write)
    return path


def pack_path(folder: Path, size: int) -> Path:
    """Where the pack of that size lies."""
    return folder / f"faces-{size}.npy"


def verify(
    folder: Path, *, read: Callable[[str], bytes], decode: Callable[[bytes, int], np.ndarray], original: bytes | None
) -> list[str]:
    """What is wrong with a snapshot's files, each as a line that names the byte; empty when nothing is.

    `original` is the manifest as kept in the blob store; the crops there (`read`) say which byte of a row is wrong.
    """
    path = folder / "manifest.jsonl"
    if not path.is_file():
        return [f"{path.name} is missing"]
    manifest = path.read_bytes()
    if id_of(manifest) != folder.name:
        where = "" if original is None else f": byte {_first_difference(manifest, original)} differs"
        return [f"{path.name} does not hash to the snapshot's id{where}"]
    entries = read_manifest(manifest)
    return [
        problem
        for pack_file in sorted(folder.glob("faces-*.npy"))
        for problem in _pack_problems(pack_file, entries, read=read, decode=decode)
    ]


def _pack_problems(
    path: Path,
    entries: Sequence[Entry],
    *,
    read: Callable[[str], bytes],
    decode: Callable[[bytes, int], np.ndarray],
) -> Iterator[str]:
    import numpy as np

    size = int(path.stem.split("-")[1])
    digest_path = path.with_suffix(".sha256")
    digests = digest_path.read_text(errors="replace").split() if digest_path.is_file() else []
    if len(digests) != len(entries):
        yield f"{digest_path.name} has {len(digests)} lines for {len(entries)} faces"
        return
    header, row_size = _header(len(entries), size=size), size * size * 3
    found, wanted = path.stat().st_size, len(header) + len(entries) * row_size
    if found != wanted:
        yield f"{path.name} has {found} bytes, not {wanted}"
        return
    data = np.memmap(path, dtype=np.uint8, mode="r")
    if (start := data[: len(header)].tobytes()) != header:
        yield f"{path.name}: byte {_first_difference(start, header)} differs, in its header"
    pixels = data[len(header) :].reshape(len(entries), row_size)
    for row, (entry, digest) in enumerate(zip(entries, digests, strict=True)):
        row_bytes = pixels[row].tobytes()
        if hashlib.sha256(row_bytes).hexdigest() == digest:
            continue
        right = np.ascontiguousarray(decode(read(entry.sha256), size)).tobytes()
        if row_bytes == right:
            yield f"{digest_path.name}: line {row + 1} (face {entry.sha256}) is wrong, its row is right"
        else:
            byte = len(header) + row * row_size + _first_difference(row_bytes, right)
            yield f"{path.name}: byte {byte} differs, in row {row} (face {entry.sha256})"


def _header(count: int, *, size: int) -> bytes:
    """What a pack of so many faces begins with (NumPy's format, version 1.0)."""
    import numpy as np

    header = io.BytesIO()
    shape = (count, size, size, 3)
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return header.getvalue()


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _draw(photo: str) -> float:
    """A number in [0, 1) that belongs to the photo for good."""
    return int(hashlib.sha256(f"held out {photo}".encode()).hexdigest()[:12], 16) / 16**12


def _chunks(entries: Sequence[Entry], count: int) -> Iterator[Sequence[Entry]]:
    for start in range(0, len(entries), count):
        yield entries[start : start + count]
