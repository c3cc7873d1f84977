"""Pairs are told apart by tone of skin, pose and size of the face; few of a kind say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.pairs import Pictures, measure_pairs
from training.evaluation.slices import ENOUGH, skin_tone, sliced, slices_of, turned

SKINS = {"light": (236, 204, 188), "medium": (198, 148, 110), "dark": (108, 72, 52)}


def pictures(landmarks: np.ndarray, *, tones: list[str]) -> Pictures:
    sources = np.array([np.full((32, 32, 3), SKINS[tone]) for tone in tones], np.uint8)
    points = np.repeat(landmarks[None], len(tones), 0)
    return Pictures(sources, points, sources[::-1], points, sources)


@pytest.mark.parametrize("tone", SKINS)
def test_skin_is_light_medium_or_dark(landmarks: np.ndarray, tone: str) -> None:
    picture = np.full((64, 64, 3), SKINS[tone], np.uint8)
    assert skin_tone(picture, landmarks, size=64) == tone


def test_a_head_is_turned_by_as_much_as_its_nose_is_off_the_middle(landmarks: np.ndarray) -> None:
    assert turned(landmarks) == pytest.approx(0, abs=1e-6)
    aside = landmarks.copy()
    aside[30, 0] += 0.11  # half of half the jaw's width
    assert turned(aside) == pytest.approx(0.5, abs=0.01)


def test_a_slice_is_told_when_it_has_enough_pairs(landmarks: np.ndarray) -> None:
    shown = pictures(landmarks, tones=["light"] * ENOUGH + ["dark"] * (ENOUGH - 1))
    found = slices_of(shown)
    assert {name: len(rows) for name, rows in found.items()} == {
        "skin:light": ENOUGH,
        "pose:frontal": 2 * ENOUGH - 1,
        "face:large": 2 * ENOUGH - 1,
    }


def test_a_slice_s_numbers_are_those_of_its_pairs_alone(landmarks: np.ndarray) -> None:
    shown = pictures(landmarks, tones=["light"] * ENOUGH + ["dark"] * ENOUGH)
    shown.outputs[ENOUGH:] = 0  # of dark faces it makes black pictures

    def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
        return picture.mean((0, 1)) / 255 if picture.any() else None

    shown = Pictures(
        shown.sources, shown.source_landmarks, shown.references, shown.reference_landmarks, shown.outputs.copy()
    )
    pairs = measure_pairs(shown, describe=describe)
    numbers = dict(sliced(pairs, shown))
    assert numbers["slice=skin:light/pairs"] == numbers["slice=skin:dark/pairs"] == ENOUGH
    assert "slice=skin:medium/pairs" not in numbers
    assert all(name.startswith("slice=") and name.count("/") == 1 for name in numbers)
