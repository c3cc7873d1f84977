"""Models that are no models: each returns a picture whose worth is known, for the metrics to rank.

`source` does nothing, `reference` copies all, `makeup` wears the reference's look on the source's face and touches
nothing else, `earrings` does so too and takes the reference's ear-rings along, `noise` shows no face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.evaluation.pairs import Pictures
from training.evaluation.regions import Regions, regions_of

GOLD = (250, 210, 40)


@dataclass(frozen=True)
class Oracle:
    """Faces of people of whom a picture with and one without make-up is known: pixels [people,2,S,S,3]."""

    pixels: np.ndarray
    landmarks: np.ndarray

    @property
    def size(self) -> int:
        return int(self.pixels.shape[2])

    def pictures(self, returns: str) -> Pictures:
        """Bare sources, made-up references of other people who wear ear-rings, and what the oracle returns."""
        count = len(self.pixels)
        sources, reference = self.pixels[:, 0], np.roll(np.arange(count), 1)
        references = np.stack([self._wearing(self.pixels[at, 1], self.landmarks[at]) for at in reference])
        outputs = {
            "source": sources,
            "reference": references,
            "makeup": np.stack([self._made_up(at) for at in range(count)]),
            "earrings": np.stack([self._wearing(self._made_up(at), self.landmarks[at]) for at in range(count)]),
            "noise": np.random.default_rng(0).integers(0, 256, sources.shape).astype(np.uint8),
        }
        return Pictures(sources, self.landmarks, references, self.landmarks[reference], outputs[returns])

    def _made_up(self, person: int) -> np.ndarray:
        face = ~self._regions(person).background
        return np.where(face[:, :, None], self.pixels[person, 1], self.pixels[person, 0])

    def _regions(self, person: int) -> Regions:
        return regions_of(self.landmarks[person], size=self.size)

    def _wearing(self, picture: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        """The picture with a golden spot beside each ear's lobe."""
        worn, radius = picture.copy(), max(1, self.size // 40)
        wide = 0.12 * np.linalg.norm(landmarks[16] - landmarks[0])
        for lobe, side in ((landmarks[2], -1), (landmarks[14], 1)):
            x, y = int((lobe[0] + side * wide) * self.size), int(lobe[1] * self.size)
            worn[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1] = GOLD
        return worn


RETURNS = ("source", "makeup", "earrings", "reference", "noise")
