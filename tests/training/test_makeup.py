"""The losses that take the colours of a face and keep its shape."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.evaluation.regions import regions_of
from training.faces import heatmaps
from training.faces.blending import face_masks
from training.faces.data import Faces, Sampler
from training.learning import makeup
from training.learning.descent import Descent, optimisers_of
from training.learning.loop import architecture
from training.networks.stargan import Networks, initialise
from training.presets import Preset

SIZE = 64
SKIN, LIPSTICK, SHADOW = (0.4, 0.1, -0.1), (0.5, -0.8, -0.5), (-0.6, -0.4, 0.3)
MADE_UP, BARE = torch.tensor([False]), torch.tensor([True])


@pytest.fixture
def points(landmarks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(landmarks)[None]


def portrait(points: torch.Tensor, **colours: tuple[float, float, float]) -> torch.Tensor:
    """A face [1,3,S,S] of flat regions."""
    image = torch.tensor(colours.pop("skin", SKIN))[:, None, None].repeat(1, SIZE, SIZE)
    for name, colour in colours.items():
        image[:, torch.from_numpy(getattr(regions_of(points[0].numpy(), size=SIZE), name))] = torch.tensor(colour)[
            :, None
        ]
    return image[None]


def loss(output: torch.Tensor, reference: torch.Tensor, points: torch.Tensor, **given: torch.Tensor) -> torch.Tensor:
    source = given.get("source", output)
    bare = given.get("bare", MADE_UP)
    return makeup.colour_loss(output, points, reference, points, source=source, bare=bare)


def test_every_region_is_read_inside_itself(points: torch.Tensor) -> None:
    face = portrait(points, skin=(0.0, 0.0, 0.0), lids=(0.0, 1.0, 0.0), lips=(1.0, 0.0, 0.0))
    found = makeup.colours(face, points)
    assert found["lips"][0, 0].mean() > 0.6
    assert found["lips"][0, 1].max() < 0.2
    assert found["lids"][0, 1].mean() > 0.6
    assert found["skin"][0].amax() < 0.2


def test_equal_faces_cost_nothing(points: torch.Tensor) -> None:
    face = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    assert loss(face, face, points).item() == pytest.approx(0, abs=1e-6)


def test_the_same_colours_elsewhere_in_the_region_cost_nothing(points: torch.Tensor) -> None:
    face = torch.rand(1, 3, SIZE, SIZE) * 2 - 1
    mirrored = torch.stack([1 - points[..., 0], points[..., 1]], -1)
    found = makeup.colour_loss(face, points, face.flip(3), mirrored, source=face, bare=MADE_UP)
    assert found.item() == pytest.approx(0, abs=1e-5)


def test_the_loss_falls_as_colours_approach(points: torch.Tensor) -> None:
    bare, wanted = portrait(points), portrait(points, lips=LIPSTICK, lids=SHADOW)
    costs = [
        loss(torch.lerp(bare, wanted, share), wanted, points, source=bare).item() for share in (0, 0.25, 0.5, 0.75)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.5 * costs[0]


def test_going_down_on_it_paints_the_lips_and_leaves_the_backdrop(points: torch.Tensor) -> None:
    bare, wanted = portrait(points), portrait(points, lips=LIPSTICK)
    painted = bare.clone().requires_grad_()
    optimiser = torch.optim.Adam([painted], lr=0.05)
    for _ in range(60):
        optimiser.zero_grad()
        loss(painted, wanted, points, source=bare).backward()
        optimiser.step()
    regions = regions_of(points[0].numpy(), size=SIZE)
    lips = painted.detach()[0][:, torch.from_numpy(regions.lips)].mean(1)
    assert torch.allclose(lips, torch.tensor(LIPSTICK), atol=0.25)
    assert torch.equal(painted.detach()[0][:, torch.from_numpy(regions.background)],
                       bare[0][:, torch.from_numpy(regions.background)])  # fmt: skip


def test_each_face_has_its_own_distance(points: torch.Tensor) -> None:
    one, other = portrait(points, lips=LIPSTICK), portrait(points, lids=SHADOW)
    both = points.expand(2, -1, -1)
    found = makeup.colour_loss(torch.cat([one, other]), both, one.expand(2, -1, -1, -1), both,
                               source=torch.cat([one, other]), bare=MADE_UP.expand(2))  # fmt: skip
    assert found[0].item() == pytest.approx(0, abs=1e-6)
    assert found[1] > 0.1


def test_nobody_is_asked_to_take_the_reference_s_skin(points: torch.Tensor) -> None:
    fair, dark = portrait(points, lips=LIPSTICK), portrait(points, skin=(-0.5, -0.7, -0.8), lips=LIPSTICK)
    own = makeup.colour_loss(dark, points, fair, points, source=dark, bare=MADE_UP)
    taken = makeup.colour_loss(fair, points, fair, points, source=dark, bare=MADE_UP)
    assert own < taken / 2


def test_without_make_up_lips_are_a_multiple_of_the_skin(points: torch.Tensor) -> None:
    fair = portrait(points, skin=(0.6, 0.2, 0.0), lips=(0.28, -0.4, -0.5))  # .8, .5, .5 times the skin's light
    dark = portrait(points, skin=(-0.2, -0.4, -0.5), lips=(-0.36, -0.7, -0.75))
    assert loss(dark, fair, points, bare=BARE).item() < 0.12
    assert loss(dark, fair, points, bare=MADE_UP).item() > 0.3


def test_structure_ignores_what_changes_smoothly_and_sees_an_edge(points: torch.Tensor) -> None:
    face, steady = torch.rand(1, 3, SIZE, SIZE), makeup.steady_masks(points, size=SIZE)
    assert makeup.structure_loss(face, face, steady) == 0
    assert makeup.structure_loss(face + 0.3, face, steady).item() == pytest.approx(0, abs=1e-6)
    edge = face.clone()
    edge[..., SIZE // 2 :] += 0.5
    assert makeup.structure_loss(edge, face, steady) > 0.005


def test_structure_lets_lips_and_lids_change(points: torch.Tensor) -> None:
    steady = makeup.steady_masks(points, size=SIZE)[0, 0].numpy()
    regions = regions_of(points[0].numpy(), size=SIZE)
    assert steady[regions.lips].mean() < 0.3
    assert steady[regions.lids].mean() < 0.3
    assert steady[regions.skin].mean() > 0.5
    assert (steady <= face_masks(points, size=SIZE)[0, 0].numpy()).all()


@pytest.mark.parametrize("size", [32, 48])
def test_gradients_of_both_flow_at_any_size(points: torch.Tensor, size: int) -> None:
    image = torch.rand(2, 3, size, size, requires_grad=True)
    both, other = points.expand(2, -1, -1), torch.rand(2, 3, size, size)
    total = makeup.colour_loss(image, both, other, both, source=other, bare=torch.tensor([True, False]))
    (total.sum() + makeup.structure_loss(image, other, makeup.steady_masks(both, size=size))).backward()
    assert image.grad is not None
    assert image.grad.flatten(1).abs().amax(1).min() > 0


SWITCHES = {
    "residual": True,
    "blended": True,
    "masked_encoder": True,
    "encoder_learns": True,
    "masked_discriminator": True,
    "d_lr": 1e-2,
    "masked_diversity": True,
    "lambda_colour": 1.0,
    "lambda_structure": 1.0,
    "lambda_background": 1.0,
    "lambda_self": 1.0,
    "augment_share": 0.7,
}


@pytest.mark.parametrize("reordered", [False, True])
def test_steps_with_every_switch_on_are_the_same_in_either_order(faces: Faces, micro: Preset, reordered: bool) -> None:
    preset = replace(micro, reordered=reordered, **SWITCHES)  # type: ignore[arg-type]
    losses = two_steps(faces, preset)
    published = two_steps(faces, replace(preset, reordered=False))
    assert {"G/latent_self", "G/reference_colour", "G/latent_structure", "G/reference_background"} <= losses.keys()
    assert losses == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize("name", sorted(SWITCHES))
def test_each_switch_by_itself_changes_the_step(faces: Faces, micro: Preset, name: str) -> None:
    assert two_steps(faces, replace(micro, **{name: SWITCHES[name]})) != two_steps(faces, micro)  # type: ignore[arg-type]


def two_steps(faces: Faces, preset: Preset) -> dict[str, float]:
    """The second step's losses: the first has moved the weights."""
    torch.manual_seed(3)
    networks = Networks(architecture(preset, domains=2))
    initialise(networks)
    ema = Networks(networks.arch)
    optimisers = optimisers_of(networks, preset)
    descend, sampler = Descent(networks, ema, preset, optimisers=optimisers), Sampler(faces, preset, seed=2)
    descend(sampler.batch(0), step=0)
    return {name: value.item() for name, value in descend(sampler.batch(1), step=1).items()}


def test_what_never_changes_is_sent_to_a_device_once(faces: Faces, micro: Preset) -> None:
    sent = (makeup._points, makeup._constant, heatmaps._dots_at)
    preset = replace(micro, **SWITCHES)  # type: ignore[arg-type]
    two_steps(faces, preset)
    before = [one.cache_info().misses for one in sent]
    two_steps(faces, preset)
    assert [one.cache_info().misses for one in sent] == before
    assert all(one.cache_info().hits for one in sent)
