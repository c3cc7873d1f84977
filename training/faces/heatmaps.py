"""Draws the generator's two masks from 68 landmarks, in place of a landmark network inside the training step.

The published model asks a frozen network for heat-maps of eyes, nose, brows, mouth and chin three times a step.
Landmarks are already stored with every face, so we draw: soft strokes along the same features. Drawing after the
augmentation moved the landmarks keeps mask and picture together; the source's masks also serve the cycle.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import torch
from torch import Tensor

# Runs of the 68-point scheme (iBUG 300-W): first and last point, and whether the stroke closes on itself.
_CHIN = (4, 12, False)
_BROWS = ((17, 21, False), (22, 26, False))
_NOSE = ((27, 30, False), (31, 35, False))
_EYES = ((36, 41, True), (42, 47, True))
_MOUTH = ((48, 59, True), (60, 67, True))

COARSE = (_CHIN, *_BROWS, *_NOSE, *_EYES, *_MOUTH)
FINE = (*_NOSE, *_EYES)

_BETWEEN = 3
"""Dots per gap between two landmarks: close enough to read as a line."""

_SIGMA = 0.012
"""Softness of a stroke as a fraction of the picture: 3 pixels at 256."""


def draw(landmarks: Tensor, *, size: int) -> Tensor:
    """Masks [N,2,size,size] in 0..1, coarse then fine, from landmarks [N,68,2] (x, y as fractions of the picture).

    Coarse holds chin, brows, nose, eyes and mouth; fine only nose and eyes, so that colour on lips and brows is
    free to change at the finer sizes. A dot is a Gaussian, hence separable: a mask is one matrix product.
    """
    grid = (torch.arange(size, device=landmarks.device, dtype=landmarks.dtype) + 0.5) / size
    through = (_dots_at(runs, landmarks.dtype, landmarks.device) for runs in (COARSE, FINE))
    return torch.stack([strokes(matrix, landmarks, grid) for matrix in through], dim=1)


def strokes(through: Tensor, landmarks: Tensor, grid: Tensor) -> Tensor:
    """One mask [N,S,S] of the dots that a matrix [P,68] makes of landmarks [N,68,2]; `grid` [S] is where pixels are."""
    at_dots = torch.einsum("pk,nkc->npc", through, landmarks)
    across, down = (torch.exp(-0.5 * ((grid[None, :, None] - at) / _SIGMA) ** 2) for at in at_dots[:, None].unbind(-1))
    return torch.bmm(down, across.transpose(1, 2)).clamp(0, 1)


@lru_cache(maxsize=8)
def _dots_at(runs: tuple[tuple[int, int, bool], ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """The dots on a device, sent there once: a step waits for what is sent anew."""
    return dots(runs).to(device, dtype)


def dots(runs: tuple[tuple[int, int, bool], ...]) -> Tensor:
    """The matrix [P,68] that turns landmarks into dots along the runs."""
    rows = []
    for first, last, closed in runs:
        points = [*range(first, last + 1), *([first] if closed else [])]
        for a, b in pairwise(points):
            for i in range(_BETWEEN):
                row = torch.zeros(68)
                row[a] += 1 - i / _BETWEEN
                row[b] += i / _BETWEEN
                rows.append(row)
        rows.append(torch.eye(68)[points[-1]])
    return torch.stack(rows)
