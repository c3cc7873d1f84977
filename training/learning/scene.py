"""One batch before the networks: every style code and picture that a step asks for, made as rarely as may be.

As published, each is made anew whenever it is asked for, along with gradients that nobody descends along. With
`reordered` the same numbers come cheaper: a picture is read once for as long as the generator's weights stand, the
image from a latent code that the discriminator saw is the one that the generator learns from, what is a constant
gets no graph, and weights that do not step collect no gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from training.faces.augmenting import augmented
from training.faces.blending import face_masks, seen_masks, without_tone
from training.faces.data import MASK_SIZE, Batch
from training.learning.makeup import steady_masks
from training.networks.stargan import Networks, Reading
from training.presets import Preset

Way = Literal["latent", "reference"]
"""Where style codes come from: the mapping network, or the style encoder."""


@dataclass(frozen=True, slots=True)
class Painted:
    """A picture [N,3,S,S] of the batch's sources in their target domains, and the style codes [N,style] it obeys."""

    codes: Tensor
    picture: Tensor

    def detach(self) -> Painted:
        """The same numbers without the way they were made."""
        return Painted(self.codes.detach(), self.picture.detach())


@dataclass(frozen=True, slots=True)
class Passes:
    """The networks' ways that are gone once per gradient, eager or compiled. R1's is not among them."""

    read: Callable[[Tensor, Tensor | None], Reading]
    paint: Callable[[Reading, Tensor], Tensor]
    style_of: Callable[..., Tensor]
    judge: Callable[[Tensor, Tensor], Tensor]

    @classmethod
    def of(cls, networks: Networks, preset: Preset, *, device: torch.device) -> Passes:
        """As the preset says: compiled, and on a GPU replayed as CUDA graphs; a processor has none."""
        ways = (networks.generator.read, networks.generator.paint, networks.style_encoder, networks.discriminator)
        if not preset.compiled:
            return cls(*ways)
        mode = "reduce-overhead" if preset.cuda_graphs and device.type == "cuda" else None
        return cls(*(torch.compile(way, dynamic=False, mode=mode) for way in ways))


class Scene:
    """The passes of one step over one batch.

    `hold`: build the generator's graph already for the discriminator, and keep it. Costs memory during the
    discriminator's steps, and saves one whole picture; a batch that is taken in pieces cannot afford it.
    """

    def __init__(self, networks: Networks, passes: Passes, preset: Preset, batch: Batch, *, hold: bool) -> None:
        self.networks, self.passes, self.preset, self.batch, self._hold = networks, passes, preset, batch, hold
        self._reading: Reading | None = None
        self._latent: Painted | None = None
        self._shown = 0
        self._masks: dict[tuple[str, int], Tensor] = {}

    def changed(self) -> None:
        """The generator and those who give it codes have learned: what was made with the old weights is void."""
        self._reading = self._latent = None

    def still(self, way: Way) -> AbstractContextManager[None]:
        """While the generator learns, the others collect no gradient: the discriminator never, nor, from
        references, the style encoder unless the preset lets it learn from them."""
        if not self.preset.reordered:
            return nullcontext()
        return frozen(self.networks.discriminator, *([] if self._read_learns(way) else [self.networks.style_encoder]))

    def _read_learns(self, way: Way) -> bool:
        """Whether the style encoder learns where codes come that way."""
        return way == "latent" or self.preset.encoder_learns

    # --- single passes: a change of what is painted, read or judged belongs here ----------------------------------

    def judge(self, images: Tensor, domains: Tensor) -> Tensor:
        """The discriminator's logits [N]."""
        return self.passes.judge(self._shaken(images), domains)

    def judge_twice(self, images: Tensor, domains: Tensor) -> Tensor:
        """The same, fit for a second derivative (R1): never compiled, and always in full precision."""
        return self.networks.discriminator(self._shaken(images), domains, precise=True)

    def style_of(self, images: Tensor, domains: Tensor, points: Tensor) -> Tensor:
        """The style encoder's codes [N,style] of faces with landmarks [N,68,2]."""
        if not self.preset.masked_encoder:
            return self.passes.style_of(images, domains)
        return self.passes.style_of(images, domains, self._drawn(seen_masks, points))

    @property
    def face(self) -> Tensor:
        """What make-up may change of the sources [N,1,M,M]."""
        return self._drawn(face_masks, self.batch.points_src)

    @property
    def steady(self) -> Tensor:
        """Where make-up is smooth in the sources [N,1,M,M]."""
        return self._drawn(steady_masks, self.batch.points_src)

    def _drawn(self, draw: Callable[..., Tensor], points: Tensor) -> Tensor:
        """The mask of one of the batch's faces, drawn once a step."""
        key = (draw.__name__, id(points))
        if key not in self._masks:
            self._masks[key] = draw(points, size=min(MASK_SIZE, self.batch.x_src.shape[-1]))
        return self._masks[key]

    def _shaken(self, images: Tensor) -> Tensor:
        """What the discriminator is shown in place of the images, each time by the batch's next draws.

        All that it sees, reals and fakes, have the sources' landmarks.
        """
        if self.preset.masked_discriminator:
            images = without_tone(images, self._drawn(seen_masks, self.batch.points_src))
        if self.batch.shakes is None:
            return images
        draws = self.batch.shakes[:, self._shown % self.batch.shakes.shape[1]]
        self._shown += 1
        return augmented(images, draws, share=self.preset.augment_share)

    def _read(self, images: Tensor) -> Reading:
        return self.passes.read(images, self.batch.masks)

    def _paint(self, reading: Reading, codes: Tensor) -> Tensor:
        return self.passes.paint(reading, codes)

    # --- what a step asks for ------------------------------------------------------------------------------------

    def painted(self, way: Way, *, learn: bool = False) -> Painted:
        """The sources repainted in the first style; with a graph when the generator is to `learn` from it."""
        if not self.preset.reordered:
            with torch.set_grad_enabled(learn):
                codes = self._codes(way)
                return Painted(codes, self._paint(self._read(self.batch.x_src), codes))
        if way == "reference":
            with torch.set_grad_enabled(learn and self._read_learns(way)):
                codes = self._codes(way)
            reading = self._source(learn=learn)
            with torch.set_grad_enabled(learn):
                return Painted(codes, self._paint(reading, codes))
        if self._latent is None or (learn and not self._latent.picture.requires_grad):
            reading = self._source(learn=learn)
            with torch.set_grad_enabled(learn or self._hold):
                codes = self._codes(way)
                self._latent = Painted(codes, self._paint(reading, codes))
        return self._latent if learn else self._latent.detach()

    def other(self, way: Way) -> Tensor:
        """The sources repainted in the second style [N,3,S,S]: a constant."""
        if not self.preset.reordered:
            codes = self._codes(way, second=True)
            return self._paint(self._read(self.batch.x_src), codes).detach()
        with torch.no_grad():
            return self._paint(self._source(learn=False), self._codes(way, second=True))

    def back(self, picture: Tensor, way: Way) -> Tensor:
        """The picture repainted in the sources' own style [N,3,S,S]: the way back."""
        with torch.set_grad_enabled(self._read_learns(way) or not self.preset.reordered):
            codes = self.style_of(self.batch.x_src, self.batch.y_src, self.batch.points_src)
        return self._paint(self._read(picture), codes)

    def unchanged(self) -> Tensor:
        """The sources repainted in their own style [N,3,S,S], with a graph: nothing should happen to them."""
        codes = self.style_of(self.batch.x_src, self.batch.y_src, self.batch.points_src)
        return self._paint(self._source(learn=True), codes)

    def _codes(self, way: Way, *, second: bool = False) -> Tensor:
        batch = self.batch
        if way == "latent":
            return self.networks.mapping_network(batch.z_ref2 if second else batch.z_ref, batch.y_ref)
        if second:
            return self.style_of(batch.x_ref2, batch.y_ref, batch.points_ref2)
        return self.style_of(batch.x_ref, batch.y_ref, batch.points_ref)

    def _source(self, *, learn: bool) -> Reading:
        """The sources as read with the weights of now; read again only for a graph that is not there yet."""
        if self._reading is None or (learn and not self._reading.features.requires_grad):
            with torch.set_grad_enabled(learn or self._hold):
                self._reading = self._read(self.batch.x_src)
        return self._reading if learn or self._hold else self._reading.detach()


@contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Let gradients pass through these networks without collecting any for their weights."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    _require_grad(parameters, False)
    try:
        yield
    finally:
        _require_grad(parameters, True)


def _require_grad(parameters: Iterable[nn.Parameter], wanted: bool) -> None:
    for parameter in parameters:
        parameter.requires_grad_(wanted)
