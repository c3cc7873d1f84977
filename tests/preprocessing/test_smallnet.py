"""The small networks: NumPy answers as PyTorch does, weights keep their name, and fitting learns what can be learnt."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.fitting.network import fit, save
from preprocessing.smallnet import HEIGHT, WIDTH, Array, Weights, answer, joined, margin


def drawn(seed: int, planes: int) -> Weights:
    chance = np.random.default_rng(seed)
    depths = [planes, 3, 5, 4]
    return Weights(
        kernels=tuple(chance.normal(0, 0.4, (b, a, 3, 3)).astype(np.float32) for a, b in pairwise(depths)),
        biases=tuple(chance.normal(0, 0.4, b).astype(np.float32) for b in depths[1:]),
        last=chance.normal(0, 0.4, depths[-1] * (HEIGHT // 8) * (WIDTH // 8)).astype(np.float32),
        bias=0.25,
        version="",
        provenance="",
    )


@given(seed=st.integers(0, 9999), planes=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_numpy_gives_what_torch_gives(seed: int, planes: int) -> None:
    weights = drawn(seed, planes)
    picture = np.random.default_rng(seed).normal(0, 1, (planes, HEIGHT, WIDTH)).astype(np.float32)
    seen = torch.from_numpy(picture)[None]
    for kernel, bias in zip(weights.kernels, weights.biases, strict=True):
        seen = F.max_pool2d(F.relu(F.conv2d(seen, torch.from_numpy(kernel), torch.from_numpy(bias), padding=1)), 2)
    expected = float(seen.flatten() @ torch.from_numpy(weights.last)) + weights.bias
    assert margin(weights, picture) == pytest.approx(expected, abs=1e-3)


@given(seeds=st.lists(st.integers(0, 9999), min_size=1, max_size=4), planes=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_joined_networks_say_the_mean_of_what_each_says(seeds: list[int], planes: int) -> None:
    several = [drawn(seed, planes) for seed in seeds]
    picture = np.random.default_rng(1).normal(0, 1, (planes, HEIGHT, WIDTH)).astype(np.float32)
    mean = np.mean([margin(one, picture) for one in several])
    assert margin(joined(several), picture) == pytest.approx(mean, abs=1e-3)


def test_the_threshold_that_was_chosen_becomes_a_half(tmp_path: Path) -> None:
    weights = drawn(1, 2)
    picture = np.random.default_rng(2).normal(0, 1, (2, HEIGHT, WIDTH)).astype(np.float32)
    rounded = save(tmp_path / "a.npz", weights, threshold=0.0, provenance={})
    chosen = save(tmp_path / "b.npz", weights, threshold=margin(rounded, picture), provenance={"from": "here"})
    assert answer(chosen, picture) == pytest.approx(0.5, abs=1e-6)
    assert chosen.version != rounded.version
    assert chosen.provenance == '{"from": "here"}'


def test_the_same_weights_have_the_same_name_whatever_is_said_about_them(tmp_path: Path) -> None:
    one = save(tmp_path / "a.npz", drawn(1, 1), threshold=0.5, provenance={"people": 3})
    other = save(tmp_path / "b.npz", drawn(1, 1), threshold=0.5, provenance={"people": 4})
    assert one.version == other.version != save(tmp_path / "c.npz", drawn(2, 1), threshold=0.5, provenance={}).version


def bright_side(chance: np.random.Generator) -> tuple[Array, bool]:
    left = bool(chance.random() < 0.5)
    picture = chance.normal(0, 1, (1, HEIGHT, WIDTH)).astype(np.float32)
    picture[:, :, : WIDTH // 2] += 0.5 if left else -0.5
    return picture, left


def test_fitting_learns_what_can_be_learnt_and_twice_the_same() -> None:
    weights = fit(bright_side, planes=1, rounds=2, seed=3)
    chance = np.random.default_rng(99)
    shown = [bright_side(chance) for _ in range(100)]
    assert np.mean([(margin(weights, picture) > 0) == left for picture, left in shown]) > 0.95
    again = fit(bright_side, planes=1, rounds=2, seed=3)
    assert margin(again, shown[0][0]) == margin(weights, shown[0][0])
