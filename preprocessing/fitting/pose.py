"""Finds the face of pose.py: python -m preprocessing.fitting.pose --faces DIR [--out pose.npz].

Structure from motion over people instead of over time: one shape is sought that, turned and scaled for each photo,
shows the landmarks of all of them. Every face counts as its mirror image too, so the shape is even. What "looks into
the camera" means is the median of the faces. Prints how far the turns lie apart that are found with the shapes of two
halves of the repositories.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocessing.decode import decode
from preprocessing.evaluation.manifest import read
from preprocessing.fitting.options import options
from preprocessing.geometry import LEFT_EYE, MIRRORED, RIGHT_EYE, Landmarks, Points
from preprocessing.pose import STEADY, Shape, Turn, rotation

ROUNDS = 60
#: Faces with eyes nearer than so many pixels have landmarks that are too coarse.
SMALLEST = 24.0
#: How deep the points lie at first, in eye distances from the plane of the lids; only where the search begins.
JAW, BROW, NOSE, LIDS, LIPS = 1.0, -0.1, -0.45, 0.0, -0.2


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One face's landmarks, about their own middle, in eye distances."""

    repository: str
    points: Points


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, find, write."""
    given = options("pose", "Find the generic face.").parse_args(arguments)
    seen = list(read_faces(given.faces))
    repositories = sorted({one.repository for one in seen})
    print(f"{len(seen)} faces of {len(repositories)} repositories")
    apart = agreement(seen)
    print("turns by the shapes of two halves of the repositories, degrees apart (p95): " + json.dumps(apart))
    if given.out:
        found = {"repositories": repositories, "faces": len(seen), "degrees_apart": apart}
        face = find(seen).astype(np.float32)
        np.savez_compressed(
            given.out,
            face=face,
            version=np.array(hashlib.sha256(face.tobytes()).hexdigest()[:8]),
            provenance=np.array(json.dumps(found, sort_keys=True)),
        )
        print(f"wrote {given.out}")
    return 0


def read_faces(folder: Path) -> Iterator[Seen]:
    """The landmarks of every face in the photos of people."""
    from preprocessing.detect import detector, landmarks_model

    finder = detector(landmarks_model())
    for photo in read(folder / "MANIFEST.csv"):
        if not photo.faces or photo.category in {"not_a_photo", "collage", "generated"} or photo.near_duplicate_of:
            continue
        for face in finder.find(decode((folder / photo.file).read_bytes())):
            if face.landmarks.eye_distance >= SMALLEST:
                yield Seen(photo.repository, _even(face.landmarks))


def _even(landmarks: Landmarks) -> Points:
    points = landmarks.array()
    return (points - points.mean(axis=0)) / landmarks.eye_distance


def find(seen: Sequence[Seen]) -> Shape:
    """The shape that shows itself so in all faces and their mirror images, turned so that its median looks at us."""
    faces = np.array([one.points for one in seen])
    faces = np.concatenate([faces, faces[:, MIRRORED] * (-1, 1)])
    shape = _guess(faces)
    for _ in range(ROUNDS):
        shape = _better(shape, faces)
    pitches = [Turn.of(rotation(points[STEADY], shape[STEADY])[0]).pitch for points in faces]
    shape = shape @ Turn(0, float(np.median(pitches)), 0).matrix().T
    shape = (shape + shape[MIRRORED] * (-1, 1, 1)) / 2
    eyes = shape[LEFT_EYE].mean(axis=0) - shape[RIGHT_EYE].mean(axis=0)
    return shape / np.linalg.norm(eyes)


def _guess(faces: Points) -> Shape:
    depths = np.zeros(68)
    depths[:17] = JAW * np.abs(np.linspace(-1, 1, 17)) ** 1.5
    depths[17:27], depths[27:36], depths[36:48], depths[48:] = BROW, NOSE, LIDS, LIPS
    return np.c_[np.median(faces, axis=0), depths]


def _better(shape: Shape, faces: Points) -> Shape:
    """The shape that fits best where each face turns the present one; each point for itself."""
    sums, products = np.zeros((3, 3)), np.zeros((68, 3))
    for points in faces:
        # The turn comes from the steady points; where the rest of the head is then comes from all of them.
        turned, scale = rotation(points[STEADY], shape[STEADY], rounds=5)
        if scale <= 0:
            continue
        shown = turned[:2]
        about = points[STEADY].mean(axis=0) / scale - shown @ shape[STEADY].mean(axis=0)
        sums += shown.T @ shown
        products += (points / scale - about) @ shown
    better: Shape = np.linalg.solve(sums, products.T).T.astype(np.float64)
    return better


def agreement(seen: Sequence[Seen]) -> dict[str, float]:
    """How far the turns by two shapes lie apart, each found on half of the repositories: 95th percentiles, degrees."""
    names = sorted({one.repository for one in seen}, key=lambda name: sum(one.repository == name for one in seen))
    halves = [find([one for one in seen if one.repository in names[half::2]]) for half in (0, 1)]
    turns = [[Turn.of(rotation(one.points[STEADY], shape[STEADY])[0]) for one in seen] for shape in halves]
    return {
        angle: round(
            float(np.percentile([abs(getattr(a, angle) - getattr(b, angle)) for a, b in zip(*turns, strict=True)], 95)),
            2,
        )
        for angle in ("yaw", "pitch", "roll")
    }


if __name__ == "__main__":
    sys.exit(main())
