"""Losses that say what make-up is: the colours of lips, lids and skin, and nothing else of the reference.

Images are [N,3,S,S] about −1..1, landmarks [N,68,2] as fractions of the picture (iBUG 300-W numbering). No network and
no weights: a face is read at fixed mixtures of its landmarks, so everything is batched, of fixed shape, and stays on
the device. The other face's regions are found the same way, whatever its pose.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from training.faces.blending import at_size, face_masks, inside

REGIONS = ("lips", "lids", "skin")

WEIGHTS = {"lips": 1.0, "lids": 1.0, "skin": 0.5}
"""BeautyGAN and EleGANt weigh the skin a tenth, since theirs takes the reference's tone; ours keeps the source's."""

OWN_TONE = {"lips": 0.0, "lids": 0.5, "skin": 1.0}
"""How far a colour is read as a multiple of the skin around it (1) or as it is (0). Lipstick covers, eye-shadow is half
transparent; skin made up is still that person's skin."""

_AXES = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, -1, 0), (0, 1, -1), (-1, 0, 1))
"""Directions along which colours are sorted: the three channels and their differences, where hue lies."""

_LUMA = ((0.299,), (0.587,), (0.114,))
"""Rec. 601."""


def colour_loss(
    output: Tensor,
    landmarks: Tensor,
    reference: Tensor,
    reference_landmarks: Tensor,
    *,
    source: Tensor,
    bare: Tensor,
) -> Tensor:
    """How far the colours of each output's lips, lids and skin are from its reference's, as distributions: [N].

    A pseudo ground truth as BeautyGAN's histogram matching (Li et al. 2018, eq. 7), by quantiles: colours of a region
    are sorted along six axes and compared rank by rank (a sliced Wasserstein distance; Rabin et al. 2011). 0 for equal
    regions, and it pulls every colour towards its rank's. The reference's colours are first carried over to the
    source's skin, see OWN_TONE: a fair face's blush on a dark face is dark, and nobody's skin is repainted. `bare` [N]
    says whose reference wears none: then every colour is its skin's (natural lips are). Output and source share
    landmarks.
    """
    painted = colours(output, landmarks)
    with torch.no_grad():
        wanted = colours(reference, reference_landmarks)
        skin_here = _light(colours(source, landmarks)["skin"]).median(-1, keepdim=True).values
        skin_there = _light(wanted["skin"]).median(-1, keepdim=True).values
        ratio = (skin_here / skin_there.clamp_min(0.02)).clamp(0.2, 5)
    total = output.new_zeros(len(output))
    for name in REGIONS:
        own_tone = torch.where(bare, torch.ones_like(bare, dtype=output.dtype), OWN_TONE[name])[:, None, None]
        carried = (_light(wanted[name]) * ratio**own_tone).clamp(0, 1) * 2 - 1
        total = total + WEIGHTS[name] * _sorted_distance(painted[name], carried)
    return total


def colours(images: Tensor, landmarks: Tensor) -> dict[str, Tensor]:
    """The colours [N,3,P] of each region at its P points, interpolated; the gradient passes to the images."""
    found = {}
    for name in REGIONS:
        points = torch.einsum("pk,nkc->npc", _points(name, landmarks.dtype, landmarks.device), landmarks)
        read = F.grid_sample(
            images, points[:, None] * 2 - 1, mode="bilinear", padding_mode="border", align_corners=False
        )
        found[name] = read[:, :, 0]
    return found


def structure_loss(output: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """Mean difference of the luminance's slopes between output and source inside a mask [N,1,M,M], see steady_masks.

    Nose, brows, cheeks and wrinkles are where light changes: who keeps every slope keeps the person, whatever is
    painted over it smoothly. The part of a recognition network that can be had without weights of one.
    """
    mask = at_size(mask, output)
    difference = _luminance(output) - _luminance(source)
    across = (difference[..., :, 1:] - difference[..., :, :-1]).abs() * mask[..., :, 1:]
    down = (difference[..., 1:, :] - difference[..., :-1, :]).abs() * mask[..., 1:, :]
    return (across.sum() + down.sum()) / mask.sum().clamp_min(1)


def steady_masks(landmarks: Tensor, *, size: int) -> Tensor:
    """Masks [N,1,size,size] of the face minus lips and lids: where make-up is smooth."""
    mask = face_masks(landmarks, size=size)[:, 0]
    lids = (
        torch.cat([landmarks[:, 17:22], landmarks[:, [39, 38, 37, 36]]], 1),
        torch.cat([landmarks[:, 22:27], landmarks[:, [45, 44, 43, 42]]], 1),
    )
    for part in (landmarks[:, 48:60], *lids):
        mask = mask * (1 - inside(part, size=size, edge=0.01))
    return mask[:, None]


def _sorted_distance(one: Tensor, other: Tensor) -> Tensor:
    """Mean differences [N] of two sets of colours [N,3,P], sorted along each of six axes."""
    axes = _constant(_AXES, one.dtype, one.device)
    ours, theirs = ((axes @ colours).sort(dim=-1).values for colours in (one, other))
    return (ours - theirs).abs().mean((1, 2))


def _light(colours: Tensor) -> Tensor:
    return (colours + 1) / 2


def _luminance(images: Tensor) -> Tensor:
    """Luma [N,1,S,S]."""
    weights = _constant(_LUMA, images.dtype, images.device)
    return (images * weights[:, :, None]).sum(1, keepdim=True)


@lru_cache
def _constant(rows: tuple[tuple[float, ...], ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Numbers on a device, sent there once: a step waits for each that is sent anew."""
    return torch.tensor(rows, dtype=dtype, device=device)


@lru_cache
def _points(region: str, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix of a region on a device, sent there once."""
    return _mixtures(region).to(device, dtype)


def _mixtures(region: str) -> Tensor:
    """The matrix [P,68] that mixes landmarks into the points at which a region is read."""
    if region == "lips":
        # Outer contour 48–59 against inner contour 60–67: rings between the two, upper and lower lip alike.
        pairs = [(48, 60), (49, 61), (50, 61), (51, 62), (52, 63), (53, 63)]
        pairs += [(54, 64), (55, 65), (56, 65), (57, 66), (58, 67), (59, 67)]
        return _between(_halved(pairs, closed=True), (0.25, 0.5, 0.75))
    if region == "lids":
        # From an eye's upper edge towards the brow: the shadow sits on the lower half.
        right = _halved([(36, 17), (37, 18), (37, 19), (38, 20), (39, 21)], closed=False)
        left = _halved([(42, 22), (43, 23), (44, 24), (44, 25), (45, 26)], closed=False)
        return _between(right + left, (0.12, 0.24, 0.36, 0.48))
    if region == "skin":
        # Cheeks: from the jaw to nose and mouth; and down the nose, and the chin. The forehead may be under hair.
        cheeks = [(1, 41), (2, 31), (3, 31), (4, 48), (5, 48), (15, 46), (14, 35), (13, 35), (12, 54), (11, 54)]
        middle = [(27, 30), (31, 35), (57, 8)]
        sides = _halved(cheeks[:5], closed=False) + _halved(cheeks[5:], closed=False)
        return torch.cat([_between(sides, (0.2, 0.4, 0.6, 0.8)), _between(_whole(middle), (0.3, 0.5, 0.7))])
    raise ValueError(f"no region named {region!r}")


Mixture = dict[int, float]


def _whole(pairs: list[tuple[int, int]]) -> list[tuple[Mixture, Mixture]]:
    return [({a: 1.0}, {b: 1.0}) for a, b in pairs]


def _halved(pairs: list[tuple[int, int]], *, closed: bool) -> list[tuple[Mixture, Mixture]]:
    """The pairs, and those halfway to the next pair."""
    found = _whole(pairs)
    for (a, b), (c, d) in pairwise([*pairs, *(pairs[:1] if closed else [])]):
        found.append((_mean(a, c), _mean(b, d)))
    return found


def _mean(one: int, other: int) -> Mixture:
    return {one: 1.0} if one == other else {one: 0.5, other: 0.5}


def _between(pairs: list[tuple[Mixture, Mixture]], shares: tuple[float, ...]) -> Tensor:
    """One row [68] per pair and share: (1 − share) of the first, share of the second."""
    rows = []
    for start, end in pairs:
        for share in shares:
            row = torch.zeros(68)
            for mixture, amount in ((start, 1 - share), (end, share)):
                for point, part in mixture.items():
                    row[point] += amount * part
            rows.append(row)
    return torch.stack(rows)
