"""At most so many faces of one person in a batch. Off, unless FACELOOP_FACES_PER_PERSON says otherwise.

Faces are described by dlib's recognition network and grouped by how alike they are. The descriptions live in this
process's memory while one batch is judged, and go with it: they are never written anywhere, they are not handed on, and
nothing can be looked up by them. What comes out is which faces are too many, and beside which others of the batch, for
the reviewers who decide between them; not whose they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from catalog import Blobs, Catalog
from catalog.errors import BlobCorrupt, BlobMissing
from catalog.records import Domain, Face, Flag, Reason, Stage, Subject, SubjectKind
from preprocessing import crowds
from preprocessing.best import Merits
from preprocessing.decode import Pixels, decode
from preprocessing.errors import ModelMissing, Refused
from preprocessing.geometry import Landmarks
from preprocessing.report import FaceRow

#: Two faces nearer than this are one person's. dlib's own threshold is 0.6, for telling people apart who are looked
#: for; here it is stricter, because a face that is taken for another's is lost.
ALIKE = 0.5

Description = NDArray[np.float64]
Describe = Callable[[Pixels, Landmarks], Description]


def flags(
    catalog: Catalog, blobs: Blobs, rows: Sequence[FaceRow], *, batch: int, most: int, describe: Describe
) -> list[Flag]:
    """A flag for each face of a batch that is one too many of its person in its domain; the best `most` have none."""
    faces = {face.id: face for face in catalog.faces.of_batch(batch)}
    found = []
    for domain in Domain:
        best_first = sorted(
            (row for row in rows if row.domain == domain.value and row.face_id in faces),
            key=lambda row: (_merits(catalog, row).rank, row.face_id),
        )
        pictured = [(row, crop) for row in best_first if (crop := _crop(blobs, faces[row.face_id])) is not None]
        descriptions = (describe(crop, Landmarks(faces[row.face_id].face.crop_landmarks)) for row, crop in pictured)
        for place, kept in too_many(descriptions, most=most).items():
            subject = Subject(SubjectKind.FACE, pictured[place][0].face_id)
            sentence = crowds.said(most=most, kept=[pictured[other][0].face_id for other in kept])
            found.append(Flag(subject, Stage.CROP, Reason.OTHER, crowds.BY, sentence))
    return found


def _merits(catalog: Catalog, row: FaceRow) -> Merits:
    origin = catalog.photos.provenance(row.photo_id)
    return Merits(
        free=origin.train_ok and origin.licence != "unknown",
        side=row.side,
        sharp=row.scores.get("blur", 0),
        exposed=row.scores.get("exposure", 0),
        since=origin.found_at,
    )


def _crop(blobs: Blobs, face: Face) -> Pixels | None:
    """The pixels of a face's smaller crop, in which its landmarks are told; None when it is lost."""
    try:
        return decode(blobs.get("faces", face.face.sha256))
    except (BlobMissing, BlobCorrupt, Refused):
        return None


def recognition_model(configured: str = "") -> Path:
    """The file of dlib's recognition network: the configured one, else the one of face_recognition_models.

    Raises ModelMissing, which says what to do.
    """
    path = Path(configured) if configured else None
    if path is None:
        spec = find_spec("face_recognition_models")
        if spec is None or spec.origin is None:
            raise ModelMissing(
                "FACELOOP_FACES_PER_PERSON needs a recognition model: set FACELOOP_RECOGNITION_MODEL, install "
                "face_recognition_models, or set it to 0"
            )
        path = Path(spec.origin).parent / "models" / "dlib_face_recognition_resnet_model_v1.dat"
    if not path.is_file():
        raise ModelMissing(f"FACELOOP_FACES_PER_PERSON needs a recognition model, and there is none at {path}")
    return path


def describer(model: Path) -> Describe:
    """What describes a face, by its crop and the landmarks in the crop's pixels."""
    network = dlib.face_recognition_model_v1(str(model))

    def describe(crop: Pixels, landmarks: Landmarks) -> Description:
        points = [dlib.point(round(x - 0.5), round(y - 0.5)) for x, y in landmarks.points]
        whole = dlib.rectangle(0, 0, crop.shape[1] - 1, crop.shape[0] - 1)
        return np.array(network.compute_face_descriptor(crop, dlib.full_object_detection(whole, points)))

    return describe


def too_many(descriptions: Iterable[Description], *, most: int) -> dict[int, tuple[int, ...]]:
    """The places of the faces beyond `most` of one person, when the faces come the best first, each with those of the
    `most` that are kept.

    A face belongs to the people seen so far whose faces are all nearer than ALIKE on average; so a row of faces that
    are each a little like the next does not become one person.
    """
    sums: list[Description] = []
    sizes: list[int] = []
    kept: list[list[int]] = []
    beyond: dict[int, tuple[int, ...]] = {}
    for place, description in enumerate(descriptions):
        nearest = _nearest(description, sums, sizes)
        if nearest is None:
            sums.append(description.copy())
            sizes.append(1)
            kept.append([place])
            continue
        sums[nearest] += description
        sizes[nearest] += 1
        if sizes[nearest] > most:
            beyond[place] = tuple(kept[nearest])
        else:
            kept[nearest].append(place)
    return beyond


def _nearest(description: Description, sums: Sequence[Description], sizes: Sequence[int]) -> int | None:
    if not sums:
        return None
    middles = np.array(sums) / np.array(sizes)[:, None]
    distances = np.linalg.norm(middles - description, axis=1)
    nearest = int(distances.argmin())
    return nearest if distances[nearest] <= ALIKE else None
