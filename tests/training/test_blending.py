"""What is outside the face stays the source's, and nothing outside it is seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.regions import inside as cut_out
from training.evaluation.regions import regions_of
from training.evaluation.samples import masks_for, seen_by
from training.faces import blending
from training.faces.data import Faces, Sampler, drawn_masks
from training.learning.loop import architecture
from training.networks.published import infer_architecture
from training.networks.stargan import Networks, initialise
from training.presets import Preset

SIZE = 64


@pytest.fixture
def points(landmarks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(landmarks)[None]


@pytest.fixture
def networks(micro: Preset) -> Networks:
    torch.manual_seed(0)
    made = Networks(architecture(replace(micro, blended=True, masked_encoder=True), domains=2))
    initialise(made)
    return made


def test_the_mask_is_one_on_the_nose_and_zero_on_backdrop_and_eyeballs(points: torch.Tensor) -> None:
    mask = blending.face_masks(points, size=SIZE)[0, 0]
    at = (points[0] * SIZE).long()
    assert mask[at[30, 1], at[30, 0]] == 1
    assert mask[0].max() == mask[-1].max() == mask[:, 0].max() == mask[:, -1].max() == 0
    for eye in (range(36, 42), range(42, 48)):
        x, y = (points[0, list(eye)].mean(0) * SIZE).long()
        assert mask[y, x] < 0.3  # at 64 pixels a pixel's middle is not the eye's
        assert blending.seen_masks(points, size=SIZE)[0, 0, y, x] == 1


def test_the_mask_never_reaches_what_is_measured_as_background(points: torch.Tensor) -> None:
    mask = blending.face_masks(points, size=SIZE)[0, 0].numpy()
    assert mask[regions_of(points[0].numpy(), size=SIZE).background].max() == 0


def test_the_mask_moves_with_the_landmarks(points: torch.Tensor) -> None:
    both = torch.cat([points, points + torch.tensor([4 / SIZE, 8 / SIZE])])
    here, there = blending.face_masks(both, size=SIZE)[:, 0]
    assert torch.allclose(here[:-8, :-4], there[8:, 4:], atol=1e-4)


@given(st.integers(0, 1000))
def test_inside_is_where_the_even_odd_rule_says(seed: int) -> None:
    polygon = np.random.default_rng(seed).uniform(0, 1, (7, 2))
    soft = blending.inside(torch.from_numpy(polygon)[None], size=24, edge=1e-9)[0].numpy()
    assert np.array_equal(soft > 0, cut_out(polygon, size=24))


def test_the_edge_rises_inwards_over_its_width() -> None:
    square = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]])
    row = blending.inside(square, size=10, edge=0.5)[0, 4]
    assert torch.allclose(row, torch.tensor([0.1, 0.3, 0.5, 0.7, 0.9, 0.9, 0.7, 0.5, 0.3, 0.1]))


def test_where_the_mask_is_zero_the_source_stays_bit_for_bit() -> None:
    painted, source = torch.randn(2, 3, 8, 8) * 100, torch.randn(2, 3, 8, 8)
    mask = torch.rand(2, 1, 8, 8).round()
    blended = blending.blend(painted, source, mask)
    outside = (mask == 0).expand_as(source)
    assert torch.equal(blended[outside], source[outside])
    assert torch.equal(blended[~outside], painted[~outside])


def test_gradients_reach_the_paint_inside_the_mask_alone() -> None:
    painted = torch.randn(1, 3, 8, 8, requires_grad=True)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    blending.blend(painted, torch.randn(1, 3, 8, 8), mask).square().sum().backward()
    assert painted.grad is not None
    assert painted.grad[..., :4].abs().min() > 0
    assert painted.grad[..., 4:].abs().max() == 0


def test_background_is_the_change_where_nothing_may_change() -> None:
    source, mask = torch.zeros(1, 3, 2, 2), torch.tensor([[[[1.0, 0.0], [0.5, 1.0]]]])
    assert blending.background(source, source, mask) == 0
    assert blending.background(source + 2, source, mask).item() == pytest.approx(2 * (1 + 0.5) / 4)


def test_diversity_outside_the_mask_earns_nothing() -> None:
    one, other = torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    other[..., 2:] = 5
    assert blending.masked_diversity(one, other, mask) == 0
    other[..., :2] = 1
    assert blending.masked_diversity(one, other, mask) == 1


def test_without_its_tone_a_face_is_the_same_in_any_light(points: torch.Tensor) -> None:
    image, mask = torch.rand(1, 3, SIZE, SIZE), blending.seen_masks(points, size=SIZE)
    tinted = image + torch.tensor([0.3, -0.1, 0.2])[:, None, None]
    shown = blending.without_tone(image, mask)
    assert torch.allclose(blending.without_tone(tinted, mask), shown, atol=1e-5)
    assert (shown * (mask == 0)).abs().max() == 0
    assert not torch.allclose(blending.without_tone(image * 2, mask), shown, atol=0.1)


def test_a_blended_generator_leaves_the_surroundings_as_they_are(networks: Networks, points: torch.Tensor) -> None:
    image, code = torch.randn(1, 3, 32, 32), torch.randn(1, 6)
    masks = masks_for(networks, points)
    assert masks is not None
    painted = networks.generator(image, code, masks)
    outside = (masks[:, 2:3] == 0).expand_as(image)
    assert torch.equal(painted[outside], image[outside])
    assert (painted[~outside] != image[~outside]).float().mean() > 0.9


def test_a_masked_encoder_does_not_see_what_is_outside_the_face(networks: Networks, points: torch.Tensor) -> None:
    image, domain = torch.randn(1, 3, 32, 32), torch.tensor([1])
    seen = seen_by(networks, points)
    assert seen is not None
    code = networks.style_encoder(image, domain, seen)
    hidden = seen == 0
    assert torch.equal(networks.style_encoder(torch.where(hidden, torch.randn_like(image), image), domain, seen), code)
    assert not torch.equal(networks.style_encoder(torch.where(hidden, image, -image), domain, seen), code)


def test_who_forgets_the_mask_is_told(networks: Networks) -> None:
    image = torch.randn(1, 3, 32, 32)
    with pytest.raises(ValueError, match="sees"):
        networks.style_encoder(image, torch.tensor([0]))
    with pytest.raises(ValueError, match="masks"):
        networks.generator(image, torch.randn(1, 6))


def test_a_file_of_weights_says_that_they_blend_and_are_masked(networks: Networks, micro: Preset) -> None:
    parts = {name: getattr(networks, name).state_dict() for name in ("generator", "mapping_network", "style_encoder")}
    assert infer_architecture(parts) == networks.arch
    plain = Networks(architecture(micro, domains=2))
    assert not any("blended" in key or "masked" in key for key in plain.state_dict())


def test_a_blended_generator_without_edges_gets_its_mask_all_the_same(points: torch.Tensor) -> None:
    masks = drawn_masks(points, img_size=32, w_hpf=0, blended=True)
    assert masks is not None
    assert torch.equal(masks[:, 2:3], blending.face_masks(points, size=32))
    assert drawn_masks(points, img_size=32, w_hpf=0, blended=False) is None


def test_a_batch_brings_the_mask_of_the_face_as_it_was_cropped_and_flipped(faces: Faces, micro: Preset) -> None:
    batch = Sampler(faces, replace(micro, blended=True), seed=1).batch(0)
    assert batch.masks is not None
    assert torch.equal(batch.masks[:, 2:3], blending.face_masks(batch.points_src, size=32))


def test_a_residual_generator_begins_by_changing_nothing(micro: Preset) -> None:
    networks = Networks(architecture(replace(micro, residual=True, w_hpf=0.0), domains=2))
    initialise(networks)
    image = torch.randn(2, 3, 32, 32)
    assert torch.equal(networks.generator(image, torch.randn(2, 6)), image)
    parts = {name: getattr(networks, name).state_dict() for name in ("generator", "mapping_network", "style_encoder")}
    assert infer_architecture(parts).residual
