"""dlib's door: finds the faces of a photo and their 68 landmarks.

A coarse detector, made of dlib's own (see hog.py), glances at a small grey copy of the photo and says where a face may
be, down to 40 pixels: what dlib's detector sees on four times the pixels. dlib's detector then decides, on those places
alone. A closer glance is taken only when no face was found, or when others like those that were found may have been
missed: most portraits are done with one glance at 200 pixels and one look, which costs a thirtieth of 1600. Of the 565
photos that we tried it finds a face in all 508 in which HOG finds one in colour at 1600. The copies are shrunk from the
decoded photo, which the crop needs anyway. Landmarks are read from the photo at full resolution, where they cost no
more than on a copy.

dlib also sees faces in drawings (21 of 23 that we tried): a face found is no proof of a photo.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import dlib
import numpy as np

from preprocessing.align import grey, shrink
from preprocessing.decode import Pixels
from preprocessing.errors import ModelMissing
from preprocessing.geometry import FaceBox, FoundFace, Landmarks
from preprocessing.hog import Hog

# Longest side, in pixels, of the copies that are glanced at in turn until a face is found.
GLANCES = (200, 400, 800)
# One that is so much smaller than the last is left out: it would show little less.
STEP = 1.5
# The side, in pixels, of the smallest face that a glance sees: half of the window of dlib's own detector.
GLIMPSE = 40
# What a glance scores above this may be a face. dlib's detector decides; of the faces that it finds, this keeps 99.4 %.
MAYBE = -1.0
# A face is looked for that is so many times smaller than the largest one found: beside one person, and in a group.
ALONE, IN_A_GROUP = 1.5, 3.0
# The side that a face is brought to for dlib's detector, and the sizes of faces that are tried: 80 to 138 pixels.
LOOK, LEVELS = 92, 4
# Other sizes to try where it nearly sees a face, by no more than that: its steps of a fifth may have missed one.
NEARLY, AGAIN = -0.25, (88, 97)
# Half the side of the part that is looked at then, in faces: the glance may be off by a tenth, and HOG wants context.
AROUND = 1.05
# Longest side, in pixels, of the copy that dlib's detector looks at as a whole when nothing else was found.
WHOLE = 240
# The border, in pixels, that a copy is given to glance at: a face that fills the photo has no context left for HOG.
BORDER = 16
# Two boxes are one face, as dlib has it, that share so much of what they cover together, or of the smaller one.
SAME, COVERED = 0.33, 0.79
# Beside a face that HOG is sure of, one with less than this share of its confidence is taken for a pattern.
FAINT = 0.12


def landmarks_model(configured: str = "") -> Path:
    """The file of the 68-point predictor: the configured one, else the one of face_recognition_models.

    The package is located and not imported: its import needs pkg_resources, which is gone. Raises
    ModelMissing.
    """
    if configured:
        path = Path(configured)
    else:
        spec = find_spec("face_recognition_models")
        if spec is None or spec.origin is None:
            raise ModelMissing("no landmarks model: set FACELOOP_LANDMARKS_MODEL or install face_recognition_models")
        path = Path(spec.origin).parent / "models" / "shape_predictor_68_face_landmarks.dat"
    if not path.is_file():
        raise ModelMissing(f"no landmarks model at {path}")
    return path


class Detector:
    """Finds faces. Loading takes about a second and 100 MB: make one per process."""

    def __init__(self, model: Path) -> None:
        self._frontal = dlib.get_frontal_face_detector()
        hog = _read(self._frontal)
        self._coarse, self._close = _made(hog.halved()), _made(hog.within(LEVELS))
        self._predictor = dlib.shape_predictor(str(model))
        self._lock = threading.Lock()
        scales = "-".join(str(side) for side in GLANCES)
        self.version = f"dlib {dlib.__version__} coarse hog {scales} {_digest_of_choices()} {model.stem}"

    def find(self, photo: Pixels) -> tuple[FoundFace, ...]:
        """Find the faces of an upright RGB photo, the largest first, in pixels of the photo."""
        with self._lock:
            boxes = self._boxes(photo)
            surest = max((box.confidence for box in boxes), default=0.0)
            kept = [box for box in boxes if box.confidence >= FAINT * surest]
        return self.faces_in(photo, sorted(kept, key=lambda box: box.area, reverse=True))

    def faces_in(self, photo: Pixels, boxes: Sequence[FaceBox]) -> tuple[FoundFace, ...]:
        """The faces in boxes that this detector found in the same photo before."""
        with self._lock:
            return tuple(FoundFace(box, self._landmarks(photo, box)) for box in boxes)

    def _boxes(self, photo: Pixels) -> list[FaceBox]:
        longest = max(photo.shape[:2])
        halves = _halves(grey(photo))
        # A copy larger than the photo would show nothing new, but a very small photo is brought to the first size.
        closest = min(GLANCES[-1], max(longest, GLANCES[0]))
        sides = [side for side in GLANCES if side * STEP <= closest] + [closest]
        boxes: list[FaceBox] = []
        while sides:
            side = sides.pop(0)
            for maybe in self._glance(halves, scale=side / longest):
                if not any(_same(maybe, box) for box in boxes):
                    boxes = _surest([*boxes, *self._look(halves, maybe)])
            if boxes:
                largest = max(box.right - box.left for box in boxes) * side / longest
                others = sum(box.confidence >= FAINT * boxes[0].confidence for box in boxes[1:])
                closer = GLIMPSE * (IN_A_GROUP if others else ALONE) / largest
                # A step that is hardly one would show nothing new.
                sides = [min(math.ceil(side * closer), closest)] if closer > 1.1 and side < closest else []
        return boxes or self._whole(halves[0])

    def _whole(self, light: Pixels) -> list[FaceBox]:
        """What dlib's own detector finds on a small copy in a frame: the last look, for a face that fills the photo."""
        height, width = light.shape
        scale = WHOLE / max(light.shape)
        small = shrink(light, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
        frame = WHOLE // 8
        found = self._frontal.run(np.pad(small, frame, mode="edge"), 0, 0.0)
        return _found(found, left=-frame, top=-frame, across=width / small.shape[1], down=height / small.shape[0])

    def _glance(self, halves: Sequence[Pixels], *, scale: float) -> list[FaceBox]:
        """What may be a face in the photo, in its pixels, the likeliest first."""
        height, width = halves[0].shape
        light = _level(halves, scale)
        small = shrink(light, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
        framed = np.pad(small, BORDER, mode="edge")
        found = self._coarse.run(framed, 0, MAYBE)
        return _found(found, left=-BORDER, top=-BORDER, across=width / small.shape[1], down=height / small.shape[0])

    def _look(self, halves: Sequence[Pixels], maybe: FaceBox) -> list[FaceBox]:
        """The faces that dlib's detector finds where one may be."""
        for size in (LOOK, *AGAIN):
            seen = self._look_closer(halves, maybe, size=size)
            if not seen or seen[0].confidence > 0:
                return [box for box in seen if box.confidence > 0]
        return []

    def _look_closer(self, halves: Sequence[Pixels], maybe: FaceBox, *, size: int) -> list[FaceBox]:
        """What is nearly a face for dlib's detector at this size; beyond the photo its edge is repeated."""
        scale = size / (maybe.right - maybe.left)
        light = _level(halves, scale)
        step = halves[0].shape[1] / light.shape[1]
        half = round(size * AROUND / scale / step)
        left, top = (
            round((a + b) / 2 / step) - half for a, b in ((maybe.left, maybe.right), (maybe.top, maybe.bottom))
        )
        part = _part(light, left=left, top=top, side=2 * half)
        side = round(2 * half * step * scale)
        across = 2 * half * step / side
        found = self._close.run(shrink(part, width=side, height=side), 0, NEARLY)
        return _found(found, left=left * step / across, top=top * step / across, across=across, down=across)

    def _landmarks(self, photo: Pixels, box: FaceBox) -> Landmarks:
        # dlib's rectangles include their last pixel.
        rectangle = dlib.rectangle(round(box.left), round(box.top), round(box.right) - 1, round(box.bottom) - 1)
        shape = self._predictor(photo, rectangle)
        # dlib counts from the middle of the first pixel, we from its corner.
        return Landmarks(tuple((point.x + 0.5, point.y + 0.5) for point in shape.parts()))


def _digest_of_choices() -> str:
    """Another number above, another version: what was seen with the old one is looked for anew."""
    sizes = (GLANCES, GLIMPSE, LOOK, LEVELS, AGAIN, AROUND, WHOLE, BORDER)
    limits = (MAYBE, ALONE, IN_A_GROUP, NEARLY, SAME, COVERED, FAINT)
    return hashlib.sha256(repr((sizes, limits)).encode()).hexdigest()[:8]


def _read(detector: dlib.fhog_object_detector) -> Hog:
    with NamedTemporaryFile(suffix=".svm") as file:
        detector.save(file.name)
        return Hog.parse(Path(file.name).read_bytes())


def _made(hog: Hog) -> dlib.fhog_object_detector:
    with NamedTemporaryFile(suffix=".svm") as file:
        Path(file.name).write_bytes(hog.save())
        return dlib.fhog_object_detector(file.name)


def _found(found: Any, *, left: float, top: float, across: float, down: float) -> list[FaceBox]:
    """dlib's answer in pixels of the photo; dlib's rectangles include their last pixel."""
    boxes = [
        FaceBox(
            (r.left() + left) * across,
            (r.top() + top) * down,
            (r.right() + 1 + left) * across,
            (r.bottom() + 1 + top) * down,
            float(c),
        )
        for r, c in zip(found[0], found[1], strict=True)
    ]
    return sorted(boxes, key=lambda box: box.confidence, reverse=True)


def _halves(light: Pixels) -> list[Pixels]:
    """A photo, its half, its quarter and so on: from the one that is a little too large every copy is made fast."""
    halves = [light]
    while min(halves[-1].shape) >= 2 * GLIMPSE:
        height, width = halves[-1].shape
        halves.append(shrink(halves[-1][: height // 2 * 2, : width // 2 * 2], width=width // 2, height=height // 2))
    return halves


def _level(halves: Sequence[Pixels], scale: float) -> Pixels:
    """The smallest of the halves that need not be enlarged for a copy of this scale."""
    return halves[min(len(halves) - 1, max(0, math.floor(-math.log2(scale))))]


def _part(light: Pixels, *, left: int, top: int, side: int) -> Pixels:
    """A square of the picture; where it lies beyond, the picture's edge is repeated."""
    height, width = light.shape
    part = light[max(top, 0) : max(top + side, 0), max(left, 0) : max(left + side, 0)]
    down = max(-top, 0), max(top + side - height, 0)
    across = max(-left, 0), max(left + side - width, 0)
    return np.pad(part, (down, across), mode="edge") if any(down + across) else part


def _surest(boxes: list[FaceBox]) -> list[FaceBox]:
    """Of boxes that are one face, the one that the detector is surest of."""
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda box: box.confidence, reverse=True):
        if not any(_same(box, other) for other in kept):
            kept.append(box)
    return kept


def _same(one: FaceBox, other: FaceBox) -> bool:
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    shared = max(0.0, across) * max(0.0, down)
    return shared > min(SAME * (one.area + other.area - shared), COVERED * min(one.area, other.area))


@lru_cache(maxsize=1)
def detector(model: Path) -> Detector:
    """This process's detector."""
    return Detector(model)
