"""What lies around the pixels of a picture file, read without decoding any: whether the file is whole, how many frames
it has, and what its decoder would do to us.

Decoders are lenient (Pillow reads a PNG without its end, a GIF cut after its first frame) and trusting (a comment of
twenty megabytes, a thousand scans over the same pixels). This is where such a file is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from collectors.errors import Refused

_FRAMES = 1000  # of an animation, whose first frame is what we take
_SCANS = 100  # of a JPEG; ten are usual
_PIECES = 200_000  # chunks or blocks walked over before a file is held to be made for nothing but that
_ASIDE = 4 * 2**20  # bytes of comments, profiles and the like


@dataclass(frozen=True, slots=True)
class Survey:
    """What a file holds beside its pixels: frames, bytes of comments and profiles, and, of a JPEG, whether its pixels
    come in several scans, which its decoder keeps in memory whole.

    ``plain`` is the width and height of a JPEG that is nothing but its pixels: one scan of 8-bit grey or colour without
    EXIF or XMP (which may turn it) and without a second picture behind it."""

    frames: int = 1
    aside: int = 0
    scans: int = 1
    plain: tuple[int, int] | None = None


def survey(handle: BinaryIO, media_type: str) -> Survey:
    """Walk over a file; raises Refused: truncated, corrupt, or too_large (frames, scans, comments without end)."""
    handle.seek(0)
    try:
        found = _WALKS.get(media_type, lambda _: Survey())(handle)
    except struct.error as error:
        raise Refused("truncated", "it ends in the middle of its structure") from error
    finally:
        handle.seek(0)
    if found.frames > _FRAMES:
        raise Refused("too_large", f"{found.frames} frames")
    if found.scans > _SCANS:
        raise Refused("too_large", f"{found.scans} scans")
    if found.aside > _ASIDE:
        raise Refused("too_large", f"{found.aside} bytes of comments and profiles")
    return found


def _jpeg(handle: BinaryIO) -> Survey:
    handle.seek(2)
    aside, parts, progressive = 0, 0, False
    plain: tuple[int, int] | None = None
    dressed = False
    for _ in range(_PIECES):
        marker = handle.read(2)
        if len(marker) < 2 or marker[0] != 0xFF:
            return Survey(aside=aside)  # the decoder will say what is wrong
        kind = marker[1]
        if kind == 0xFF:
            handle.seek(-1, 1)
            continue
        if kind == 0x01 or 0xD0 <= kind <= 0xD9:
            continue
        (length,) = struct.unpack("!H", handle.read(2))
        if kind == 0xDA:
            (count,) = struct.unpack("B", handle.read(1))
            if progressive or count < parts:
                return Survey(aside=aside, scans=_count(handle, b"\xff\xda") + 1)
            return Survey(aside=aside, plain=None if dressed else plain)
        body = handle.read(max(0, length - 2))
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC) and len(body) >= 6:
            progressive, parts = kind in (0xC2, 0xC6, 0xCA, 0xCE), body[5]
            bits, height, width = struct.unpack("!BHH", body[:5])
            dressed = dressed or plain is not None  # a second frame
            plain = (width, height) if kind in (0xC0, 0xC1) and bits == 8 and parts in (1, 3) else None
        elif kind >= 0xE0:
            aside += length
            dressed = dressed or kind == 0xE1 or (kind == 0xE2 and body.startswith(b"MPF"))
    raise Refused("corrupt", "markers without end")


def _count(handle: BinaryIO, what: bytes) -> int:
    found, rest = 0, b""
    while piece := handle.read(1 << 18):
        found += (rest + piece).count(what)
        rest = piece[-1:]
    return found


def _png(handle: BinaryIO) -> Survey:
    handle.seek(8)
    frames, aside = 1, 0
    for _ in range(_PIECES):
        head = handle.read(8)
        length, kind = struct.unpack("!I4s", head)
        if not kind.isalpha():
            raise Refused("corrupt", f"a chunk of kind {kind!r}")
        if kind == b"acTL":
            (frames,) = struct.unpack("!I", handle.read(4))
            handle.seek(length, 1)
        else:
            handle.seek(length, 1)
            if len(handle.read(4)) < 4:
                raise Refused("truncated", f"within {kind!r}")
        if kind == b"IEND":
            return Survey(frames, aside)
        if kind not in (b"IDAT", b"fdAT"):
            aside += length
    raise Refused("corrupt", "chunks without end")


def _webp(handle: BinaryIO) -> Survey:
    size = struct.unpack("<4sI", handle.read(8))[1] + 8
    if handle.seek(0, 2) < size:
        raise Refused("truncated", f"of {size} bytes")
    handle.seek(12)
    frames, aside = 0, 0
    for _ in range(_PIECES):
        if handle.tell() + 8 > size:
            return Survey(max(1, frames), aside)
        kind, length = struct.unpack("<4sI", handle.read(8))
        frames += kind == b"ANMF"
        if kind not in (b"ANMF", b"VP8 ", b"VP8L", b"ALPH"):
            aside += length
        handle.seek(length + (length & 1), 1)
    raise Refused("corrupt", "chunks without end")


def _gif(handle: BinaryIO) -> Survey:
    flags = struct.unpack("<6sHHBBB", handle.read(13))[3]
    handle.seek(3 << (flags & 7) + 1 if flags & 0x80 else 0, 1)
    frames, aside, left = 0, 0, _PIECES
    while True:
        (kind,) = struct.unpack("B", handle.read(1))
        if (left := left - 1) < 0:
            raise Refused("too_large", "blocks without end")
        if kind == 0x3B:
            return Survey(max(1, frames), aside)
        if kind == 0x2C:
            frames += 1
            flags = struct.unpack("<HHHHB", handle.read(9))[4]
            handle.seek((3 << (flags & 7) + 1 if flags & 0x80 else 0) + 1, 1)
        elif kind == 0x21:
            handle.seek(1, 1)
        elif kind != 0:
            raise Refused("corrupt", f"a block of kind {kind}")
        else:
            continue
        while length := struct.unpack("B", handle.read(1))[0]:
            handle.seek(length, 1)
            aside += length if kind == 0x21 else 0
            if (left := left - 1) < 0:
                raise Refused("too_large", "blocks without end")


def _boxes(handle: BinaryIO) -> Survey:
    end = handle.seek(0, 2)
    at = 0
    for _ in range(_PIECES):
        if at >= end:
            return Survey()
        handle.seek(at)
        length, kind = struct.unpack("!I4s", handle.read(8))
        if length == 1:
            (length,) = struct.unpack("!Q", handle.read(8))
        elif length == 0:
            return Survey()
        if length < 8:
            return Survey()  # what comes behind the picture is not ours to judge
        at += length
        if at > end and kind in (b"ftyp", b"meta", b"mdat", b"moov"):
            raise Refused("truncated", f"within {kind!r}")
    raise Refused("corrupt", "boxes without end")


_WALKS: dict[str, Callable[[BinaryIO], Survey]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/gif": _gif,
    "image/avif": _boxes,
}
