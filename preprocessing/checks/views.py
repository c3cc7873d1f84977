"""What the checks see: a photo with the faces found in it, or one face's crop."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from catalog.records import Domain
from preprocessing.decode import Grey, Pixels, luma
from preprocessing.geometry import FoundFace, Landmarks

#: The side of the crop that landmarks are measured in.
SMALL = 256


@dataclass(frozen=True, eq=False)
class PhotoView:
    """What a check of a photo sees: upright RGB pixels, and the faces found in it, the largest first."""

    pixels: Pixels
    faces: tuple[FoundFace, ...]


@dataclass(frozen=True, eq=False)
class FaceView:
    """What a check of a face sees.

    `pixels` is the 512-pixel crop; `landmarks` are in pixels of the 256-pixel crop; `padded` is the mirrored
    share of the crop; `side` is how many photo pixels the crop's side spans; `domain` is what the photo was
    filed under, None when that is not known; `generated` is whether the photo was declared to be made by a program.
    """

    pixels: Pixels
    landmarks: Landmarks
    padded: float
    side: float
    domain: Domain | None = None
    generated: bool = False

    @property
    def in_crop(self) -> Landmarks:
        """The landmarks in pixels of the crop itself."""
        return Landmarks.of(self.landmarks.array() * (self.pixels.shape[0] / SMALL))

    @cached_property
    def grey(self) -> Grey:
        """The crop at 256 x 256, luma in [0, 255]."""
        height, width = self.pixels.shape[:2]
        halves = luma(self.pixels).reshape(height // 2, 2, width // 2, 2)
        return halves.mean(axis=(1, 3))

    @cached_property
    def face_grey(self) -> Grey:
        """The part of `grey` between brows, chin and jaw."""
        points = self.landmarks.array()
        left, top = np.clip(points.min(axis=0).astype(int), 0, 240)
        right, bottom = np.clip(np.ceil(points.max(axis=0)).astype(int), (left + 16, top + 16), 256)
        return self.grey[top:bottom, left:right]


View = PhotoView | FaceView
