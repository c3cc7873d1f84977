"""Batches of drawn photos in a catalog: what the tests of the desk show to people."""

from __future__ import annotations

import io
import itertools
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageDraw
from sqlalchemy import update

from catalog import Catalog
from catalog.blobs import Blobs
from catalog.records import Candidate, Domain, NewPhoto, Photo, Stage
from catalog.tables import photos
from rows import Rows, phash_of

_NEXT = itertools.count(1)


def drawn(number: int, *, size: tuple[int, int] = (320, 400), kind: str = "JPEG") -> bytes:
    """A picture of nobody that differs from every other: a head on a ground, colours by number."""
    rng = np.random.default_rng(number)
    ground, skin, shirt = (tuple(int(c) for c in rng.integers(40, 216, 3)) for _ in range(3))
    image = Image.new("RGB", size, ground)
    draw, (width, height) = ImageDraw.Draw(image), size
    draw.ellipse((0.1 * width, 0.7 * height, 0.9 * width, 1.4 * height), fill=shirt)
    draw.ellipse((0.3 * width, 0.2 * height, 0.7 * width, 0.7 * height), fill=skin)
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


def drawn_pixels(number: int, *, side: int) -> np.ndarray:
    """The same as pixels [side,side,3]."""
    with Image.open(io.BytesIO(drawn(number, size=(side, side), kind="PNG"))) as image:
        return np.asarray(image.convert("RGB"))


@dataclass
class Shelf:
    """Batches of drawn photos in one catalog, made as the collectors make them."""

    catalog: Catalog
    blobs: Blobs
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Rows(self.catalog)

    def photo(
        self,
        *,
        data: bytes | None = None,
        words: str = "",
        page_url: str = "",
        query: str = "",
        licence_url: str = "",
        attribution: str = "",
        generated: bool = False,
        phash: int | None = None,
    ) -> Photo:
        """A stored photo. ``words`` is what its source says in every field that is free text."""
        number = next(_NEXT)
        data = drawn(number) if data is None else data
        found = Candidate(
            source="folder",
            foreign_id=f"{words or 'shelf'}-{number}",
            page_url=page_url or f"https://photos.example.org/{number}",
            image_url=f"https://photos.example.org/{number}.jpg",
            licence=words or "CC0-1.0",
            title=words or f"Portrait {number}",
            author=words or "Ada & Co.",
            licence_url=licence_url,
            attribution=attribution or words,
            generated=generated,
        )
        planned = self.rows.query(query or f"portrait of shelf {number}", source="folder", domain=Domain.BARE)
        assert self.catalog.candidates.add(found, query_id=planned.id)
        (claimed,) = self.catalog.candidates.claim(source="folder", count=1, lease_seconds=60)
        photo = NewPhoto(
            sha256=self.blobs.put("photos", data),
            media_type="image/jpeg",
            size=len(data),
            width=320,
            height=400,
            phash=phash_of(10_000 + number) if phash is None else phash,
        )
        stored = self.catalog.photos.store(photo, candidate_id=claimed.id, bits=0)
        assert stored is not None
        return stored

    def batch(self, photos: int = 3) -> int:
        """An open batch over new photos, beside those already on the shelf."""
        for _ in range(photos):
            self.photo()
        batch = self.catalog.batches.open(key=f"shelf-{next(_NEXT)}")
        assert batch is not None
        return batch.id

    def alike(self, *apart: int, batch: bool = True, same: bool = False) -> list[int]:
        """The numbers of new photos, in a batch of their own; hashes differ from the first one's in so many bits.

        They may show the same; when they are the `same`, their small grey copies tell so.
        """
        number = next(_NEXT)
        alike = phash_of(-number)
        found = [self.photo(phash=alike ^ ((1 << bits) - 1)).id for bits in (0, *apart)]
        if same:
            self.sketch(number, *found)
        if batch:
            self.batch(0)
        return found

    def sketch(self, number: int, *found: int) -> None:
        """Give these photos one small grey copy, which differs from that of every other number."""
        grey = np.random.default_rng(number).integers(0, 256, (64, 64), np.uint8).tobytes()
        with self.catalog.writing() as connection:
            connection.execute(update(photos).where(photos.c.id.in_(found)).values(sketch=grey))

    def copy(self, photo: int, *, page_url: str) -> None:
        """A candidate that is refused when it is fetched, because its bytes are those of a stored photo."""
        number = next(_NEXT)
        found = Candidate(
            source="folder",
            foreign_id=f"shelf-{number}",
            page_url=page_url,
            image_url=f"https://photos.example.org/{number}.jpg",
            licence="CC0-1.0",
        )
        planned = self.rows.query(f"copies of shelf {number}", source="folder", domain=Domain.BARE)
        assert self.catalog.candidates.add(found, query_id=planned.id)
        (claimed,) = self.catalog.candidates.claim(source="folder", count=1, lease_seconds=60)
        same = replace(self.rows.new_photo(), sha256=self.catalog.photos.get(photo).sha256)
        assert self.catalog.photos.store(same, candidate_id=claimed.id, bits=0) is None

    def photos(self, batch: int) -> list[int]:
        """The numbers of a batch's photos."""
        return [photo.id for photo in self.catalog.photos.of_batch(batch)]

    def faces(self, batch: int) -> list[int]:
        """The numbers of the faces, one in each photo, after approving every photo as Olga and cropping it."""
        made = []
        for photo in self.catalog.photos.of_batch(batch):
            self.rows.approve(photo, Stage.RAW, by="olga")
            crop = self.blobs.put("faces", drawn(next(_NEXT), size=(512, 512)))
            self.catalog.faces.store(photo.id, [replace(self.rows.new_face(), sha256_512=crop)])
            made += [face.id for face in self.catalog.faces.of_photo(photo.id)]
        return made
