"""What is done to one photo, in whichever process: its faces are found, and it is scored or they are cut out.

Whatever a photo contains ends as a result or as a refusal; only what is wrong with us (a store that is not there, a
disk that is full) is an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from catalog import Blobs, settings
from catalog.errors import BlobCorrupt, BlobMissing
from catalog.records import NewFace, Photo, Score, Sighting, Subject, SubjectKind
from preprocessing.errors import Refused

if TYPE_CHECKING:
    from preprocessing.checks import View
    from preprocessing.decode import Pixels
    from preprocessing.geometry import FaceBox, FoundFace

Made = TypeVar("Made")


class Finder(Protocol):
    """What finds faces; see preprocessing.detect."""

    version: str

    def find(self, photo: Pixels) -> tuple[FoundFace, ...]:
        """The faces of an upright RGB photo, the largest first."""

    def faces_in(self, photo: Pixels, boxes: Sequence[FaceBox]) -> tuple[FoundFace, ...]:
        """The faces in boxes that were found in the same photo before."""


Work = Callable[[Photo, Blobs, Finder], Sequence[Made]]


@dataclass(frozen=True, slots=True)
class Done(Generic[Made]):
    """What came of one photo: what was made of it, or in one word and a sentence why nothing was."""

    photo: Photo
    made: tuple[Made, ...] = ()
    refused: str = ""
    detail: str = ""


class Where(Enum):
    """What a process waits for: a photo's own bytes to be worked on, or the store."""

    PHOTO = "photo"
    STORE = "store"


class Unfit(Refused):
    """A photo that decodes and still cannot become a face."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def attempt(work: Work[Made], photo: Photo, blobs: Blobs, finder: Finder) -> Done[Made]:
    """Do a piece of work on one photo; a refusal is a result like another."""
    try:
        return Done(photo, tuple(work(photo, blobs, finder)))
    except Refused as refusal:
        return Done(photo, refused=refusal.reason, detail=str(refusal))


@dataclass(frozen=True, slots=True)
class Screened:
    """What a screen learned of one photo."""

    scores: tuple[Score, ...]
    sighting: Sighting


def score_photo(photo: Photo, blobs: Blobs, finder: Finder) -> list[Screened]:
    """Find a photo's faces and measure everything that photos are checked for: one answer."""
    from preprocessing.checks import PhotoView

    pixels, faces = _look(photo, blobs, finder)
    scores = measure(Subject(SubjectKind.PHOTO, photo.id), PhotoView(pixels, faces))
    boxes = tuple((b.left, b.top, b.right, b.bottom, b.confidence) for b in (face.box for face in faces))
    return [Screened(tuple(scores), Sighting(finder.version, boxes))]


def cut_faces(photo: Photo, blobs: Blobs, finder: Finder) -> list[NewFace]:
    """Store the crops of each of a photo's faces, the largest face first."""
    pixels, faces = _look(photo, blobs, finder)
    return [_cut(pixels, face, number, blobs, finder) for number, face in enumerate(faces)]


def measure(subject: Subject, view: View) -> list[Score]:
    """What every check of this kind of subject says of it."""
    from preprocessing.checks import checks_on

    measured = [(check, check.measure(view)) for check in checks_on(subject.kind)]
    return [Score(subject, check.name, check.version, m.value, m.stored()) for check, m in measured]


def bytes_of(kind: str, name: str, blobs: Blobs) -> bytes:
    """A blob's bytes; raises Refused when they are gone or damaged: no later run would find them.

    Raises BlobMissing when the store holds none of that kind at all: then the store is wrong, not the photo.
    """
    try:
        return blobs.get(kind, name)
    except BlobCorrupt as error:
        raise Unfit("bytes_lost", str(error)) from error
    except BlobMissing as error:
        if next(blobs.names(kind), None) is None:
            raise BlobMissing(
                f"the store holds no {kind} at all; is FACELOOP_STORE the one they were put in?"
            ) from None
        raise Unfit("bytes_lost", str(error)) from error


def _look(photo: Photo, blobs: Blobs, finder: Finder) -> tuple[Pixels, tuple[FoundFace, ...]]:
    """Decode a photo and find its faces; raises Refused when it cannot be read or shows none."""
    from preprocessing.decode import decode

    limits = settings()
    data = bytes_of("photos", photo.sha256, blobs)
    pixels = decode(data, max_pixels=limits.fetch_max_pixels, max_bytes=limits.fetch_max_bytes)
    faces = _faces(photo, pixels, finder)
    if not faces:
        raise Unfit("no_face", "no face was found")
    return pixels, faces


def _faces(photo: Photo, pixels: Pixels, finder: Finder) -> tuple[FoundFace, ...]:
    """A photo's faces: where its screen saw them, unless that was another detector or none."""
    from preprocessing.geometry import FaceBox

    if photo.sighting is None or photo.sighting.detector != finder.version:
        return finder.find(pixels)
    return finder.faces_in(pixels, [FaceBox(*box) for box in photo.sighting.boxes])


def _cut(pixels: Pixels, found: FoundFace, number: int, blobs: Blobs, finder: Finder) -> NewFace:
    from preprocessing.align import align
    from preprocessing.decode import encode_jpeg
    from preprocessing.duplicates import phash

    cut = align(pixels, found.landmarks)
    box = found.box
    return NewFace(
        index=number,
        box=(box.left, box.top, box.right, box.bottom),
        landmarks=found.landmarks.points,
        crop_landmarks=cut.landmarks.points,
        quad=cut.square.corners(),
        padded=cut.padded,
        detector=finder.version,
        sha256=blobs.put("faces", encode_jpeg(cut.small)),
        sha256_512=blobs.put("faces", encode_jpeg(cut.large)),
        phash=phash(cut.small),
    )
