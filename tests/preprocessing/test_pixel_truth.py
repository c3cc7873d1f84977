"""The pixels of every kind of file are those that a reference made without our decoder has, within 2 of 255.

And what the collectors know a picture by, its perceptual hash, is that of the upright picture.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from catalog import Settings
from collectors.pictures import read
from preprocessing.decode import decode

FORMS = ["JPEG", "WEBP", "PNG", "AVIF", "TIFF"]
#: How a camera stores an upright picture for each orientation, and how a viewer undoes it.
CAMERA: dict[int, Callable[[NDArray], NDArray]] = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, -1),
}
VIEWER = CAMERA | {6: lambda p: np.rot90(p, -1), 8: lambda p: np.rot90(p, 1)}


def scene(seed: int = 3, *, size: tuple[int, int] = (160, 128)) -> NDArray[np.uint8]:
    """Height x width x 3: broad shapes that no turn or mirror leaves as they are."""
    coarse = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), np.uint8)
    return np.array(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))


def saved(pixels: NDArray, kind: str, *, mode: str = "", **options: object) -> bytes:
    out = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    (image.convert(mode) if mode else image).save(out, kind, **options)
    return out.getvalue()


def plainly(data: bytes) -> NDArray[np.uint8]:
    """A file without orientation, profile or transparency, as Pillow has it."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def differ(one: NDArray, other: NDArray) -> float:
    assert one.shape == other.shape
    return float(np.abs(one.astype(float) - np.rint(other)).max())  # of 8 bits, as a reference picture is


def quality(kind: str) -> dict[str, object]:
    return {} if kind in ("PNG", "TIFF", "GIF", "BMP") else {"quality": 92}


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_upright_however_it_was_held(kind: str, orientation: int) -> None:
    lying = CAMERA[orientation](scene())
    exif = Image.Exif()
    exif[0x0112] = orientation
    reference = VIEWER[orientation](plainly(saved(lying, kind, **quality(kind))))
    assert differ(decode(saved(lying, kind, exif=exif.tobytes(), **quality(kind))), reference) <= 2


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_known_again_however_it_was_held(kind: str, orientation: int) -> None:
    config = Settings(fetch_min_side=64)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = saved(CAMERA[orientation](scene(size=(640, 480))), kind, exif=exif.tobytes(), **quality(kind))
    upright = read(saved(scene(size=(640, 480)), "PNG"), config)
    known = read(lying, config)
    assert (known.width, known.height) == (640, 480)
    assert (known.phash ^ upright.phash).bit_count() <= 6


@pytest.mark.parametrize("size", [(1300, 1100), (640, 480)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P", "LA", "I;16"])
def test_a_large_picture_is_known_by_the_same_hash_as_a_small_one(size: tuple[int, int], mode: str) -> None:
    config = Settings(fetch_min_side=64)
    pixels: NDArray = scene(size=size)
    if mode == "I;16":
        pixels, mode = np.asarray(Image.fromarray(pixels).convert("L")).astype(np.uint16) * 257, ""
    small = read(saved(scene(size=(320, 240)), "PNG"), config)
    assert (read(saved(pixels, "PNG", mode=mode), config).phash ^ small.phash).bit_count() <= 6


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def deep_png(samples: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a sample, of 1 (grey), 3 or 4 channels, which Pillow does not write for colour."""
    height, width, channels = samples.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def deep(channels: int) -> NDArray[np.uint16]:
    return np.random.default_rng(1).integers(0, 65536, (64, 80, channels), np.uint16)


def test_sixteen_bits_of_grey_are_scaled() -> None:
    samples = deep(1)
    assert differ(decode(deep_png(samples)), np.repeat(samples / 257, 3, axis=2)) <= 2


def test_sixteen_bits_of_colour_are_scaled() -> None:
    samples = deep(3)
    assert differ(decode(deep_png(samples)), samples / 257) <= 2


def test_sixteen_bits_of_colour_and_alpha_are_laid_on_white() -> None:
    samples = deep(4)
    colour, alpha = samples[..., :3] / 257, samples[..., 3:] / 65535
    assert differ(decode(deep_png(samples)), colour * alpha + 255 * (1 - alpha)) <= 2


@pytest.mark.parametrize("big", [False, True])
def test_sixteen_bits_of_a_tiff_are_scaled_in_either_order_of_bytes(big: bool) -> None:
    samples = deep(1)[..., 0]
    strip = samples.astype(">u2" if big else "<u2").tobytes()
    order = ">" if big else "<"
    entries = [(256, 80), (257, 64), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, 64), (279, len(strip))]
    table = struct.pack(f"{order}H", len(entries))
    table += b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in entries)
    head = (b"MM\0*" if big else b"II*\0") + struct.pack(f"{order}I", 8 + len(strip))
    data = head + strip + table + bytes(4)
    assert differ(decode(data), np.repeat(samples[..., None] / 257, 3, axis=2)) <= 2


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_the_inks_of_cmyk_are_read_the_right_way_round(kind: str) -> None:
    data = saved(scene(), kind, mode="CMYK", **quality(kind))
    inks = np.asarray(Image.open(io.BytesIO(data))).astype(float)
    assert differ(decode(data), (255 - inks[..., :3]) * (255 - inks[..., 3:]) / 255) <= 2
    assert differ(decode(data), scene()) <= 60  # and not its negative


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_what_shows_through_is_white(kind: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (128, 1))
    data = saved(np.dstack([scene(), alpha]), kind, **({"lossless": True} if kind == "WEBP" else quality(kind)))
    stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(float)
    share = stored[..., 3:] / 255
    assert differ(decode(data), stored[..., :3] * share + 255 * (1 - share)) <= 2


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_the_transparent_colour_of_a_palette_is_white(kind: str) -> None:
    palette = Image.fromarray(scene()).quantize(32)
    out = io.BytesIO()
    palette.save(out, kind, transparency=5)
    reference = np.asarray(palette.convert("RGB")).copy()
    reference[np.asarray(palette) == 5] = 255
    assert differ(decode(out.getvalue()), reference) <= 2


def test_a_palette_whose_colours_are_transparent_by_degrees() -> None:
    palette = Image.fromarray(scene()).quantize(16)
    degrees = np.linspace(0, 255, 16).astype(np.uint8)
    out = io.BytesIO()
    palette.save(out, "PNG", transparency=degrees.tobytes())
    share = degrees[np.asarray(palette)][..., None] / 255
    colour = np.asarray(palette.convert("RGB")).astype(float)
    assert differ(decode(out.getvalue()), colour * share + 255 * (1 - share)) <= 2


@pytest.mark.parametrize("mode", ["L", "LA", "1"])
def test_grey_is_three_equal_channels(mode: str) -> None:
    data = saved(scene(), "PNG", mode=mode)
    grey = np.asarray(Image.fromarray(scene()).convert(mode).convert("L"))
    assert differ(decode(data), np.repeat(grey[..., None], 3, axis=2)) <= 2


#: The primaries of Adobe RGB (1998) and of sRGB under D50, as their ICC profiles hold them: columns of XYZ.
WIDE = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def wide_profile(gamma: float = 2.2) -> bytes:
    """An ICC profile (ICC.1:2001-04) of three primaries and a gamma."""

    def fixed(number: float) -> bytes:
        return struct.pack(">i", round(number * 65536))

    text = b"wide for a test"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text) + 1) + text + bytes(80),
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642) + fixed(1.0) + fixed(0.8249),
    }
    for name, column in zip("rgb", WIDE.T, strict=True):
        tags[f"{name}XYZ".encode()] = b"XYZ \0\0\0\0" + b"".join(fixed(number) for number in column)
        tags[f"{name}TRC".encode()] = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    table, body, at = struct.pack(">I", len(tags)), b"", 132 + 12 * len(tags)
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", at + len(body), len(data))
        body += padded
    head = struct.pack(">I4sI4s4s4s", at + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += fixed(0.9642) + fixed(1.0) + fixed(0.8249)
    return head + bytes(128 - len(head)) + table + body


@pytest.mark.parametrize("kind", FORMS)
def test_a_wide_gamut_is_brought_to_srgb(kind: str) -> None:
    data = saved(scene(), kind, icc_profile=wide_profile(), **quality(kind))
    linear = (plainly(data) / 255.0) ** (round(2.2 * 256) / 256)
    light = np.clip(linear @ WIDE.T @ np.linalg.inv(SRGB).T, 0, 1)
    reference = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(reference - plainly(data)).max() > 10  # the profile says something
    assert differ(decode(data), reference) <= 2


@pytest.mark.parametrize("kind", FORMS)
def test_a_profile_that_is_none_is_passed_over(kind: str) -> None:
    data = saved(scene(), kind, icc_profile=b"no profile at all" * 20, **quality(kind))
    assert differ(decode(data), plainly(saved(scene(), kind, **quality(kind)))) <= 2
