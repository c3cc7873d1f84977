"""Checkpoints: the three files of the published format, and the page that makes a set of them whole.

    000020_nets.ckpt       live weights of all four networks      to train on
    000020_nets_ema.ckpt   averaged weights, no discriminator     to serve and to measure
    000020_optims.ckpt     Adam's moments                         to train on
    000020_trainer.json    step, seed, snapshot, preset, code, sha256 of the three; written last

Each is a plain dict of state dicts under the published names and loads with `weights_only=True`. A set counts only
when its trainer page is there and the three files hash to what it says, so a kill at any moment leaves the set before.
The page holds no random state: every draw is a function of (seed, step), see data.py.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.errors import BadCheckpoint
from training.files import sha256_of, write_atomically
from training.networks import Architecture, Networks

log = logging.getLogger(__name__)

KINDS = ("nets", "nets_ema", "optims")
SERVED = ("generator", "mapping_network", "style_encoder")
TRAINED = (*SERVED, "discriminator")


@dataclass(frozen=True, slots=True)
class TrainerState:
    """What a resumed run must agree with. `step` counts finished steps; `domains` are in the networks' order."""

    step: int
    seed: int
    snapshot: str
    preset: dict[str, Any]
    domains: tuple[str, ...]
    code: str
    sha256: dict[str, str]


@dataclass(frozen=True, slots=True)
class Saved:
    """One complete set on the disk."""

    state: TrainerState
    paths: dict[str, Path]


def path_of(folder: Path, step: int, kind: str) -> Path:
    """Where the file of that kind and step lies."""
    return folder / (f"{step:06d}_trainer.json" if kind == "trainer" else f"{step:06d}_{kind}.ckpt")


def save(
    folder: Path,
    *,
    step: int,
    seed: int,
    snapshot: str,
    preset: dict[str, Any],
    domains: tuple[str, ...],
    networks: Networks,
    ema: Networks,
    optimisers: Mapping[str, torch.optim.Optimizer],
) -> Saved:
    """Write one complete set; atomic as a whole."""
    contents = {
        "nets": {name: getattr(networks, name).state_dict() for name in TRAINED},
        "nets_ema": {name: getattr(ema, name).state_dict() for name in SERVED},
        "optims": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
    }
    paths = {kind: path_of(folder, step, kind) for kind in (*KINDS, "trainer")}
    for kind, content in contents.items():
        write_atomically(paths[kind], lambda file, content=content: torch.save(content, file))  # type: ignore[misc]
    state = TrainerState(
        step=step,
        seed=seed,
        snapshot=snapshot,
        preset=preset,
        domains=domains,
        code=code_version(),
        sha256={kind: sha256_of(paths[kind]) for kind in KINDS},
    )
    page = json.dumps(asdict(state), indent=1).encode()
    write_atomically(paths["trainer"], lambda file: file.write(page))
    return Saved(state=state, paths=paths)


def latest(folder: Path) -> Saved | None:
    """The newest complete set, or None. A damaged one is passed over with a warning."""
    for page in sorted(folder.glob("*_trainer.json"), reverse=True):
        try:
            return read(page)
        except BadCheckpoint as error:
            log.warning("passing over a damaged checkpoint: %s", error)
    return None


def read(page: Path) -> Saved:
    """The set that a trainer page speaks of, its files checked against their hashes; raises BadCheckpoint."""
    try:
        fields = json.loads(page.read_bytes())
        state = TrainerState(**{**fields, "domains": tuple(fields["domains"]), "sha256": dict(fields["sha256"])})
        paths = {kind: path_of(page.parent, state.step, kind) for kind in KINDS}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BadCheckpoint(f"{page.name} cannot be read: {error!r}") from None
    if path_of(page.parent, state.step, "trainer") != page:
        raise BadCheckpoint(f"{page.name} speaks of step {state.step}")
    for kind, path in paths.items():
        if not path.is_file():
            raise BadCheckpoint(f"{path.name} is missing")
        if sha256_of(path) != state.sha256.get(kind):
            raise BadCheckpoint(f"{path.name} does not hash to what {page.name} says")
    return Saved(state=state, paths={**paths, "trainer": page})


def restore(
    saved: Saved,
    *,
    networks: Networks,
    ema: Networks,
    optimisers: Mapping[str, torch.optim.Optimizer],
    device: str,
) -> None:
    """Put a set's weights and moments into live objects of the same architecture."""
    nets = _load(saved.paths["nets"], device)
    averaged = _load(saved.paths["nets_ema"], device)
    moments = _load(saved.paths["optims"], device)
    for name in TRAINED:
        getattr(networks, name).load_state_dict(nets[name])
    for name in SERVED:
        getattr(ema, name).load_state_dict(averaged[name])
    for name, optimiser in optimisers.items():
        optimiser.load_state_dict(moments[name])


def drop_old(folder: Path, *, keep: int) -> None:
    """Remove all but the newest `keep` sets, each set's page first so that no page outlives its files."""
    for page in sorted(folder.glob("*_trainer.json"))[:-keep]:
        step = int(page.name.split("_")[0])
        page.unlink()
        for kind in KINDS:
            path_of(folder, step, kind).unlink(missing_ok=True)


def load_networks(path: Path, *, device: str = "cpu") -> Networks:
    """Networks from a file in the published format, ours or another's, with size, domains and w_hpf read from it.

    Strict, with three documented exceptions: `hpf.filter` may be absent (the published face model lacks it; w_hpf is
    then taken as 1), `fan` is dropped (its landmark network is not used here), and a `module.` prefix is stripped.
    Anything else that differs raises BadCheckpoint naming the keys.
    """
    content = _load(path, device)
    if not isinstance(content, dict) or not all(isinstance(part, dict) for part in content.values()):
        raise BadCheckpoint(f"{path.name}: not a dict of state dicts")
    parts = {name: _unwrapped(part) for name, part in content.items() if name != "fan"}
    if unknown := sorted(set(parts) - set(TRAINED)):
        raise BadCheckpoint(f"{path.name}: unknown parts {', '.join(map(str, unknown))}")
    if missing := [name for name in SERVED if name not in parts]:
        raise BadCheckpoint(f"{path.name}: missing parts {', '.join(missing)}")
    try:
        arch = infer_architecture(parts)
        with torch.device("meta"):
            networks = Networks(arch, discriminator="discriminator" in parts)
    except (KeyError, ValueError, IndexError, RuntimeError, ZeroDivisionError) as error:
        raise BadCheckpoint(f"{path.name}: not StarGAN v2 networks ({error!r})") from None
    networks = networks.to_empty(device=device)
    for name, part in parts.items():
        _load_strictly(getattr(networks, name), part, where=f"{path.name}: {name}", w_hpf=arch.w_hpf)
    return networks


def infer_architecture(parts: Mapping[str, Mapping[str, Tensor]]) -> Architecture:
    """Read the knobs off the state dicts: depth gives the size, heads the domains, one block more means w_hpf > 0."""
    generator, mapping, encoder = (parts[name] for name in SERVED)
    size = 2 ** (_count(encoder, "shared", having="conv1.weight") + 2)
    blocks = _count(generator, "encode")
    plain = size.bit_length() - 1 - 4 + 2
    if blocks not in (plain, plain + 1):
        raise ValueError(f"{blocks} encoder blocks at {size} pixels")
    w_hpf = 0.0 if blocks == plain else 1.0
    if w_hpf and "hpf.filter" in generator:
        w_hpf = 8.0 / float(generator["hpf.filter"][1, 1])
    style_dim = encoder["unshared.0.weight"].shape[0]
    return Architecture(
        img_size=size,
        domains=_count(encoder, "unshared"),
        style_dim=style_dim,
        latent_dim=mapping["shared.0.weight"].shape[1],
        w_hpf=w_hpf,
        base_width=generator["from_rgb.weight"].shape[0],
        max_width=max(part.shape[0] for part in encoder.values() if part.dim() == 4),
        mapping_width=mapping["shared.0.weight"].shape[0],
    )


def code_version() -> str:
    """Twelve hex digits of the sources that fix what a training computes."""
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for name in ("data", "descent", "heatmaps", "loop", "losses", "networks", "objectives", "scene"):
        digest.update((folder / f"{name}.py").read_bytes())
    return digest.hexdigest()[:12]


def _load(path: Path, device: str) -> Any:
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BadCheckpoint(f"{path.name} cannot be read: {reason}") from None


def _unwrapped(part: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix("module."): tensor for key, tensor in part.items()}


def _load_strictly(module: nn.Module, part: dict[str, Tensor], *, where: str, w_hpf: float) -> None:
    wanted = module.state_dict()
    if "hpf.filter" in wanted and "hpf.filter" not in part:
        kernel = torch.full((3, 3), -1.0)
        kernel[1, 1] = 8.0
        part = {**part, "hpf.filter": kernel / w_hpf}
    wrong = [f"{key} is missing" for key in wanted if key not in part]
    wrong += [f"{key} is unexpected" for key in part if key not in wanted]
    wrong += [
        f"{key} is {list(part[key].shape)}, not {list(tensor.shape)}"
        for key, tensor in wanted.items()
        if key in part and part[key].shape != tensor.shape
    ]
    if wrong:
        more = f" and {len(wrong) - 8} more" if len(wrong) > 8 else ""
        raise BadCheckpoint(f"{where}: {'; '.join(wrong[:8])}{more}")
    module.load_state_dict(part)


def _count(part: Mapping[str, Tensor], prefix: str, *, having: str = "") -> int:
    """How many numbered children a prefix has, all of them or those that hold a certain tensor."""
    keys = (key.split(".", 2) for key in part)
    return len({key[1] for key in keys if key[0] == prefix and key[2].startswith(having)})
