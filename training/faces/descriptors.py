"""dlib's door: describes a face by 128 numbers. Descriptors of one person lie within about 0.6 of each other.

Used to measure, never to train. The landmark and recognition files are those of the package face_recognition_models
unless the settings name another predictor.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import dlib
import numpy as np

from training.errors import Unknown
from training.faces.pictures import enlarge

_LOOKED_AT = 256
"""Small pictures are enlarged to this before dlib looks: its detector wants faces of 80 pixels."""


class Describer:
    """Finds the one face of an aligned picture and describes it; loading takes a second, so keep it."""

    def __init__(self, *, landmarks_model: str = "") -> None:
        self._detector = dlib.get_frontal_face_detector()
        predictor = landmarks_model or str(_packaged("shape_predictor_68_face_landmarks.dat"))
        try:
            self._predictor = dlib.shape_predictor(predictor)
        except RuntimeError:
            raise Unknown(f"{predictor} is not a landmarks file that dlib can read") from None
        self._network = dlib.face_recognition_model_v1(str(_packaged("dlib_face_recognition_resnet_model_v1.dat")))

    def __call__(self, picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
        """128 numbers for the face of a picture [S,S,3] uint8 RGB.

        With landmarks [68,2] (fractions of the picture) it is known where the face is; without them it is looked
        for, the largest is taken, and None says that there is none.
        """
        large = np.ascontiguousarray(enlarge(picture, size=max(_LOOKED_AT, picture.shape[0])))
        if landmarks is not None:
            shape = _shape(landmarks * large.shape[0])
        elif found := self._detector(large, 0):
            shape = self._predictor(large, max(found, key=lambda box: box.area()))
        else:
            return None
        return np.array(self._network.compute_face_descriptor(large, shape))

    def landmarks(self, picture: np.ndarray) -> np.ndarray | None:
        """The landmarks [68,2] (fractions) of the largest face in a picture [S,S,3]; None when no face is found."""
        large = np.ascontiguousarray(enlarge(picture, size=max(_LOOKED_AT, picture.shape[0])))
        if not (found := self._detector(large, 0)):
            return None
        seen = self._predictor(large, max(found, key=lambda box: box.area()))
        return np.array([(point.x, point.y) for point in seen.parts()], dtype=np.float64) / large.shape[0]

    def trace(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """The landmarks [68,2] (fractions) of a face about where these are, as this picture shows them.

        The predictor is told the box, so that a difference between two pictures is theirs and not the detector's.
        """
        large = np.ascontiguousarray(enlarge(picture, size=max(_LOOKED_AT, picture.shape[0])))
        size = large.shape[0]
        seen = self._predictor(large, _shape(landmarks * size).rect)
        return np.array([(point.x, point.y) for point in seen.parts()], dtype=np.float64) / size


def _shape(points: np.ndarray) -> Any:
    (left, top), (right, bottom) = points.min(0).round().astype(int), points.max(0).round().astype(int)
    dots = [dlib.point(round(float(x)), round(float(y))) for x, y in points]
    return dlib.full_object_detection(dlib.rectangle(int(left), int(top), int(right), int(bottom)), dots)


def _packaged(name: str) -> Path:
    # Found without importing: the package's own import needs pkg_resources, which setuptools no longer has.
    spec = find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise Unknown(f"{name} is not installed: it comes with the package face_recognition_models")
    return Path(spec.submodule_search_locations[0]) / "models" / name
