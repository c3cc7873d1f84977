"""decode() gives the pixels that the photographer saw, or says why it cannot."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from catalog.settings import Settings
from preprocessing.decode import decode, encode_jpeg
from preprocessing.errors import Refused, TooLarge, TooSmall, Undecodable


def picture(width: int = 64, height: int = 48) -> np.ndarray:
    """Four flat quarters, so that every turn of the picture is another one."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2, : width // 2] = (200, 30, 30)
    pixels[: height // 2, width // 2 :] = (30, 200, 30)
    pixels[height // 2 :, : width // 2] = (30, 30, 200)
    pixels[height // 2 :, width // 2 :] = (220, 220, 220)
    return pixels


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def differ(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


@pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "GIF"])
def test_lossless_formats_come_back_exactly(form: str) -> None:
    assert np.array_equal(decode(saved(Image.fromarray(picture()), form)), picture())


@pytest.mark.parametrize("form", ["PNG", "WEBP", "AVIF", "JPEG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(form: str, orientation: int) -> None:
    # How a camera stores an upright picture for each orientation; the inverse of what a viewer does.
    camera = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {} if form in ("PNG", "TIFF") else {"quality": 100}
    data = saved(Image.fromarray(np.ascontiguousarray(camera(picture()))), form, exif=exif.tobytes(), **options)

    upright = decode(data)

    assert upright.shape == picture().shape
    middles = [(12, 16), (12, 48), (36, 16), (36, 48)]
    assert all(differ(upright[y, x], picture()[y, x]) <= 6 for y, x in middles)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_grey_is_scaled_and_not_clipped_to_white(form: str) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    pixels = decode(saved(Image.fromarray(ramp), form))
    assert differ(pixels, np.repeat((ramp / 257)[..., None], 3, axis=2)) <= 1


def test_16_bit_colour_keeps_its_high_bytes() -> None:
    assert differ(decode(png_48_bit(picture())), picture()) <= 1


def test_cmyk_becomes_rgb() -> None:
    data = saved(Image.fromarray(picture()).convert("CMYK"), "JPEG", quality=100)
    assert differ(decode(data)[12, 16], picture()[12, 16]) <= 8


def test_transparency_is_laid_on_white() -> None:
    rgba = np.dstack([picture(), np.zeros((48, 64), np.uint8)])
    rgba[:24, :, 3] = 255
    pixels = decode(saved(Image.fromarray(rgba), "PNG"))
    assert np.array_equal(pixels[:24], picture()[:24])
    assert (pixels[24:] == 255).all()


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    paletted = Image.fromarray(picture()).quantize(8)
    background = paletted.getpixel((60, 40))
    pixels = decode(saved(paletted, "PNG", transparency=background))
    assert (pixels[40, 60] == 255).all()
    assert differ(pixels[12, 16], picture()[12, 16]) <= 4


@pytest.mark.parametrize("mode", ["L", "1", "LA"])
def test_grey_becomes_three_equal_channels(mode: str) -> None:
    pixels = decode(saved(Image.fromarray(picture()).convert(mode), "PNG"))
    assert pixels.shape == (48, 64, 3)
    assert (pixels[..., 0] == pixels[..., 1]).all()


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    lab_white = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    data = saved(Image.fromarray(picture()), "PNG", icc_profile=lab_white.tobytes())
    # A profile of another colour space than the pixels': ignored, as browsers do.
    assert np.array_equal(decode(data), picture())


def profile(*, swapped: bool) -> bytes:
    """sRGB under another name; on demand with red for green and green for red."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = data.replace("sRGB".encode("utf-16-be"), "ours".encode("utf-16-be"))
    if swapped:
        data = data.replace(b"rXYZ", b"____", 1).replace(b"gXYZ", b"rXYZ", 1).replace(b"____", b"gXYZ", 1)
    return data


def test_colours_that_a_profile_places_elsewhere_are_moved_there() -> None:
    data = saved(Image.fromarray(picture()), "PNG", icc_profile=profile(swapped=True))
    assert differ(decode(data), picture()[..., [1, 0, 2]]) <= 2


def test_srgb_under_another_name_leaves_every_pixel_as_it_is() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), "PNG", icc_profile=profile(swapped=False))
    assert np.array_equal(decode(data), noise)


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.fromarray(picture()), Image.new("RGB", (64, 48))]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(decode(data), picture())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 1000,
        b"<html>not a photo</html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>',
        b"%PDF-1.4\n",
        b"\xff\xd8\xff\xe0" + b"\x00" * 100,
    ],
    ids=["empty", "zeros", "html", "svg", "pdf", "jpeg header alone"],
)
def test_what_is_no_picture_is_undecodable(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("kept", [0.2, 0.6, 0.9])
def test_a_truncated_picture_is_refused_and_never_half_grey(form: str, kept: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    data = saved(Image.fromarray(noise), form)
    with pytest.raises(Undecodable):
        decode(data[: int(len(data) * kept)])


def test_a_bomb_is_refused_by_its_header() -> None:
    # 50,000 x 50,000 pixels in a kilobyte: nothing but the header says so, and nothing more is read.
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    with pytest.raises(TooLarge):
        decode(data)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_the_largest_jpeg_that_a_fetch_takes_can_be_decoded(mode: str) -> None:
    pixels = Settings.model_fields["fetch_max_pixels"].default
    out = io.BytesIO()
    Image.new(mode, (pixels // 5000, 5000)).save(out, "JPEG")
    assert decode(out.getvalue(), max_pixels=pixels).shape == (5000, pixels // 5000, 3)


def test_limits_are_the_callers() -> None:
    data = saved(Image.fromarray(picture()), "PNG")
    with pytest.raises(TooLarge):
        decode(data, max_pixels=64 * 48 - 1)
    with pytest.raises(TooLarge):
        decode(data, max_bytes=len(data) - 1)


def test_a_tracking_pixel_is_too_small() -> None:
    with pytest.raises(TooSmall):
        decode(saved(Image.new("RGB", (1, 1)), "GIF"))


@given(
    junk=st.binary(max_size=300),
    form=st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"]),
    at=st.floats(0, 1),
)
def test_damaged_bytes_decode_or_are_refused(junk: bytes, form: str, at: float) -> None:
    data = saved(Image.fromarray(picture()), form)
    cut = int(len(data) * at)
    # Nothing but a refusal may come out instead of a picture.
    with contextlib.suppress(Refused):
        pixels = decode(data[:cut] + junk + data[cut + len(junk) :], max_pixels=10**6)
        assert pixels.dtype == np.uint8
        assert pixels.shape[2] == 3


def test_encoding_keeps_colour_edges() -> None:
    assert differ(decode(encode_jpeg(picture())), picture()) <= 12


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_48_bit(pixels: np.ndarray) -> bytes:
    """A PNG of 16 bits per channel, which Pillow reads and does not write."""
    height, width, _ = pixels.shape
    wide = (pixels.astype(np.uint16) * 257).astype(">u2")
    rows = b"".join(b"\x00" + row.tobytes() for row in wide)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts
