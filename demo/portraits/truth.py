"""What is true of a drawn portrait: who it shows, how, and what is wrong with it.

A `Truth` is all that `draw` needs, so the same truth always gives the same pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Domain = Literal["bare", "makeup"]
Defect = Literal[
    "mirrored",
    "kaleidoscope",
    "product",
    "artefact",
    "wink",
    "closed_eyes",
    "fringe",
    "no_headroom",
    "not_a_photo",
    "two_faces",
    "no_face",
    "blurred",
    "too_dark",
    "too_small",
]
DOMAINS: tuple[Domain, ...] = get_args(Domain)
DEFECTS: tuple[Defect, ...] = get_args(Defect)

# What a reviewer presses for each defect; the rest is for the automatic checks.
REASONS: dict[Defect, str] = {
    "mirrored": "mirrored",
    "kaleidoscope": "mirrored",
    "product": "product in frame",
    "artefact": "hair or skin artefact beside the face",
    "wink": "wink or closed eyes",
    "closed_eyes": "wink or closed eyes",
    "fringe": "fringe over the eyes",
    "no_headroom": "no head-room",
    "not_a_photo": "not a photo",
    "two_faces": "other",
    "no_face": "other",
    "blurred": "other",
    "too_dark": "other",
    "too_small": "other",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One portrait, wholly described.

    `eyes_x`, `eyes_y` place the point between the eyes as a share of width and height; `eye_distance` is in
    pixels between the eye centres; `roll` and `yaw` are in radians and in [-1, 1].
    `left_open` and `right_open` are sides of the picture, not of the person.
    """

    person: int
    seed: int
    domain: Domain
    defect: Defect | None
    width: int
    height: int
    eyes_x: float
    eyes_y: float
    eye_distance: float
    roll: float
    yaw: float
    left_open: bool = True
    right_open: bool = True

    @property
    def faces(self) -> int:
        """Count the faces that the picture shows."""
        if self.defect == "no_face":
            return 0
        return 2 if self.defect == "two_faces" else 1

    @property
    def approvable(self) -> bool:
        """Say whether a careful reviewer would keep the picture."""
        return self.defect is None

    @property
    def reason(self) -> str | None:
        """Name the reason for which a careful reviewer would refuse the picture."""
        return None if self.defect is None else REASONS[self.defect]


def imagine(*, person: int, seed: int, domain: Domain = "bare", defect: Defect | None = None) -> Truth:
    """Choose size, place and pose of one portrait from its seed.

    A clean portrait leaves room on every side for the FFHQ crop square, which is four eye distances wide and
    centred a little under the eyes.
    """
    rng = np.random.default_rng([11, person, seed])
    width = int(rng.integers(480, 721))
    height = int(min(width * rng.uniform(1.05, 1.3), 820))
    distance = width * rng.uniform(0.135, 0.165)
    side = 2.25 * distance / width
    eyes_x = float(np.clip(rng.uniform(0.42, 0.58), side, 1 - side))
    eyes_y = float(np.clip(rng.uniform(0.37, 0.47), 2.45 * distance / height, 1 - 2.55 * distance / height))
    roll, yaw = rng.normal(0, 0.035), float(np.clip(rng.normal(0, 0.35), -0.9, 0.9))
    left_open = right_open = True
    if defect == "mirrored":
        eyes_y = rng.uniform(0.98, 1.1) * distance / height
    elif defect == "no_headroom":
        eyes_y = rng.uniform(1.52, 1.62) * distance / height
    elif defect == "kaleidoscope":
        eyes_x, roll, yaw = 0.5, 0.0, 0.0
    elif defect == "closed_eyes":
        left_open = right_open = False
    elif defect == "wink":
        left_open = bool(rng.integers(2))
        right_open = not left_open
    elif defect == "two_faces":
        width = int(width * 1.45)
        eyes_x = 0.27
    return Truth(
        person=person,
        seed=seed,
        domain=domain,
        defect=defect,
        width=width,
        height=height,
        eyes_x=eyes_x,
        eyes_y=float(eyes_y),
        eye_distance=float(distance),
        roll=float(roll),
        yaw=yaw,
        left_open=left_open,
        right_open=right_open,
    )
