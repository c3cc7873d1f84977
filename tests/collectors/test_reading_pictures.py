"""Bytes become a photo's numbers, or are refused with a reason."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from sketches import picture

from catalog import Settings
from catalog.resemblance import same
from collectors.errors import Refused
from collectors.pictures import read, sniff

LIMITS = Settings(fetch_max_bytes=5_000_000, fetch_max_pixels=4_000_000, fetch_min_side=64)


def saved(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def sketch_of(data: bytes) -> bytes:
    return read(data, LIMITS).sketch


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


@pytest.mark.parametrize(
    ("kind", "media_type"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("AVIF", "image/avif"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
    ],
)
def test_a_picture_is_read_by_its_bytes(kind: str, media_type: str) -> None:
    data = picture(1, kind=kind)
    photo = read(data, LIMITS)
    assert (photo.media_type, photo.width, photo.height, photo.size) == (media_type, 320, 400, len(data))
    assert photo.sha256 == hashlib.sha256(data).hexdigest()
    assert 0 <= photo.phash < 1 << 64


def test_a_photo_that_lies_on_its_side_is_measured_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = saved(opened(picture(2)).transpose(Image.Transpose.ROTATE_90), exif=exif, quality=95)
    upright, turned = read(picture(2), LIMITS), read(lying, LIMITS)
    assert (turned.width, turned.height) == (upright.width, upright.height)
    assert (turned.phash ^ upright.phash).bit_count() <= 8


@pytest.mark.parametrize("mode", ["L", "CMYK", "P", "RGBA", "LA", "1", "I;16"])
def test_every_kind_of_pixel_is_read(mode: str) -> None:
    image = opened(picture(3))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    else:
        image = image.convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    photo = read(saved(image, kind), LIMITS)
    if mode != "1":
        assert (photo.phash ^ read(picture(3), LIMITS).phash).bit_count() <= 8


def bomb(width: int, height: int) -> bytes:
    """A small PNG that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack("!I", len(data)) + kind + data + struct.pack("!I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack("!IIBBBBB", width, height, 1, 0, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(bytes((width // 8 + 1) * min(height, 1000))))
    return b"\x89PNG\r\n\x1a\n" + header + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<!doctype html><html>not found</html>", "not_an_image"),
        (b'{"error": "forbidden"}', "not_an_image"),
        (b"\x00" * 1000, "not_an_image"),
        (b"%PDF-1.7 ", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "unsupported_type"),
        (b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'b'>]><svg></svg>", "unsupported_type"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", "unsupported_type"),
        (b"\xff\x0a" + b"\x00" * 100, "unsupported_type"),
        (picture(4, size=(60, 400)), "too_small"),
        (picture(4, size=(2100, 2000)), "too_large"),
        (bomb(30_000, 30_000), "too_large"),
        (bomb(60_000, 60_000), "too_large"),
        (picture(4) + b"x" * 5_000_000, "too_large"),
        (picture(4)[:-1], "truncated"),
        (picture(4)[:-200], "truncated"),
        (picture(4, kind="PNG")[:-500], "truncated"),
        (b"\xff\xd8\xff" + b"\x00" * 500, "corrupt"),
        (b"\x89PNG\r\n\x1a\n" + b"\x00" * 500, "corrupt"),
        (b"GIF89a" + b"\xff" * 500, "truncated"),
        (b"II*\x00" + b"\xff" * 500, "corrupt"),
    ],
)
def test_what_is_no_photo_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(data, LIMITS)
    assert refusal.value.reason == reason


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP"]),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0.01, 1),
)
def test_damaged_bytes_are_read_or_refused_never_more(kind: str, flips: list[tuple[float, int]], kept: float) -> None:
    data = bytearray(picture(5, size=(96, 96), kind=kind))
    for place, value in flips:
        data[int(place * len(data))] = value
    try:
        photo = read(bytes(data[: max(1, int(kept * len(data)))]), LIMITS)
    except Refused as refusal:
        reason = refusal.reason
    else:
        reason = ""
        assert photo.width * photo.height <= LIMITS.fetch_max_pixels
    known = {"", "empty", "not_an_image", "unsupported_type", "too_small", "too_large", "truncated", "corrupt"}
    assert reason in known


@given(st.binary(max_size=64))
def test_any_bytes_are_sniffed(data: bytes) -> None:
    assert sniff(data) is None or sniff(data).startswith("image/")  # type: ignore[union-attr]


def test_a_copy_is_known_by_its_pixels() -> None:
    image = opened(picture(6, size=(600, 800)))
    original = saved(image, quality=95)
    copies = [
        saved(image, quality=60),
        saved(image.resize((300, 400)), quality=75),
        saved(ImageEnhance.Brightness(image).enhance(0.9), quality=80),
        saved(image, "PNG"),
        saved(image, "WEBP", quality=70),
    ]
    for copy in copies:
        assert (read(copy, LIMITS).phash ^ read(original, LIMITS).phash).bit_count() <= 8
        assert same(sketch_of(original), sketch_of(copy))


@pytest.mark.parametrize("seed", range(5))
def test_another_picture_has_another_sketch(seed: int) -> None:
    assert not same(sketch_of(picture(100 + seed)), sketch_of(picture(200 + seed)))


def test_pictures_of_sixteen_bits_are_told_apart_and_known_again() -> None:
    def deep(seed: int) -> bytes:
        return saved(Image.fromarray(np.asarray(opened(picture(seed)).convert("L")).astype(np.uint16) * 257), "PNG")

    assert not same(sketch_of(deep(100)), sketch_of(deep(200)))
    assert same(sketch_of(deep(100)), sketch_of(picture(100)))


def worn(data: bytes) -> bytes:
    """The same JPEG with an EXIF part that says nothing, for which it is opened and not decoded as it is."""
    exif = Image.Exif()
    exif[0x0112] = 1
    part = exif.tobytes()
    return data[:2] + b"\xff\xe1" + struct.pack("!H", len(part) + 2) + part + data[2:]


def told(data: bytes) -> tuple[object, ...]:
    try:
        photo = read(data, LIMITS)
    except Refused:
        return ("refused",)  # what is wrong in two ways may be told either
    return photo.media_type, photo.width, photo.height, photo.phash, photo.sketch


@settings(max_examples=80)
@given(
    mode=st.sampled_from(["RGB", "L", "YCbCr"]),
    sides=st.tuples(st.integers(40, 900), st.integers(40, 900)),
    subsampling=st.sampled_from([0, 1, 2]),
    cut=st.none() | st.floats(0.1, 1),
    spoilt=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=5),
)
def test_a_jpeg_of_nothing_but_pixels_is_read_as_any_other(
    mode: str,
    sides: tuple[int, int],
    subsampling: int,
    cut: float | None,
    spoilt: list[tuple[float, int]],
) -> None:
    data = bytearray(saved(opened(picture(4)).convert(mode).resize(sides), quality=80, subsampling=subsampling))
    for place, value in spoilt:
        data[min(len(data) - 1, 20 + int(place * len(data)))] = value  # not what says that it is a JPEG
    whole = bytes(data[: int(cut * len(data))] if cut else data)
    assert told(whole) == told(worn(whole))
