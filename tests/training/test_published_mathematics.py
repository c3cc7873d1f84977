"""The networks compute what the paper describes: the same numbers as a second writing of it, in plain NumPy.

Written from the paper's appendix A and a description of the published files, not from stargan.py; it knows a state
dict by its keys alone. What both agree on to nine digits is no accident of either.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.networks.stargan import Architecture, Networks, initialise

SMALL = Architecture(img_size=64, base_width=3, max_width=8, mapping_width=7, style_dim=5, latent_dim=4, domains=3)

Weights = dict[str, np.ndarray]


def conv(x: np.ndarray, w: Weights, name: str, *, pad: int = 1) -> np.ndarray:
    kernel = w[f"{name}.weight"]
    bias = w.get(f"{name}.bias", np.zeros(len(kernel)))
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(2, 3))
    return np.einsum("nihwab,oiab->nohw", windows, kernel, optimize=True) + bias[:, None, None]


def linear(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def leaky(x: np.ndarray) -> np.ndarray:
    return np.where(x > 0, x, 0.2 * x)


def instance_norm(x: np.ndarray) -> np.ndarray:
    mean = x.mean((2, 3), keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean((2, 3), keepdims=True) + 1e-5)


def norm(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """With a scale and a shift of its own for each channel, where it has them; else nothing is normalised."""
    if f"{name}.weight" not in w:
        return x
    return w[f"{name}.weight"][:, None, None] * instance_norm(x) + w[f"{name}.bias"][:, None, None]


def adain(x: np.ndarray, s: np.ndarray, w: Weights, name: str) -> np.ndarray:
    both = linear(s, w, f"{name}.fc")[:, :, None, None]
    half = both.shape[1] // 2
    return (1 + both[:, :half]) * instance_norm(x) + both[:, half:]


def halved(x: np.ndarray) -> np.ndarray:
    n, c, h, w = x.shape
    return x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))


def doubled(x: np.ndarray) -> np.ndarray:
    return x.repeat(2, axis=2).repeat(2, axis=3)


def down(x: np.ndarray, w: Weights, name: str, *, smaller: bool) -> np.ndarray:
    """A residual block of the encoder, the style encoder and the discriminator."""
    shrink = halved if smaller else lambda same: same
    straight = conv(x, w, f"{name}.conv1x1", pad=0) if f"{name}.conv1x1.weight" in w else x
    out = shrink(conv(leaky(norm(x, w, f"{name}.norm1")), w, f"{name}.conv1"))
    out = conv(leaky(norm(out, w, f"{name}.norm2")), w, f"{name}.conv2")
    return (shrink(straight) + out) / np.sqrt(2)


def up(x: np.ndarray, s: np.ndarray, w: Weights, name: str, *, larger: bool, hpf: bool) -> np.ndarray:
    """A residual block of the decoder; with the high-pass the straight way is left out."""
    grow = doubled if larger else lambda same: same
    out = conv(grow(leaky(adain(x, s, w, f"{name}.norm1"))), w, f"{name}.conv1")
    out = conv(leaky(adain(out, s, w, f"{name}.norm2")), w, f"{name}.conv2")
    if hpf:
        return out
    straight = grow(x)
    if f"{name}.conv1x1.weight" in w:
        straight = conv(straight, w, f"{name}.conv1x1", pad=0)
    return (straight + out) / np.sqrt(2)


def resized(mask: np.ndarray, size: int) -> np.ndarray:
    """Bilinear, pixels taken for squares whose middles are meant."""
    old = mask.shape[-1]
    at = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
    low = np.floor(at).astype(int)
    high, share = np.minimum(low + 1, old - 1), at - low
    rows = mask[:, :, low] * (1 - share)[:, None] + mask[:, :, high] * share[:, None]
    return rows[..., low] * (1 - share) + rows[..., high] * share


def edges(x: np.ndarray, *, w_hpf: float) -> np.ndarray:
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    around = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3)).sum((4, 5))
    return (9 * x - around) / w_hpf


def generator(x: np.ndarray, s: np.ndarray, masks: np.ndarray | None, w: Weights, *, w_hpf: float) -> np.ndarray:
    hpf = w_hpf > 0
    blocks = 1 + max(int(key.split(".")[1]) for key in w if key.startswith("encode."))
    kept = {}
    x = conv(x, w, "from_rgb")
    for number in range(blocks):
        kept.setdefault(x.shape[2], x)
        x = down(x, w, f"encode.{number}", smaller=number < blocks - 2)
    for number in range(blocks):
        x = up(x, s, w, f"decode.{number}", larger=number >= 2, hpf=hpf)
        size = x.shape[2]
        if hpf and size in (32, 64, 128):
            assert masks is not None
            coarse_or_fine = masks[:, :1] if size == 32 else masks[:, 1:]
            x = x + edges(resized(coarse_or_fine, size) * kept[size], w_hpf=w_hpf)
    return conv(leaky(norm(x, w, "to_rgb.0")), w, "to_rgb.2", pad=0)


def mapping_network(z: np.ndarray, y: np.ndarray, w: Weights) -> np.ndarray:
    def relu(h: np.ndarray, names: list[str]) -> np.ndarray:
        for name in names:
            h = np.maximum(linear(h, w, name), 0)
        return h

    shared = relu(z, [f"shared.{i}" for i in (0, 2, 4, 6)])
    rows = []
    for i, domain in enumerate(y):
        own = relu(shared[i : i + 1], [f"unshared.{domain}.{k}" for k in (0, 2, 4)])
        rows.append(linear(own, w, f"unshared.{domain}.6")[0])
    return np.array(rows)


def trunk(x: np.ndarray, w: Weights, name: str) -> np.ndarray:
    """What the style encoder and the discriminator have in common, down to a single pixel: [n,c]."""
    last = max(int(key.split(".")[1]) for key in w if key.startswith(f"{name}.") and "conv1." in key)
    x = conv(x, w, f"{name}.0")
    for number in range(1, last + 1):
        x = down(x, w, f"{name}.{number}", smaller=True)
    assert x.shape[2:] == (4, 4)
    return leaky(conv(leaky(x), w, f"{name}.{last + 2}", pad=0))


def style_encoder(x: np.ndarray, y: np.ndarray, w: Weights) -> np.ndarray:
    h = trunk(x, w, "shared")[:, :, 0, 0]
    return np.array([linear(h[i : i + 1], w, f"unshared.{domain}")[0] for i, domain in enumerate(y)])


def discriminator(x: np.ndarray, y: np.ndarray, w: Weights) -> np.ndarray:
    h = trunk(x, w, "main")
    last = max(int(key.split(".")[1]) for key in w)
    return conv(h, w, f"main.{last}", pad=0)[np.arange(len(y)), y, 0, 0]


def ready(arch: Architecture) -> Networks:
    """Networks in float64 whose every weight does something, those that begin as 0 or 1 too."""
    torch.manual_seed(5)
    networks = Networks(arch)
    initialise(networks)
    for parameter in networks.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return networks.double().requires_grad_(False)


def weights(module: torch.nn.Module) -> Weights:
    return {key: tensor.numpy() for key, tensor in module.state_dict().items()}


def close(ours: torch.Tensor, plain: np.ndarray) -> bool:
    assert ours.shape == plain.shape
    assert np.abs(plain).max() > 1e-3
    return bool(np.abs(ours.numpy() - plain).max() < 1e-9 * max(1.0, np.abs(plain).max()))


@pytest.mark.parametrize("w_hpf", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("img_size", [32, 64, 128])
def test_the_generator(img_size: int, w_hpf: float) -> None:
    networks = ready(replace(SMALL, img_size=img_size, w_hpf=w_hpf))
    x, s = torch.randn(2, 3, img_size, img_size).double(), torch.randn(2, 5).double()
    masks = torch.rand(2, 2, 48, 48).double() if w_hpf else None
    ours = networks.generator(x, s, masks)
    plain = generator(
        x.numpy(),
        s.numpy(),
        masks.numpy() if masks is not None else None,
        weights(networks.generator),
        w_hpf=w_hpf,
    )
    assert close(ours, plain)


def test_the_mapping_network() -> None:
    networks, y = ready(SMALL), torch.tensor([2, 0, 1])
    z = torch.randn(3, 4).double()
    plain = mapping_network(z.numpy(), y.numpy(), weights(networks.mapping_network))
    assert close(networks.mapping_network(z, y), plain)


@pytest.mark.parametrize("img_size", [32, 64])
def test_the_style_encoder_and_the_discriminator(img_size: int) -> None:
    networks, y = ready(replace(SMALL, img_size=img_size)), torch.tensor([2, 0, 1])
    x = torch.randn(3, 3, img_size, img_size).double()
    for name, plain in (("style_encoder", style_encoder), ("discriminator", discriminator)):
        module = getattr(networks, name)
        assert close(module(x, y), plain(x.numpy(), y.numpy(), weights(module))), name
