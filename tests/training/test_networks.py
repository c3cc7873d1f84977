"""The networks carry the published names and shapes, and do what their docstrings say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from training.learning.scene import frozen
from training.networks.blocks import HighPass
from training.networks.stargan import Architecture, Generator, Networks, initialise

PUBLISHED = json.loads((Path(__file__).parent / "data" / "published-keys-256-hpf1.json").read_text())
SMALL = Architecture(img_size=32, base_width=4, max_width=8, mapping_width=8, style_dim=6, latent_dim=4)


def shapes(module: torch.nn.Module) -> dict[str, list[int]]:
    return {key: list(tensor.shape) for key, tensor in module.state_dict().items()}


@pytest.mark.parametrize("part", PUBLISHED)
def test_keys_and_shapes_at_256_are_the_published_ones_in_their_order(part: str) -> None:
    with torch.device("meta"):
        networks = Networks(Architecture())
    assert list(shapes(getattr(networks, part)).items()) == list(PUBLISHED[part].items())


def test_without_high_pass_the_generator_has_one_block_less_and_one_shortcut_more() -> None:
    with torch.device("meta"):
        keys = set(shapes(Networks(Architecture(w_hpf=0)).generator))
    gone = {key for key in PUBLISHED["generator"] if key.startswith(("encode.6.", "decode.6.", "hpf."))}
    assert len(keys) == 108
    assert set(PUBLISHED["generator"]) - keys == gone | {"decode.4.conv1x1.weight"} - keys
    assert keys - set(PUBLISHED["generator"]) == {"decode.3.conv1x1.weight"}


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("generator", 43_467_395),
        ("mapping_network", 2_438_272),
        ("style_encoder", 20_916_928),
        ("discriminator", 20_852_290),
    ],
)
def test_parameter_counts_are_the_published_ones(part: str, count: int) -> None:
    with torch.device("meta"):
        networks = Networks(Architecture())
    assert sum(p.numel() for p in getattr(networks, part).parameters()) == count


@pytest.mark.parametrize("w_hpf", [0.0, 1.0])
def test_an_image_and_a_code_give_an_image(w_hpf: float) -> None:
    networks = Networks(
        Architecture(img_size=32, base_width=4, max_width=8, mapping_width=8, style_dim=6, latent_dim=4, w_hpf=w_hpf)
    )
    images, domains = torch.randn(3, 3, 32, 32), torch.tensor([0, 1, 1])
    codes = networks.mapping_network(torch.randn(3, 4), domains)
    masks = torch.rand(3, 2, 32, 32) if w_hpf else None
    assert codes.shape == networks.style_encoder(images, domains).shape == (3, 6)
    assert networks.generator(images, codes, masks).shape == (3, 3, 32, 32)
    assert networks.discriminator(images, domains).shape == (3,)


def test_each_row_is_judged_by_its_own_domain() -> None:
    networks = Networks(SMALL)
    initialise(networks)
    images = torch.randn(1, 3, 32, 32).expand(2, -1, -1, -1)
    codes = networks.style_encoder(images, torch.tensor([0, 1]))
    swapped = networks.style_encoder(images, torch.tensor([1, 0]))
    assert torch.equal(codes[0], swapped[1])
    assert not torch.equal(codes[0], codes[1])


def test_masks_are_asked_for_exactly_when_they_are_used() -> None:
    codes = torch.randn(1, 6)
    with pytest.raises(ValueError, match="masks"):
        Generator(SMALL)(torch.randn(1, 3, 32, 32), codes)


def test_the_mask_says_where_edges_of_the_source_reach_the_last_features() -> None:
    generator = Generator(SMALL)
    image, codes = torch.randn(1, 3, 32, 32), torch.randn(1, 6)
    nothing = torch.zeros(1, 2, 32, 32)
    corner = nothing.clone()
    corner[:, :, 20:, 20:] = 1
    # before the last normalisation, which would spread any change over the picture
    with_corner, without = (generator.styled(generator.read(image, masks), codes) for masks in (corner, nothing))
    changed = (with_corner - without).abs().amax((0, 1))
    assert changed[20:, 20:].min() > 0
    assert changed[:19, :].max() == changed[:, :19].max() == 0


@pytest.mark.parametrize("w_hpf", [1.0, 4.0])
def test_high_pass_is_zero_on_flat_colour_and_divided_by_its_weight(w_hpf: float) -> None:
    flat = torch.full((1, 2, 5, 5), 3.0)
    point = torch.zeros(1, 2, 5, 5)
    point[:, :, 2, 2] = 1
    assert HighPass(w_hpf)(flat)[0, :, 1:-1, 1:-1].abs().max() < 1e-6
    assert HighPass(w_hpf)(point)[0, 0, 2, 2] == 8 / w_hpf


def test_a_frozen_network_passes_gradients_and_keeps_none() -> None:
    networks = Networks(SMALL)
    image = torch.randn(1, 3, 32, 32, requires_grad=True)
    with frozen(networks.discriminator):
        networks.discriminator(image, torch.tensor([0])).sum().backward()
    assert image.grad is not None
    assert all(p.grad is None and p.requires_grad for p in networks.discriminator.parameters())
