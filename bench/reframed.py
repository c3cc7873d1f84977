"""How well copies that were framed differently are told from other photos: by hashes of faces, then by looking closer.

``make bench-reframed`` draws its portraits itself; ``PHOTOS=FOLDER`` (``--photos``) takes pictures from a folder. Of
each photo with one face whose crop lies inside it a copy is made: cut at all sides by chance, down to the crop at the
most, made smaller, saved again. Told are how many copies are within the radius and how many of these are *sure*; and,
of the photos themselves, the pairs within the radius and those of them that are called sure: to be looked at. Ends with
one JSON line.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from catalog import settings  # noqa: E402
from catalog.resemblance import same  # noqa: E402
from preprocessing.align import align  # noqa: E402
from preprocessing.decode import Pixels, decode, encode_jpeg  # noqa: E402
from preprocessing.duplicates import phash, sketch  # noqa: E402
from preprocessing.errors import Refused  # noqa: E402
from preprocessing.one_photo import Finder  # noqa: E402

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Crop:
    """A face's crop as the catalog knows it, and the box around it in the photo: left, top, right, bottom."""

    phash: int
    sketch: bytes
    box: Box


def main() -> None:
    """Measure and say."""
    from preprocessing.detect import detector, landmarks_model

    given = _arguments()
    photos = _folder(given.photos) if given.photos else _drawn(given.drawn)
    told = measure(photos, detector(landmarks_model(settings().landmarks_model)), bits=settings().near_duplicate_bits)
    print(json.dumps(told))


def measure(photos: Iterator[tuple[str, Pixels]], finder: Finder, *, bits: int) -> dict[str, object]:
    """What is found of copies, and which pairs of photos are called the same."""
    rng = random.Random(3)
    crops: dict[str, Crop] = {}
    copies = near = sure = 0
    for name, pixels in photos:
        crop = _crop(pixels, finder)
        if crop is None:
            continue
        crops[name] = crop
        copy = _crop(reframed(pixels, crop.box, rng), finder) if _inside(crop.box, pixels) else None
        if copy is None:
            continue
        copies += 1
        if _bits(crop, copy) <= bits:
            near += 1
            sure += same(crop.sketch, copy.sketch)
    pairs = [(one, two) for one, two in combinations(crops, 2) if _bits(crops[one], crops[two]) <= bits]
    called = [(one, two) for one, two in pairs if same(crops[one].sketch, crops[two].sketch)]
    return {
        "photos": len(crops),
        "bits": bits,
        "copies": copies,
        "near": near,
        "sure": sure,
        "near_pairs": len(pairs),
        "sure_pairs": called,
    }


def reframed(pixels: Pixels, box: Box, rng: random.Random) -> Pixels:
    """A copy with some of what lies around the crop cut away, made smaller and saved again."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box
    image = Image.fromarray(pixels).crop(
        (
            round(left * rng.random()),
            round(top * rng.random()),
            round(width - (width - right) * rng.random()),
            round(height - (height - bottom) * rng.random()),
        )
    )
    share = rng.uniform(0.6, 1)
    size = (max(64, round(image.width * share)), max(64, round(image.height * share)))
    buffer = io.BytesIO()
    image.resize(size, Image.Resampling.LANCZOS).save(buffer, "JPEG", quality=rng.randrange(60, 93))
    return decode(buffer.getvalue())


def _crop(pixels: Pixels, finder: Finder) -> Crop | None:
    """The crop of the one face in a photo, as it is stored; None where there is not one."""
    faces = finder.find(pixels)
    if len(faces) != 1:
        return None
    cut = align(pixels, faces[0].landmarks)
    across, down = zip(*cut.square.corners(), strict=True)
    stored = decode(encode_jpeg(cut.small))
    return Crop(phash(cut.small), sketch(stored), (min(across), min(down), max(across), max(down)))


def _inside(box: Box, pixels: Pixels) -> bool:
    left, top, right, bottom = box
    return left >= 0 and top >= 0 and right <= pixels.shape[1] and bottom <= pixels.shape[0]


def _bits(one: Crop, other: Crop) -> int:
    return (one.phash ^ other.phash).bit_count()


def _drawn(count: int) -> Iterator[tuple[str, Pixels]]:
    from demo.portraits import DOMAINS, draw, encode, imagine

    for number in range(count):
        truth = imagine(person=number, seed=number, domain=DOMAINS[number % 2])
        yield f"portrait {number}", decode(encode(draw(truth)))


def _folder(path: Path) -> Iterator[tuple[str, Pixels]]:
    for file in sorted(each for each in path.rglob("*") if each.is_file()):
        try:
            yield str(file.relative_to(path)), decode(file.read_bytes())
        except Refused:
            continue


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="pictures to measure on (default: drawn ones)")
    parser.add_argument("--drawn", type=int, default=100, help="portraits to draw without a folder (default 100)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
