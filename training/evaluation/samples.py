"""Sample grids: the same few faces repainted by the averaged networks, so that saves can be compared by eye."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from training.faces import blending
from training.faces.data import MASK_SIZE, Faces, drawn_masks
from training.networks.stargan import Networks


def masks_for(networks: Networks, points: Tensor) -> Tensor | None:
    """The generator's masks for faces with landmarks [N,68,2] (fractions), or None when it wants none."""
    arch = networks.arch
    return drawn_masks(points, img_size=arch.img_size, w_hpf=arch.w_hpf, blended=arch.blended)


def seen_by(networks: Networks, points: Tensor) -> Tensor | None:
    """What the style encoder sees of faces with landmarks [N,68,2] (fractions), or None when it sees everything."""
    if not networks.arch.masked_encoder:
        return None
    return blending.seen_masks(points, size=min(MASK_SIZE, networks.arch.img_size))


@torch.no_grad()
def sample_grids(ema: Networks, faces: Faces, *, seed: int, columns: int = 4, device: str) -> dict[str, np.ndarray]:
    """Two grids [H,W,3] uint8 of up to `columns` sources, one a row, each beginning with the source itself.

    `latent`: per domain `columns` random styles. `reference`: the styles of faces in the top row, from all domains.
    """
    domains = range(len(faces.names))
    shown = _spread(faces, columns)
    sources, points = faces.images(shown).to(device), faces.points(shown).to(device)
    draw = np.random.default_rng(seed)
    z = torch.from_numpy(draw.standard_normal((columns, ema.arch.latent_dim)).astype(np.float32)).to(device)

    latent, reference = [sources], [sources]
    blank = torch.ones_like(sources[:1])
    heads = [blank]
    for domain in domains:
        for code in ema.mapping_network(z, torch.full((columns,), domain, device=device)):
            latent.append(_repaint(ema, sources, points, code))
        chosen = faces.of(domain)[:columns]
        references = faces.images(chosen).to(device)
        heads.extend(references.split(1))
        seen = seen_by(ema, faces.points(chosen).to(device))
        for code in ema.style_encoder(references, torch.full((len(chosen),), domain, device=device), seen):
            reference.append(_repaint(ema, sources, points, code))
    return {
        "latent": _tiled(latent),
        "reference": np.concatenate([_tiled(heads), _tiled(reference)], axis=0),
    }


def to_uint8(images: Tensor) -> np.ndarray:
    """Images [N,3,S,S] about −1..1 → [N,S,S,3] uint8, clamped."""
    scaled = ((images.detach().float().clamp(-1, 1) + 1) * 127.5).round()
    return scaled.to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _repaint(ema: Networks, sources: Tensor, points: Tensor, code: Tensor) -> Tensor:
    codes = code[None].expand(sources.shape[0], -1)
    return ema.generator(sources, codes, masks_for(ema, points))


def _spread(faces: Faces, count: int) -> list[int]:
    """The first faces of each domain in turn, `count` at most."""
    domains = [faces.of(domain) for domain in range(len(faces.names))]
    longest = max(len(members) for members in domains)
    turns = [int(members[i]) for i in range(longest) for members in domains if i < len(members)]
    return turns[:count]


def _tiled(columns: list[Tensor]) -> np.ndarray:
    return np.concatenate([np.concatenate(list(to_uint8(column)), axis=0) for column in columns], axis=1)
