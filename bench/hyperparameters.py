"""What does each number of a preset do to the picture? One small training per value, on portraits that we draw.

``make bench-hyperparameters``. Every training is makeup-64 with fewer channels and steps and one number changed, on
the same portraits, batches and seed; what comes of it repaints the same held-out portraits and is measured as an
evaluation measures. Written into `--out`: a strip of pictures per number and `README.md`, the page that shows them
beside what was measured. What was measured before, by the same code under the same base, is kept in `--work` and not
done again, so that the hours it takes can be cut in pieces. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bench.makeup import Printed, portraits
from training.evaluation.classifier import DomainClassifier, train_classifier
from training.evaluation.examining import directions, examine, repaint
from training.faces.data import Faces
from training.faces.descriptors import Describer
from training.learning.loop import train
from training.networks.published import load_networks
from training.networks.stargan import Networks
from training.presets import Preset, preset
from training.version import code_version

NEVER = 10**9

TRIED: dict[str, tuple[Any, ...]] = {
    "total_iters": (60,),
    "base_width": (4,),
    "max_width": (16,),
    "mapping_width": (8,),
    "style_dim": (2,),
    "latent_dim": (1,),
    "w_hpf": (1.0,),
    "residual": (False,),
    "blended": (False,),
    "masked_encoder": (False,),
    "masked_discriminator": (False,),
    "encoder_learns": (False,),
    "masked_diversity": (False,),
    "lambda_colour": (0.0, 80.0),
    "lambda_structure": (0.0, 3.0),
    "lambda_background": (3.0,),
    "lambda_self": (1.0,),
    "lambda_reg": (1.0,),
    "lazy_r1": (1,),
    "lambda_sty": (0.0, 1.0),
    "lambda_ds": (0.0, 4.0),
    "ds_iter": (NEVER,),
    "lambda_cyc": (0.0, 4.0),
    "augment_share": (0.0, 0.8),
    "batch_size": (2,),
    "lr": (1e-4, 4e-3),
    "f_lr": (1e-6,),
    "d_lr": (2e-4,),
    "beta1": (0.0,),
    "beta2": (0.9,),
    "weight_decay": (1e-2,),
    "ema_decay": (0.0, 0.999),
    "randcrop_prob": (0.0,),
}
"""The numbers that change a picture, and what they are set to besides the base's own value."""

SHOWN = {"bare": 4, "makeup": 2}
"""How many sources of each domain a strip shows."""

WIDTH = 576
"""Of a strip on the page, in pixels: half as large again as it is."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one training came to, over both directions; shares and rates of 0 to 1."""

    taken: float  # outputs that the classifier takes for the target domain
    copied: float  # outputs nearer to the reference's person than to the source's, or without a face
    kept: float  # outputs that dlib takes for the source's person
    background: float  # mean change outside the face, of 255
    distance: float  # of colours from the reference's; 1: as if nothing had been done
    diversity: float  # how much outputs of one source differ inside the face, of 255
    processor_seconds: float


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    base = base_of(steps=asked.steps, width=asked.width)
    for folder in (asked.out, asked.work):
        folder.mkdir(parents=True, exist_ok=True)
    kept = Kept(asked.work, base)
    faces, held_out = portraits(asked.portraits), portraits(asked.held_out, first=asked.portraits)
    classifier = train_classifier(faces, held_out=held_out)
    shown = pairs_shown(held_out)
    for number in asked.only or TRIED:
        for value in values_of(number, base):
            if kept.measured(number, value) is None:
                wanted = with_number(base, number, value)
                networks, seconds = trained(wanted, faces, threads=asked.threads)
                found = measured(networks, held_out, classifier, processor_seconds=seconds)
                kept.keep(number, value, found, painted(networks, held_out, shown))
                print(json.dumps({number: value, **asdict(found)}), flush=True)
        rows = [kept.row(number, value) for value in values_of(number, base)]
        # 128 colours of its own: a third of the bytes, and no difference that an eye finds.
        Image.fromarray(strip(rows, held_out, shown)).quantize(128).save(asked.out / f"{number}.png", optimize=True)
        (asked.out / "README.md").write_text(page(kept, base, portraits=asked.portraits, held_out=len(held_out.rows)))
    done = {number: [str(value) for value in values_of(number, base)] for number in kept.numbers()}
    print(json.dumps({"steps": asked.steps, "width": asked.width, "portraits": asked.portraits, "measured": done}))


def base_of(*, steps: int, width: int) -> Preset:
    """What every number is changed from: makeup-64, narrower and shorter."""
    return replace(
        preset("makeup-64"),
        name="base",
        base_width=width,
        total_iters=steps,
        ds_iter=steps,
        probe_every=0,
        save_every=NEVER,
        keep=1,
    )


def values_of(number: str, base: Preset) -> list[Any]:
    """The base's own value of a number and those it is changed to, smallest first."""
    return sorted({getattr(base, number), *TRIED[number]})


def with_number(base: Preset, number: str, value: Any) -> Preset:
    """The base with one number changed; what cannot stand alone beside it goes along."""
    changed: dict[str, Any] = {number: value}
    if number == "total_iters":
        changed["ds_iter"] = value
    return replace(base, **changed)


def trained(wanted: Preset, faces: Faces, *, threads: int) -> tuple[Networks, float]:
    """The averaged networks at the preset's end, and what they cost in seconds of the processor."""
    torch.set_num_threads(threads)
    before = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        done = train(faces, wanted, seed=1, snapshot="drawn", folder=Path(folder), tracker=lambda _: Printed(wanted))
        return load_networks(done.saved.paths["nets_ema"]), time.process_time() - before


def measured(
    networks: Networks, held_out: Faces, classifier: DomainClassifier, *, processor_seconds: float
) -> Measured:
    """Means over both directions, as an evaluation measures them."""
    networks.eval()
    ways = [way.numbers for way in examine(networks, held_out, describe=Describer(), classifier=classifier)]

    def mean(name: str) -> float:
        return round(float(np.mean([way[name] for way in ways])), 4)

    return Measured(
        taken=mean("target_rate"),
        copied=mean("copy_rate"),
        kept=mean("identity_kept"),
        background=mean("background_change"),
        distance=mean("makeup_distance"),
        diversity=mean("diversity_inside"),
        processor_seconds=round(processor_seconds),
    )


def pairs_shown(faces: Faces) -> tuple[np.ndarray, np.ndarray]:
    """The sources of a strip, one a column, and the reference whose style each gets."""
    sources: list[int] = []
    references: list[int] = []
    for origin, target in directions(faces.names):
        some = SHOWN[origin]
        sources.extend(faces.of(faces.names.index(origin))[:some])
        references.extend(faces.of(faces.names.index(target))[some : 2 * some])
    return np.array(sources), np.array(references)


def painted(networks: Networks, faces: Faces, shown: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """The sources in the styles of their references, one row [S,n·S,3]."""
    networks.eval()
    sources, references = shown
    return _row(repaint(networks, faces, sources=sources, references=references, device="cpu").outputs)


def strip(rows: list[np.ndarray], faces: Faces, shown: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """References, sources, and a row of outputs per value."""
    heads = [_row(np.asarray(faces.pixels[faces.rows[some]])) for some in reversed(shown)]
    return np.concatenate([*heads, *rows])


def _row(pictures: np.ndarray) -> np.ndarray:
    return np.concatenate(list(pictures), axis=1)


class Kept:
    """What was measured already, under one base: numbers in `measured.json`, rows of pictures beside it."""

    def __init__(self, folder: Path, base: Preset) -> None:
        self._folder, self._base = folder, {**asdict(base), "code": code_version()}
        self._page = folder / "measured.json"
        told = json.loads(self._page.read_text()) if self._page.exists() else {}
        self._found: dict[str, Any] = told.get("found", {}) if told.get("base") == self._base else {}

    def numbers(self) -> list[str]:
        """The numbers of which something was measured, as they are tried."""
        return [number for number in TRIED if any(key.split("=")[0] == number for key in self._found)]

    def measured(self, number: str, value: Any) -> Measured | None:
        """What a value came to; None when it was not measured."""
        found = self._found.get(self._key(number, value))
        return None if found is None else Measured(**found)

    def row(self, number: str, value: Any) -> np.ndarray:
        """Its row of pictures."""
        return np.load(self._folder / f"{self._key(number, value)}.npy")

    def keep(self, number: str, value: Any, found: Measured, row: np.ndarray) -> None:
        """Keep both."""
        np.save(self._folder / f"{self._key(number, value)}.npy", row)
        self._found[self._key(number, value)] = asdict(found)
        self._page.write_text(json.dumps({"base": self._base, "found": self._found}, indent=1))

    def _key(self, number: str, value: Any) -> str:
        return "base" if value == self._base[number] else f"{number}={value}"


def page(kept: Kept, base: Preset, *, portraits: int, held_out: int) -> str:
    """The page that shows every strip beside what was measured."""
    parts = [
        "# What each number of a preset does to the picture",
        "<!-- Written by bench/hyperparameters.py (make bench-hyperparameters); change the code, not this page. -->",
        f"Each row is a training of its own on {portraits} drawn portraits of people who do not exist: `makeup-64` "
        f"with `base_width` {base.base_width}, {base.total_iters} steps of batch {base.batch_size} at {base.img_size} "
        "pixels, seed 1, and one number changed. That is short and narrow: it shows which way a number pulls, not how "
        "far a long training gets. One seed: differences of a few points are chance. A strip's first row lends its "
        "style, the second its face; then comes one row per value, as in the table. In the four columns on the left "
        "bare faces are made up, in the two on the right make-up is taken off.",
        f"Measured on {held_out} portraits of other people, means of both directions: *taken* for the target domain "
        "by the classifier; *copied*: nearer to the reference's person than to the source's, or without a face; "
        "*kept*: the source's person; *background*: its mean change, of 255; *distance* of the colours from the "
        "reference's, 1 when nothing was done; *diversity* of one source's outputs inside the face, of 255. The "
        "base's own value is in bold.",
    ]
    for number in kept.numbers():
        table = [
            "| value | taken | copied | kept | background | distance | diversity |",
            "|---|---|---|---|---|---|---|",
        ]
        for value in values_of(number, base):
            found = kept.measured(number, value)
            if found is None:
                continue
            said = _said(value)
            told = f"**{said}**" if value == getattr(base, number) else said
            table.append(
                f"| {told} | {found.taken:.1%} | {found.copied:.1%} | {found.kept:.1%} | {found.background:.1f} "
                f"| {found.distance:.2f} | {found.diversity:.1f} |"
            )
        parts += [f"## `{number}`", f'<img src="{number}.png" width="{WIDTH}" alt="{number}">', "\n".join(table)]
    return "\n\n".join(parts) + "\n"


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "never ends" if value == NEVER else f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=int, default=320, help="to train on (default 320)")
    parser.add_argument("--held-out", type=int, default=64, help="of other people, to judge by (default 64)")
    parser.add_argument("--steps", type=int, default=200, help="of each training (default 200)")
    parser.add_argument("--width", type=int, default=8, help="channels at full size (default 8)")
    parser.add_argument("--threads", type=int, default=1, help="of torch (default 1)")
    parser.add_argument("--only", nargs="+", choices=TRIED, metavar="NUMBER", help="some numbers (default: all)")
    parser.add_argument(
        "--out", type=Path, default=Path("docs/hyperparameters"), help="where the page and its pictures go"
    )
    parser.add_argument(
        "--work", type=Path, default=Path("var/hyperparameters"), help="what was measured already is kept here"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
