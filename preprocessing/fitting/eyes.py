"""Fits the network of preprocessing/eyes.py: python -m preprocessing.fitting.eyes --faces DIR [--out eyes.npz].

Reads DIR/MANIFEST.csv (see preprocessing/evaluation/manifest.py) and, if it is about the same photos, eye_labels.csv
beside this file: more faces, each named by its photo's SHA-256 and the place between its eyes; what it says of a photo
goes before the manifest. Prints how the network does on people it has not seen (five folds), and on repositories it has
not seen (each in turn; all with few closed eyes together), then fits on all. Six minutes of one core.
"""

from __future__ import annotations

import csv
import hashlib
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from preprocessing.decode import Grey, Pixels, decode, luma
from preprocessing.evaluation.manifest import OPEN, LabelledPhoto, read
from preprocessing.eyes import even, grey_of, square_of, view
from preprocessing.fitting.options import options
from preprocessing.fitting.unseen import Vector, answers_of_unseen, folds_of_people, folds_of_sources, told
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, FoundFace, Landmarks, Square
from preprocessing.smallnet import HEIGHT, WIDTH, Array, Weights, margin

Flags = npt.NDArray[np.bool_]

ROUNDS = 20
#: The share of unseen open eyes that may score below 0.5.
FALSE_ALARMS = 0.01
#: Half of what is drawn is closed: each photographed closed eye so often, and all of them at most so often. The rest
#: are open eyes that eyelids.py closes. Drawn more often, the few are learnt by heart: their softness, their light.
EACH_CLOSED, MOST_CLOSED = 0.005, 0.24
#: Open eyes are narrowed that often.
NARROWED = 0.15
#: Eyes of faces smaller than this (side of the crop in photo pixels) are too soft to be closed convincingly.
SHARP = 150
#: A label of eye_labels.csv is for the face whose eyes are nearest to its place, within this share of the photo's size.
NEAR = 0.02
#: A repository with so many closed eyes is left out alone, the others together.
MANY_CLOSED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """One labelled eye: a grey picture wide around it, and the face's landmarks in pixels of that."""

    person: str
    repository: str
    is_open: bool
    mirrored: bool
    picture: Pixels
    landmarks: Landmarks
    can_be_closed: bool

    @property
    def side(self) -> slice:
        """Which eye it is."""
        return LEFT_EYE if self.mirrored else RIGHT_EYE

    @property
    def square(self) -> Square:
        """What the network sees of the picture."""
        return square_of(self.landmarks, self.side)

    @property
    def seen(self) -> Array:
        """The eye as the network sees it."""
        return view(self.picture, self.square, mirrored=self.mirrored)


Label = tuple[float, float, bool | None, bool | None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    parser = options("eyes", "Fit the eye network.", rounds=ROUNDS)
    parser.add_argument("--processes", type=int, default=1, help="fit so many folds at once (default 1)")
    given = parser.parse_args(arguments)

    eyes = list(read_eyes(given.faces))
    is_open = np.array([eye.is_open for eye in eyes])
    people, sources = [eye.person for eye in eyes], [eye.repository for eye in eyes]
    print(f"{is_open.sum()} open and {(~is_open).sum()} closed eyes of {len(set(people))} people", flush=True)
    by_source = folds_of_sources(sources, (~is_open).tolist(), many=MANY_CLOSED)
    how = {"rounds": given.rounds, "processes": given.processes}
    unseen_people = margins_of_unseen(eyes, folds_of_people(people), **how)
    unseen_sources = margins_of_unseen(eyes, by_source, **how)
    threshold = working_point(unseen_sources[is_open], unseen_people[is_open])
    measured: dict[str, object] = {
        "unseen_people": _told("people left out", unseen_people, is_open, threshold=threshold),
        "unseen_repositories": _told("repositories left out", unseen_sources, is_open, threshold=threshold),
    }
    for source in sorted(set(by_source)):
        within = np.array(by_source) == source
        name = f"of these, {source}"
        measured[source] = _told(name, unseen_sources[within], is_open[within], threshold=threshold)
    for eye, value in zip(eyes, unseen_sources, strict=True):
        if not eye.is_open and value >= threshold:
            side = "left" if eye.mirrored else "right"
            how_far = f"{value - threshold:.2f}"
            print(f"missed with its repository left out: {eye.person}, the person's {side} eye, by {how_far}")
    if given.out:
        write(given.out, eyes, threshold=threshold, measured=measured, rounds=given.rounds)
    return 0


def read_eyes(folder: Path) -> Iterator[Eye]:
    """Find and cut out every eye with a clear label."""
    from preprocessing.detect import detector, landmarks_model

    finder = detector(landmarks_model())
    more = _more_labels()
    for photo in read(folder / "MANIFEST.csv"):
        if photo.near_duplicate_of or photo.category in {"not_a_photo", "no_face"}:
            continue
        data = (folder / photo.file).read_bytes()
        labels = more.get(hashlib.sha256(data).hexdigest()[:16], [])
        if not labels and (not photo.is_portrait or photo.right_eye_open is photo.left_eye_open is None):
            continue
        pixels = decode(data)
        for face, right, left in _labelled(finder.find(pixels), photo, labels, pixels.shape):
            for eye, is_open in ((RIGHT_EYE, right), (LEFT_EYE, left)):
                if is_open is not None:
                    yield _eye(pixels, face, eye, is_open=is_open, photo=photo)


def _more_labels() -> dict[str, list[Label]]:
    labels: dict[str, list[Label]] = {}
    with (Path(__file__).parent / "eye_labels.csv").open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            label = (float(row["x"]), float(row["y"]), OPEN.get(row["right_eye"]), OPEN.get(row["left_eye"]))
            labels.setdefault(row["photo"], []).append(label)
    return labels


def _labelled(
    faces: Sequence[FoundFace], photo: LabelledPhoto, labels: Sequence[Label], shape: tuple[int, ...]
) -> Iterator[tuple[FoundFace, bool | None, bool | None]]:
    if not labels and len(faces) == 1:
        yield faces[0], photo.right_eye_open, photo.left_eye_open
    for x, y, right, left in labels:
        place = np.array([x * shape[1], y * shape[0]])
        far = [float(np.hypot(*((f.landmarks.left_eye + f.landmarks.right_eye) / 2 - place))) for f in faces]
        if far and min(far) <= NEAR * max(shape[:2]):
            yield faces[int(np.argmin(far))], right, left


def _eye(pixels: Pixels, face: FoundFace, eye: slice, *, is_open: bool, photo: LabelledPhoto) -> Eye:
    from preprocessing.align import align

    crop = align(pixels, face.landmarks)
    grey = np.rint(luma(crop.large)).astype(np.uint8)
    landmarks = Landmarks.of(crop.landmarks.array() * (crop.large.shape[0] / crop.small.shape[0]))
    square = square_of(landmarks, eye)
    # Half as much again on every side as the network sees: room to turn and move.
    half = 0.75 * square.side
    left, top = (int(np.clip(middle - half, 0, 480)) for middle in (square.centre_x, square.centre_y))
    picture = np.ascontiguousarray(grey[top : int(top + 2 * half), left : int(left + 2 * half)])
    return Eye(
        person=photo.person or photo.file,
        repository=photo.repository,
        is_open=is_open,
        mirrored=eye == LEFT_EYE,
        picture=picture,
        landmarks=Landmarks.of(landmarks.array() - (left, top)),
        can_be_closed=is_open and crop.square.side > SHARP,
    )


def fit_on(eyes: Sequence[Eye], *, rounds: int) -> Weights:
    """Fit on eyes, each shown turned, moved, lit and spoilt in many ways; half of what is drawn is open."""
    from preprocessing.fitting.eyelids import closed, narrowed
    from preprocessing.fitting.network import fit

    opened = [eye for eye in eyes if eye.is_open]
    shut = [eye for eye in eyes if not eye.is_open]
    closable = [eye for eye in eyes if eye.can_be_closed]
    photographed = min(MOST_CLOSED, len(shut) * EACH_CLOSED) if closable else 0.5
    kinds = [(share, of) for share, of in ((0.5, opened), (photographed, shut), (0.5 - photographed, closable)) if of]
    shares = np.array([share for share, _ in kinds])

    def draw(chance: np.random.Generator) -> tuple[Array, bool]:
        drawn = kinds[int(chance.choice(len(kinds), p=shares / shares.sum()))][1]
        eye = drawn[int(chance.integers(len(drawn)))]
        picture = eye.picture
        if drawn is closable:
            picture = closed(picture, eye.landmarks, eye.side, chance)
        elif eye.can_be_closed and chance.random() < NARROWED:
            picture = narrowed(picture, eye.landmarks, eye.side, chance)
        return shown(eye, picture, chance), drawn is opened

    return fit(draw, planes=1, rounds=rounds)


def shown(eye: Eye, picture: Pixels, chance: np.random.Generator) -> Array:
    """A picture of an eye as another photo might show it."""
    from preprocessing.align import shrink

    square, fine = eye.square, 1.0
    if chance.random() < 0.5:
        fine = float(np.exp(chance.uniform(np.log(0.1), np.log(0.8))))
        height, width = picture.shape[:2]
        picture = shrink(picture, width=max(8, round(width * fine)), height=max(8, round(height * fine)))
    turn, scale = chance.normal(0, 0.1), fine * np.exp(chance.normal(0, 0.1))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    step = scale * turned @ (square.right_x, square.right_y)
    middle = fine * (np.array([square.centre_x, square.centre_y]) + chance.normal(0, 0.04 * square.side, 2))
    placed = Square(float(middle[0]), float(middle[1]), float(step[0]), float(step[1]))
    return even(spoilt(grey_of(picture, placed, mirrored=eye.mirrored), chance))


def spoilt(grey: Grey, chance: np.random.Generator) -> Grey:
    """A grey picture lit otherwise, with the noise of a camera."""
    grey = 255 * (np.clip(grey, 0, 255) / 255) ** np.exp(chance.normal(0, 0.25))
    if chance.random() < 0.3:
        grey = grey + chance.normal(0, chance.uniform(1, 8), (HEIGHT, WIDTH))
    if chance.random() < 0.3:
        grey = grey + np.linspace(-1, 1, WIDTH) * chance.normal(0, 25)
    return grey


def margins_of_unseen(eyes: Sequence[Eye], folds: Sequence[str], *, rounds: int, processes: int) -> Vector:
    """The margin of each eye under a fit that has not seen its fold."""

    def answer(weights: Weights, eye: Eye) -> float:
        return margin(weights, eye.seen)

    fit = partial(fit_on, rounds=rounds)
    return np.array(answers_of_unseen(eyes, folds, fit=fit, answer=answer, processes=processes))


def working_point(*unseen: Vector) -> float:
    """The margin below which few enough open eyes lie, whichever way they were left out of the fit."""
    return float(min(np.quantile(margins, FALSE_ALARMS) for margins in unseen))


def _told(of_whom: str, margins: Vector, is_open: Flags, *, threshold: float) -> dict[str, float]:
    return told(of_whom, margins[~is_open], margins[is_open], threshold=threshold)


def write(out: Path, eyes: Sequence[Eye], *, threshold: float, measured: dict[str, object], rounds: int) -> None:
    """Fit on all eyes and write the weights with what they come from."""
    from preprocessing.fitting.network import save

    provenance = {
        "repositories": sorted({eye.repository for eye in eyes}),
        "open": sum(eye.is_open for eye in eyes),
        "closed": sum(not eye.is_open for eye in eyes),
        "people": len({eye.person for eye in eyes}),
        **measured,
    }
    written = save(out, fit_on(eyes, rounds=rounds), threshold=threshold, provenance=provenance)
    print(f"wrote {out}, version {written.version}")


if __name__ == "__main__":
    sys.exit(main())
