"""The graphs that are exported: modules with named inputs, made of a model's folded networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training import heatmaps
from training.data import MASK_SIZE
from training.errors import Unknown
from training.folding import FoldedGenerator, FoldedStyleEncoder, Heads
from training.networks import Architecture, Networks

GRAPHS = ("repaint", "generator", "style_encoder", "mapping_network")


class Graph(nn.Module):
    """A module that knows what its output is called."""

    gives: str = "painted"


def takes_of(arch: Architecture, name: str) -> tuple[str, ...]:
    """What a graph's inputs are called, in their order."""
    masked = arch.w_hpf > 0
    return {
        "repaint": ("source", "landmarks", "reference", "domain") if masked else ("source", "reference", "domain"),
        "generator": ("image", "style", "masks") if masked else ("image", "style"),
        "style_encoder": ("image", "domain"),
        "mapping_network": ("latent", "domain"),
    }[name]


def graph_of(networks: Networks, name: str) -> Graph:
    """The graph of that name; raises Unknown."""
    match name:
        case "repaint":
            made: Graph = _MaskedRepaint(networks) if networks.arch.w_hpf > 0 else _Repaint(networks)
        case "generator":
            made = _Generator(networks)
        case "style_encoder":
            made = _Encoder(networks)
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


class _Encoder(Graph):
    """The style of an image, which belongs to a domain."""

    gives = "style"

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.style_encoder = FoldedStyleEncoder(networks.style_encoder)

    def forward(self, image: Tensor, domain: Tensor) -> Tensor:
        return self.style_encoder(_by_pixel(image), domain)


class _Mapping(Graph):
    """A random style of a domain."""

    gives = "style"

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.shared = networks.mapping_network.shared
        self.heads = Heads(networks.mapping_network.unshared)

    def forward(self, latent: Tensor, domain: Tensor) -> Tensor:
        return self.heads(self.shared(latent), domain)


class _Repaint(Graph):
    """A source in the style of a reference, which belongs to a domain."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.generator = FoldedGenerator(networks.generator, networks.arch)
        self.style_encoder = FoldedStyleEncoder(networks.style_encoder)

    def forward(self, source: Tensor, reference: Tensor, domain: Tensor) -> Tensor:
        style = self.style_encoder(_by_pixel(reference), domain)
        return self.generator(_by_pixel(source), style, None).clamp(-1, 1)


class _MaskedRepaint(Graph):
    """The same, where the source's edges are put in again below masks, which are drawn from its landmarks."""

    def __init__(self, networks: Networks) -> None:
        super().__init__()
        self.generator = FoldedGenerator(networks.generator, networks.arch)
        self.style_encoder = FoldedStyleEncoder(networks.style_encoder)
        self.draw = _Masks(size=min(MASK_SIZE, networks.arch.img_size))

    def forward(self, source: Tensor, landmarks: Tensor, reference: Tensor, domain: Tensor) -> Tensor:
        style = self.style_encoder(_by_pixel(reference), domain)
        return self.generator(_by_pixel(source), style, self.draw(landmarks)).clamp(-1, 1)


class _Masks(nn.Module):
    """As heatmaps.draw, with what never changes kept."""

    coarse: Tensor
    fine: Tensor
    grid: Tensor

    def __init__(self, *, size: int) -> None:
        super().__init__()
        self.register_buffer("coarse", heatmaps.dots(heatmaps.COARSE))
        self.register_buffer("fine", heatmaps.dots(heatmaps.FINE))
        self.register_buffer("grid", (torch.arange(size) + 0.5) / size)

    def forward(self, landmarks: Tensor) -> Tensor:
        drawn = [heatmaps.strokes(dots, landmarks, self.grid) for dots in (self.coarse, self.fine)]
        return torch.stack(drawn, dim=1)


def _by_pixel(images: Tensor) -> Tensor:
    """The channels of a pixel side by side: the order in which convolutions on a processor are fastest."""
    return images.contiguous(memory_format=torch.channels_last)
