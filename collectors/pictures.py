"""Bytes to what a photo's row holds: type, size, perceptual hash and sketch; or a refusal with its reason.

The decode is strict (a file one byte short is refused) and cheap (a JPEG is decoded at a small part of its size, which
still reads every byte). The bytes themselves are kept as they came; the crop makes true pixels of them later.
"""

from __future__ import annotations

import hashlib
import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from catalog import Settings
from catalog.phashes import phash
from catalog.records import NewPhoto
from catalog.sketches import SIDE, sketch
from collectors.errors import Refused

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
# Pillow warns of large pictures; our own limit is checked before anything is decoded.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def read(data: bytes, settings: Settings) -> NewPhoto:
    """Read one picture's bytes; raises Refused: empty, too_large, not_an_image, unsupported_type, too_small,
    truncated or corrupt."""
    if not data:
        raise Refused("empty")
    if len(data) > settings.fetch_max_bytes:
        raise Refused("too_large", f"{len(data)} bytes")
    kind = sniff(data)
    if kind is None:
        raise Refused("not_an_image", f"begins with {data[:16]!r}")
    if kind not in FORMATS.values():
        raise Refused("unsupported_type", kind)
    try:
        with Image.open(io.BytesIO(data), formats=_OPENERS) as image:
            return _read(image, data, settings)
    except Image.DecompressionBombError as error:
        raise Refused("too_large", str(error)) from error
    except Refused:
        raise
    except Exception as error:  # on hostile bytes the decoders raise anything, from KeyError to MemoryError
        cut = isinstance(error, EOFError) or any(word in str(error).lower() for word in ("truncated", "not processed"))
        raise Refused("truncated" if cut else "corrupt", f"{type(error).__name__}: {error}"[:300]) from error


def _read(image: Image.Image, data: bytes, settings: Settings) -> NewPhoto:
    width, height = image.size
    if width * height > settings.fetch_max_pixels:
        raise Refused("too_large", f"{width} x {height} pixels")
    if min(width, height) < settings.fetch_min_side:
        raise Refused("too_small", f"{width} x {height} pixels")
    media_type = FORMATS[image.format or ""]
    image.draft("L", (2 * SIDE, 2 * SIDE))
    image.load()
    upright = ImageOps.exif_transpose(image)
    if image.getexif().get(0x0112, 1) in (5, 6, 7, 8):  # lies on its side: the crop works on the upright photo
        width, height = height, width
    samples = np.asarray(grey(upright, SIDE), np.float64)
    return NewPhoto(
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=media_type,
        size=len(data),
        width=width,
        height=height,
        phash=phash(samples),
        sketch=sketch(samples),
    )


def grey(image: Image.Image, side: int) -> Image.Image:
    """A loaded picture as side x side grey pixels of 8 bits, smoothed; transparency is laid on white."""
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits: Pillow's own conversion clips to white
        samples = np.asarray(image, np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(float(samples.max()), 1.0)
        image = Image.fromarray(np.clip(samples * (255.0 / top), 0, 255).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA").resize((side * 4, side * 4), Image.Resampling.BOX)
        image = Image.alpha_composite(Image.new("RGBA", image.size, (255, 255, 255, 255)), image)
    return image.convert("L").resize((side, side), Image.Resampling.HAMMING)


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
