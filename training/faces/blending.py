"""Where the model may paint, and what its style encoder may see: soft masks of the face, drawn from 68 landmarks.

StarGAN v2 calls everything style that is not pose: hair, earrings and backdrop of a reference come along with the
make-up. Two masks stop that without a loss: the style encoder reads the face alone, and what is painted outside the
face is replaced by the source. Both are drawn after the augmentation moved the landmarks, so picture and mask agree.

Landmarks are [N,68,2], x and y as fractions of the picture (iBUG 300-W numbering); images [N,3,S,S].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

FOREHEAD = 0.25
"""The 68 points end at the brows: the mask goes on above them by this share of the way from chin to brows."""

EDGE = 0.05
"""Width of the soft edge, as a fraction of the picture. It lies inside the outline: outside, a mask is exactly 0."""

EYE = 0.75
"""The eyeball is the person's: an eye's outline shrunk by this is left as it is, lashes and lash line are not."""


def face_masks(landmarks: Tensor, *, size: int) -> Tensor:
    """Masks [N,1,size,size] in 0..1 of what make-up may change: the face from jaw to forehead without the eyes."""
    whole = inside(face_outline(landmarks), size=size, edge=EDGE)
    for eye in (landmarks[:, 36:42], landmarks[:, 42:48]):
        middle = eye.mean(1, keepdim=True)
        whole = whole * (1 - inside(middle + EYE * (eye - middle), size=size, edge=EDGE / 8))
    return whole[:, None]


def seen_masks(landmarks: Tensor, *, size: int) -> Tensor:
    """Masks [N,1,size,size] in 0..1 of what the style encoder sees: the face from jaw to forehead, eyes included."""
    return inside(face_outline(landmarks), size=size, edge=EDGE)[:, None]


def face_outline(landmarks: Tensor) -> Tensor:
    """The face as a polygon [N,27,2]: the jaw from ear to ear, then the raised brows back."""
    jaw, brows = landmarks[:, :17], landmarks[:, 17:27]
    raised = brows + FOREHEAD * (brows.mean(1, keepdim=True) - jaw[:, 8:9])
    return torch.cat([jaw, raised.flip(1)], dim=1)


def inside(polygon: Tensor, *, size: int, edge: float) -> Tensor:
    """Masks [N,size,size]: 0 outside of polygons [N,P,2] (fractions), rising to 1 at a depth of `edge` inside.

    Depth is the distance to the nearest side, inside is told by the even-odd rule; all on the polygon's device.
    """
    at = (torch.arange(size, device=polygon.device, dtype=polygon.dtype) + 0.5) / size
    x, y = at[None, None, None, :], at[None, None, :, None]
    start, along = polygon, polygon.roll(-1, dims=1) - polygon
    x1, y1, dx, dy = (part[:, :, None, None] for part in (*start.unbind(-1), *along.unbind(-1)))
    share = ((x - x1) * dx + (y - y1) * dy) / (dx.square() + dy.square()).clamp_min(1e-12)
    share = share.clamp(0, 1)
    depth = ((x - x1 - share * dx).square() + (y - y1 - share * dy).square()).amin(1).sqrt()
    crosses = (y1 <= y) != (y1 + dy <= y)
    right = x < x1 + (y - y1) * dx / torch.where(dy == 0, torch.ones_like(dy), dy)
    odd = (crosses & right).sum(1) % 2 == 1
    return torch.where(odd, depth / edge, torch.zeros_like(depth)).clamp(max=1)


def blend(painted: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """mask · painted + (1 − mask) · source: where the mask [N,1,M,M] is 0, the source bit for bit."""
    return torch.lerp(source, painted, at_size(mask, painted))


def face_only(images: Tensor, mask: Tensor) -> Tensor:
    """The images, grey (0) outside the mask [N,1,M,M]: what the style encoder cannot see, it cannot copy."""
    return images * at_size(mask, images)


def without_tone(images: Tensor, mask: Tensor) -> Tensor:
    """The faces alone, less their mean colour inside the mask [N,1,M,M]: make-up is what differs from the skin.

    Skin tones differ more than bare faces do from made-up ones; a discriminator that sees them learns them first.
    """
    mask = at_size(mask, images)
    mean = (images * mask).sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True).clamp_min(1)
    return (images - mean) * mask


def background(output: Tensor, source: Tensor, mask: Tensor) -> Tensor:
    """Mean |output − source| weighted by 1 − mask [N,1,M,M]: 0 when nothing changed outside the face.

    With blending only the soft edge is left to weigh: it asks for paint that fades out towards the seam.
    """
    outside = 1 - at_size(mask, output)
    return (outside * (output - source).abs()).mean()


def masked_diversity(one: Tensor, other: Tensor, mask: Tensor) -> Tensor:
    """Mean |G(x, s₁) − G(x, s₂)| inside the mask alone (paper, eq. 3, restricted): no reward for moving hair or walls.

    Divided by the mask's share of the picture, so that a weight means the same with and without a mask.
    """
    mask = at_size(mask, one)
    return (mask * (one - other).abs()).mean() / mask.mean().clamp_min(1e-6)


def at_size(mask: Tensor, images: Tensor) -> Tensor:
    """The mask as large as the images, and of their precision."""
    if mask.shape[-1] == images.shape[-1]:
        return mask.to(images.dtype)
    return F.interpolate(mask, size=images.shape[-2:], mode="bilinear", align_corners=False).to(images.dtype)
