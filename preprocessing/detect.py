"""dlib's door: finds the faces of a photo and their 68 landmarks.

The HOG detector looks at a small grey copy first, and closer only when it found nothing or when others like the faces
that it found may have been missed, and then no closer than that needs: most portraits are done at 240 pixels, or there
and once more, which costs a twentieth of 1600. Grey costs a quarter less than colour and finds as much (all 508 photos
in which HOG finds a face in colour at 1600). The copies are shrunk from the decoded photo, which the crop needs anyway:
a second, reduced decoding would cost more than it saves. Landmarks are read from the photo at full resolution, where
they cost no more than on a copy.

dlib also sees faces in drawings (21 of 23 that we tried): a face found is no proof of a photo.
"""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np

from preprocessing.align import grey, shrink
from preprocessing.decode import Pixels
from preprocessing.errors import ModelMissing
from preprocessing.geometry import FaceBox, FoundFace, Landmarks

# Longest side, in pixels, of the copies that are looked at in turn until a face is found.
CASCADE = (240, 480, 800, 1600)
# A face is looked for that is so many times smaller than the largest one found: beside one person, and in a group.
ALONE, IN_A_GROUP = 1.5, 2.0
# The side of HOG's window, in pixels: no face smaller than that is seen.
WINDOW = 80
# A copy larger than the photo helps with small faces, but only so far.
MAX_UPSCALE = 2.0
# A face that fills the picture has no context left for HOG's window; a border of this share of the side gives
# it some.
BORDER = 0.25
# Longest side, in pixels, of the copy of the framed picture.
FRAMED = 480
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
        self._predictor = dlib.shape_predictor(str(model))
        self._lock = threading.Lock()
        scales = "-".join(str(side) for side in CASCADE)
        self.version = f"dlib {dlib.__version__} hog {scales} {model.stem}"

    def find(self, photo: Pixels) -> tuple[FoundFace, ...]:
        """Find the faces of an upright RGB photo, the largest first, in pixels of the photo."""
        with self._lock:
            boxes = self._boxes(photo)
            surest = max((box.confidence for box in boxes), default=0.0)
            faces = (FoundFace(box, self._landmarks(photo, box)) for box in boxes if box.confidence >= FAINT * surest)
            return tuple(sorted(faces, key=lambda face: face.box.area, reverse=True))

    def _boxes(self, photo: Pixels) -> list[FaceBox]:
        longest = max(photo.shape[:2])
        sides = sorted({round(min(side, longest * MAX_UPSCALE)) for side in CASCADE})
        closest, light = sides[-1], grey(photo)
        boxes: list[FaceBox] = []
        while sides:
            side = sides.pop(0)
            seen = self._look(light, scale=side / longest)
            if len(seen) > len(boxes):
                boxes = seen
            if boxes:
                largest = max(box.right - box.left for box in boxes) * side / longest
                closer = WINDOW * (ALONE if len(boxes) == 1 else IN_A_GROUP) / largest
                # A step that is hardly one would be taken for the jitter of the box.
                sides = [min(math.ceil(side * closer), closest)] if closer > 1.1 and side < closest else []
        if boxes:
            return boxes
        margin = round(min(photo.shape[:2]) * BORDER)
        framed = np.pad(light, margin, mode="edge")
        return [
            FaceBox(b.left - margin, b.top - margin, b.right - margin, b.bottom - margin, b.confidence)
            for b in self._look(framed, scale=min(1.0, FRAMED / max(framed.shape[:2])))
        ]

    def _look(self, light: Pixels, *, scale: float) -> list[FaceBox]:
        height, width = light.shape[:2]
        small = shrink(light, width=max(1, round(width * scale)), height=max(1, round(height * scale)))
        across, down = width / small.shape[1], height / small.shape[0]
        rectangles, confidences, _ = self._frontal.run(small, 0, 0.0)
        return [
            FaceBox(r.left() * across, r.top() * down, (r.right() + 1) * across, (r.bottom() + 1) * down, float(c))
            for r, c in zip(rectangles, confidences, strict=True)
        ]

    def _landmarks(self, photo: Pixels, box: FaceBox) -> Landmarks:
        # dlib's rectangles include their last pixel.
        rectangle = dlib.rectangle(round(box.left), round(box.top), round(box.right) - 1, round(box.bottom) - 1)
        shape = self._predictor(photo, rectangle)
        # dlib counts from the middle of the first pixel, we from its corner.
        return Landmarks(tuple((point.x + 0.5, point.y + 0.5) for point in shape.parts()))


@lru_cache(maxsize=1)
def detector(model: Path) -> Detector:
    """This process's detector."""
    return Detector(model)
