"""Snapshots: an immutable list of approved faces, named by its content.

    <home>/snapshots/<id>/manifest.jsonl     one line per face; the id is this file's sha256

The same faces give the same id, in whatever order they come and whatever their rows in the catalog are called: a face
is named by its crop's sha256. The manifest alone is the snapshot, with its split; the pixels lie in packs (`packs`),
which can be made again from the crops' blobs. No torch here, and no picture library.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog import points
from catalog.records import ApprovedFace, Domain
from training.errors import BadSnapshot
from training.faces.split import TEST_LEAST, TEST_PERCENT, draw, places_of
from training.files import write_atomically

log = logging.getLogger(__name__)

CROP_SIZE = 256
"""Pixels a side of the crops that manifests list; their landmarks are in these pixels."""

DOMAINS = tuple(domain.value for domain in Domain)
"""The order of the domains in the networks' heads."""

_POINTS = 2 * 68
_WRITTEN = re.compile(rf"-?\d+(?:,-?\d+){{{_POINTS - 1}}}")


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One face of a snapshot: a line of its manifest. `photo` is the sha256 of the photo that it was cut from.

    `points` are its landmarks in writing, as the line has them (`catalog.points`). `group` names all who may be the
    same person, and `held_out` its side; None in a manifest of before there were groups.
    """

    sha256: str
    domain: str
    photo: str
    points: str
    group: str = ""
    held_out: bool | None = None

    @property
    def landmarks(self) -> tuple[tuple[float, float], ...]:
        """The 68 landmarks, in the crop's pixels."""
        return points.read(self.points)


def entries_of(faces: Iterable[ApprovedFace], known: Mapping[str, bool] | None = None) -> tuple[Entry, ...]:
    """The entries of a snapshot of these faces, in its order; `known` are the sides of photos that have one already.

    Equal crops count once. A crop that people approved in both domains can teach neither: it is left out, with a
    warning. Raises BadSnapshot for a face without its landmarks.
    """
    by_crop: dict[str, list[ApprovedFace]] = {}
    for face in faces:
        by_crop.setdefault(face.sha256, []).append(face)
    shared = [(name, same) for name, same in by_crop.items() if len(same) > 1]
    for sha256 in [name for name, same in shared if len({face.domain for face in same}) > 1]:
        log.warning("crop %s is approved in two domains; left out of the snapshot", sha256)
        del by_crop[sha256]
    places = places_of([face for same in by_crop.values() for face in same], known or {})
    chosen = [min(same, key=_first) if len(same) > 1 else same[0] for _, same in sorted(by_crop.items())]
    if lacking := [face.face_id for face in chosen if face.points.count(",") != _POINTS - 1]:
        raise BadSnapshot(f"{len(lacking)} faces have not 68 landmarks, face {lacking[0]} among them")
    domains = {domain: domain.value for domain in Domain}
    return tuple(
        Entry(face.sha256, domains[face.domain], face.photo_sha256, face.points, place.group, place.held_out)
        for face, place in ((face, places[face.sha256]) for face in chosen)
    )


def manifest_of(entries: Iterable[Entry]) -> bytes:
    """The manifest: one JSON object a line, sorted, so that equal lists are equal bytes."""
    by_crop = {entry.sha256: entry for entry in entries}
    # By hand, which is several times faster than json: nothing here needs an escape.
    return "".join(
        f'{{"sha256":"{entry.sha256}","domain":"{entry.domain}","photo":"{entry.photo}","group":"{entry.group}",'
        f'"held_out":{_JSON[entry.held_out]},"points":[{entry.points}]}}\n'
        for _, entry in sorted(by_crop.items())
    ).encode()


def id_of(manifest: bytes) -> str:
    """A snapshot's id: the sha256 of its manifest."""
    return hashlib.sha256(manifest).hexdigest()


def read_manifest(manifest: bytes) -> tuple[Entry, ...]:
    """The entries of a manifest; raises BadSnapshot naming the line that cannot be read."""
    entries = []
    for number, line in enumerate(manifest.splitlines(), start=1):
        try:
            fields = json.loads(line, parse_int=str)  # as they are written
            written = ",".join(fields["points"]) if "points" in fields else points.written(_pairs(fields["landmarks"]))
            entry = Entry(
                sha256=fields["sha256"],
                domain=fields["domain"],
                photo=fields["photo"],
                points=written,
                group=fields.get("group", ""),
                held_out=fields.get("held_out"),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise BadSnapshot(f"manifest, line {number} cannot be read: {error!r}") from None
        if entry.domain not in DOMAINS or not _WRITTEN.fullmatch(entry.points):
            count = (entry.points.count(",") + 1) // 2
            raise BadSnapshot(f"manifest, line {number} has domain {entry.domain}, {count} landmarks")
        entries.append(entry)
    return tuple(entries)


def held_out(entries: Sequence[Entry]) -> list[bool]:
    """For each entry: is it kept for evaluation? As the manifest says; one of before there were groups, by its photos.

    There the faces of one photo stay together, and a small domain gives the photos of its lowest hashes, so that there
    are `TEST_LEAST` of them, but no more than a quarter.
    """
    if all(entry.held_out is not None for entry in entries):
        return [bool(entry.held_out) for entry in entries]
    test = {entry.photo for entry in entries if draw(entry.photo) < TEST_PERCENT / 100}
    for domain in DOMAINS:
        photos = sorted({entry.photo for entry in entries if entry.domain == domain}, key=draw)
        least, most = min(TEST_LEAST, len(photos) // 4), (len(photos) + 1) // 2
        test.update(photos[:least])
        test.difference_update(photos[most:])
    return [entry.photo in test for entry in entries]


def counts_of(entries: Sequence[Entry]) -> dict[str, tuple[int, int]]:
    """How many faces of each domain are learned from, and how many are held out."""
    counted = Counter((entry.domain, side) for entry, side in zip(entries, held_out(entries), strict=True))
    return {domain: (counted[domain, False], counted[domain, True]) for domain in DOMAINS}


def torn_groups(entries: Sequence[Entry]) -> list[str]:
    """The groups that are on both sides of the split: none, unless a manifest was not made here."""
    sides: dict[str, set[bool]] = {}
    for entry, side in zip(entries, held_out(entries), strict=True):
        if entry.group:
            sides.setdefault(entry.group, set()).add(side)
    return sorted(group for group, found in sides.items() if len(found) > 1)


def write_manifest(folder: Path, manifest: bytes) -> None:
    """Put a manifest in its folder unless it is there."""
    path = folder / "manifest.jsonl"
    if not path.is_file():
        write_atomically(path, lambda file: file.write(manifest))


def manifest_problems(folder: Path, *, original: bytes | None) -> list[str]:
    """What is wrong with a snapshot's manifest, naming the byte; `original` is the one kept in the blob store."""
    path = folder / "manifest.jsonl"
    if not path.is_file():
        return [f"{path.name} is missing"]
    manifest = path.read_bytes()
    if id_of(manifest) == folder.name:
        return [f"group {group} is on both sides of the split" for group in torn_groups(read_manifest(manifest))]
    where = ""
    if original is not None:
        pairs = zip(manifest, original, strict=False)
        byte = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(manifest), len(original)))
        where = f": byte {byte} differs"
    return [f"{path.name} does not hash to the snapshot's id{where}"]


_JSON = {True: "true", False: "false", None: "null"}


def _first(face: ApprovedFace) -> tuple[str, str]:
    return face.photo_sha256, face.points


def _pairs(landmarks: Iterable[tuple[float | str, float | str]]) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in landmarks]
