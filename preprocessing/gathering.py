"""Photos that show the same, out of a catalog: compared once, then gathered at any radius."""

from __future__ import annotations

from collections.abc import Sequence

from catalog import Catalog
from catalog.records import Subject, SubjectKind
from preprocessing.clusters import Clusters, Pair, compare, gather, look_closer, tied


class Gathering:
    """The photos of a batch, or all, and which of them are alike.

    Comparing takes seconds for 20,000 photos; a radius that the preview tells of (or `bits`) is then gathered at once.
    """

    def __init__(self, catalog: Catalog, batch: int | None = None, *, bits: int = 0) -> None:
        self._catalog = catalog
        self._likenesses = catalog.likenesses.of(batch)
        self._pairs = compare(self._likenesses, bits=bits)

    def at(self, bits: int) -> Clusters:
        """The clusters within a radius."""
        alike = tied(self._pairs, bits=bits)
        faces = [
            Subject(SubjectKind.FACE, face.face_id)
            for one in self._likenesses
            if one.photo_id in alike
            for face in one.faces
        ]
        scores = {
            subject.id: {score.check: score.value for score in of_it}
            for subject, of_it in self._catalog.scores.of_many(faces).items()
        }
        return gather(self._likenesses, self._pairs, scores, bits=bits)

    def look(self, pairs: Sequence[Pair]) -> Sequence[Pair]:
        """The pairs again, those told that show the same picture."""
        return look_closer(
            pairs, self._catalog.likenesses.sketches({n for pair in pairs for n in (pair.one, pair.other)})
        )
