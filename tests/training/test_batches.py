"""Batches: a pure function of seed and step, balanced, with masks that follow the picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import BadSnapshot
from training.faces import heatmaps
from training.faces.data import Faces, Sampler, augment
from training.presets import Preset


def test_the_batch_of_a_step_depends_on_seed_and_step_alone(faces: Faces, micro: Preset) -> None:
    forward = [Sampler(faces, micro, seed=3).batch(step) for step in (5, 6)]
    sampler = Sampler(faces, micro, seed=3)
    backward = [sampler.batch(6), sampler.batch(5)]
    for name in ("x_src", "y_src", "masks", "x_ref", "x_ref2", "y_ref", "z_ref", "z_ref2"):
        assert torch.equal(getattr(forward[0], name), getattr(backward[1], name))
    assert not torch.equal(forward[0].z_ref, forward[1].z_ref)
    assert not torch.equal(forward[0].z_ref, Sampler(faces, micro, seed=4).batch(5).z_ref)


def test_a_pack_kept_on_the_device_gives_the_same_batch_bit_for_bit(faces: Faces, micro: Preset) -> None:
    odd = replace(faces, rows=faces.rows[::-1].copy())  # a split's rows lie anywhere in the pack
    sampler, kept = Sampler(odd, micro, seed=3), Sampler(odd, micro, seed=3)
    assert kept.keep("cpu")
    for name in ("x_src", "masks", "x_ref", "x_ref2", "points_src", "y_ref"):
        assert torch.equal(getattr(sampler.batch(5), name), getattr(kept.batch(5), name))


def test_shapes_and_range(faces: Faces, micro: Preset) -> None:
    batch = Sampler(faces, micro, seed=0).batch(0)
    assert batch.x_src.shape == batch.x_ref.shape == batch.x_ref2.shape == (2, 3, 32, 32)
    assert batch.masks is not None
    assert batch.masks.shape == (2, 2, 32, 32)
    assert batch.z_ref.shape == batch.z_ref2.shape == (2, 4)
    assert -1 <= batch.x_src.min() < batch.x_src.max() <= 1


def test_no_masks_without_high_pass(faces: Faces, micro: Preset) -> None:
    assert Sampler(faces, replace(micro, w_hpf=0.0), seed=0).batch(0).masks is None


def test_both_domains_come_equally_often_however_few_faces_one_has(
    make_faces: Callable[..., Faces], micro: Preset
) -> None:
    faces = make_faces(count=40)
    rare = replace(faces, domains=(np.arange(40) < 2).astype(int))
    sampler = Sampler(rare, replace(micro, batch_size=64), seed=0)
    share = np.mean([sampler.batch(step).y_src.float().mean().item() for step in range(6)])
    assert 0.4 < share < 0.6


def test_the_two_references_are_of_the_target_domain_and_differ(
    make_faces: Callable[..., Faces], micro: Preset
) -> None:
    faces = make_faces(count=8)
    plain = np.repeat(np.arange(8) * 30, 32 * 32 * 3).reshape(8, 32, 32, 3).astype(np.uint8)
    batch = Sampler(replace(faces, pixels=plain), replace(micro, batch_size=32), seed=0).batch(0)

    def which(images: torch.Tensor) -> np.ndarray:
        return np.rint((images.mean((1, 2, 3)).numpy() + 1) * 127.5 / 30).astype(int)

    one, other = which(batch.x_ref), which(batch.x_ref2)
    assert (one % 2 == batch.y_ref.numpy()).all()
    assert (other % 2 == batch.y_ref.numpy()).all()
    assert (one != other).all()


def test_a_domain_of_one_face_is_its_own_second_reference(make_faces: Callable[..., Faces], micro: Preset) -> None:
    batch = Sampler(make_faces(count=2), micro, seed=0).batch(0)
    assert batch.x_ref2.shape == batch.x_ref.shape


def test_a_pack_of_another_size_is_refused(make_faces: Callable[..., Faces], micro: Preset) -> None:
    with pytest.raises(BadSnapshot, match="64 pixels"):
        Sampler(make_faces(size=64), micro, seed=0)


def test_without_crop_a_picture_is_itself_or_its_mirror_image() -> None:
    images, points = torch.rand(16, 3, 32, 32), torch.rand(16, 68, 2)
    out, moved = augment(images, points, np.random.default_rng(0), randcrop_prob=0.0)
    flipped = moved[:, 0, 0] != points[:, 0, 0]
    assert 0 < flipped.sum() < 16
    assert torch.allclose(out[~flipped], images[~flipped], atol=1e-5)
    assert torch.allclose(out[flipped], images[flipped].flip(3), atol=1e-5)
    assert torch.allclose(moved[flipped][..., 0], 1 - points[flipped][..., 0])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), x=st.floats(0.3, 0.7), y=st.floats(0.3, 0.7))
def test_landmarks_stay_on_what_they_mark(seed: int, x: float, y: float) -> None:
    size = 64
    at = (torch.arange(size) + 0.5) / size
    spot = torch.exp(-((at[None, :] - x) ** 2 + (at[:, None] - y) ** 2) / (2 * 0.03**2))
    points = torch.tensor([x, y]).expand(1, 68, 2)
    out, moved = augment(spot.expand(1, 3, -1, -1), points, np.random.default_rng(seed), randcrop_prob=1.0)
    weight = out[0, 0] / out[0, 0].sum()
    centre = torch.stack([(weight.sum(0) * at).sum(), (weight.sum(1) * at).sum()])
    assert torch.allclose(centre, moved[0, 0], atol=1.0 / size)


def test_coarse_masks_hold_mouth_and_brows_and_fine_ones_do_not(landmarks: np.ndarray) -> None:
    masks = heatmaps.draw(torch.from_numpy(landmarks)[None], size=64)[0]
    assert masks.shape == (2, 64, 64)
    assert 0 <= masks.min() <= masks.max() <= 1

    def at(channel: int, point: int) -> float:
        x, y = (landmarks[point] * 64).astype(int)
        return masks[channel, y, x].item()

    for point in (8, 19, 24, 30, 37, 44, 48, 62):  # chin, brows, nose, eyes, mouth
        assert at(0, point) > 0.5, point
    for point in (30, 37, 44):
        assert at(1, point) > 0.5, point
    for point in (8, 19, 24, 48, 62):
        assert at(1, point) < 0.1, point
    assert masks[:, :8].max() == 0
    assert at(0, 0) < 0.1  # the jaw beside the ears is left to the style


def test_landmarks_outside_the_picture_draw_nothing_and_break_nothing() -> None:
    masks = heatmaps.draw(torch.full((1, 68, 2), 3.0), size=32)
    assert masks.max() < 1e-6
