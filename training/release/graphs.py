"""The graphs that are exported: modules with named inputs, made of a model's folded networks."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from training.errors import Unknown
from training.faces import blending, heatmaps
from training.faces.data import MASK_SIZE
from training.networks.stargan import Architecture, Networks
from training.release.folding import FoldedGenerator, FoldedStyleEncoder, Heads

GRAPHS = ("repaint", "generator", "style_encoder", "mapping_network")


class Graph(nn.Module):
    """A module that knows what its output is called."""

    gives: str = "painted"


def takes_of(arch: Architecture, name: str) -> tuple[str, ...]:
    """What a graph's inputs are called, in their order."""
    source = ("source", "landmarks") if masked(arch) else ("source",)
    reference = ("reference", "reference_landmarks") if arch.masked_encoder else ("reference",)
    return {
        "repaint": (*source, *reference, "domain"),
        "generator": ("image", "style", "masks") if masked(arch) else ("image", "style"),
        "style_encoder": ("image", "landmarks", "domain") if arch.masked_encoder else ("image", "domain"),
        "mapping_network": ("latent", "domain"),
    }[name]


def masked(arch: Architecture) -> bool:
    """Whether the generator wants masks."""
    return arch.w_hpf > 0 or arch.blended


def graph_of(networks: Networks, name: str) -> Graph:
    """The graph of that name; raises Unknown."""
    match name:
        case "repaint":
            arch = networks.arch
            made: Graph = _REPAINTS[masked(arch), arch.masked_encoder](networks)
        case "generator":
            made = _Generator(networks)
        case "style_encoder":
            made = _MaskedEncoder(networks) if networks.arch.masked_encoder else _Encoder(networks)
        case "mapping_network":
            made = _Mapping(networks)
        case _:
            raise Unknown(f"no graph named {name!r}; there are {', '.join(GRAPHS)}")
    made.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # its types leave this one out
    return made.eval().requires_grad_(False)


class _Generator(Graph):
    """An image in a style."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.generator = FoldedGenerator(networks.generator, networks.arch)

    def forward(self, image: Tensor, style: Tensor, masks: Tensor | None = None) -> Tensor:
        return self.generator(_by_pixel(image), style, masks).clamp(-1, 1)


class _Encoding(Graph):
    """What reads a style."""

    gives = "style"

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.style_encoder = FoldedStyleEncoder(networks.style_encoder, networks.arch)
        self.seen = _Seen(size=min(MASK_SIZE, networks.arch.img_size))


class _Encoder(_Encoding):
    """The style of an image, which belongs to a domain."""

    def forward(self, image: Tensor, domain: Tensor) -> Tensor:
        return self.style_encoder(_by_pixel(image), domain)


class _MaskedEncoder(_Encoding):
    """The same, where the encoder is blind outside the face, which is told from its landmarks."""

    def forward(self, image: Tensor, landmarks: Tensor, domain: Tensor) -> Tensor:
        return self.style_encoder(_by_pixel(image), domain, self.seen(landmarks))


class _Mapping(Graph):
    """A random style of a domain."""

    gives = "style"

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.shared = networks.mapping_network.shared
        self.heads = Heads(networks.mapping_network.unshared)

    def forward(self, latent: Tensor, domain: Tensor) -> Tensor:
        return self.heads(self.shared(latent), domain)


class _Repainting(Graph):
    """What reads a style and paints it."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        size = networks.arch.img_size
        self.generator = FoldedGenerator(networks.generator, networks.arch)
        self.style_encoder = FoldedStyleEncoder(networks.style_encoder, networks.arch)
        self.draw = _Masks(size=min(MASK_SIZE, size), blended=networks.arch.blended)
        self.seen = _Seen(size=min(MASK_SIZE, size))

    def _painted(self, source: Tensor, masks: Tensor | None, style: Tensor) -> Tensor:
        return self.generator(_by_pixel(source), style, masks).clamp(-1, 1)


class _Repaint(_Repainting):
    """A source in the style of a reference, which belongs to a domain."""

    def forward(self, source: Tensor, reference: Tensor, domain: Tensor) -> Tensor:
        return self._painted(source, None, self.style_encoder(_by_pixel(reference), domain))


class _MaskedRepaint(_Repainting):
    """The same, where the source's edges or surroundings are kept below masks, which are drawn from its landmarks."""

    def forward(self, source: Tensor, landmarks: Tensor, reference: Tensor, domain: Tensor) -> Tensor:
        return self._painted(source, self.draw(landmarks), self.style_encoder(_by_pixel(reference), domain))


class _UnmaskedFaceRepaint(_Repainting):
    """As the first, where the style encoder is blind outside the reference's face."""

    def forward(self, source: Tensor, reference: Tensor, reference_landmarks: Tensor, domain: Tensor) -> Tensor:
        style = self.style_encoder(_by_pixel(reference), domain, self.seen(reference_landmarks))
        return self._painted(source, None, style)


class _FaceRepaint(_Repainting):
    """Both: masks for the source, and an encoder that is blind outside the reference's face."""

    def forward(
        self, source: Tensor, landmarks: Tensor, reference: Tensor, reference_landmarks: Tensor, domain: Tensor
    ) -> Tensor:
        style = self.style_encoder(_by_pixel(reference), domain, self.seen(reference_landmarks))
        return self._painted(source, self.draw(landmarks), style)


_REPAINTS: dict[tuple[bool, bool], Callable[[Networks], Graph]] = {
    (False, False): _Repaint,
    (True, False): _MaskedRepaint,
    (False, True): _UnmaskedFaceRepaint,
    (True, True): _FaceRepaint,
}
"""By whether the generator wants masks, and whether the style encoder does."""


class _Masks(nn.Module):
    """As data.drawn_masks, with what never changes kept."""

    coarse: Tensor
    fine: Tensor
    grid: Tensor

    def __init__(self, *, size: int, blended: bool) -> None:
        super().__init__()
        self.size, self.blended = size, blended
        self.register_buffer("coarse", heatmaps.dots(heatmaps.COARSE))
        self.register_buffer("fine", heatmaps.dots(heatmaps.FINE))
        self.register_buffer("grid", (torch.arange(size) + 0.5) / size)

    def forward(self, landmarks: Tensor) -> Tensor:
        drawn = [heatmaps.strokes(dots, landmarks, self.grid) for dots in (self.coarse, self.fine)]
        strokes = torch.stack(drawn, dim=1)
        if not self.blended:
            return strokes
        return torch.cat([strokes, blending.face_masks(landmarks, size=self.size)], dim=1)


class _Seen(nn.Module):
    """As blending.seen_masks."""

    def __init__(self, *, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, landmarks: Tensor) -> Tensor:
        return blending.seen_masks(landmarks, size=self.size)


def _by_pixel(images: Tensor) -> Tensor:
    """The channels of a pixel side by side: the order in which convolutions on a processor are fastest."""
    return images.contiguous(memory_format=torch.channels_last)
