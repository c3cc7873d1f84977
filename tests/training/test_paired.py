"""Two models on the same pairs: how far a difference may be chance, told without more certainty than there is."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import Oracle

from training.evaluation.examining import Direction, measure
from training.evaluation.paired import (
    ENOUGH_PEOPLE,
    MEANS,
    RATIO,
    Interval,
    Kept,
    interval,
    intervals,
    kept_in,
    kept_of,
    written,
)
from training.evaluation.pairs import measure_pairs, summarise
from training.evaluation.report import Story, render
from training.release.beside import put_in, told
from training.release.promotion import compare

WAY = "bare_to_makeup"
seeds = st.integers(0, 10_000)


def numbers(seed: int, *, pairs: int = 60, people: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changes, weights, and whose they are."""
    draw = np.random.default_rng(seed)
    return draw.normal(0, 1, pairs), 0.5 + draw.random(pairs), draw.permutation(np.arange(pairs) % people)


def told_of(change: np.ndarray, weights: np.ndarray, people: np.ndarray) -> Interval:
    found = interval(change, weights, people=people)
    assert found is not None
    return found


@given(seed=seeds)
def test_it_lies_within_what_single_people_show_and_the_same_numbers_give_the_same(seed: int) -> None:
    change, weights, people = numbers(seed)
    found = told_of(change, weights, people)
    single = np.bincount(people, change) / np.bincount(people, weights)
    assert single.min() - 1e-9 <= found.low <= found.high <= single.max() + 1e-9
    assert found == told_of(change, weights, people)


@given(seed=seeds, order=st.randoms())
def test_the_order_of_pairs_and_the_names_of_people_change_nothing(seed: int, order: object) -> None:
    change, weights, people = numbers(seed)
    places = list(range(len(change)))
    order.shuffle(places)  # type: ignore[attr-defined]
    other = told_of(change[places], weights[places], 100 - people[places])
    found = told_of(change, weights, people)
    assert (other.low, other.high) == (pytest.approx(found.low), pytest.approx(found.high))


@given(seed=seeds, by=st.floats(-5, 5))
def test_equal_models_differ_by_nothing_and_a_shift_of_all_is_told_exactly(seed: int, by: float) -> None:
    change, weights, people = numbers(seed)
    none = told_of(0 * change, weights, people)
    assert (none.low, none.high, none.beyond_chance) == (0, 0, False)
    shifted = told_of(by * weights, weights, people)
    assert (shifted.low, shifted.high) == (pytest.approx(by, abs=1e-9), pytest.approx(by, abs=1e-9))


@given(seed=seeds, times=st.integers(2, 5))
def test_more_faces_of_the_same_people_make_nobody_more_certain(seed: int, times: int) -> None:
    change, weights, people = numbers(seed)
    found, repeated = (
        told_of(change, weights, people),
        told_of(*(np.tile(one, times) for one in (change, weights, people))),
    )
    assert (repeated.low, repeated.high) == (pytest.approx(found.low), pytest.approx(found.high))
    assert (repeated.pairs, repeated.people) == (times * found.pairs, found.people)


def test_more_people_do() -> None:
    few, many = (told_of(*numbers(1, pairs=count, people=count)) for count in (50, 500))
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_the_truth_lies_inside_about_nineteen_times_of_twenty() -> None:
    """Of 40 people with two faces each who share what is special of them."""
    inside = 0
    for seed in range(200):
        draw = np.random.default_rng(seed)
        people = np.repeat(np.arange(40), 2)
        change = 0.3 + draw.normal(0, 1, 40)[people] + draw.normal(0, 0.2, 80)
        found = told_of(change, np.ones(80), people)
        inside += found.low <= 0.3 <= found.high
    assert 0.88 <= inside / 200 <= 0.99


def test_of_too_few_people_nothing_is_told() -> None:
    change, weights, people = numbers(0, people=ENOUGH_PEOPLE - 1)
    assert interval(change, weights, people=people) is None
    assert interval(np.empty(0), np.empty(0), people=np.empty(0, dtype=np.int64)) is None


def kept(seed: int, *, by: float = 0.0) -> Kept:
    draw = np.random.default_rng(seed)
    values = {name: np.random.default_rng(1).random(40) + by * draw.random(40) for name in (*MEANS, RATIO)}
    weights = dict.fromkeys(MEANS, np.ones(40)) | {RATIO: 1 + np.random.default_rng(2).random(40)}
    return Kept(values, weights, np.arange(40) % 20, {"skin:dark": np.arange(30)})


def test_each_metric_is_told_of_the_direction_and_of_its_slices() -> None:
    found = intervals({WAY: kept(3, by=1.0)}, {WAY: kept(4)})
    assert set(found) == {f"{WAY}/{part}{name}" for part in ("", "slice=skin:dark/") for name in (*MEANS, RATIO)}
    assert all(one.beyond_chance and one.low > 0 for one in found.values())
    assert found[f"{WAY}/copy_index"].pairs == 40
    assert found[f"{WAY}/slice=skin:dark/copy_index"].pairs == 30


def test_of_other_pairs_nothing_is_told() -> None:
    one, other = kept(3), kept(4)
    assert intervals({WAY: one}, {WAY: replace(other, people=other.people[::-1])}) == {}
    weights = {**other.weights, RATIO: other.weights[RATIO] + 1}
    assert intervals({WAY: one}, {WAY: replace(other, weights=weights)}) == {}
    assert intervals({WAY: one}, {}) == {}


@pytest.fixture(scope="module")
def way(portraits: tuple[np.ndarray, np.ndarray]) -> Direction:
    pictures = Oracle(*portraits).pictures("makeup")
    pairs = measure_pairs(pictures, describe=lambda picture, _=None: picture[:4].mean((0, 1)) / 255)
    return Direction("bare", "makeup", pictures, pairs, measure(pictures, pairs))


def test_every_pair_is_kept_and_given_back_without_naming_anybody(way: Direction) -> None:
    people = [f"somebody-{number}" for number in range(len(way.pairs))]
    data = written({WAY: kept_of(way, people)})
    assert b"somebody" not in data
    read = kept_in(data)[WAY]
    for name in (*MEANS, RATIO):
        value = read.numbers[name].sum() / read.weights[name].sum()
        assert value == pytest.approx(summarise(way.pairs)[name], rel=1e-4), name


def test_the_challenger_s_page_shows_it_beside_the_champion_and_only_once(way: Direction) -> None:
    page = render(Story("t", {}), [way])
    champion = {f"{WAY}/{name}": value for name, value in way.numbers.items()}
    worse = champion | {f"{WAY}/copy_index": champion[f"{WAY}/copy_index"] + 0.1}
    chance = {f"{WAY}/copy_index": Interval(-0.05, 0.25, pairs=6, people=6)}
    compared = compare(worse, champion, directions=[WAY], intervals=chance)
    kept = json.loads(json.dumps(told(compared, champion="model 7 <b>")))  # as the catalog does
    once = put_in(page, kept)
    assert put_in(once, kept) == once
    text = once.decode()
    assert "Against model 7 &lt;b&gt;" in text
    assert "-0.050 to +0.250" in text
    assert text.count(">worse</span>") == 1
    assert "chance may do that" in text
    assert put_in(page, {}) == page, "nobody has judged it yet"
    assert put_in(b"<p>of before", kept) == b"<p>of before"


def test_what_the_catalog_keeps_of_a_comparison_stays_readable() -> None:
    """As it was written when there were these fields; of two, only the first has an interval."""
    one = {"name": f"{WAY}/copy_index", "direction": WAY, "part": "", "champion": 0.2, "challenger": 0.1, "gain": 0.1}
    one |= {"margin": 0.02, "relative": False, "weight": 50.0}
    interval = {"low": -0.15, "high": -0.05, "pairs": 40, "people": 20}
    other = {**one, "name": f"{WAY}/slice=skin:dark/copy_index", "part": "skin:dark", "interval": None}
    page = b"<!-- beside --><!-- /beside -->"
    text = put_in(page, {"champion": "model 1", "compared": [{**one, "interval": interval}, other]}).decode()
    assert "-0.150 to -0.050" in text
    assert text.count(">better</span>") == 2
    assert "<small>skin:dark</small>" in text
