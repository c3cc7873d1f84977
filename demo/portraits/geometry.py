"""Where the features of a face lie: the mean face, one person's face, and the warp that carries skin from a
public-domain portrait onto it.

The points are the 68 of iBUG 300-W (jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67).
Coordinates are in eye distances, the origin lies between the eyes, y points down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from demo.portraits.person import Person

Points = NDArray[np.float64]

# Measured once on scikit-image's astronaut (pixels): the skin is read from there.
ASTRONAUT: Points = np.array(
    [
        *[(179, 104), (179, 116), (180, 127), (181, 139), (185, 151), (191, 160), (200, 169), (209, 176)],
        *[(221, 178), (232, 177), (243, 171), (253, 164), (260, 154), (265, 144), (268, 132), (270, 120)],
        *[(272, 108), (186, 94), (192, 88), (200, 87), (208, 89), (216, 92), (236, 93), (244, 91)],
        *[(252, 91), (260, 92), (265, 98), (225, 103), (225, 111), (225, 119), (225, 127), (214, 131)],
        *[(219, 132), (224, 134), (229, 133), (234, 132), (195, 101), (200, 98), (207, 98), (212, 104)],
        *[(206, 104), (199, 104), (238, 105), (244, 101), (250, 101), (255, 104), (250, 107), (244, 106)],
        *[(201, 140), (209, 139), (218, 139), (223, 141), (229, 140), (237, 140), (245, 141), (237, 151)],
        *[(229, 155), (222, 156), (216, 155), (208, 150), (204, 141), (217, 143), (223, 144), (229, 143)],
        *[(243, 142), (229, 150), (223, 150), (217, 150)],
    ],
    dtype=np.float64,
)
TWIN = np.array(
    [
        *[*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31],
        *[45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40],
        *[54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65],
    ]
)
JAW, LEFT_BROW, RIGHT_BROW, NOSE = range(17), range(17, 22), range(22, 27), range(27, 36)
LEFT_EYE, RIGHT_EYE, LIPS, MOUTH = range(36, 42), range(42, 48), range(48, 60), range(60, 68)


def mean_face() -> Points:
    """Make the measured face symmetric, in eye distances."""
    eyes = np.array([ASTRONAUT[LEFT_EYE].mean(0), ASTRONAUT[RIGHT_EYE].mean(0)])
    along = eyes[1] - eyes[0]
    distance = float(np.hypot(*along))
    c, s = along / distance
    upright = (ASTRONAUT - eyes.mean(0)) @ np.array([[c, -s], [s, c]]) / distance
    mirrored = upright[TWIN] * (-1, 1)
    return (upright + mirrored) / 2


MEAN = mean_face()


def face_of(person: Person) -> Points:
    """Give the person's 68 points, seen from the front."""
    face = MEAN.copy()
    face[:, 0] *= person.face_width
    below = np.clip(face[:17, 1] / face[8, 1], 0, 1)
    face[JAW, 0] *= 1 + (person.jaw_width - 1) * np.sin(below * np.pi * 0.75) + (person.cheek - 1)
    face[JAW, 1] *= 1 + (person.chin - 1) * below
    for side, eye, brow in ((-1, LEFT_EYE, LEFT_BROW), (1, RIGHT_EYE, RIGHT_BROW)):
        centre = face[eye].mean(0)
        shape = (face[eye] - centre) * (person.eye_size, person.eye_size * person.eye_open)
        tilt = side * person.eye_tilt
        turned = shape @ np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
        face[eye] = turned + centre * (person.eye_spacing, 1)
        face[brow, 1] -= 0.06 + 0.3 * (person.brow_height - 1)
        face[brow, 1] -= 0.035 * (person.brow_arch - 1) * np.array([0, 0.7, 1, 0.7, 0])[::side]
        face[brow, 0] = face[brow, 0] * 1.04
    face[NOSE] *= (person.nose_width, person.nose_length)
    centre = face[[*LIPS, *MOUTH]].mean(0)
    mouth = face[48:68] - centre
    if not person.smiles:
        mouth = rest(mouth)
    mouth *= (person.mouth_width, 1 + 0.5 * (person.lip_fullness - 1))
    room = (face[8, 1] - MEAN[8, 1]) * 0.4
    face[48:68] = mouth + centre * (1, person.mouth_height) + (0, room)
    return face


def rest(mouth: Points) -> Points:
    """Close a smiling mouth: narrower, corners down, lips touching."""
    closed = mouth * (0.76, 1.0)
    line = 0.012 - 0.02 * np.cos(mouth[:, 0] / mouth[6, 0] * np.pi / 2)
    upper, lower = [1, 2, 3, 4, 5], [7, 8, 9, 10, 11]
    closed[0, 1] = closed[6, 1] = 0.015
    closed[upper, 1] = line[upper] - np.array([0.045, 0.1, 0.082, 0.1, 0.045])
    closed[lower, 1] = line[lower] + np.array([0.075, 0.135, 0.15, 0.135, 0.075])
    closed[12:, 1] = 0.015 + 0.012 * np.cos(mouth[12:, 0] / mouth[6, 0] * np.pi / 2)
    return closed


def turn(points: Points, *, yaw: float) -> Points:
    """Turn a face by up to about 15 degrees: what stands out (nose, mouth) moves further than the jaw's edge."""
    depth = np.exp(-((points[:, 0] / 0.8) ** 2))
    moved = points.copy()
    moved[:, 0] += yaw * 0.16 * (depth - 0.5)
    return moved


def warp_field(*, to: Points, source: Points, box: tuple[int, int, int, int], step: int = 12) -> NDArray[np.float32]:
    """Map every pixel of `box` (x0, y0, x1, y1) near `to` to the place in `source` it is read from.

    Thin-plate spline (Bookstein 1989, U(r) = r² log r²) through the point pairs, evaluated on a coarse grid of
    shape (rows, columns, 2); the caller enlarges it.
    """
    n = len(to)
    scale = float(np.ptp(to[:, 0]))
    knots = to / scale

    def bend(a: Points, b: Points) -> Points:
        squared = ((a[:, None] - b[None]) ** 2).sum(-1)
        return squared * np.log(squared + 1e-9)

    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = bend(knots, knots) + 2e-4 * np.eye(n)
    system[:n, n], system[:n, n + 1 :] = 1, knots
    system[n, :n], system[n + 1 :, :n] = 1, knots.T
    weights = np.linalg.solve(system, np.vstack([source, np.zeros((3, 2))]))
    x0, y0, x1, y1 = box
    columns, rows = max(2, (x1 - x0) // step), max(2, (y1 - y0) // step)
    grid = np.stack(np.meshgrid(np.linspace(x0, x1, columns), np.linspace(y0, y1, rows)), -1).reshape(-1, 2) / scale
    field = bend(grid, knots) @ weights[:n] + weights[n] + grid @ weights[n + 1 :]
    return field.reshape(rows, columns, 2).astype(np.float32)
