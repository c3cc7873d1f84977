"""Small charts as inline SVG: no script, no style of their own, colours by class so that a page's theme sets them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 320, 140
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 8, 10, 22


@dataclass(frozen=True, slots=True)
class Dot:
    """One pair of a scatter: where it stands and what to call it."""

    x: float
    y: float
    name: str


def scatter(dots: Sequence[Dot], *, title: str, across: str, up: str) -> Markup:
    """Dots in 0..1 across and −0.5..1 up, what is left and high is good; the good corner is shaded."""
    width, height, low, high = 420, 300, -0.5, 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        y = min(max(y, low), high)
        return (
            _LEFT + min(max(x, 0), 1) * (width - _LEFT - _RIGHT),
            _TOP + (high - y) / (high - low) * (height - _TOP - 34),
        )

    (left, top), (right, bottom) = place(0, high), place(1, low)
    good_x, good_y = place(0.4, 0.4)
    parts = [
        _open(title, width, height),
        f'<rect class="good" x="{left:.1f}" y="{top:.1f}" width="{good_x - left:.1f}" height="{good_y - top:.1f}"/>',
        *(_line(*place(x, low), *place(x, high), "grid") for x in (0, 0.25, 0.5, 0.75, 1)),
        *(_line(*place(0, y), *place(1, y), "grid") for y in (-0.5, 0, 0.5, 1)),
        *(_text(place(x, low)[0], bottom + 14, f"{x:g}", "middle") for x in (0, 0.25, 0.5, 0.75, 1)),
        *(_text(left - 6, place(0, y)[1] + 4, f"{y:g}", "end") for y in (-0.5, 0, 0.5, 1)),
        _text((left + right) / 2, height - 4, across, "middle"),
        f'<text transform="translate(10 {(top + bottom) / 2:.1f}) rotate(-90)" text-anchor="middle">{escape(up)}',
        "</text>",
    ]
    for dot in dots:
        x, y = place(dot.x, dot.y)
        parts.append(
            f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>{escape(dot.name)}</title></circle>'
        )
    return Markup("".join(parts) + "</svg>")


def curves(series: Mapping[str, Sequence[tuple[float, float]]], *, title: str) -> Markup:
    """Lines over steps, the first solid, the second dashed, the third dotted; each ends in a dot.

    At most three, told apart by their dashes and not by colour alone.
    """
    points = [point for line in series.values() for point in line]
    if not points:
        return Markup("")
    (first, last), (low, high) = _range([x for x, _ in points]), _range([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            _LEFT + (x - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT),
            _TOP + (high - y) / (high - low) * (_HEIGHT - _TOP - _BOTTOM),
        )

    parts = [
        _open(title, _WIDTH, _HEIGHT),
        *(_line(*place(first, y), *place(last, y), "grid") for y in (low, (low + high) / 2, high)),
        *(_text(_LEFT - 5, place(first, y)[1] + 4, _short(y), "end") for y in (low, high)),
        _text(_LEFT, _HEIGHT - 6, _short(min(x for x, _ in points)), "start"),
        _text(_WIDTH - _RIGHT, _HEIGHT - 6, _short(max(x for x, _ in points)), "end"),
    ]
    for number, line in enumerate(series.values()):
        placed = [place(*point) for point in sorted(_thinned(line))]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
        parts.append(f'<polyline class="line line-{number % 3}" points="{path}"/>')
        parts.append(f'<circle class="end" cx="{placed[-1][0]:.1f}" cy="{placed[-1][1]:.1f}" r="3"/>')
    return Markup("".join(parts) + "</svg>")


def _open(title: str, width: int, height: int) -> str:
    return f'<svg class="chart" role="img" viewBox="0 0 {width} {height}" aria-label="{escape(title)}">'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _thinned(line: Sequence[tuple[float, float]], most: int = 300) -> list[tuple[float, float]]:
    """A line of at most so many points: the means of neighbours."""
    if len(line) <= most:
        return list(line)
    some = -(-len(line) // most)
    groups = [line[start : start + some] for start in range(0, len(line), some)]
    return [(sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group)) for group in groups]


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
