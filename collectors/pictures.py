"""Bytes to what a photo's row holds: type, size, perceptual hash and sketch; or a refusal with its reason.

The decode is strict (a file one byte short is refused) and cheap (a JPEG is decoded at a small part of its size, which
still reads every byte). The bytes themselves are kept as they came; the crop makes true pixels of them later.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from PIL import Image, ImageFile, ImageOps

from catalog import Settings
from catalog.phashes import phash
from catalog.records import NewPhoto
from catalog.sketches import SIDE
from collectors import placeholders
from collectors.bodies import Body
from collectors.containers import Survey, survey
from collectors.errors import Refused
from collectors.room import Room

#: Pillow's names of the formats we take, and their media types. MPO is a JPEG with a second one behind it (phones).
FORMATS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
_OPENERS = tuple(name for name in FORMATS if name != "MPO")  # Pillow opens MPO through JPEG
_DRAFT = SIDE * 3 // 2  # a JPEG is decoded at the smallest size that is not below this
_PLAIN = 1.0  # grey levels that a picture's samples differ by, at least: their standard deviation
_ASPECT = 5  # sides of a photo differ by no more than so many times: what is longer is a banner or a rule
# Pillow warns of large pictures; our own limit is checked before anything is decoded.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Pillow feeds its decoders so much at a time, 64 KiB as it comes, and copies what they leave of it for the next piece.
# It also asks for so much memory to give a picture's samples, be they few: as much as is kept spare (heap.py), no more.
ImageFile.MAXBLOCK = 2**18


#: Bytes of memory that decoding a pixel takes at its worst, as measured with Pillow 13 (a JPEG's: see _cost).
_MEMORY = {"image/png": 5, "image/webp": 17, "image/avif": 10, "image/gif": 2, "image/bmp": 5, "image/tiff": 9}
#: What Pillow says of a file that ends too early.
_CUT = ("truncated", "not processed", "not enough")
_BAND = 2**20  # pixels brought to 8 bits, or laid on white, at a time


def read(data: bytes | Body, settings: Settings, *, room: Room | None = None) -> NewPhoto:
    """Read one picture's bytes; raises Refused: empty, too_large, not_an_image, unsupported_type, too_small,
    odd_shape, placeholder, truncated or corrupt.

    Decoding waits for its memory in ``room``, which threads share; a picture that takes more than there is in all of
    the settings' room (a PNG of ten million pixels, say) is refused as too large.
    """
    body = Body(data) if isinstance(data, bytes) else data
    if not len(body):
        raise Refused("empty")
    if len(body) > settings.fetch_max_bytes:
        raise Refused("too_large", f"{len(body)} bytes")
    head = body.head(512)
    kind = sniff(head)
    if kind is None:
        raise Refused("not_an_image", f"begins with {head[:16]!r}")
    if kind not in FORMATS.values():
        raise Refused("unsupported_type", kind)
    try:
        return _read(body, kind, settings, room or Room(settings.fetch_decode_bytes))
    except Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from error
    except Refused:
        raise
    except Exception as error:  # on hostile bytes the decoders raise anything, from KeyError to MemoryError
        cut = isinstance(error, EOFError) or any(word in str(error).lower() for word in _CUT)
        raise Refused("truncated" if cut else "corrupt", f"{type(error).__name__}: {error}"[:300]) from error


def _read(body: Body, kind: str, settings: Settings, room: Room) -> NewPhoto:
    sha256 = body.sha256()
    placeholders.check(sha256=sha256, extra=settings.fetch_placeholders)
    found = survey(body.open(), kind)
    data = body.source()
    if found.plain and isinstance(data, bytes):
        seen = _decoded(data, found.plain, settings)
    else:
        seen = _opened(body, kind, found, settings, room)
    sketch = seen.sketched.tobytes()
    samples = np.frombuffer(sketch, np.uint8).reshape(SIDE, SIDE).astype(np.float64)
    photo = NewPhoto(
        sha256=sha256,
        media_type=seen.media_type,
        size=len(body),
        width=seen.width,
        height=seen.height,
        phash=phash(samples),
        sketch=sketch,
    )
    if _is_plain(seen.sketched):
        raise Refused("placeholder", "one plain colour")
    placeholders.check(phash=photo.phash, extra=settings.fetch_placeholders)
    return photo


@dataclass(frozen=True, slots=True)
class _Seen:
    """A decoded picture: its type, its upright sides (on which the crop works), and its sketch."""

    media_type: str
    width: int
    height: int
    sketched: Image.Image


def _decoded(data: bytes, size: tuple[int, int], settings: Settings) -> _Seen:
    """A JPEG that is nothing but its pixels, handed to Pillow's decoder as it is: to open it by Pillow's file format
    comes to the same grey picture, and takes a fifth longer."""
    _must_fit(size, settings)
    width, height = size
    fits = min(width, height) // _DRAFT
    scale = next(part for part in (8, 4, 2, 1) if fits >= part or part == 1)
    small = (-(-width // scale), -(-height // scale))
    image = Image.frombytes("L", small, data, "jpeg", "L", "", scale, 0)
    if _ends_in_nothing(image):
        raise Refused("truncated", "its last rows are missing")
    return _Seen("image/jpeg", width, height, grey(_small(image), SIDE))


def _opened(body: Body, kind: str, found: Survey, settings: Settings, room: Room) -> _Seen:
    """Any picture, opened by Pillow, turned upright."""
    with Image.open(body.open(), formats=_OPENERS) as image:
        _must_fit(image.size, settings)
        width, height = image.size
        media_type = FORMATS[image.format or ""]
        cost = _cost(image, kind, found) + (len(body) if kind in ("image/webp", "image/avif") else 0)
        if cost > room.size:
            raise Refused("too_large", f"{width} x {height} pixels, which take {cost >> 20} MB to decode")
        with room.taken(cost):
            image.draft("L", (_DRAFT, _DRAFT))
            image.load()
            if kind == "image/jpeg" and _ends_in_nothing(image):
                raise Refused("truncated", "its last rows are missing")
            orientation = image.getexif().get(0x0112, 1)
            upright = _small(image) if orientation == 1 else ImageOps.exif_transpose(_small(image))
            sketched = grey(upright, SIDE)
    if orientation in (5, 6, 7, 8):
        width, height = height, width
    return _Seen(media_type, width, height, sketched)


def _must_fit(size: tuple[int, int], settings: Settings) -> None:
    width, height = size
    if width * height > settings.fetch_max_pixels:
        raise Refused("too_large", f"{width} x {height} pixels")
    if min(width, height) < settings.fetch_min_side:
        raise Refused("too_small", f"{width} x {height} pixels")
    if max(width, height) > _ASPECT * min(width, height):
        raise Refused("odd_shape", f"{width} x {height} pixels")


def _cost(image: Image.Image, kind: str, found: Survey) -> int:
    """The bytes that decoding takes at most."""
    pixels = image.size[0] * image.size[1]
    if kind != "image/jpeg":
        return pixels * _MEMORY[kind] + 2 * found.aside
    if found.scans == 1:
        return pixels // 16 + 2 * found.aside + 2**18  # row by row, into a small picture
    layers: Any = getattr(image, "layer", [])
    tallest, widest = max(layer[2] for layer in layers), max(layer[1] for layer in layers)
    share = sum(layer[1] * layer[2] for layer in layers) / (tallest * widest)
    return int(pixels * 2.2 * share) + 2 * found.aside  # the coefficients of all scans, two bytes each


def _is_plain(sketched: Image.Image) -> bool:
    low, high = cast(tuple[int, int], sketched.getextrema())
    # Two samples that differ by so much make the deviation of all n of them at least (high - low) / sqrt(2 n).
    if high - low >= _PLAIN * (2 * SIDE * SIDE) ** 0.5:
        return False
    return bool(np.asarray(sketched).std() < _PLAIN)


def _ends_in_nothing(image: Image.Image) -> bool:
    """Whether the last rows of a loaded JPEG are the mere grey that libjpeg puts where data is missing before the end
    marker: a size that was tampered with, or an end that was sewn on."""
    width, height = image.size
    last = image.getpixel((width - 1, height - 1))
    if last not in (128, (128,) * len(image.getbands())):
        return False
    tail = image.crop((0, height - max(1, height // 10), width, height)).getextrema()
    return set(tail if isinstance(tail[0], tuple) else [tail]) == {(128, 128)}


def _small(image: Image.Image) -> Image.Image:
    """A loaded picture, with its orientation, as 8-bit grey at most a few times larger than a sketch if it is large:
    brought there band by band, since a copy of all of it at once would take as much memory again."""
    width, height = image.size
    factor = min(width, height) // (4 * SIDE)
    if factor < 2:
        return image
    rows = max(1, _BAND // width // factor) * factor
    shape = (-(-width // factor), -(-height // factor))
    small = Image.new("L", shape)
    top = _top(image)
    for y in range(0, height, rows):
        band = image.crop((0, y, width, min(y + rows, height)))
        if "transparency" in image.info:
            band.info["transparency"] = image.info["transparency"]
        small.paste(_on_white(band, top).reduce(factor), (0, y // factor))
    small.info = {key: image.info[key] for key in ("exif", "xmp", "XML:com.adobe.xmp") if key in image.info}
    small.getexif().update(image.getexif())
    return small


def grey(image: Image.Image, side: int) -> Image.Image:
    """A loaded picture as side x side grey pixels of 8 bits, smoothed; transparency is laid on white."""
    return _on_white(image, _top(image)).resize((side, side), Image.Resampling.HAMMING)


def _top(image: Image.Image) -> float:
    """The sample that is white."""
    if image.mode == "F":
        return max(float(np.asarray(image).max()), 1.0)
    return 65535.0 if image.mode.startswith("I") else 255.0


def _on_white(image: Image.Image, top: float) -> Image.Image:
    """As 8-bit grey on white. (Pillow's own conversion of 16 bits clips them to white.)"""
    if image.mode.startswith("I") or image.mode == "F":
        samples = np.asarray(image).astype(np.float32)
        return Image.fromarray(np.clip(samples * (255.0 / top), 0, 255).astype(np.uint8))
    if image.mode == "L" and "transparency" not in image.info:
        return image
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return image.convert("L")


def sniff(data: bytes) -> str | None:
    """The media type that the first bytes tell, or None when they tell of no picture. Names and headers may lie."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:2] == b"BM" and len(data) > 26 and data[14:18] in (b"\x28\0\0\0", b"\x6c\0\0\0", b"\x7c\0\0\0"):
        return "image/bmp"
    if data.startswith((b"II*\0", b"MM\0*")):
        return "image/tiff"
    if data[4:8] == b"ftyp":
        brands = data[8:64]
        if b"avif" in brands or b"avis" in brands:
            return "image/avif"
        return "image/heic" if b"hei" in brands or b"mif1" in brands else None
    if data.startswith((b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")):
        return "image/jp2"
    if data.startswith((b"\0\0\0\x0cJXL ", b"\xff\x0a")):
        return "image/jxl"
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return "image/svg+xml" if head.startswith(b"<svg") or (head.startswith(b"<?xml") and b"<svg" in head) else None
