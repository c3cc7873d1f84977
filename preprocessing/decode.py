"""Bytes to pixels: any picture the web serves becomes an upright 8-bit sRGB array, or a refusal.

Silent damage is worse than a crash here, because it becomes training data. So: EXIF orientation is applied,
16-bit samples are scaled (Pillow's own conversion clips them to white), transparency is laid on white, CMYK
and embedded ICC profiles are converted to sRGB, and of an animation the first frame is taken. The size is
read from the header before anything is decoded, and what the format's decoder will take is reckoned from it, so
that a small file cannot ask for a large memory.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms

from preprocessing.errors import Refused, TooLarge, TooSmall, Undecodable

Pixels = npt.NDArray[np.uint8]
Grey = npt.NDArray[np.float64]

#: How light red, green and blue are, by Rec. 601.
LUMA = np.array([0.299, 0.587, 0.114])

MAX_PIXELS = 50_000_000
MAX_BYTES = 64 * 2**20
MIN_SIDE = 32

# Only raster formats: no SVG, PDF, EPS (interpreters), no video. Pillow opens MPO (phones) through its JPEG
# opener.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000")

#: The memory that decoding may take besides the file, in bytes: 38 megapixels of an ordinary JPEG. A process that has
#: loaded the landmarks model holds 190 MB; together they stay below 500.
MAX_MEMORY = 256 * 2**20
_RESULT = 3  # bytes of a pixel
#: Bytes of a pixel in Pillow's memory, by mode; 4 for all that have colours.
_SAMPLE = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
#: Bytes of a pixel while it is decoded, by format, where that is more than in the end (measured on 49 megapixels).
_LOADING = {"AVIF": 11, "JPEG2000": 20, "WEBP": 17, "progressive JPEG": 10}
#: Pixels that are converted at a time.
_BAND = 1 << 17
#: How the stored picture is turned upright, by EXIF's number for how it lies.
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels, 1),
}

_WHITE = (255, 255, 255, 255)
_SRGB = ImageCms.createProfile("sRGB")
#: Colours from all over the cube, by which a profile that is sRGB under another name is told: 18 of each channel.
_COLOURS = np.stack(np.meshgrid(*[np.arange(0, 256, 15, dtype=np.uint8)] * 3), axis=-1).reshape(18, -1, 3)


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
            pixels, orientation = _decode(data, max_pixels=max_pixels)
    except Refused:
        raise
    except Image.DecompressionBombError as error:
        raise TooLarge(f"more than the {max_pixels} pixels we accept") from error
    except Exception as error:
        # On hostile bytes the codecs raise anything, from KeyError to MemoryError.
        raise Undecodable(f"not a readable picture ({type(error).__name__})") from error
    return np.ascontiguousarray(_TURNS.get(orientation, _TURNS[1])(pixels))


def _decode(data: bytes, *, max_pixels: int) -> tuple[Pixels, int]:
    """The pixels as they are stored, and EXIF's number for how they lie."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        width, height = image.size
        if width * height > max_pixels:
            raise TooLarge(f"{width} x {height} pixels, more than the {max_pixels} we accept")
        if min(width, height) < MIN_SIDE:
            raise TooSmall(f"{width} x {height} pixels, less than {MIN_SIDE} on a side")
        needed = width * height * _bytes_per_pixel(image)
        if needed > MAX_MEMORY:
            raise TooLarge(
                f"{width} x {height} pixels of {image.format} take {needed // 2**20} MB to decode, more than the "
                f"{MAX_MEMORY // 2**20} we accept"
            )
        profile = image.info.get("icc_profile")
        image.load()
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        return _pixels(image, profile), orientation


def _bytes_per_pixel(image: Image.Image) -> int:
    """The memory that a pixel takes at the most while a picture of this format is decoded, the result included."""
    form = image.format or ""
    if form == "JPEG" and image.info.get("progressive"):
        form = "progressive JPEG"
    return max(_LOADING.get(form, 0), _SAMPLE.get(image.mode, 4) + _RESULT)


def _pixels(image: Image.Image, profile: bytes | None) -> Pixels:
    """The pixels in sRGB, converted a band of rows at a time: a picture as a whole is in memory twice and no more."""
    width, height = image.size
    pixels = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND // width)
    transform = None
    for top in range(0, height, rows):
        band = _to_8_bit(image.crop((0, top, width, min(top + rows, height))))
        if top == 0 and profile:
            transform = _transform(band.mode, profile)
        if transform is not None:
            band = ImageCms.applyTransform(band, transform) or band
        pixels[top : top + rows] = np.asarray(band if band.mode == "RGB" else band.convert("RGB"))
    return pixels


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


def _transform(mode: str, profile: bytes) -> ImageCms.ImageCmsTransform | None:
    """From the embedded profile to sRGB; None where it is sRGB, or does not fit the pixels."""
    if mode not in ("RGB", "L", "CMYK"):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (source.profile.profile_description or "").lower():
            return None
        transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
        return None if mode == "RGB" and _changes_nothing(transform) else transform
    except (ImageCms.PyCMSError, OSError):
        # A broken profile, or one for another colour space: browsers ignore it too.
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform moves no colour by more than the rounding: the small profiles that large sites put in."""
    colours = Image.fromarray(_COLOURS)
    after = np.asarray(ImageCms.applyTransform(colours, transform) or colours)
    return bool(np.abs(after.astype(int) - _COLOURS).max() <= 1)


def luma(pixels: Pixels) -> Grey:
    """Rec. 601 luma of RGB pixels, in [0, 255]."""
    return pixels.astype(np.float64) @ LUMA


def encode_jpeg(pixels: Pixels, *, quality: int = 95) -> bytes:
    """Encode RGB pixels as a JPEG without chroma subsampling: lips and lids keep their colour edges."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    return buffer.getvalue()
