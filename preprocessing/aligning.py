"""The command align: the aligned crop of the largest face in one photo, as `crop` cuts it, without catalog or store."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import settings
from preprocessing.errors import Unalignable

if TYPE_CHECKING:
    from preprocessing.align import Crop
    from preprocessing.one_photo import Finder


def add_to(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's verbs."""
    line = "cut the aligned crop of the largest face out of one photo: what `training repaint` takes"
    command = verbs.add_parser("align", help=line, description=f"{line[0].upper()}{line[1:]}. Nothing is recorded.")
    command.add_argument("--photo", type=Path, required=True, help="any picture of a face")
    command.add_argument("--out", type=Path, required=True, help="a JPEG of 512 pixels a side")
    command.add_argument("--json", action="store_true", help="print one JSON object on the last line")


def run(given: argparse.Namespace) -> None:
    """Do what was asked for, and tell it."""
    from preprocessing.detect import detector, landmarks_model

    crop = align_file(given.photo, out=given.out, finder=detector(landmarks_model(settings().landmarks_model)))
    how = "a tight crop already: resized" if crop.resized else f"{crop.padded:.0%} of it mirrored at the photo's edge"
    print(f"{given.out}: the largest face of {given.photo.name}, {how}")
    if given.json:
        print(json.dumps({"ok": True, "out": str(given.out), "padded": crop.padded, "resized": crop.resized}))


def align_file(photo: Path, *, out: Path, finder: Finder) -> Crop:
    """Write the large crop of a photo's largest face; raises Refused when it cannot be read or shows none."""
    from preprocessing.align import align
    from preprocessing.decode import decode, encode_jpeg

    limits = settings()
    pixels = decode(photo.read_bytes(), max_pixels=limits.fetch_max_pixels, max_bytes=limits.fetch_max_bytes)
    found = finder.find(pixels)
    if not found:
        raise Unalignable(f"no face was found in {photo.name}")
    crop = align(pixels, found[0].landmarks)
    out.write_bytes(encode_jpeg(crop.large))
    return crop
