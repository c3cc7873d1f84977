"""How a head is turned is read off its landmarks: known turns of the generic face come back, and so do their signs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from preprocessing.checks import CHECKS, POSE_VERSION, FaceView
from preprocessing.evaluation.fitted import fitted_on
from preprocessing.fitting.pose import Seen, agreement, find
from preprocessing.geometry import MIRRORED, FoundFace, Landmarks, Points
from preprocessing.pose import STEADY, Shape, Turn, face, provenance, rotation, turn_of, version

turns = st.builds(Turn, yaw=st.floats(-55, 55), pitch=st.floats(-35, 35), roll=st.floats(-40, 40))


def seen(turn: Turn, *, distance: float | None = None, shape: Shape | None = None) -> Landmarks:
    """The landmarks of a face that is turned so; from so many eye distances away, or from infinitely far."""
    solid = (face() if shape is None else shape) @ turn.matrix().T
    nearer = 1.0 if distance is None else distance / (distance + solid[:, 2:])
    return Landmarks.of(solid[:, :2] * nearer * 60 + 128)


def apart(one: Turn, other: Turn) -> float:
    """The angle between two turns, in degrees."""
    between = (np.trace(one.matrix().T @ other.matrix()) - 1) / 2
    return float(np.degrees(np.arccos(np.clip(between, -1, 1))))


# ---------------------------------------------------------------------------------------------- the turn


@settings(deadline=None)
@given(turn=turns)
def test_angles_and_rotation_say_the_same(turn: Turn) -> None:
    again = Turn.of(turn.matrix())
    assert (again.yaw, again.pitch, again.roll) == pytest.approx((turn.yaw, turn.pitch, turn.roll), abs=1e-6)


@settings(deadline=None)
@given(turn=turns)
def test_the_turn_of_the_generic_face_comes_back(turn: Turn) -> None:
    assert apart(turn_of(seen(turn)), turn) < 1


@settings(deadline=None)
@given(turn=turns, seed=st.integers(0, 99))
def test_landmarks_that_are_a_pixel_off_move_the_turn_by_a_few_degrees(turn: Turn, seed: int) -> None:
    """As large as dlib finds it: eyes 60 pixels apart, each landmark off by a pixel."""
    there = seen(turn).array()
    noise = np.random.default_rng(seed).normal(0, 1, there.shape)
    assert apart(turn_of(Landmarks.of(there + noise)), turn) < 6


@settings(deadline=None)
@given(turn=st.builds(Turn, yaw=st.floats(-40, 40), pitch=st.floats(-25, 25), roll=st.floats(-20, 20)))
def test_a_camera_at_arms_length_moves_the_turn_by_a_few_degrees(turn: Turn) -> None:
    assert apart(turn_of(seen(turn, distance=10)), turn) < 6


@settings(deadline=None)
@given(
    turn=turns,
    scale=st.floats(0.1, 20),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_neither_size_nor_place_matters(turn: Turn, scale: float, x: float, y: float) -> None:
    moved = Landmarks.of(seen(turn).array() * scale + (x, y))
    assert apart(turn_of(moved), turn_of(seen(turn))) < 0.01


@settings(deadline=None)
@given(turn=turns)
def test_the_mirror_image_is_turned_the_other_way(turn: Turn) -> None:
    mirrored = seen(turn).array()[MIRRORED] * (-1, 1)
    assert apart(turn_of(Landmarks.of(mirrored)), Turn(-turn.yaw, turn.pitch, -turn.roll)) < 1


def test_the_signs_are_those_that_the_check_tells() -> None:
    """The tip of the nose goes where the person looks; the eyes' line turns as a clock's hand does."""
    tip = seen(Turn(0, 0, 0)).array()[30]
    assert seen(Turn(20, 0, 0)).array()[30][0] > tip[0] + 5
    assert seen(Turn(0, 20, 0)).array()[30][1] < tip[1] - 5
    tilted = seen(Turn(0, 0, 20))
    assert tilted.left_eye[1] > tilted.right_eye[1] + 5


# --------------------------------------------------------------------------------------------- the check


@pytest.mark.parametrize(
    ("turn", "passes"),
    [
        (Turn(0, 0, 0), True),
        (Turn(25, 0, 0), True),
        (Turn(-25, 5, 0), True),
        (Turn(36, 0, 0), False),
        (Turn(-50, 0, 0), False),
        (Turn(0, 36, 0), False),
        (Turn(0, -36, 0), False),
        (Turn(0, 0, 26), False),
    ],
)
def test_a_face_that_looks_away_is_flagged(turn: Turn, passes: bool) -> None:
    view = FaceView(np.zeros((512, 512, 3), np.uint8), seen(turn), 0.0, 600.0)
    measure = CHECKS["pose"].measure(view)
    assert (measure.value >= CHECKS["pose"].threshold) is passes
    assert measure.detail == pytest.approx({"yaw": turn.yaw, "pitch": turn.pitch, "roll": turn.roll}, abs=1.5)


def test_landmarks_in_one_point_are_no_error() -> None:
    one = Landmarks(((3.0, 3.0),) * 68)
    assert all(np.isfinite(angle) for angle in (turn_of(one).yaw, turn_of(one).pitch, turn_of(one).roll))


def test_an_astronaut_looks_nearly_into_the_camera(astronaut_face: FoundFace) -> None:
    assert apart(turn_of(astronaut_face.landmarks), Turn(0, 0, 0)) < 20


# ---------------------------------------------------------------------------------------- the generic face


def test_the_face_is_even_and_looks_into_the_camera() -> None:
    shape = face()
    assert shape == pytest.approx(shape[MIRRORED] * (-1, 1, 1), abs=1e-4)
    assert apart(Turn.of(rotation(shape[STEADY, :2], shape[STEADY])[0]), Turn(0, 0, 0)) < 0.1


def test_the_face_is_as_deep_as_faces_are() -> None:
    """From the tip of the nose to the outline 1 to 2 eye distances; its bridge lies a third of one behind it."""
    depth = face()[:, 2]
    assert depth[30] == depth.min()
    assert 1 < depth[[0, 16]].mean() - depth[30] < 2.0
    assert 0.2 < depth[27] - depth[30] < 0.6


def test_the_face_says_what_it_was_made_from() -> None:
    assert f"face-{version()}" == POSE_VERSION
    assert fitted_on(POSE_VERSION) == set(provenance()["repositories"])
    assert len(provenance()["repositories"]) > 3
    assert provenance()["faces"] > 100


def heads(count: int) -> list[Seen]:
    """People who are turned this way and that, each a little different, of two repositories."""
    chance = np.random.default_rng(0)
    found = []
    for number in range(count):
        turn = Turn(*chance.normal(0, (18, 9, 4)))
        own = face() + chance.normal(0, 0.01, (68, 3))
        points: Points = seen(turn, shape=own).array() / 60
        found.append(Seen(f"repository {number % 2}", points - points.mean(axis=0)))
    return found


@pytest.mark.slow
def test_the_shape_is_found_from_its_pictures_alone() -> None:
    found = find(heads(60))
    true = face()
    gap = found[STEADY] - found[STEADY].mean(axis=0) - (true[STEADY] - true[STEADY].mean(axis=0))
    # Which turn counts as none is the median of the heads: that much of a turn about the ears is left open.
    assert np.abs(gap).max() < 0.15
    assert agreement(heads(60))["yaw"] < 3
