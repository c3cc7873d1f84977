"""Fits the network of fringe.py: python -m preprocessing.fitting.fringe --faces DIR [--out fringe.npz].

Locks of people's own and other people's hair are drawn over the eyes of portraits in DIR/MANIFEST.csv, and fringes that
end above the lids, which hide nothing. Prints how the network does on repositories that the fit has not seen, against
strands that another program draws (preprocessing/evaluation/covers.py), and which labelled fringes it would flag; then
fits on all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from preprocessing.align import cut
from preprocessing.decode import Pixels
from preprocessing.evaluation.covers import fringed, hair_of, seeds_of
from preprocessing.fitting.options import options
from preprocessing.fitting.portraits import Light, Portrait, Unseen, measure, read_portraits, softened
from preprocessing.fringe import SPAN, beside_skin, skin_of, square_of, view
from preprocessing.geometry import LEFT_EYE, RIGHT_EYE, Points, Square
from preprocessing.smallnet import HEIGHT, WIDTH, Array, Weights, margin

ROUNDS = 12
#: Hair is drawn on pictures so many times larger than what the network sees.
TIMES = 2
#: An eye is covered when this share of its box is hair, and free up to the other; between them nobody could say.
COVERED_FROM, FREE_TO = 0.35, 0.06
#: The share of unseen clean faces that may be flagged.
FALSE_ALARMS = 0.03


@dataclass(frozen=True, slots=True, eq=False)
class Eye:
    """The surroundings of one eye with some room to move in, a sample of the face's skin, and one of its hair.

    `outline` are the points of the lids in pixels of the picture; left eyes are mirrored.
    """

    repository: str
    picture: Pixels
    outline: Points
    skin: Pixels
    hair: Pixels


#: The pictures that are kept of eyes are so much wider than what the network sees.
ROOM = 1.4


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    given = options("fringe", "Fit fringes.", rounds=ROUNDS).parse_args(arguments)
    portraits = list(read_portraits(given.faces))
    print(f"{len(portraits)} portraits of {len({p.label.repository for p in portraits})} repositories")
    measured, unseen = measure(portraits, fit=lambda kept: fit_on(kept, rounds=given.rounds), answers=answers)
    threshold = float(np.quantile(unseen.clean, FALSE_ALARMS))
    tpr, fpr = (round(float(np.mean(np.array(some) < threshold)), 4) for some in (unseen.drawn, unseen.clean))
    measured["working_point"] = {"tpr": tpr, "fpr": fpr}
    print(f"at the threshold: {tpr:.3f} of those drawn over found, {fpr:.3f} of the clean ones flagged")
    for file, found in unseen.real.items():
        print(f"really covered: {file} {'flagged' if found < threshold else 'passed'} ({found - threshold:+.2f})")
    if given.out:
        write(given.out, portraits, threshold=threshold, measured=measured, rounds=given.rounds)
    return 0


def answers(portrait: Portrait, weights: Weights) -> Unseen:
    """The margins of a face as it is and with strands drawn over it: the lower of its two eyes'."""
    as_is = _margin(portrait.pixels, portrait, weights)
    if not portrait.clean:
        return Unseen((), (), {portrait.label.file: as_is} if "fringe" in portrait.label.defects else {})
    seeds = seeds_of(portrait.label.file)
    drawn = [_margin(fringed(portrait.pixels, portrait.landmarks, seed=seed), portrait, weights) for seed in seeds]
    return Unseen(tuple(drawn), (as_is,), {})


def _margin(pixels: Pixels, portrait: Portrait, weights: Weights) -> float:
    return min(margin(weights, view(pixels, portrait.in_crop, eye)) for eye in (RIGHT_EYE, LEFT_EYE))


def fit_on(portraits: Sequence[Portrait], *, rounds: int) -> Weights:
    """Fit on eyes that locks are drawn over anew each time."""
    from preprocessing.fitting.network import fit

    eyes = [eye for p in portraits if p.clean for eye in _eyes(p)]
    names = sorted({eye.repository for eye in eyes})
    # Every repository counts by the root of its eyes: the studio's many must not outweigh the streets.
    counts = {name: sum(eye.repository == name for eye in eyes) for name in names}
    share = np.array([counts[eye.repository] ** -0.5 for eye in eyes])
    share = share / share.sum()

    def draw(chance: np.random.Generator) -> tuple[Array, bool]:
        eye = eyes[int(chance.choice(len(eyes), p=share))]
        other = eyes[int(chance.integers(len(eyes)))]
        own = chance.random() < 0.5 and _stands_out(eye.hair, eye.skin)
        hair = eye.hair if own or not _stands_out(other.hair, eye.skin) else other.hair
        return shown(eye, chance, hair=hair, free=chance.random() < 0.5)

    return fit(draw, planes=3, rounds=rounds)


def _stands_out(hair: Pixels, skin: Pixels) -> bool:
    """Whether hair of this colour can be seen on this skin."""
    return bool(np.abs(np.median(hair, axis=(0, 1)) - np.median(skin, axis=(0, 1))).sum() > 60)


def _eyes(portrait: Portrait) -> list[Eye]:
    kept = []
    landmarks = portrait.in_crop
    for which in (RIGHT_EYE, LEFT_EYE):
        tight = square_of(landmarks, which)
        wide = Square(tight.centre_x, tight.centre_y, tight.right_x * ROOM, tight.right_y * ROOM)
        size = round(WIDTH * TIMES * ROOM)
        picture = cut(portrait.pixels, wide, size=size)
        outline = wide.to_crop(landmarks.array()[which], size=size)
        if which == LEFT_EYE:
            picture = np.ascontiguousarray(picture[:, ::-1])
            outline = np.column_stack([size - outline[:, 0], outline[:, 1]])
        hair = hair_of(portrait.pixels, portrait.landmarks)
        kept.append(Eye(portrait.label.repository, picture, outline, skin_of(portrait.pixels, landmarks), hair))
    return kept


def shown(eye: Eye, chance: np.random.Generator, *, hair: Pixels, free: bool) -> tuple[Array, bool]:
    """An eye as another photo might show it, free of hair or not, and whether it is."""
    picture = eye.picture
    if not free or chance.random() < 0.5:
        picture = _with_locks(eye, hair, chance, free=free)
    size = picture.shape[0]
    half = size / ROOM / 2 * np.exp(chance.normal(0, 0.06))
    turn = chance.normal(0, 0.04)
    x, y = size / 2 + chance.normal(0, 0.03 * size, 2)
    seen = cut(picture, Square(x, y, half * np.cos(turn), half * np.sin(turn)), size=WIDTH)
    spare = (WIDTH - HEIGHT) // 2
    light = Light.drawn(chance)
    rows = light.on(softened(seen[spare : spare + HEIGHT], chance), chance)
    return beside_skin(rows, light.on(eye.skin, chance)), free


def _with_locks(eye: Eye, hair: Pixels, chance: np.random.Generator, *, free: bool) -> Pixels:
    """The eye with locks hanging over it, or, `free`, down to somewhere above its lid."""
    size = eye.picture.shape[0]
    box = np.r_[eye.outline.min(axis=0), eye.outline.max(axis=0)] + size / SPAN / ROOM / 20 * np.array([-1, -1, 1, 1])
    for _ in range(6):
        mask = _locks(size, box, chance, free=free)
        left, top, right, bottom = np.clip(box.round().astype(int), 0, size)
        covered = float((mask[top:bottom, left:right] > 0.5).mean()) if bottom > top and right > left else 0.0
        if covered <= FREE_TO if free else covered >= COVERED_FROM:
            strength = mask[..., None] * chance.uniform(0.75, 1.0)
            return (eye.picture * (1 - strength) + _texture(hair, size, chance) * strength).astype(np.uint8)
    return eye.picture if free else _with_locks(eye, hair, chance, free=free)


def _locks(size: int, box: Points, chance: np.random.Generator, *, free: bool) -> Points:
    """How much of each pixel is hair: tapering locks from the picture's top down to about one height."""
    image = Image.new("L", (size, size))
    pen = ImageDraw.Draw(image)
    high = box[3] - box[1]
    low = box[1] - high * chance.uniform(0.1, 2.5) if free else box[1] + high * chance.uniform(0.7, 3.0)
    # Hair from one side, or all across; the hair of a side parting falls aslant.
    start, end = np.sort(chance.uniform(-0.3, 1.3, 2)) * size
    if chance.random() < 0.5:
        start, end = 0.0, float(size)
    slant = chance.normal(0, 0.35)
    ragged = high * chance.uniform(0.05, 0.9)
    wide = size * chance.uniform(0.008, 0.09)
    count = int(np.clip((end - start) / wide * chance.uniform(0.5, 2.0), 3, 60))
    x = chance.uniform(start, end, count)
    tip_y = low - np.abs(chance.normal(0, ragged, count)) if free else low + chance.normal(0, ragged, count)
    tip_x = x + slant * tip_y + chance.normal(0, 0.03 * size, count)
    half = wide * chance.uniform(0.3, 1.0, count)
    steps = np.linspace(0, 1, 7)[:, None]
    spine_x = x + (tip_x - x) * steps + chance.normal(0, 0.04 * size, count) * np.sin(np.pi * steps)
    spine_y = -2 + (tip_y + 2) * steps
    widths = half * (1 - steps ** chance.uniform(1.5, 5, count))
    across, down = (
        np.concatenate([spine_x - widths, (spine_x + widths)[::-1]]),
        np.concatenate([spine_y, spine_y[::-1]]),
    )
    for outline in np.stack([across, down], axis=-1).transpose(1, 0, 2):
        pen.polygon(outline.ravel().tolist(), fill=255)
    soft = image.filter(ImageFilter.GaussianBlur(chance.uniform(0.4, 1.8)))
    return np.asarray(soft, dtype=np.float64) / 255


def _texture(hair: Pixels, size: int, chance: np.random.Generator) -> Points:
    """Hair to fill the locks with: each column one pixel of a sample of hair, lighter and darker down its length."""
    pool = hair.reshape(-1, 3)
    columns = np.repeat(pool[chance.integers(len(pool), size=size // 2 + 1)], 2, axis=0)[:size].astype(np.float64)
    mean = columns.mean(axis=0)
    columns = mean + (columns - mean) * chance.uniform(0.2, 1.2)
    shade = np.interp(np.arange(size), np.linspace(0, size, 5), np.exp(chance.normal(0, 0.18, 5)))
    return np.minimum(columns * np.exp(chance.normal(0, 0.1, 3)) * shade[:, None, None], 255)


def write(
    out: Path, portraits: Sequence[Portrait], *, threshold: float, measured: dict[str, object], rounds: int
) -> None:
    """Fit on all portraits and write the weights with what they come from."""
    from preprocessing.fitting.network import save

    provenance = {
        "repositories": sorted({p.label.repository for p in portraits}),
        "portraits": sum(p.clean for p in portraits),
        "unseen_repositories": measured,
    }
    written = save(out, fit_on(portraits, rounds=rounds), threshold=threshold, provenance=provenance)
    print(f"wrote {out}, version {written.version}")


if __name__ == "__main__":
    sys.exit(main())
