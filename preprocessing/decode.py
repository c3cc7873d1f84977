"""Bytes to pixels: any picture the web serves becomes an upright 8-bit sRGB array, or a refusal.

Silent damage is worse than a crash here, because it becomes training data. So: EXIF orientation is applied,
16-bit samples are scaled (Pillow's own conversion clips them to white), transparency is laid on white, CMYK
and embedded ICC profiles are converted to sRGB, and of an animation the first frame is taken. The size is
read from the header before anything is decoded, so that a small file cannot ask for a large memory.
"""

from __future__ import annotations

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

from preprocessing.errors import Refused, TooLarge, TooSmall, Undecodable

Pixels = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.float64]

MAX_PIXELS = 50_000_000
MAX_BYTES = 64 * 2**20
MIN_SIDE = 32

# Only raster formats: no SVG, PDF, EPS (interpreters), no video. Pillow opens MPO (phones) through its JPEG
# opener.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000")

_WHITE = (255, 255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")


def decode(data: bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Pixels:
    """Decode a picture to upright sRGB.

    Returns an array of shape (height, width, 3), uint8. Raises Undecodable, TooLarge or TooSmall (all
    Refused).
    """
    if not data:
        raise Undecodable("the file is empty")
    if len(data) > max_bytes:
        raise TooLarge(f"{len(data)} bytes, more than the {max_bytes} we accept")
    try:
        with warnings.catch_warnings():
            # Our own limit below is stricter than the one Pillow warns about.
            warnings.simplefilter("ignore")
            return _decode(data, max_pixels=max_pixels)
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(f"more than the {max_pixels} pixels we accept") from error
    except Exception as error:
        # On hostile bytes the codecs raise anything, from KeyError to MemoryError.
        raise Undecodable(f"not a readable picture ({type(error).__name__})") from error


def _decode(data: bytes, *, max_pixels: int) -> Pixels:
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise TooLarge(f"{width} x {height} pixels, more than the {max_pixels} we accept")
        if min(width, height) < MIN_SIDE:
            raise TooSmall(f"{width} x {height} pixels, less than {MIN_SIDE} on a side")
        profile = image.info.get("icc_profile")
        image.load()
        upright = ImageOps.exif_transpose(image)
    return np.ascontiguousarray(np.asarray(_to_srgb(_to_8_bit(upright), profile)))


def _to_8_bit(image: Image.Image) -> Image.Image:
    """Bring 16-bit grey and 1-bit images to 8 bits, palettes and alpha to RGB over white."""
    if image.mode in ("I;16", "I;16L", "I;16B", "I;16N", "I"):
        samples = np.asarray(image).astype(np.float64)
        if samples.min() < 0 or samples.max() > 65535:
            raise Undecodable("samples of more than 16 bits")
        return Image.fromarray(np.rint(samples / 257).astype(np.uint8))
    if image.mode == "F":
        raise Undecodable("floating-point samples, whose range nothing states")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, _WHITE), rgba).convert("RGB")
    if image.mode in ("1", "P", "LA", "PA", "RGBX"):
        return image.convert("RGB")
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB by the embedded profile where it fits the pixels, else by Pillow's plain formula."""
    if profile and image.mode in ("RGB", "L", "CMYK"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in (source.profile.profile_description or "").lower():
                converted = ImageCms.profileToProfile(image, source, _SRGB, outputMode="RGB")
                if converted is not None:
                    return converted
        except (ImageCms.PyCMSError, OSError):
            # A broken profile, or one for another colour space: browsers ignore it too.
            return image.convert("RGB")
    return image.convert("RGB")


def luma(pixels: Pixels) -> Grey:
    """Rec. 601 luma of RGB pixels, in [0, 255]."""
    return pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def encode_jpeg(pixels: Pixels, *, quality: int = 95) -> bytes:
    """Encode RGB pixels as a JPEG without chroma subsampling: lips and lids keep their colour edges."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
