"""Stored bytes to something a browser may be shown. A downloaded photo is hostile until it is proved a picture.

A picture is served as it is only when its first bytes say JPEG, PNG or WebP; everything else, and everything that
is shown smaller, is decoded and written anew as JPEG, which leaves metadata (places, names) behind.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from collectors.pictures import sniff
from preprocessing.decode import decode
from preprocessing.errors import Refused
from review.errors import Unshowable

#: The longest sides offered: a small sample, a card of the grid, the single view on a large screen. 0: every pixel.
SIDES = (0, 160, 480, 1280)

#: What every browser shows, and shows as nothing but a picture.
SERVED = frozenset({"image/jpeg", "image/png", "image/webp"})


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes and the media type they really are. ``name`` changes whenever the bytes do."""

    name: str
    media_type: str
    data: bytes


class Pictures:
    """Makes pictures and keeps the last small ones, so that a page seen twice is decoded once."""

    def __init__(self, *, keep: int = 400, at_once: int = 2) -> None:
        self._kept: OrderedDict[str, Picture] = OrderedDict()
        self._keep = keep
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(at_once)  # a decoded photo may take 150 MB

    def show(self, name: str, *, side: int, load: Callable[[], bytes]) -> Picture:
        """The picture called ``name`` at most ``side`` pixels long (0: as it is). Unshowable when it is none."""
        key = f"{name}-{side}"
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        data = load()
        media_type = sniff(data)
        if media_type in SERVED and not side:
            return Picture(key, media_type, data)
        with self._decoding:
            picture = Picture(key, "image/jpeg", _as_jpeg(data, side=side))
        if side:
            with self._lock:
                self._kept[key] = picture
                while len(self._kept) > self._keep:
                    self._kept.popitem(last=False)
        return picture


def _as_jpeg(data: bytes, *, side: int) -> bytes:
    try:
        pixels = decode(data)
    except Refused as error:
        raise Unshowable(str(error)) from error
    image = Image.fromarray(pixels)
    if side:
        image.thumbnail((side, side), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88, optimize=False)
    return out.getvalue()
