"""The model card: what a model is, from what it was made and how good it is, in Markdown, from its lineage alone.

Deterministic: the same lineage gives the same bytes. No name of a person on a photo and no photo is in it; whatever
came from a source or a person is escaped, so that it stays text.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from catalog.lineages import Share
from catalog.records import Evaluation, Model, ModelFile, Reign, ReignKind, Run, Snapshot


@dataclass(frozen=True, slots=True)
class Lineage:
    """Everything that a card says, as the catalog and the store have it.

    `page` is what the trainer wrote beside the checkpoint (preset, code, domains), `reigns` are this model's.
    """

    model: Model
    run: Run
    snapshot: Snapshot
    shares: tuple[Share, ...]
    evaluation: Evaluation
    page: Mapping[str, Any] = field(default_factory=dict)
    reigns: tuple[Reign, ...] = ()
    files: tuple[ModelFile, ...] = ()


def card(lineage: Lineage) -> str:
    """The card as Markdown."""
    model, run = lineage.model, lineage.run
    blocks = [
        f"# Model {model.id}",
        "StarGAN v2 (Choi et al., CVPR 2020): repaints the make-up of one portrait in the style of another.",
        _table(
            ("", ""),
            [
                ("state", model.state),
                ("decided", _moment(model.decided_at)),
                ("run", f"{run.id}, step {lineage.evaluation.step} of {run.total_steps}"),
                ("preset, seed", f"{run.preset}, {run.seed}"),
                ("began from", run.origin or "its own beginning"),
                ("code", str(lineage.page.get("code", "not recorded"))),
                ("trained", _trained(run)),
            ],
        ),
        *_uses(),
        *_data(lineage),
        *_training(lineage),
        *_numbers(lineage.evaluation),
        *_decision(lineage),
        *_files(lineage.files),
        *_limits(lineage),
    ]
    return "\n\n".join(blocks) + "\n"


def _trained(run: Run) -> str:
    """From when to when; a run that goes on, or waits to be gone on with, has no end yet."""
    began = _moment(run.started_at)
    return f"{began} to {_moment(run.finished_at)}" if run.finished_at else f"since {began}; not at its end yet"


def _uses() -> list[str]:
    return [
        "## Intended use",
        "To try make-up on, or take it off, in portraits whose subjects agree to it: aligned crops of one face. It is "
        "not meant for recognising, judging or impersonating anybody, nor for passing a repainted face off as a photo.",
    ]


def _data(lineage: Lineage) -> list[str]:
    snapshot = lineage.snapshot
    counted: Counter[str] = Counter()
    for share in lineage.shares:
        counted[share.licence or "unknown"] += share.faces
    licences = ", ".join(f"{_text(name)} ({count})" for name, count in sorted(counted.items()))
    return [
        "## What it learned from",
        f"Snapshot `{snapshot.id}` of {_moment(snapshot.created_at)}: {snapshot.faces} faces that people approved at "
        f"all three stages, {snapshot.bare} bare and {snapshot.makeup} made up; some are held out of training.",
        _table(
            ("domain", "source", "licence", "faces"),
            [(share.domain, share.source, share.licence or "unknown", share.faces) for share in lineage.shares],
        ),
        f"Licences: {licences or 'none'}. Whom the photos are owed to: "
        f"`python -m catalog attributions --snapshot {snapshot.id[:12]}`.",
    ]


def _training(lineage: Lineage) -> list[str]:
    preset = lineage.page.get("preset")
    numbers = preset if isinstance(preset, Mapping) else {}
    blocks = ["## How it was trained"]
    if numbers:
        said = sorted((name, value) for name, value in numbers.items() if name != "name")
        blocks.append(_table(("number", "value"), said))
    else:
        blocks.append("The numbers of its preset are not recorded with it.")
    return blocks


def _numbers(evaluation: Evaluation) -> list[str]:
    """A table of metrics by direction, and one of slices."""
    whole: dict[str, dict[str, float]] = {}
    slices: dict[tuple[str, str], dict[str, float]] = {}
    for name, value in evaluation.metrics.items():
        direction, _, rest = name.partition("/")
        if rest.startswith("slice="):
            part, _, metric = rest.removeprefix("slice=").rpartition("/")
            slices.setdefault((direction, part), {})[metric] = value
        else:
            whole.setdefault(rest, {})[direction] = value
    directions = sorted({direction for values in whole.values() for direction in values})
    on = evaluation.snapshot_id
    blocks: list[str] = [
        "## How good it is",
        f"Measured {_moment(evaluation.at)} on held-out faces{f' of snapshot `{on[:12]}`' if on else ''} by "
        f"`{_code(evaluation.version)}`.",
        _table(
            ("metric", *directions),
            [(metric, *(_number(whole[metric].get(way)) for way in directions)) for metric in sorted(whole)],
        ),
    ]
    if "fid_pictures" in whole:
        more = "" if "fid" in whole else " Too few pictures: it is not told here."
        blocks.append(
            "`fid` is the Fréchet Inception distance; `fid_pictures` is how many pictures its smaller side has: below "
            f"10,000 it is too high, and only models measured on equally many may be compared.{more}"
        )
    if slices:
        told = sorted({metric for values in slices.values() for metric in values})
        rows = [
            (way, part, *(_number(values.get(metric)) for metric in told))
            for (way, part), values in sorted(slices.items())
        ]
        blocks += ["By slice of who the source is:", _table(("direction", "slice", *told), rows)]
    return blocks


def _decision(lineage: Lineage) -> list[str]:
    rows = [
        (
            _moment(reign.since),
            _moment(reign.until) if reign.until else "now",
            "promoted" if reign.kind is ReignKind.PROMOTED else "put back by a rollback",
            reign.by or "its numbers",
            reign.why,
        )
        for reign in lineage.reigns
    ]
    blocks = ["## Why it was promoted, or not", _list(lineage.model.reasons)]
    return [*blocks, _table(("champion from", "to", "how", "by", "why"), rows)] if rows else blocks


def _files(files: Sequence[ModelFile]) -> list[str]:
    exports = [one for one in files if one.kind != "card"]
    if not exports:
        return []
    rows = [
        (one.kind, one.about.get("graph", ""), f"{one.size / 1e6:.1f} MB", one.about.get("difference", ""), one.name)
        for one in sorted(exports, key=lambda one: one.kind)
    ]
    return [
        "## Exports",
        "Each was run beside PyTorch before it was kept; the largest difference is that of pictures in −1..1.",
        _table(("format", "graph", "size", "largest difference", "sha256"), rows),
    ]


def _limits(lineage: Lineage) -> list[str]:
    size = lineage.page.get("preset", {}).get("img_size") if isinstance(lineage.page.get("preset"), Mapping) else None
    counted = {share.domain: 0 for share in lineage.shares}
    for share in lineage.shares:
        counted[share.domain] += share.faces
    few = [f"{domain} ({count})" for domain, count in sorted(counted.items()) if count < 2_000]
    lines = [
        "It knows aligned crops of one face, as preprocessing makes them, and nothing else.",
        f"It paints {size} pixels a side; more is enlargement." if size else "",
        "A style is read from one reference: light and colour cast of the reference come along.",
        "Who is rare among the faces it learned from is served worse; the table of slices says by how much, as far as "
        "there were enough held-out faces to tell.",
        f"Few faces to learn from: {', '.join(few)}." if few else "",
        "Identity is measured by dlib's face network, which heavy make-up moves and which is itself not equally good "
        "for everybody.",
    ]
    return ["## Known limits", "\n".join(f"- {line}" for line in lines if line)]


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_text(line)}" for line in lines) or "No reason is recorded."


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head)]
    written = [f"| {' | '.join(line)} |" for line in lines]
    written += [f"| {' | '.join(_text(str(cell)) for cell in row)} |" for row in rows]
    return "\n".join(written)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "not yet"


def _code(text: str) -> str:
    return re.sub(r"[^\w.+:=-]", "", text)


def _text(text: str) -> str:
    """On one line, with everything that Markdown or HTML would read escaped."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~<>-])", r"\\\1", plain)
