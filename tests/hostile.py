"""Pictures that are made to hurt, and a process that shows what the steps do with them: one line of JSON for each.

``PYTHONPATH=. python tests/hostile.py FOLDER`` takes each through `screen` and, in another catalog,
through `crop`, and tells the refusals that were recorded, the processor's seconds and the peak memory of the process.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="640"><script>alert(1)</script></svg>'
LAUGHS = b'<!DOCTYPE s [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9)
)


def pictures() -> Iterator[tuple[str, bytes, str]]:
    """What each is, its bytes, and the one word with which it must be refused."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (512, 512, 3), np.uint8))
    black = Image.new("RGB", (6100, 6100))
    jpeg, png = saved(noise, "JPEG"), saved(noise, "PNG")
    yield "no bytes", b"", "undecodable"
    yield "zero bytes", bytes(100_000), "undecodable"
    yield "HTML", b"<html><title>404</title></html>", "undecodable"
    yield "SVG", SVG, "undecodable"
    yield "SVG of a billion laughs", LAUGHS + b"]><svg>&i;</svg>", "undecodable"
    yield "PDF", b"%PDF-1.7\n1 0 obj <<>> endobj", "undecodable"
    yield "PostScript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n{} loop\n", "undecodable"
    yield "video", b"\0\0\0\x20ftypisom\0\0\2\0isomiso2avc1mp41" + bytes(5000), "undecodable"
    yield "archive", b"PK\x03\x04" + bytes(5000), "undecodable"
    yield "JPEG's first bytes, then words", b"\xff\xd8\xff\xe0" + b"no picture at all " * 99, "undecodable"
    yield "PNG's signature, then a JPEG", b"\x89PNG\r\n\x1a\n" + jpeg, "undecodable"
    yield "GIF and JavaScript at once", b"GIF89a/*" + bytes(800) + b"*/=1;alert(1)", "undecodable"
    yield "truncated JPEG", jpeg[: len(jpeg) // 2], "undecodable"
    yield "truncated PNG", png[: len(png) // 2], "undecodable"
    yield "JPEG without its last bytes", jpeg[:-40], "undecodable"
    yield "TIFF whose directory leads to itself", b"II*\0\x08\0\0\0\0\0\x08\0\0\0", "undecodable"
    yield "TIFF of floating-point samples", saved(Image.new("F", (64, 64)), "TIFF"), "undecodable"
    yield "header of 50,000 x 50,000, PNG", png_of(50_000, 50_000, rows=0), "too_large"
    yield "header of 65,500 x 65,500, JPEG", resized_jpeg(jpeg, 65_500), "too_large"
    yield "header of 65,535 x 65,535, GIF", b"GIF89a\xff\xff\xff\xff\0\0\0" + gif_frame(65_535), "too_large"
    yield "header of 50,000 x 50,000, BMP", bmp_header(50_000), "too_large"
    yield "49 megapixels in a PNG", png_of(7000, 7000), "too_large"
    yield "49 megapixels in a WebP", saved(Image.new("RGB", (7000, 7000)), "WEBP", method=0), "too_large"
    yield "49 megapixels in a JPEG 2000", saved(Image.new("L", (7000, 7000)), "JPEG2000"), "too_large"
    yield "37 megapixels of black, PNG", png_of(6100, 6100), "no_face"
    yield "37 megapixels of 16-bit grey, PNG", png_of(6100, 6100, depth=16, colour=0), "no_face"
    yield "37 megapixels of nothing visible, PNG", png_of(6100, 6100, colour=6), "no_face"
    yield "37 megapixels of one bit, PNG", png_of(6100, 6100, depth=1, colour=0), "no_face"
    yield "37 megapixels lying on their side, JPEG", saved(black, "JPEG", exif=lying()), "no_face"
    yield "26 megapixels, progressive JPEG", progressive(5100), "no_face"
    yield "15 megapixels, WebP", saved(Image.new("RGB", (3900, 3900)), "WEBP", method=0), "no_face"
    yield "24 megapixels, AVIF", saved(Image.new("RGB", (4900, 4900)), "AVIF", speed=10), "no_face"
    yield "a strip of 1,180,000 x 32", saved(Image.new("RGB", (1_180_000, 32)), "PNG"), "no_face"
    yield "300 frames, GIF", animated("GIF", 300), "no_face"
    yield "300 frames, PNG", animated("PNG", 300), "no_face"
    yield "300 frames, WebP", animated("WEBP", 300), "no_face"
    yield "a comment of 200 MB in a PNG", png_of(512, 512, before=text_bomb(200)), "undecodable"
    yield "a colour profile of 200 MB in a PNG", png_of(512, 512, before=profile_bomb(200)), "undecodable"
    yield "a tracking pixel", saved(Image.new("RGB", (1, 1)), "GIF"), "too_small"


def write(folder: Path) -> dict[str, str]:
    """Make the pictures' files, for another process to read, and tell with which word each must be refused."""
    (folder / "pictures").mkdir(parents=True)
    reasons = {}
    for number, (what, data, reason) in enumerate(pictures()):
        (folder / "pictures" / f"{number:03} {what}").write_bytes(data)
        reasons[what] = reason
    return reasons


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def lying() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()


def progressive(side: int) -> bytes:
    return saved(Image.new("RGB", (side, side)), "JPEG", progressive=True, subsampling=0)


def animated(form: str, frames: int) -> bytes:
    shown = [Image.new("RGB", (400, 400), (n % 256, 0, 0)) for n in range(frames)]
    return saved(shown[0], form, save_all=True, append_images=shown[1:])


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def zeros(size: int) -> bytes:
    """So many zero bytes, deflated, without ever being in memory."""
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(min(2**20, size - start))) for start in range(0, size, 2**20)]
    return b"".join(parts) + packer.flush()


def png_of(
    width: int, height: int, *, depth: int = 8, colour: int = 2, rows: int | None = None, before: bytes = b""
) -> bytes:
    """A PNG whose samples are all zero, or which ends before its first row."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    row = 1 + (width * channels * depth + 7) // 8
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    samples = zeros(row * (height if rows is None else rows))
    parts = chunk(b"IHDR", header) + before + chunk(b"IDAT", samples) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def text_bomb(megabytes: int) -> bytes:
    return chunk(b"zTXt", b"Comment\0\0" + zeros(megabytes * 2**20))


def profile_bomb(megabytes: int) -> bytes:
    return chunk(b"iCCP", b"profile\0\0" + zeros(megabytes * 2**20))


def resized_jpeg(jpeg: bytes, side: int) -> bytes:
    """The same JPEG, whose header says another size."""
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", side, side) + jpeg[at + 4 :]


def gif_frame(side: int) -> bytes:
    return b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x08\x01\x01\0;"


def bmp_header(side: int) -> bytes:
    return b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)


def peak_mb() -> float:
    line = next(one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main(folder: Path) -> None:
    """Take each picture through both steps and tell what came of it."""
    from catalog import Catalog, open_blobs
    from catalog.records import Candidate, Domain, NewPhoto
    from preprocessing import steps
    from preprocessing.detect import Detector, landmarks_model

    finder, blobs = Detector(landmarks_model()), open_blobs((folder / "blobs").as_uri())
    by_step = {name: Catalog(f"sqlite:///{folder / name}.db") for name in ("screen", "crop")}

    def add(catalog: Catalog, data: bytes) -> None:
        catalog.queries.plan(source="folder", text="hostile", domain=Domain.BARE, licence="CC0-1.0")
        name = hashlib.sha256(data).hexdigest()
        url = f"https://photos.example/{name}"
        query = catalog.queries.find(source="folder", text="hostile")
        catalog.candidates.add(Candidate("folder", name, url, url, licence="CC0-1.0"), query_id=query.id)
        found = catalog.candidates.claim(count=1, lease_seconds=60)[0]
        photo = NewPhoto(name, "image/jpeg", max(1, len(data)), 512, 512, int(name[:16], 16))
        catalog.photos.store(photo, candidate_id=found.id, bits=0)

    def run(name: str) -> None:
        catalog = by_step[name]
        if name == "crop":
            steps.crop(catalog=catalog, blobs=blobs, finder=finder)
        else:
            batch = catalog.batches.open(key=str(time.monotonic_ns()))
            steps.screen(batch.id, catalog=catalog, blobs=blobs, finder=finder)

    for file in sorted((folder / "pictures").iterdir()):
        data = file.read_bytes()
        blobs.put("photos", data)
        for name, catalog in by_step.items():
            add(catalog, data)
            before = len(catalog.candidates.refusals())
            seconds, peak = measured(lambda name=name: run(name))  # type: ignore[misc]
            recorded = catalog.candidates.refusals()
            newest = max(recorded, key=lambda refusal: refusal.id) if len(recorded) > before else None
            told = {
                "picture": file.name.split(" ", 1)[1],
                "step": name,
                "reason": newest.reason if newest and newest.step == name else None,
                "detail": newest.detail if newest else None,
                "cpu_s": round(seconds, 2),
                "peak_mb": round(peak),
            }
            print(json.dumps(told), flush=True)


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Do something, and tell the processor's seconds and the peak of this process's memory meanwhile, in MB."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    began = time.process_time()
    work()
    return time.process_time() - began, peak_mb()


if __name__ == "__main__":
    if not (Path(sys.argv[1]) / "pictures").exists():
        write(Path(sys.argv[1]))
        os.execv(sys.executable, [sys.executable, *sys.argv])  # anew, without the memory that making them took
    main(Path(sys.argv[1]))
