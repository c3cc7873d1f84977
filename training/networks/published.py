"""Networks from files in the published format, ours or another's: read strictly, with what they are read off them.

A file is a dict of state dicts under the published names: `nets` with four parts, `nets_ema` without the discriminator.
Three differences are taken: `hpf.filter` may be absent (the published face model lacks it; w_hpf then counts as 1),
`fan` is dropped (its landmark network is not used here), a `module.` prefix is stripped. Any other raises
BadCheckpoint, which names the keys: a network that was filled in part would run and paint noise.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.errors import BadCheckpoint
from training.networks.blocks import HighPass
from training.networks.stargan import Architecture, Networks

SERVED = ("generator", "mapping_network", "style_encoder")
TRAINED = (*SERVED, "discriminator")

Parts = dict[str, dict[str, Tensor]]

_UNREADABLE = (
    *(OSError, EOFError, RuntimeError, ValueError, LookupError, TypeError, AttributeError, AssertionError),
    *(MemoryError, OverflowError, struct.error, pickle.UnpicklingError),
)
"""What reading a file of bytes in any order has been seen to raise."""


def load_networks(path: Path, *, device: str = "cpu") -> Networks:
    """Networks from a file, with image size, domains, widths and w_hpf read off it. Raises BadCheckpoint."""
    parts = read_parts(path, device=device)
    try:
        arch = infer_architecture(parts)
        with torch.device("meta"):
            networks = Networks(arch, discriminator="discriminator" in parts)
    except BadCheckpoint as error:
        raise BadCheckpoint(f"{path.name}: {error}") from None
    except (ValueError, IndexError, RuntimeError, ZeroDivisionError) as error:
        raise BadCheckpoint(f"{path.name}: not StarGAN v2 networks ({error})") from None
    networks = networks.to_empty(device=device)
    if arch.w_hpf > 0:
        networks.generator.hpf = HighPass(arch.w_hpf).to(device)  # emptied with the rest; it is no weight
    fill(networks, parts, where=path.name)
    return networks


def read_parts(path: Path, *, device: str = "cpu") -> Parts:
    """The state dicts of a file by the network's name, without `fan` and `module.`. Raises BadCheckpoint."""
    content = load(path, device=device)
    if not isinstance(content, dict) or not all(isinstance(part, dict) for part in content.values()):
        raise BadCheckpoint(f"{path.name}: not a dict of state dicts")
    if content and all(set(part) == {"state", "param_groups"} for part in content.values()):
        raise BadCheckpoint(f"{path.name}: an optimiser's moments, which go with networks and hold none")
    parts = {name: part for name, part in content.items() if name != "fan"}
    if unknown := sorted(str(name) for name in parts if name not in TRAINED):
        raise BadCheckpoint(f"{path.name}: unknown parts {', '.join(unknown)}")
    if missing := [name for name in SERVED if name not in parts]:
        raise BadCheckpoint(f"{path.name}: missing parts {', '.join(missing)}")
    for name, part in parts.items():
        if strange := [
            str(key) for key, value in part.items() if not (isinstance(key, str) and torch.is_tensor(value))
        ]:
            raise BadCheckpoint(f"{path.name}: {name}: {', '.join(strange[:8])} is no tensor by name")
    return {name: _unwrapped(part, where=f"{path.name}: {name}") for name, part in parts.items()}


def fill(networks: Networks, parts: Parts, *, where: str) -> None:
    """Put these state dicts into networks that must fit them to the key. Raises BadCheckpoint."""
    for name, part in parts.items():
        _fill(getattr(networks, name), part, where=f"{where}: {name}")


def begin(networks: Networks, origin: Path, *, device: str = "cpu") -> None:
    """Put a file's weights into networks that are to learn on from them; whatever else they hold they keep.

    How the networks are used (blended, masked, ...) is theirs to say and no weight: a mark whose key is one word.
    Raises BadCheckpoint.
    """
    parts = read_parts(origin, device=device)
    for name in SERVED:
        module = getattr(networks, name)
        marks = {key: mark for key, mark in module.named_buffers() if "." not in key}
        learned = {key: tensor for key, tensor in parts[name].items() if "." in key}
        _fill(module, {**learned, **marks}, where=f"{origin.name}: {name}")


def infer_architecture(parts: Mapping[str, Mapping[str, Tensor]]) -> Architecture:
    """Read the knobs off the state dicts: depth gives the size, heads the domains, one block more means w_hpf > 0.

    Raises BadCheckpoint or ValueError.
    """
    generator, encoder = parts["generator"], parts["style_encoder"]
    size = 2 ** (_count(encoder, "shared", having="conv") + 2)
    blocks = _count(generator, "encode")
    plain = size.bit_length() - 1 - 4 + 2
    if blocks not in (plain, plain + 1):
        raise BadCheckpoint(f"generator: encode has {blocks} blocks, not {plain} or {plain + 1} as at {size} pixels")
    w_hpf = 0.0 if blocks == plain else 1.0
    if w_hpf and "hpf.filter" in generator:
        w_hpf = _w_hpf(generator["hpf.filter"])
    return Architecture(
        img_size=size,
        domains=_count(encoder, "unshared"),
        style_dim=_width(parts, "style_encoder", "unshared.0.weight"),
        latent_dim=_width(parts, "mapping_network", "shared.0.weight", of=1),
        w_hpf=w_hpf,
        base_width=_width(parts, "generator", "from_rgb.weight"),
        max_width=max((part.shape[0] for part in encoder.values() if part.dim() == 4), default=0),
        mapping_width=_width(parts, "mapping_network", "shared.0.weight"),
        residual="residual" in generator,
        blended="blended" in generator,
        masked_encoder="masked" in encoder,
    )


def load(path: Path, *, device: str = "cpu") -> Any:
    """What a file holds, tensors and plain values only: a pickle that would run code is refused. BadCheckpoint."""
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except _UNREADABLE as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadCheckpoint(f"{path.name} cannot be read: {reason}") from None


def misfits(part: Mapping[str, Tensor], wanted: Mapping[str, Sequence[int]]) -> str:
    """What of these tensors is not as wanted, by key: missing, unexpected, of another shape; empty: nothing."""
    wrong = [f"{key} is missing" for key in wanted if key not in part]
    wrong += [f"{key} is unexpected" for key in part if key not in wanted]
    wrong += [
        f"{key} is {list(part[key].shape)}, not {list(shape)}"
        for key, shape in wanted.items()
        if key in part and list(part[key].shape) != list(shape)
    ]
    more = f" and {len(wrong) - 8} more" if len(wrong) > 8 else ""
    return "; ".join(wrong[:8]) + more


def _unwrapped(part: Mapping[str, Tensor], *, where: str) -> dict[str, Tensor]:
    bare = {key.removeprefix("module."): tensor for key, tensor in part.items()}
    if len(bare) < len(part):
        twice = [key for key in part if f"module.{key}" in part]
        raise BadCheckpoint(f"{where}: {', '.join(twice[:8])} is there with and without a module. before it")
    return bare


def _fill(module: nn.Module, part: dict[str, Tensor], *, where: str) -> None:
    wanted = module.state_dict()
    if "hpf.filter" in wanted and "hpf.filter" not in part:
        part = {**part, "hpf.filter": wanted["hpf.filter"]}
    if wrong := misfits(part, {key: tensor.shape for key, tensor in wanted.items()}):
        raise BadCheckpoint(f"{where}: {wrong}")
    if "hpf.filter" in wanted and not torch.allclose(part["hpf.filter"].to(wanted["hpf.filter"]), wanted["hpf.filter"]):
        raise BadCheckpoint(f"{where}: hpf.filter is not the high-pass of this w_hpf")
    module.load_state_dict(part)


def _w_hpf(kernel: Tensor) -> float:
    """By what a high-pass was divided; of one that is of another shape or sign, 1: filling it says what is wrong."""
    middle = float(kernel[1, 1]) if kernel.shape == (3, 3) else 0.0
    return 8.0 / middle if 0 < middle < float("inf") else 1.0


def _width(parts: Mapping[str, Mapping[str, Tensor]], name: str, key: str, *, of: int = 0) -> int:
    if key not in parts[name]:
        raise BadCheckpoint(f"{name}: {key} is missing")
    if parts[name][key].dim() <= of:
        raise BadCheckpoint(f"{name}: {key} is {list(parts[name][key].shape)}")
    return parts[name][key].shape[of]


def _count(part: Mapping[str, Tensor], prefix: str, *, having: str = "") -> int:
    """How many numbered children a prefix has, all of them or those with a key that begins so."""
    keys = (key.split(".", 2) for key in part)
    return len({key[1] for key in keys if len(key) == 3 and key[0] == prefix and key[2].startswith(having)})
