"""The page of an evaluation: one HTML file that needs nothing else, for whoever must judge a model by eye.

A pure function of what was measured: the same evaluation gives the same bytes. It shows faces, so it lies where only
those may read it who may see the faces: in the blob store and beside the run, and in the desk behind its guards.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from training.evaluation.charts import Dot, curves, scatter
from training.evaluation.examining import Direction
from training.evaluation.pairs import makeup_transferred
from training.evaluation.readings import BY_NAME, CURVED, GROUPS, Reading
from training.faces.pictures import encode_jpeg, enlarge

ROWS = 10
"""Pairs shown per direction, spread evenly over those measured, and as many of the worst."""

_SHOWN = 128
_AMPLIFIED = 4


@dataclass(frozen=True, slots=True)
class Story:
    """What a page says beside the measurement. Numbers of steps lie by step, those of metrics by their full name."""

    title: str
    lineage: Mapping[str, str]
    losses: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    history: Sequence[tuple[int, Mapping[str, float]]] = ()  # the run's evaluations, by step
    floors: Mapping[str, float] = field(default_factory=dict)  # promotion's, by metric, or by direction and metric
    pictures: bool = True  # not when somebody whose face is among them was erased


def render(story: Story, measured: Sequence[Direction]) -> bytes:
    """The page."""
    environment = Environment(
        loader=PackageLoader("training"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("report.html").render(
        story=story,
        ways=[_way(way, story) for way in measured],
        losses=[(name, curves({name: line}, title=f"{name} by step")) for name, line in sorted(story.losses.items())],
        history=_history(story, measured),
    )
    return page.encode()


def _way(way: Direction, story: Story) -> dict[str, Any]:
    each, count = way.pairs.each, len(way.pairs)
    some = np.unique(np.linspace(0, count - 1, min(ROWS, count)).round().astype(int))
    worst = np.argsort(-each["copy_index"], kind="stable")[:ROWS]
    moved = makeup_transferred(way.pairs)
    dots = [Dot(float(each["copy_index"][at]), float(moved[at]), f"pair {at}") for at in range(count)]
    return {
        "name": way.name,
        "origin": way.origin,
        "target": way.target,
        "pairs": count,
        "scatter": scatter(
            dots,
            title=f"{way.origin} to {way.target}: copy index against make-up transferred, {count} pairs",
            across="copy index: 0 the source's face, 1 the reference's",
            up="make-up transferred",
        ),
        "groups": [(title, list(_lines(way, readings, story))) for title, readings in GROUPS.items()],
        "slices": _slices(way.numbers),
        "some": [_row(way, int(at), float(moved[at])) for at in some if story.pictures],
        "worst": [_row(way, int(at), float(moved[at])) for at in worst if story.pictures],
    }


def _lines(way: Direction, readings: Sequence[Reading], story: Story) -> list[dict[str, Any]]:
    lines = []
    for reading in readings:
        if reading.metric in way.numbers:
            usual = story.floors.get(reading.metric, reading.limit)
            limit = story.floors.get(f"{way.name}/{reading.metric}", usual)
            value = way.numbers[reading.metric]
            sign = "≥" if reading.at_least else "≤"
            wanted = "" if limit is None else f"{sign} {limit:g}"
            lines.append({"reading": reading, "value": value, "good": reading.good(value, limit), "wanted": wanted})
    return lines


def _slices(numbers: Mapping[str, float]) -> dict[str, Any]:
    """The numbers of slices as a table: its metrics, and by slice a number for each or None."""
    named = [name.removeprefix("slice=").partition("/") for name in numbers if name.startswith("slice=")]
    metrics = list(dict.fromkeys(metric for _, _, metric in named))
    rows = {
        part: [(metric, numbers.get(f"slice={part}/{metric}"), _verdict(metric, numbers, part)) for metric in metrics]
        for part in dict.fromkeys(part for part, _, _ in named)
    }
    return {"metrics": metrics, "rows": rows}


def _verdict(metric: str, numbers: Mapping[str, float], part: str) -> bool | None:
    value, reading = numbers.get(f"slice={part}/{metric}"), BY_NAME.get(metric)
    return None if value is None or reading is None else reading.good(value)


def _row(way: Direction, at: int, moved: float) -> dict[str, Any]:
    source, reference, output = way.pictures.sources[at], way.pictures.references[at], way.pictures.outputs[at]
    apart = np.abs(source.astype(np.int16) - output.astype(np.int16))
    difference = np.clip(apart * _AMPLIFIED, 0, 255).astype(np.uint8)
    names = ("source", "reference", "output", f"difference x{_AMPLIFIED}")
    pictures = zip(names, (source, reference, output, difference), strict=True)
    each = way.pairs.each
    return {
        "number": at,
        "pictures": [(name, _inline(picture)) for name, picture in pictures],
        "copy_index": float(each["copy_index"][at]),
        "moved": moved,
        "lost": bool(each["no_face"][at]),
    }


def _inline(picture: np.ndarray) -> str:
    """A picture as an address that holds it."""
    step = max(1, picture.shape[0] // _SHOWN)
    side = picture.shape[0] // step * step
    smaller = picture[:side, :side].reshape(side // step, step, side // step, step, 3).mean((1, 3)).round()
    shown = enlarge(smaller.astype(np.uint8), size=max(_SHOWN, side // step))
    return "data:image/jpeg;base64," + base64.b64encode(encode_jpeg(shown)).decode()


def _history(story: Story, measured: Sequence[Direction]) -> list[tuple[str, str, Any]]:
    """Per metric its words and its course over the run's evaluations, a line per direction."""
    found = []
    for metric in CURVED:
        lines = {
            way.name: [(float(step), numbers[f"{way.name}/{metric}"]) for step, numbers in story.history
                       if f"{way.name}/{metric}" in numbers]
            for way in measured[:3]
        }  # fmt: skip
        if any(len(line) > 1 for line in lines.values()):
            shown = {name: line for name, line in lines.items() if line}
            found.append((metric, BY_NAME[metric].words, curves(shown, title=f"{metric} by step")))
    return found
