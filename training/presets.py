"""The presets: every number of a training, by name.

A preset that has trained anything is never edited: a run is named by (snapshot, preset, seed), so a changed number
under an old name would make two different models look the same. Add a preset instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from training.errors import Unknown


@dataclass(frozen=True, slots=True)
class Preset:
    """One way to train. The defaults are the paper's (appendix B), or the published configuration's where it is
    silent.
    """

    name: str
    img_size: int = 256  # pixels a side
    base_width: int | None = None  # channels at full size; None: 2^14 / img_size
    max_width: int = 512
    mapping_width: int = 512
    style_dim: int = 64
    latent_dim: int = 16
    w_hpf: float = 1.0  # the source's edges are divided by this; 0: no masks
    lambda_reg: float = 1.0  # R1: up = a calmer, slower discriminator
    lambda_sty: float = 1.0  # up = the style shows more
    lambda_ds: float = 1.0  # up = more diverse, less of the person kept
    lambda_cyc: float = 1.0  # up = more of the source kept
    ds_iter: int = 100_000  # steps over which lambda_ds falls to 0
    total_iters: int = 100_000
    batch_size: int = 8
    lr: float = 1e-4  # generator, style encoder, discriminator
    f_lr: float = 1e-6  # mapping network
    d_lr: float | None = None  # discriminator; None: lr
    beta1: float = 0.0
    beta2: float = 0.99
    weight_decay: float = 1e-4
    ema_decay: float = 0.999
    randcrop_prob: float = 0.5
    residual: bool = False  # paint a change of the source, at first none
    blended: bool = False  # paint the face alone: elsewhere the source stays, pixel for pixel
    masked_encoder: bool = False  # the style encoder sees the reference's face and nothing around it
    masked_discriminator: bool = False  # the discriminator sees the face alone, less its mean colour
    encoder_learns: bool = False  # the style encoder learns from references, too, what the losses ask of them
    masked_diversity: bool = False  # two styles need to differ inside the face only
    lambda_colour: float = 0.0  # up = lips, lids and cheeks nearer to the reference's colours
    lambda_structure: float = 0.0  # up = the slopes of the source's face kept, fainter make-up
    lambda_background: float = 0.0  # up = less change outside the face; with blending, at its seam
    lambda_self: float = 0.0  # up = a face in its own style stays as it is
    augment_share: float = 0.0  # share of flips, shifts, scalings, holes that the discriminator sees; for small sets
    fused_adam: bool = False  # same formula in one kernel; off: one tensor after another, as published
    reordered: bool = False  # the same numbers with nothing made twice or in vain; off: as published
    lazy_r1: int = 1  # R1 only at every so many steps, and so many times stronger
    folded: bool = False  # a change of size and the convolution beside it as one: fewer multiplications
    fused_norm: bool = False  # norm, style and activation as one operation that keeps channels_last
    channels_last: bool = False  # pictures in memory pixel by pixel, which fast convolutions want
    precision: Literal["float32", "bfloat16", "auto"] = "float32"  # of features; auto: what the device is faster at
    compiled: bool = False  # all passes but R1's through torch.compile; wants a C++ compiler and minutes at the start
    cuda_graphs: bool = False  # with compiled, on a GPU: a pass is sent as one piece of work
    pack_on_device: bool = False  # all faces in the GPU's memory if they fit: none is sent at a step
    accumulate: int = 1  # pieces that a batch is taken in, for a small memory
    log_every: int = 10  # also how often losses are looked at for NaN
    save_every: int = 10_000
    probe_every: int = 2_500  # steps between two looks at held-out pairs, which change no weight; 0: none
    keep: int = 3  # sets of checkpoint files kept on the disk


_MAKEUP: dict[str, Any] = {
    "w_hpf": 0.0,  # a change of the source needs no edges of it
    "residual": True,
    "blended": True,
    "masked_encoder": True,
    "encoder_learns": True,
    "masked_discriminator": True,
    "masked_diversity": True,
    "lambda_colour": 20.0,
    "lambda_sty": 0.2,  # more, and codes shrink to one before there is a style to read
    "lambda_structure": 0.3,
    "lambda_background": 0.3,
    "lambda_reg": 0.1,  # one and more, and the discriminator is too calm to learn so small a difference
    "augment_share": 0.2,
    "reordered": True,
    "folded": True,
    "fused_norm": True,
    "channels_last": True,
    "precision": "auto",
    "fused_adam": True,
}
"""What the presets that take the make-up alone have in common."""

PRESETS = {
    preset.name: preset
    for preset in (
        Preset("paper-256"),
        Preset(
            "fast-256",  # the same training in a fraction of the time: exact but for bfloat16 and lazy R1
            reordered=True,
            folded=True,
            fused_norm=True,
            channels_last=True,
            precision="auto",
            pack_on_device=True,
            lazy_r1=16,
            fused_adam=True,
        ),
        Preset(
            "tiny-64",  # shows the whole loop on a processor in a minute; too narrow and short for a useful model
            img_size=64,
            base_width=8,
            max_width=64,
            mapping_width=64,
            batch_size=4,
            total_iters=2_000,
            ds_iter=2_000,
            ema_decay=0.95,
            fused_adam=True,
            log_every=1,
            save_every=20,
            probe_every=100,
        ),
        Preset(
            "makeup-64",  # takes the make-up and not the reference; on a processor in half an hour
            img_size=64,
            base_width=16,
            max_width=64,
            mapping_width=64,
            style_dim=16,
            total_iters=2_000,
            ds_iter=2_000,
            lr=1e-3,
            f_lr=1e-3,
            d_lr=2e-3,
            beta1=0.5,  # colours are a loss of their own here, and descend sooner with some memory
            ema_decay=0.99,
            **_MAKEUP,
            lazy_r1=8,
            log_every=10,
            save_every=1_000,
            probe_every=250,
        ),
        Preset(
            "makeup-256",  # the same for real: what fast-256 is, and takes the make-up alone
            ds_iter=100_000,
            f_lr=1e-5,
            **_MAKEUP,
            lazy_r1=16,
            pack_on_device=True,
        ),
    )
}


def preset(name: str) -> Preset:
    """The preset of that name; raises Unknown."""
    if name not in PRESETS:
        raise Unknown(f"no preset named {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
