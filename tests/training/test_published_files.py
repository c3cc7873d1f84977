"""Files in the published format: every key and shape is known beforehand, and no file that differs is taken."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from training.errors import BadCheckpoint
from training.networks.published import SERVED, infer_architecture, load_networks
from training.networks.stargan import Architecture, Networks, initialise

PUBLISHED = json.loads((Path(__file__).parent / "data" / "published-keys-256-hpf1.json").read_text())
SMALL = Architecture(img_size=32, base_width=4, max_width=8, mapping_width=8, style_dim=6, latent_dim=4)

Shapes = dict[str, list[int]]
Parts = dict[str, dict[str, torch.Tensor]]


# --- the published keys, written down as the published files have them ------------------------------------------------


def both(name: str, shape: list[int]) -> Shapes:
    """A layer's weight and its bias."""
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def published_keys(*, img_size: int, domains: int, hpf: bool) -> dict[str, Shapes]:
    """Names and shapes of all four networks at full width: 2^14 / size channels, doubled up to 512."""
    depth = img_size.bit_length() - 1

    def widths(blocks: int) -> list[tuple[int, int]]:
        first = 2**14 // img_size
        return [(min(first * 2**i, 512), min(first * 2 ** (i + 1), 512)) for i in range(blocks)]

    def down(name: str, i: int, o: int, *, normalised: bool) -> Shapes:
        keys = both(f"{name}.conv1", [i, i, 3, 3]) | both(f"{name}.conv2", [o, i, 3, 3])
        if normalised:
            keys |= both(f"{name}.norm1", [i]) | both(f"{name}.norm2", [i])
        return keys | ({f"{name}.conv1x1.weight": [o, i, 1, 1]} if i != o else {})

    def up(name: str, i: int, o: int) -> Shapes:
        keys = both(f"{name}.conv1", [o, i, 3, 3]) | both(f"{name}.conv2", [o, o, 3, 3])
        keys |= both(f"{name}.norm1.fc", [2 * i, 64]) | both(f"{name}.norm2.fc", [2 * o, 64])
        return keys | ({f"{name}.conv1x1.weight": [o, i, 1, 1]} if i != o else {})

    def trunk(name: str) -> tuple[Shapes, int]:
        pairs = widths(depth - 2)
        deep = pairs[-1][1]
        keys = both(f"{name}.0", [pairs[0][0], 3, 3, 3])
        for number, (i, o) in enumerate(pairs, 1):
            keys |= down(f"{name}.{number}", i, o, normalised=False)
        return keys | both(f"{name}.{len(pairs) + 2}", [deep, deep, 4, 4]), deep

    pairs = widths(depth - 4 + hpf)
    first, deep = pairs[0][0], pairs[-1][1]
    generator = both("from_rgb", [first, 3, 3, 3])
    for number, (i, o) in enumerate([*pairs, (deep, deep), (deep, deep)]):
        generator |= down(f"encode.{number}", i, o, normalised=True)
    for number, (o, i) in enumerate([(deep, deep), (deep, deep), *reversed(pairs)]):
        generator |= up(f"decode.{number}", i, o)
    generator |= both("to_rgb.0", [first]) | both("to_rgb.2", [3, first, 1, 1])
    generator |= {"hpf.filter": [3, 3]} if hpf else {}

    mapping = both("shared.0", [512, 16])
    for layer in (2, 4, 6):
        mapping |= both(f"shared.{layer}", [512, 512])
    for domain in range(domains):
        for layer in (0, 2, 4):
            mapping |= both(f"unshared.{domain}.{layer}", [512, 512])
        mapping |= both(f"unshared.{domain}.6", [64, 512])

    encoder, last = trunk("shared")
    for domain in range(domains):
        encoder |= both(f"unshared.{domain}", [64, last])
    judge, last = trunk("main")
    judge |= both(f"main.{depth - 2 + 4}", [domains, last, 1, 1])
    return {
        "generator": generator,
        "mapping_network": mapping,
        "style_encoder": encoder,
        "discriminator": judge,
    }


def test_the_keys_written_down_here_are_those_of_the_published_256_pixel_file() -> None:
    assert published_keys(img_size=256, domains=2, hpf=True) == PUBLISHED


@pytest.mark.parametrize("hpf", [True, False])
@pytest.mark.parametrize(("img_size", "domains"), [(64, 2), (128, 3), (256, 2), (256, 3), (512, 2)])
def test_keys_and_shapes_of_ours_are_the_published_ones(img_size: int, domains: int, hpf: bool) -> None:
    with torch.device("meta"):
        networks = Networks(Architecture(img_size=img_size, domains=domains, w_hpf=float(hpf)))
    for name, keys in published_keys(img_size=img_size, domains=domains, hpf=hpf).items():
        ours = {key: list(tensor.shape) for key, tensor in getattr(networks, name).state_dict().items()}
        assert ours == keys, name


@pytest.mark.parametrize("hpf", [True, False])
@pytest.mark.parametrize(("img_size", "domains"), [(64, 2), (128, 3), (256, 2), (512, 5)])
def test_a_full_size_file_says_what_it_is(img_size: int, domains: int, hpf: bool) -> None:
    keys = published_keys(img_size=img_size, domains=domains, hpf=hpf)
    parts = {
        name: {key: torch.empty(shape, device="meta") for key, shape in keys[name].items() if key != "hpf.filter"}
        for name in SERVED
    }
    arch = infer_architecture(parts)
    assert (arch.img_size, arch.domains, arch.w_hpf) == (img_size, domains, float(hpf))
    assert (arch.first_width, arch.style_dim, arch.latent_dim, arch.mapping_width) == (2**14 // img_size, 64, 16, 512)


# --- files, small ones ------------------------------------------------------------------------------------------------


def made(arch: Architecture = SMALL, *, discriminator: bool = False) -> tuple[Networks, Parts]:
    """Networks and the content of a file that holds them, as the published code writes it."""
    torch.manual_seed(3)
    networks = Networks(arch)
    initialise(networks)
    for parameter in networks.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    names = (*SERVED, "discriminator") if discriminator else SERVED
    return networks, {name: dict(getattr(networks, name).state_dict()) for name in names}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def written(content: Any) -> Path:
        torch.save(content, tmp_path / "100000_nets_ema.ckpt")
        return tmp_path / "100000_nets_ema.ckpt"

    return written


@contextmanager
def in_a_folder() -> Iterator[Path]:
    """A folder of an example's own."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


@torch.no_grad()
def outputs(networks: Networks) -> list[torch.Tensor]:
    """What each network makes of one fixed input."""
    arch, draw = networks.arch, torch.Generator().manual_seed(4)
    x = torch.randn(3, 3, arch.img_size, arch.img_size, generator=draw)
    masks = torch.rand(3, 2, 64, 64, generator=draw) if arch.w_hpf else None
    y, z = torch.arange(3) % arch.domains, torch.randn(3, arch.latent_dim, generator=draw)
    s = torch.randn(3, arch.style_dim, generator=draw)
    found = [networks.generator(x, s, masks), networks.mapping_network(z, y), networks.style_encoder(x, y)]
    return [*found, networks.discriminator(x, y)] if hasattr(networks, "discriminator") else found


def without_filter(parts: Parts) -> Parts:
    return {**parts, "generator": {key: t for key, t in parts["generator"].items() if key != "hpf.filter"}}


def with_landmark_network(parts: Parts) -> Parts:
    return {**parts, "fan": {"conv1.conv.weight": torch.zeros(64, 6, 7, 7), "bn1.num_batches_tracked": torch.tensor(0)}}


def wrapped(parts: Parts) -> Parts:
    return {name: {f"module.{key}": tensor for key, tensor in part.items()} for name, part in parts.items()}


def everything(parts: Parts) -> Parts:
    return wrapped(with_landmark_network(without_filter(parts)))


@pytest.mark.parametrize("discriminator", [False, True], ids=["nets_ema", "nets"])
@pytest.mark.parametrize("form", [dict, without_filter, with_landmark_network, wrapped, everything])
@pytest.mark.parametrize("w_hpf", [0.0, 1.0])
@pytest.mark.parametrize("img_size", [32, 128])
def test_a_file_loads_with_and_without_the_exceptions_and_gives_the_same_outputs(
    write: Callable[[Any], Path], img_size: int, w_hpf: float, form: Callable[[Parts], Parts], discriminator: bool
) -> None:
    networks, parts = made(replace(SMALL, img_size=img_size, w_hpf=w_hpf, domains=3), discriminator=discriminator)
    before = outputs(networks)
    loaded = load_networks(write(form(parts)))
    after = outputs(loaded)
    assert loaded.arch == networks.arch
    assert len(after) == (4 if discriminator else 3)
    for one, other in zip(before, after, strict=False):
        assert (one - other).abs().max() <= 1e-5


SMALL_KEYS = [(name, key) for name, part in made(discriminator=True)[1].items() for key in part]


@pytest.mark.parametrize("name", ["generator", "mapping_network", "style_encoder", "discriminator"])
def test_whichever_key_is_missing_it_is_named(write: Callable[[Any], Path], name: str) -> None:
    _, parts = made(discriminator=True)
    for key in [key for part, key in SMALL_KEYS if part == name and key != "hpf.filter"]:
        less = {**parts, name: {k: t for k, t in parts[name].items() if k != key}}
        with pytest.raises(BadCheckpoint) as refusal:
            load_networks(write(less))
        assert f"{name}: " in str(refusal.value)
        assert f"{key} is missing" in str(refusal.value)


@examples(max_examples=25)
@given(at=st.sampled_from(SMALL_KEYS), axis=st.integers(0, 3), more=st.integers(1, 3))
def test_whichever_tensor_has_another_shape_the_file_is_refused(at: tuple[str, str], axis: int, more: int) -> None:
    name, key = at
    _, parts = made(discriminator=True)
    # How long a random code is stands nowhere else in a file: another length is another file, and no fault.
    assume((name, key, axis % parts[name][key].ndim) != ("mapping_network", "shared.0.weight", 1))
    shape = list(parts[name][key].shape)
    shape[axis % len(shape)] += more
    with in_a_folder() as folder:
        torch.save({**parts, name: {**parts[name], key: torch.zeros(shape)}}, folder / "x.ckpt")
        with pytest.raises(BadCheckpoint, match=r"x\.ckpt: \w+: .*is \["):
            load_networks(folder / "x.ckpt")


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("encode.1.conv3.weight", "encode.1.conv3.weight is unexpected"),
        ("module.module.from_rgb.weight", "module.from_rgb.weight is unexpected"),
        ("module.from_rgb.weight", "from_rgb.weight is there with and without a module. before it"),
        ("encode.9.conv1.weight", "encode has"),
        ("hpf.weight", "hpf.weight is unexpected"),
    ],
)
def test_whichever_key_is_more_it_is_named(write: Callable[[Any], Path], key: str, says: str) -> None:
    _, parts = made()
    with pytest.raises(BadCheckpoint, match=says):
        load_networks(write({**parts, "generator": {**parts["generator"], key: torch.zeros(4, 3, 3, 3)}}))


@pytest.mark.parametrize("kernel", [torch.zeros(3, 3), torch.eye(3), -torch.ones(3, 3), torch.ones(5, 5)])
def test_a_filter_that_is_no_high_pass_is_refused(write: Callable[[Any], Path], kernel: torch.Tensor) -> None:
    _, parts = made()
    with pytest.raises(BadCheckpoint, match=r"generator: hpf\.filter is"):
        load_networks(write({**parts, "generator": {**parts["generator"], "hpf.filter": kernel}}))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"state_dict": {"conv1.conv.weight": torch.zeros(1)}}, "unknown parts state_dict"),
        ({"generator": {"state": {}, "param_groups": []}}, "an optimiser's moments"),
        ({**made()[1], "generator": {"from_rgb.weight": 3}}, "generator: from_rgb.weight is no tensor"),
        ({**made()[1], "generator": {7: torch.zeros(1)}}, "generator: 7 is no tensor by name"),
        (torch.zeros(3), "not a dict of state dicts"),
        ({}, "missing parts generator, mapping_network, style_encoder"),
    ],
)
def test_other_files_that_lie_about_are_refused_for_what_they_are(
    write: Callable[[Any], Path], content: Any, says: str
) -> None:
    with pytest.raises(BadCheckpoint, match=says):
        load_networks(write(content))


def test_the_moments_of_our_own_are_told_from_networks(run: Callable[..., Any]) -> None:
    with pytest.raises(BadCheckpoint, match=r"000001_optims\.ckpt: an optimiser's moments"):
        load_networks(run(slice_steps=1).saved.paths["optims"])


@examples(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_is_what_it_was(data: st.DataObject) -> None:
    with in_a_folder() as folder:
        path = folder / "x.ckpt"
        torch.save(made()[1], path)
        whole = bytearray(path.read_bytes())
        if data.draw(st.booleans()):
            del whole[data.draw(st.integers(0, len(whole) - 1)) :]
        else:
            whole[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(whole)
        with suppress(BadCheckpoint):
            assert load_networks(path).arch.img_size == 32
