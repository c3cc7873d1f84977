"""The domain classifier learns make-up, and is blind to all that merely goes with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import BadCheckpoint
from training.evaluation.classifier import DomainClassifier, load, outline, train_classifier
from training.evaluation.regions import regions_of
from training.faces.data import Faces

SIZE = 64


def painted(landmarks: np.ndarray, *, people: range) -> Faces:
    """Flat portraits, every other one made up: skin, backdrop, lips and lids are each the person's own."""
    pixels = np.empty((len(people), SIZE, SIZE, 3), np.uint8)
    domains = np.arange(len(people)) % 2
    regions = regions_of(landmarks, size=SIZE)
    for picture, person, made_up in zip(pixels, people, domains, strict=True):
        draw = np.random.default_rng(person)
        picture[:] = draw.integers(0, 256, 3)
        skin = draw.integers(90, 220) * np.array([1.0, 0.8, 0.7])
        picture[~regions.background] = skin
        picture[regions.lips] = skin * ([0.9, 0.4, 0.5] if made_up else [0.95, 0.85, 0.9])
        picture[regions.lids] = skin * ([0.5, 0.4, 0.8] if made_up else [0.95, 0.95, 0.95])
    points = np.repeat(landmarks[None], len(people), 0)
    return Faces(pixels, np.arange(len(people)), domains, points, ("bare", "makeup"))


@pytest.fixture(scope="module")
def classifier(landmarks: np.ndarray) -> DomainClassifier:
    return train_classifier(
        painted(landmarks, people=range(40)), seed=3, steps=60, held_out=painted(landmarks, people=range(100, 140))
    )


def test_it_tells_faces_of_people_it_never_saw(classifier: DomainClassifier) -> None:
    assert classifier.held_out_accuracy > 0.9
    assert classifier.held_out_faces == 40


def test_it_judges_pictures_of_any_size(classifier: DomainClassifier, landmarks: np.ndarray) -> None:
    faces = painted(landmarks, people=range(200, 216))
    images = faces.images(range(16))
    for size in (32, 64, 128):
        resized = torch.nn.functional.interpolate(images, size=size, mode="bilinear", align_corners=False)
        verdicts = classifier.logits(resized).argmax(1).numpy()
        assert (verdicts == faces.domains).mean() > 0.85


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), shift=st.floats(-0.3, 0.3))
def test_neither_surroundings_nor_exposure_reach_the_verdict(
    classifier: DomainClassifier, landmarks: np.ndarray, seed: int, shift: float
) -> None:
    images = painted(landmarks, people=range(4)).images(range(4))
    inside = outline(torch.from_numpy(landmarks)[None], size=SIZE).bool()
    points = torch.from_numpy(landmarks).expand(4, -1, -1)
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    elsewhere = torch.where(inside, images + shift, noise)
    assert torch.allclose(classifier.logits(images, points), classifier.logits(elsewhere, points), atol=1e-3)


def test_labels_that_hang_on_the_backdrop_cannot_be_learned(landmarks: np.ndarray) -> None:
    def on_a_wall(people: range) -> Faces:
        faces = painted(landmarks, people=people)
        background = regions_of(landmarks, size=SIZE).background
        for pixels, domain in zip(faces.pixels, faces.domains, strict=True):
            pixels[~background] = 150
            pixels[background] = 250 * domain
        return faces

    fooled = train_classifier(on_a_wall(range(20)), seed=0, steps=40, held_out=on_a_wall(range(50, 70)))
    assert fooled.held_out_accuracy <= 0.75


def test_the_same_faces_and_seed_give_the_same_classifier(landmarks: np.ndarray) -> None:
    faces = painted(landmarks, people=range(10))
    first = train_classifier(faces, seed=1, steps=3)
    assert train_classifier(faces, seed=1, steps=3).version == first.version
    assert train_classifier(faces, seed=2, steps=3).version != first.version


def test_training_leaves_the_random_numbers_of_others_alone(faces: Faces) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    train_classifier(faces, seed=1, steps=2)
    assert torch.equal(torch.rand(3), wanted)


def test_it_is_kept_as_bytes_and_read_back_the_same(classifier: DomainClassifier, faces: Faces) -> None:
    again = load(classifier.save())
    assert again.version == classifier.version
    assert again.names == ("bare", "makeup")
    assert again.held_out_accuracy == classifier.held_out_accuracy
    assert torch.equal(again.logits(faces.images([0, 1])), classifier.logits(faces.images([0, 1])))


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"\x80\x02}."])
def test_bytes_that_are_no_classifier_are_refused(data: bytes) -> None:
    with pytest.raises(BadCheckpoint):
        load(data)


def test_a_domain_without_faces_leaves_an_untrained_classifier_without_a_number(faces: Faces) -> None:
    alone = replace(faces, domains=np.zeros_like(faces.domains))
    untrained = train_classifier(alone, seed=0, steps=2, held_out=replace(faces, domains=faces.domains + 7))
    assert np.isnan(untrained.held_out_accuracy)
    assert untrained.held_out_faces == 0


def test_gradients_pass_to_the_pictures_and_not_to_the_weights(classifier: DomainClassifier, faces: Faces) -> None:
    images = faces.images([0, 1]).requires_grad_()
    classifier.logits(images).sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in classifier.network.parameters())


def test_the_outline_is_what_the_regions_call_the_face(landmarks: np.ndarray, make_faces: Callable[..., Faces]) -> None:
    regions = regions_of(landmarks, size=128)
    face = outline(make_faces().points([0]), size=128)[0, 0].numpy().astype(bool)
    assert not (face & regions.background).any()
    assert face[regions.lips | regions.lids].all()
