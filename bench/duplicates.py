"""How well copies are told from other photos: recall per kind of change, false pairs, and what a photo costs.

``make bench-duplicates`` draws its portraits itself; ``PHOTOS=FOLDER`` (``--photos``) takes pictures from a folder.
Every pair of its files counts as different photos, but for those that ``SAME=FILE`` (``--same``) lists: two paths below
the folder in a line. It goes through the catalog's own judgement, as a fetch does, and ends with one JSON line.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from catalog import Settings, gists  # noqa: E402
from catalog.duplicates import Batch, Judged  # noqa: E402
from catalog.records import NewPhoto  # noqa: E402
from catalog.twins import Twins  # noqa: E402
from collectors.errors import Refused  # noqa: E402
from collectors.pictures import read  # noqa: E402

#: Room for any copy, whatever it is saved as: what is asked here is whether it is found, not whether a fetch takes it.
LIMITS = Settings(fetch_min_side=64, fetch_decode_bytes=2**30)
BITS = LIMITS.near_duplicate_bits
STORED = 100_000


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which a copy differs from its original."""

    kind: str
    data: bytes


def main() -> None:
    """Measure and say."""
    given = _arguments()
    originals = dict(_folder(given.photos) if given.photos else _drawn(given.drawn))
    photos = {name: read(data, LIMITS) for name, data in originals.items()}
    looks = {name: Judged(photo, gists.look(photo.sketch)) for name, photo in photos.items()}
    told = {
        "photos": len(photos),
        **_false_pairs(looks, _listed(given.same)),
        "recall": _recall(originals, looks, every=given.every),
        **_costs(list(looks.values())),
    }
    recall = told["recall"]
    for kind, share in sorted(recall.items()):
        print(f"{kind:<24}{share:>8.4f}")
    print(json.dumps(told))


def is_copy(one: Judged, other: Judged) -> bool:
    """Whether the catalog would refuse the second of two photos that come one after the other."""
    batch = Batch([one, other])
    batch.add(0)
    return batch.twin(1, bits=BITS) is not None


def changes(data: bytes, rng: random.Random) -> Iterator[Change]:
    """The copies that other sites serve of a picture."""
    image = opened(data)
    width, height = image.size
    yield Change("re-encode q60", saved(image, quality=60))
    yield Change("re-encode q40", saved(image, quality=40))
    yield Change("format webp", saved(image, "WEBP", quality=70))
    yield Change("format png", saved(image, "PNG", compress_level=1))
    for name, share in (("2/3", 2 / 3), ("1/3", 1 / 3)):
        size = (max(round(width * share), 64), max(round(height * share), 64))
        yield Change(f"resize {name}", saved(image.resize(size, Image.Resampling.LANCZOS), quality=85))
    for factor in (0.85, 1.15):
        yield Change(f"brightness {factor}", saved(ImageEnhance.Brightness(image).enhance(factor), quality=88))
    for factor in (0.8, 1.2):
        yield Change(f"contrast {factor}", saved(ImageEnhance.Contrast(image).enhance(factor), quality=88))
    for gamma in (0.8, 1.25):
        curve = [round(255 * (level / 255) ** gamma) for level in range(256)]
        yield Change(f"gamma {gamma}", saved(image.point(curve * 3), quality=88))
    for cut in (0.01, 0.03, 0.05):
        for sides in ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 1, 0, 0), (0, 0, 1, 1), (1, 1, 1, 1)):
            yield Change(f"crop {cut:.0%}", saved(cropped(image, [cut * side for side in sides]), quality=85))
    mixed = cropped(image, [rng.uniform(0, 0.05) for _ in range(4)])
    mixed = mixed.resize((max(mixed.width * 2 // 3, 64), max(mixed.height * 2 // 3, 64)), Image.Resampling.BICUBIC)
    yield Change("crop, resize, brighten", saved(ImageEnhance.Brightness(mixed).enhance(1.1), quality=60))


def _recall(originals: dict[str, bytes], looks: dict[str, Judged], *, every: int) -> dict[str, float]:
    rng, found = random.Random(3), defaultdict(list)
    for name in list(originals)[::every]:
        for change in changes(originals[name], rng):
            photo = read(change.data, LIMITS)
            copy = Judged(photo, gists.look(photo.sketch))
            # Either may be there first.
            found[change.kind] += [is_copy(looks[name], copy), is_copy(copy, looks[name])]
    shares = {kind: statistics.fmean(hits) for kind, hits in found.items()}
    crops = [hit for kind, hits in found.items() if kind.startswith("crop") for hit in hits]
    others = [hit for kind, hits in found.items() if not kind.startswith("crop") for hit in hits]
    return shares | {"all crops": statistics.fmean(crops), "all but crops": statistics.fmean(others)}


def _false_pairs(looks: dict[str, Judged], same: set[frozenset[str]]) -> dict[str, object]:
    names = list(looks)
    index = Twins()
    index.add([(number, 0, looks[name].gist) for number, name in enumerate(names, 1)])
    likely = {
        frozenset((name, names[number - 1]))
        for name in names
        for number in index.may_be(gists.look(looks[name].photo.sketch))
    }
    pairs = sorted(tuple(sorted(pair)) for pair in likely if len(pair) == 2 and pair not in same)
    false = [
        (one, other) for one, other in pairs if is_copy(looks[one], looks[other]) or is_copy(looks[other], looks[one])
    ]
    count = sum(1 for pair in combinations(names, 2) if frozenset(pair) not in same)
    return {"pairs": count, "compared": len(pairs), "false_pairs": false, "false_share": len(false) / max(count, 1)}


def _costs(looks: list[Judged]) -> dict[str, float]:
    """CPU per admitted photo, with STORED photos in the index that are as like each other as these are."""
    rng = np.random.default_rng(5)
    known = np.array([np.frombuffer(one.gist or b"", np.int8) for one in looks], np.float64)
    blurred = known[rng.integers(0, len(known), STORED)] + rng.normal(0, 9, (STORED, known.shape[1]))
    rows = [(number, 0, line.tobytes()) for number, line in enumerate(np.clip(blurred, -127, 126).astype(np.int8), 1)]
    index, began = Twins(), time.process_time()
    index.add(rows)
    loaded = time.process_time() - began
    asked = looks[:300]
    times = []
    for one in asked:
        began = time.process_time()
        index.may_be(gists.look(one.photo.sketch))
        times.append(time.process_time() - began)
    began = time.process_time()
    for one, other in pairwise(asked):
        _compare(one.photo, other.photo)
    compared = (time.process_time() - began) / max(len(asked) - 1, 1)
    return {
        "search_ms": round(statistics.median(times) * 1000, 3),
        "search_mean_ms": round(statistics.fmean(times) * 1000, 3),
        "compare_ms": round(compared * 1000, 3),
        "index_s": round(loaded, 3),
        "stored": STORED,
    }


def _compare(one: NewPhoto, other: NewPhoto) -> bool:
    from catalog.resemblance import same

    return same(one.sketch, other.sketch)


def _drawn(count: int) -> Iterator[tuple[str, bytes]]:
    from demo.portraits import DOMAINS, draw, encode, imagine

    for number in range(count):
        truth = imagine(person=number, seed=number, domain=DOMAINS[number % 2])
        yield f"portrait {number}", encode(draw(truth))


def _folder(path: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.rglob("*")):
        if file.is_file():
            try:
                read(data := file.read_bytes(), LIMITS)
            except Refused:
                continue
            yield str(file.relative_to(path)), data


def _listed(path: Path | None) -> set[frozenset[str]]:
    lines = path.read_text().splitlines() if path else []
    return {frozenset(line.split()) for line in lines if line.strip()}


def cropped(image: Image.Image, shares: list[float]) -> Image.Image:
    """The picture without these shares of its left, top, right and bottom."""
    left, top, right, bottom = shares
    width, height = image.size
    return image.crop(
        (round(width * left), round(height * top), round(width * (1 - right)), round(height * (1 - bottom)))
    )


def opened(data: bytes) -> Image.Image:
    """The upright picture in RGB, on white."""
    with Image.open(io.BytesIO(data)) as stored:
        image = ImageOps.exif_transpose(stored)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return image.convert("RGB")


def saved(image: Image.Image, kind: str = "JPEG", **options: int) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, metavar="FOLDER", help="pictures to measure on (default: drawn ones)")
    parser.add_argument("--same", type=Path, metavar="FILE", help="pairs in that folder that are the same photo")
    parser.add_argument("--drawn", type=int, default=200, help="portraits to draw without a folder (default 200)")
    parser.add_argument("--every", type=int, default=1, help="change every n-th photo only (default 1)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
