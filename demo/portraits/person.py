"""Who can be drawn: the traits that make one person differ from the next, all from the person's number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

# Light to dark, with cooler and warmer neighbours (sRGB, as lit from the front).
SKINS: tuple[Colour, ...] = (
    (236, 204, 188),
    (232, 196, 170),
    (233, 194, 164),
    (226, 182, 146),
    (214, 168, 130),
    (198, 148, 110),
    (178, 126, 90),
    (156, 106, 76),
    (132, 88, 62),
    (108, 72, 52),
)
HAIRS: tuple[Colour, ...] = (
    (28, 24, 24),
    (48, 34, 28),
    (74, 50, 36),
    (104, 70, 46),
    (142, 98, 60),
    (186, 146, 92),
    (216, 186, 132),
    (140, 62, 34),
    (112, 40, 34),
    (150, 148, 150),
)
IRISES: tuple[Colour, ...] = (
    (58, 36, 22),
    (84, 54, 28),
    (110, 82, 40),
    (92, 108, 62),
    (74, 108, 128),
    (104, 132, 156),
    (96, 100, 106),
)
CUTS = ("cropped", "short", "bob", "long", "tied", "curly", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person's lasting traits; lengths are factors on the mean face, 1 being the mean."""

    skin: Colour
    hair: Colour
    iris: Colour
    cut: str
    hair_length: float
    hair_volume: float
    hairline: float
    parting: float
    face_width: float
    jaw_width: float
    chin: float
    cheek: float
    eye_spacing: float
    eye_size: float
    eye_open: float
    eye_tilt: float
    brow_height: float
    brow_thickness: float
    brow_arch: float
    nose_width: float
    nose_length: float
    mouth_width: float
    mouth_height: float
    lip_fullness: float
    smiles: bool
    freckles: float
    texture_seed: int


def meet(number: int) -> Person:
    """Return the person with this number, always the same."""
    rng = np.random.default_rng([7, number])

    def about(spread: float, mean: float = 1.0) -> float:
        return float(np.clip(rng.normal(mean, spread), mean - 1.9 * spread, mean + 1.9 * spread))

    def mix(table: tuple[Colour, ...], place: float, jitter: float) -> Colour:
        low = int(np.clip(place, 0, len(table) - 2))
        share = float(np.clip(place - low, 0, 1))
        colour = np.array(table[low]) * (1 - share) + np.array(table[low + 1]) * share
        r, g, b = np.clip(colour + rng.normal(0, jitter, 3), 8, 250)
        return float(r), float(g), float(b)

    tone = rng.uniform(0, len(SKINS) - 1)
    # Darker skin goes with darker hair and eyes more often than not.
    hair_place = rng.integers(len(HAIRS)) if tone < 5 else rng.integers(3)
    iris_place = rng.integers(len(IRISES)) if tone < 4.5 else rng.integers(2)
    r, g, b = (np.array(HAIRS[int(hair_place)]) * rng.normal(1, 0.12) * rng.normal(1, 0.012, 3)).clip(8, 240)
    return Person(
        skin=mix(SKINS, float(tone), 2.5),
        hair=(float(r), float(g), float(b)),
        iris=IRISES[int(iris_place)],
        cut=CUTS[int(rng.integers(len(CUTS)))],
        hair_length=float(rng.uniform(0, 1)),
        hair_volume=float(rng.uniform(0, 1)),
        hairline=about(0.07, 1.06),
        parting=float(rng.uniform(-0.5, 0.5)),
        face_width=about(0.05),
        jaw_width=about(0.07),
        chin=about(0.055, 1.02),
        cheek=about(0.03),
        eye_spacing=about(0.035),
        eye_size=about(0.08, 1.12),
        eye_open=about(0.12, 1.12),
        eye_tilt=about(0.035, -0.01),
        brow_height=about(0.1),
        brow_thickness=about(0.28),
        brow_arch=about(0.5),
        nose_width=about(0.12),
        nose_length=about(0.06),
        mouth_width=about(0.07),
        mouth_height=about(0.04),
        lip_fullness=about(0.22),
        smiles=bool(rng.random() < 0.45),
        freckles=float(max(0.0, rng.normal(-0.3, 0.5))),
        texture_seed=int(rng.integers(1 << 30)),
    )
