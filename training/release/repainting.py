"""Repaints one photo through an exported file, as a server would: no networks of ours, no catalog.

Photos are aligned crops, as preprocessing makes them (one face, upright, in the middle): what was never seen in
training cannot be painted. What is none is refused, with the command that cuts one out of any photo: preprocessing and
training do not know each other, so it is not cut here.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np

from training.errors import BadSnapshot, Unknown
from training.faces.pictures import decode, write_png
from training.release.exporting import load, metadata_of

Find = Callable[[np.ndarray], np.ndarray | None]
"""The landmarks [68,2] (fractions) of the face in a picture [S,S,3], or None when there is none."""

_SMALL = 0.35
"""Landmarks of an aligned crop span more of its height than this: FFHQ's square leaves a face some 0.55 of it."""


def repaint(
    graph: Path, *, source: Path, reference: Path, domain: str, out: Path, find: Find, threads: int = 0
) -> None:
    """Write `source` in the style of `reference`, which belongs to a domain, as a PNG. Raises Unknown, BadSnapshot.

    Unknown is raised, too, when one of them is no aligned crop.
    """
    told = metadata_of(graph)
    size, domains = int(told.get("size", "0")), told.get("domains", "").split(", ")
    if told.get("graph") != "repaint" or not size:
        raise Unknown(f"{graph.name} holds no graph named repaint, but {told.get('graph', 'another thing')}")
    if domain not in domains:
        raise Unknown(f"the model knows no domain {domain!r}; it knows {', '.join(domains)}")
    paths = {"source": source, "reference": reference}
    for path in paths.values():
        _must_be_square(path)
    pictures = {name: decode(path.read_bytes(), size=size) for name, path in paths.items()}
    every = {name: _as_input(picture) for name, picture in pictures.items()}
    every["domain"] = np.array([domains.index(domain)])
    wanted = told["inputs"].split(", ")
    for name, of in (("landmarks", "source"), ("reference_landmarks", "reference")):
        if name not in wanted:
            continue
        points = find(pictures[of])
        if points is None:
            raise Unknown(f"no face is found in {paths[of].name}: {_how_to_align(paths[of])}")
        if np.ptp(points, axis=0).max() < _SMALL:
            raise Unknown(f"the face in {paths[of].name} is too small for an aligned crop: {_how_to_align(paths[of])}")
        every[name] = points[None].astype(np.float32)
    (painted,) = load(graph, threads=threads)({name: every[name] for name in wanted})
    write_png(out, ((painted.transpose(1, 2, 0).clip(-1, 1) + 1) * 127.5).round().astype(np.uint8))


def _must_be_square(path: Path) -> None:
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise BadSnapshot(f"{path.name} is not a picture that can be read") from None
    if width != height:
        raise Unknown(f"{path.name} is {width} x {height} pixels, and an aligned crop is square: {_how_to_align(path)}")


def _how_to_align(path: Path) -> str:
    photo = shlex.quote(str(path))
    return f"`python -m preprocessing align --photo {photo} --out CROP.jpg` cuts an aligned crop of its largest face"


def _as_input(picture: np.ndarray) -> np.ndarray:
    return (picture.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None].copy()
