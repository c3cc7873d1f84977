"""LPIPS: how far apart two pictures are to people's eyes, on AlexNet's features (Zhang et al., CVPR 2018, version 0.1).

AlexNet is that of Krizhevsky, "One weird trick for parallelizing convolutional neural networks" (2014): one tower. Its
five ReLUs are brought to unit length at every place, their squared differences weighted by channel, averaged over
places and added up. Modules are named as in the two files in which the public carries the weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

CHANNELS = (64, 192, 384, 256, 256)
"""Of the five ReLUs."""

SMALLEST = 32
"""Pixels a side below which no place is left after the second pooling."""

HEAD = {
    "classifier.1.weight": (4096, 9216),
    "classifier.1.bias": (4096,),
    "classifier.4.weight": (4096, 4096),
    "classifier.4.bias": (4096,),
    "classifier.6.weight": (1000, 4096),
    "classifier.6.bias": (1000,),
}
"""What AlexNet's file has beside, unused here: the verdict over ImageNet's classes. It tells that it is this file."""

# The mean and spread of ImageNet's pictures, for images in −1..1.
_MEAN, _SPREAD = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


class AlexNet(nn.Module):
    """Images [N,3,S,S], standardised, from 32 pixels → its five ReLUs, [N,C,H,W] each."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four, five = CHANNELS
        self.features = nn.Sequential(
            *(nn.Conv2d(3, one, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(one, two, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(two, three, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(three, four, 3, 1, 1), nn.ReLU()),
            *(nn.Conv2d(four, five, 3, 1, 1), nn.ReLU()),
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        found = []
        for layer in self.features:
            images = layer(images)
            if isinstance(layer, nn.ReLU):
                found.append(images)
        return found


class Channels(nn.Module):
    """What each channel of the five ReLUs counts: weights [1,C,1,1], none below 0."""

    def __init__(self) -> None:
        super().__init__()
        for at, channels in enumerate(CHANNELS):
            weights = nn.Conv2d(channels, 1, 1, bias=False)
            self.add_module(f"lin{at}", nn.ModuleDict({"model": nn.ModuleDict({"1": weights})}))

    def weights(self) -> list[Tensor]:
        """In the order of the ReLUs."""
        return [self.get_parameter(f"lin{at}.model.1.weight") for at in range(len(CHANNELS))]


class Perceptual(nn.Module):
    """LPIPS, in two steps so that a picture that is compared with many is looked at once."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.channels = AlexNet(), Channels()
        self.mean: Tensor
        self.spread: Tensor
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(_SPREAD).view(1, 3, 1, 1), persistent=False)

    def look(self, images: Tensor) -> list[Tensor]:
        """Images [N,3,S,S] in −1..1 → features of unit length at every place; where nothing is seen, 0."""
        seen = self.trunk((images - self.mean) / self.spread)
        return [maps / (maps.square().sum(1, keepdim=True).sqrt() + 1e-10) for maps in seen]

    def compare(self, one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
        """How far apart looked-at pictures are, pair by pair: [N]."""
        layers = zip(one, other, self.channels.weights(), strict=True)
        apart = [((here - there).square() * weights).sum(1).mean((1, 2)) for here, there, weights in layers]
        return torch.stack(apart).sum(0)

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return self.compare(self.look(one), self.look(other))
