"""Photos that show the same, out of a catalog: compared once, looked at closer, and gathered at any radius."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import product

from catalog import Blobs, Catalog
from catalog.errors import BlobError
from catalog.records import Subject, SubjectKind
from catalog.resemblance import same
from preprocessing.clusters import PREVIEWED, Clusters, Pair, Tie, compare, gather, tied
from preprocessing.errors import Refused

#: Pairs that are looked at closer, the nearest first: the others are counted. They take about a minute.
LOOKS = 5000


class Gathering:
    """The photos of a batch, or all, and which of them are alike.

    Comparing takes seconds for 20,000 photos, looking closer about 10 ms for each pair; a radius that the preview tells
    of (or `bits`) is then gathered at once.
    """

    def __init__(
        self, catalog: Catalog, blobs: Blobs, batch: int | None = None, *, bits: int = 0, looks: int = LOOKS
    ) -> None:
        self._catalog, self._blobs = catalog, blobs
        likenesses = catalog.likenesses.of(batch)
        self._photos, self._copies = len(likenesses), sum(len(one.copies) for one in likenesses)
        near = compare(likenesses, bits=bits)
        near, far = near[:looks], near[looks:]
        self._unlooked = Counter(pair.bits for pair in far)
        alike = tied(near, bits=64)
        self._alike = [one for one in likenesses if one.photo_id in alike]  # the others would take most of the memory
        self._faces = {one.photo_id: one.faces for one in self._alike}
        self._pairs = self._look(near)

    def at(self, bits: int) -> Clusters:
        """The clusters within a radius."""
        faces = [
            Subject(SubjectKind.FACE, face.face_id)
            for number in tied(self._pairs, bits=bits)
            for face in self._faces[number]
        ]
        scores = {
            subject.id: {score.check: score.value for score in of_it}
            for subject, of_it in self._catalog.scores.of_many(faces).items()
        }
        found = gather(self._alike, self._pairs, scores, bits=bits)
        unlooked = sum(count for far, count in self._unlooked.items() if far <= bits)
        return replace(found, photos=self._photos, refused_copies=self._copies, unlooked=unlooked)

    def _look(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The pairs again, those told that show the same picture or the same crop."""
        sketches = self._catalog.likenesses.sketches(tied(pairs, bits=64))
        crops: dict[str, bytes] = {}
        return [pair if pair.tie.sure else replace(pair, tie=self._closer(pair, sketches, crops)) for pair in pairs]

    def _closer(self, pair: Pair, sketches: Mapping[int, bytes], crops: dict[str, bytes]) -> Tie:
        if _same(sketches.get(pair.one), sketches.get(pair.other)):
            return Tie.PICTURE
        # Whole photos may be nearer by their hashes than the faces in them, which are then the surer ones to look at.
        most = pair.bits if pair.tie is Tie.FACE else PREVIEWED[-1]
        for one, other in product(self._faces[pair.one], self._faces[pair.other]):
            if (one.phash ^ other.phash).bit_count() > most:
                continue
            if _same(self._crop(one.sha256, crops), self._crop(other.sha256, crops)):
                return Tie.CROP
        return pair.tie

    def _crop(self, name: str, crops: dict[str, bytes]) -> bytes:
        """The sketch of a face's crop; empty when its bytes are gone."""
        from preprocessing.decode import decode
        from preprocessing.duplicates import sketch

        if name not in crops:
            try:
                crops[name] = sketch(decode(self._blobs.get("faces", name)))
            except (BlobError, Refused):
                crops[name] = b""
        return crops[name]


def _same(one: bytes | None, other: bytes | None) -> bool:
    return bool(one and other and same(one, other))
