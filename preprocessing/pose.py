"""How is a head turned? The 68 landmarks against a generic face in space.

The face in space, `pose.npz`, is an average over many people of many sources: `python -m preprocessing.fitting.pose`
finds it from landmarks alone, by asking which one shape, turned this way and that, shows itself so in all the photos.
Of that shape and the landmarks the turn follows by least squares, as seen from far away (scaled orthography).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from preprocessing.geometry import Landmarks, Points

#: A shape in space, (n, 3): x to the right of the picture, y down, z away from who looks.
Shape = npt.NDArray[np.float64]

#: Brows, nose, lids and corners of the mouth. The jaw's points lie where the outline is seen, not on one spot of the
#: head, and lips and chin move when somebody speaks.
STEADY = np.r_[17:48, 48, 54]
#: Steps of the least squares, and what keeps one that is hardly determined short.
ROUNDS, DAMPING = 12, 1e-3


@dataclass(frozen=True, slots=True)
class Turn:
    """In degrees, 0 looks into the camera: yaw > 0 to the right of the picture, pitch > 0 up, roll > 0 clockwise."""

    yaw: float
    pitch: float
    roll: float

    def matrix(self) -> Shape:
        """The rotation that turns a face from looking into the camera."""
        yaw, pitch, roll = (math.radians(angle) for angle in (self.yaw, self.pitch, self.roll))
        return _about(1, -yaw) @ _about(0, -pitch) @ _about(2, roll)

    @classmethod
    def of(cls, rotation: Shape) -> Turn:
        """Where the nose points after a rotation, and how far the head is turned about it."""
        x, y, z = -rotation[:, 2]
        yaw, pitch = math.atan2(x, -z), math.asin(max(-1.0, min(1.0, -y)))
        rest = (_about(1, -yaw) @ _about(0, -pitch)).T @ rotation
        return cls(math.degrees(yaw), math.degrees(pitch), math.degrees(math.atan2(rest[1, 0], rest[0, 0])))


def turn_of(landmarks: Landmarks) -> Turn:
    """How the head is turned that shows these landmarks."""
    return Turn.of(rotation(landmarks.array()[STEADY], face()[STEADY])[0])


@lru_cache(maxsize=1)
def face() -> Shape:
    """The generic face that ships with this package: 68 points, in eye distances, looking into the camera."""
    with files("preprocessing").joinpath("pose.npz").open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
        return kept["face"].astype(np.float64)


def version() -> str:
    """The name of the generic face: another face, another name."""
    with files("preprocessing").joinpath("pose.npz").open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
        return str(kept["version"])


def provenance() -> dict[str, object]:
    """What the generic face was made from."""
    with files("preprocessing").joinpath("pose.npz").open("rb") as handle, np.load(handle, allow_pickle=False) as kept:
        told: dict[str, object] = json.loads(str(kept["provenance"]))
        return told


def rotation(seen: Points, shape: Shape, *, rounds: int = ROUNDS) -> tuple[Shape, float]:
    """The rotation and the scale by which a shape shows itself so, in the least squares (Gauss and Newton).

    The scale is 0 where the points that are seen are one point.
    """
    flat = seen - seen.mean(axis=0)
    solid = shape - shape.mean(axis=0)
    # The first guess ties no axis to another: columns that need not be a rotation's.
    rows = np.linalg.lstsq(solid, flat, rcond=None)[0].T
    turned, scale = _nearest_rotation(_completed(rows)), float(np.linalg.norm(rows)) / math.sqrt(2)
    if scale < 1e-9:
        return turned, 0.0
    for _ in range(rounds):
        x, y, z = (solid @ turned.T).T
        nothing = np.zeros_like(x)
        # How the picture changes with a small turn about each axis, as a share of the scale, and with the scale.
        across, down = np.stack([nothing, z, -y, x], axis=1), np.stack([-z, nothing, x, y], axis=1)
        slopes = np.concatenate([across, down])
        rest = np.concatenate([flat[:, 0] / scale - x, flat[:, 1] / scale - y])
        step = np.linalg.solve(slopes.T @ slopes + DAMPING * np.eye(4), slopes.T @ rest)
        turned = _nearest_rotation(turned + np.cross(step[:3], turned.T).T)
        scale *= math.exp(max(-1.0, min(1.0, float(step[3]))))
    return turned, scale


def _completed(rows: Shape) -> Shape:
    """The first two rows of a scaled rotation, with the third one that goes with them."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    even = rows / np.maximum(lengths, 1e-12)
    return np.vstack([even, np.cross(even[0], even[1])])


def _nearest_rotation(matrix: Shape) -> Shape:
    left, _, right = np.linalg.svd(matrix)
    handed = np.sign(np.linalg.det(left @ right)) or 1.0
    nearest: Shape = left @ np.diag([1.0, 1.0, handed]) @ right
    return nearest


def _about(axis: int, angle: float) -> Shape:
    """The rotation about an axis by an angle, in radians."""
    one, other = (axis + 1) % 3, (axis + 2) % 3
    turned = np.eye(3)
    turned[one, one] = turned[other, other] = math.cos(angle)
    turned[one, other], turned[other, one] = -math.sin(angle), math.sin(angle)
    return turned
