"""A probe tells a model that copies from one that keeps, and a discriminator that remembers from one that learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.faces.blending import seen_masks, without_tone
from training.faces.data import Faces
from training.learning.loop import architecture
from training.monitoring.probing import FEWEST, Probe
from training.monitoring.stopping import PROBED
from training.networks.stargan import Networks, initialise
from training.presets import Preset


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
    """Stands for the face network: a person is the colour of every pixel."""
    return picture.reshape(-1).astype(np.float64) / 255


def blind(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
    """Finds a face only where it is told that one is."""
    return None if landmarks is None else describe(picture)


class Flat(nn.Module):
    """A style encoder whose style is the whole picture."""

    def forward(self, images: Tensor, domains: Tensor, seen: Tensor | None) -> Tensor:  # noqa: ARG002 - the seam
        return images.flatten(1)


class Shows(nn.Module):
    """A generator that shows so much of the reference, and of the source for the rest."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, images: Tensor, codes: Tensor, masks: Tensor | None) -> Tensor:  # noqa: ARG002 - the seam
        return self.share * codes.view_as(images) + (1 - self.share) * images


class Judges(nn.Module):
    """A discriminator that says 4 of the pictures that it knows, `unknown` of other faces and −4 of what is painted."""

    def __init__(self, known: Tensor, faces: Tensor, *, unknown: float) -> None:
        super().__init__()
        self.known, self.faces, self.unknown = known, faces, unknown

    def forward(self, images: Tensor, domains: Tensor) -> Tensor:  # noqa: ARG002 - the seam
        return torch.tensor([self._say(image) for image in images])

    def _say(self, image: Tensor) -> float:
        if any(torch.equal(image, face) for face in self.known):
            return 4.0
        return self.unknown if any(torch.equal(image, face) for face in self.faces) else -4.0


@pytest.fixture
def networks(micro: Preset) -> Networks:
    torch.manual_seed(0)
    made = Networks(architecture(micro, domains=2))
    initialise(made)
    return made


@pytest.fixture
def held_out(make_faces: Callable[..., Faces]) -> Faces:
    return make_faces(count=10, seed=5)


def showing(networks: Networks, share: float) -> Networks:
    networks.generator, networks.style_encoder = Shows(share), Flat()  # type: ignore[assignment]
    return networks


def test_it_tells_a_copy_from_a_kept_face(networks: Networks, faces: Faces, held_out: Faces) -> None:
    probe = Probe(faces, held_out, describe=describe)
    kept = probe(networks, showing(networks, 0.0))
    assert (kept["probe/copy_rate"], kept["probe/copy_index"], kept["probe/identity_kept"]) == (0.0, 0.0, 1.0)
    assert (kept["probe/background_change"], kept["probe/makeup_distance"]) == (0.0, pytest.approx(1.0))
    copied = probe(networks, showing(networks, 1.0))
    assert (copied["probe/copy_rate"], copied["probe/copy_index"], copied["probe/identity_kept"]) == (1.0, 1.0, 0.0)
    assert copied["probe/background_change"] > 50
    assert copied["probe/makeup_distance"] == pytest.approx(0.0)
    between = probe(networks, showing(networks, 0.4))
    assert between["probe/copy_index"] == pytest.approx(0.4, abs=0.02)


def test_a_picture_without_a_face_counts_as_one_and_tells_no_copy_rate(
    networks: Networks, faces: Faces, held_out: Faces
) -> None:
    found = Probe(faces, held_out, describe=blind)(networks, showing(networks, 0.0))
    assert found["probe/no_face"] == 1.0
    assert "probe/copy_rate" not in found
    assert "probe/background_change" in found


def test_of_two_directions_the_worse_is_told(networks: Networks, faces: Faces, held_out: Faces) -> None:
    def wary(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
        return None if landmarks is None and picture.mean() > 130 else describe(picture)

    found = Probe(faces, held_out, describe=wary)(networks, showing(networks, 0.0))
    assert (found["probe/bare_to_makeup/no_face"], found["probe/makeup_to_bare/no_face"]) == (0.0, 1.0)
    assert found["probe/no_face"] == 1.0


@pytest.mark.parametrize(("unknown", "overfit"), [(4.0, 0.0), (0.0, 0.5), (-4.0, 1.0)])
def test_overfit_says_how_much_a_face_must_be_known_to_be_taken_for_real(
    networks: Networks, faces: Faces, held_out: Faces, unknown: float, overfit: float
) -> None:
    known, unseen = faces.images(range(len(faces.rows))), held_out.images(range(len(held_out.rows)))
    ema = showing(networks, 0.5)
    networks.discriminator = Judges(known, unseen, unknown=unknown)  # type: ignore[assignment]
    found = Probe(faces, held_out, describe=describe)(networks, ema)
    assert found["probe/overfit"] == pytest.approx(overfit)
    assert found["probe/logit_training"] == 4.0
    assert found["probe/logit_held_out"] == unknown
    assert found["probe/logit_painted"] == -4.0


def test_a_discriminator_that_learned_from_faces_less_their_tone_is_asked_about_such(
    networks: Networks, faces: Faces, held_out: Faces
) -> None:
    def toneless(of: Faces) -> Tensor:
        every = range(len(of.rows))
        images = of.images(every)
        return without_tone(images, seen_masks(of.points(every), size=images.shape[-1]))

    ema = showing(networks, 0.5)
    networks.discriminator = Judges(toneless(faces), toneless(held_out), unknown=4.0)  # type: ignore[assignment]
    found = Probe(faces, held_out, describe=describe, masked_discriminator=True)(networks, ema)
    assert (found["probe/logit_training"], found["probe/logit_held_out"]) == (4.0, 4.0)
    assert found["probe/overfit"] == 0.0


def test_a_discriminator_that_parts_nothing_is_not_said_to_overfit(
    networks: Networks, faces: Faces, held_out: Faces
) -> None:
    found = Probe(faces, held_out, describe=describe)(networks, networks)
    assert abs(found["probe/overfit"]) < 0.5


def test_too_few_held_out_faces_are_not_measured(networks: Networks, faces: Faces, held_out: Faces) -> None:
    few = replace(
        held_out,
        rows=held_out.rows[: 2 * FEWEST - 1],
        domains=held_out.domains[: 2 * FEWEST - 1],
        landmarks=held_out.landmarks[: 2 * FEWEST - 1],
    )
    assert set(Probe(faces, few, describe=describe)(networks, networks)) == {"probe/seconds"}


def test_the_same_pairs_are_looked_at_each_time_and_no_weight_or_draw_changes(
    networks: Networks, faces: Faces, held_out: Faces
) -> None:
    before = {name: tensor.clone() for name, tensor in networks.state_dict().items()}
    random = torch.get_rng_state()
    probe = Probe(faces, held_out, describe=describe)
    first, second = probe(networks, networks), probe(networks, networks)
    for found in (first, second):
        assert found.pop("probe/seconds") > 0
    assert first == second
    assert {f"probe/{name}" for name in PROBED} <= set(first)
    assert all(torch.equal(tensor, before[name]) for name, tensor in networks.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert all(parameter.grad is None for parameter in networks.parameters())
