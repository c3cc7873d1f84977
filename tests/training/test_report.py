"""The page of an evaluation needs nothing but itself, says nothing it was not told, and shows what went wrong first."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from oracles import Oracle

from training.evaluation.charts import Dot, curves, scatter
from training.evaluation.examining import Direction, measure
from training.evaluation.page_policy import policy_of
from training.evaluation.pairs import Pictures, measure_pairs
from training.evaluation.readings import GROUPS
from training.evaluation.report import Story, render

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>&\"'"
STORY = Story(title="run-1, step 20", lineage={"snapshot": "a" * 64, "preset": "tiny-64"})


class Page(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
    """Stands for the face network: whose backdrop it is; no face in a black picture."""
    return picture[:4].mean((0, 1)) / 255 if picture.any() else None


@pytest.fixture(scope="module")
def way(portraits: tuple[np.ndarray, np.ndarray]) -> Direction:
    """Six pairs: make-up taken well, but for one that copies all and one that is black."""
    good = Oracle(*portraits).pictures("makeup")
    outputs = good.outputs.copy()
    outputs[2], outputs[4] = good.references[2], 0
    pictures = replace(good, outputs=outputs)
    pairs = measure_pairs(pictures, describe=describe)
    numbers = measure(pictures, pairs) | {"slice=skin:dark/pairs": 12.0, "slice=skin:dark/copy_rate": 0.5}
    return Direction("bare", "makeup", pictures, pairs, numbers)


def test_it_asks_nothing_of_anybody_and_runs_nothing(way: Direction) -> None:
    page = Page(render(STORY, [way]))
    assert not page.all("script") + page.all("link") + page.all("iframe") + page.all("form")
    assert page.all("img")
    for _, attributes in page.elements:
        assert "style" not in attributes  # the policy lets in one style, by its hash
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith(("data:image/jpeg;base64,", "#"))
    assert "url(" not in page.text
    assert "@import" not in page.text


def test_its_policy_lets_in_its_own_style_and_pictures_alone(way: Direction) -> None:
    policy = policy_of(render(STORY, [way]))
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-[\w+/]{43}='; img-src data:; form-action 'none'; base-uri 'none';"
        r" frame-ancestors 'self'",
        policy,
    )
    assert "style-src 'none'" in policy_of(b"<p>no style")


def test_whatever_it_is_told_is_text(way: Direction) -> None:
    told = Story(
        title=HOSTILE,
        lineage={HOSTILE: HOSTILE},
        losses={HOSTILE: [(1, 0.5), (2, 0.4)]},
        history=[(1, {"bare_to_makeup/copy_index": 0.5}), (2, {"bare_to_makeup/copy_index": 0.4})],
    )
    page = Page(render(told, [replace(way, origin=HOSTILE)]))
    assert not page.all("script")
    assert all((image["src"] or "").startswith("data:") for image in page.all("img"))
    assert HOSTILE in page.text


def test_the_same_evaluation_gives_the_same_bytes(way: Direction) -> None:
    assert render(STORY, [way]) == render(STORY, [way])


def test_each_number_has_its_words_what_is_wanted_and_a_verdict_that_is_not_only_a_colour(way: Direction) -> None:
    text = " ".join(Page(render(STORY, [way])).text.split())
    for name, value in way.numbers.items():
        if not name.startswith("slice=") and name != "pairs":
            assert name in text, f"{name} = {value} has no words in readings.py"
    assert "copy_rate share of outputs nearer to the reference's face 0.333 ≤ 0.05 alarm" in text
    assert re.search(r"[≤≥] [\d.]+ good", text)


def test_promotion_s_floors_stand_in_place_of_the_usual_limits(way: Direction) -> None:
    text = " ".join(Page(render(replace(STORY, floors={"copy_rate": 0.4}), [way])).text.split())
    assert "copy_rate share of outputs nearer to the reference's face 0.333 ≤ 0.4 good" in text


def test_the_worst_stand_first_and_a_lost_face_is_named(way: Direction) -> None:
    text = Page(render(STORY, [way])).text
    worst = re.findall(r"pair (\d+) ·", text[text.index("The worst by copy index") :])
    assert worst[:2] == ["2", "4"]
    assert "no face found" in text


def test_slices_are_a_table_with_what_alarms_marked(way: Direction) -> None:
    text = " ".join(Page(render(STORY, [way])).text.split())
    assert "skin:dark 12 0.500 !" in text


def test_curves_are_drawn_of_losses_and_of_what_was_measured_more_than_once(way: Direction) -> None:
    history = [(step, {"bare_to_makeup/copy_index": 1 / step}) for step in (10, 20, 30)]
    told = replace(STORY, history=history, losses={"D/latent_real": [(1, 1.0), (2, 0.5)]})
    labels = [chart["aria-label"] for chart in Page(render(told, [way])).all("svg")]
    assert labels[-2:] == ["copy_index by step", "D/latent_real by step"]
    assert len(Page(render(replace(STORY, history=history[:1]), [way])).all("svg")) == 1  # the scatter alone


def test_pictures_are_left_out_when_a_face_among_them_was_erased(way: Direction) -> None:
    page = Page(render(replace(STORY, pictures=False), [way]))
    assert not page.all("img")
    assert "a face of this snapshot was erased" in page.text
    assert "copy_index" in page.text


def test_an_evaluation_of_nothing_says_so() -> None:
    assert "Nothing could be measured" in Page(render(STORY, [])).text


def test_large_pictures_are_made_small_and_small_ones_large_enough_to_see(way: Direction) -> None:
    import base64

    import cv2

    def sides(pictures: Pictures) -> set[int]:
        page = Page(render(STORY, [replace(way, pictures=pictures)]))
        data = [base64.b64decode((image["src"] or "").partition(",")[2]) for image in page.all("img")]
        return {cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR).shape[0] for one in data}

    large = {
        name: np.repeat(np.repeat(getattr(way.pictures, name), 4, 1), 4, 2)
        for name in ("sources", "references", "outputs")
    }
    assert sides(way.pictures) == {128}
    assert sides(replace(way.pictures, **large)) == {128}


def test_a_dot_beyond_the_plot_lies_at_its_edge() -> None:
    drawn = scatter([Dot(2, 9, "far"), Dot(-1, -9, "out")], title="t", across="x", up="y")
    places = [(float(x), float(y)) for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', drawn)]
    assert places == [(412.0, 10.0), (44.0, 266.0)]


@pytest.mark.parametrize("count", [0, 1, 2, 5000])
def test_a_curve_of_any_length_is_drawn(count: int) -> None:
    drawn = curves({"a": [(step, 0.5) for step in range(count)]}, title="t")
    assert (drawn == "") == (count == 0)
    assert drawn.count(",") <= 310
    assert "nan" not in drawn


def test_no_metric_is_explained_twice() -> None:
    names = [reading.metric for group in GROUPS.values() for reading in group]
    assert len(names) == len(set(names))
