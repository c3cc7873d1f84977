"""Fits the network of text.py: python -m preprocessing.fitting.text --faces DIR --fonts DIR [--out text.npz].

Text of all sizes, fonts and colours, solid and faint, is written over parts of photos; the network learns to say where
it is. Some repositories are left out of the fit (`--without`, by name): on their portraits, with fonts that the fit has
not seen either, it is then measured. What is measured is what ships. The fonts below `--fonts` only draw.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from preprocessing.decode import Pixels
from preprocessing.evaluation.captions import captioned, chance_of, watermarked
from preprocessing.evaluation.manifest import LabelledPhoto, read
from preprocessing.evaluation.rates import auc, tpr_at
from preprocessing.fitting.lettering import Drawn, Lettering, draw_lines, fonts_in
from preprocessing.fitting.options import options
from preprocessing.text import LAYERS, Array, Weights, load, look

ROUNDS, BATCH = 1800, 32
#: Planes that each layer gives, and the side of the kernel of the first.
DEPTHS, FIRST = (12, 20, 24, 24, 24), 6
#: The share of cells without text that count twice: those most like text.
HARDEST = 0.02
#: Photos with a shorter side than this are shown by their crop alone.
SMALLEST = 250
#: Left out of the fit, to measure on: together nearly half of the portraits.
WITHOUT = (
    "debruine/webmorphR.stim",
    "sajidrs/Wink-Detection-Using-Haar-Classifiers",
    "serengil/deepface",
    "vladmandic/human",
)


class _Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for number, (step, border, spread) in enumerate(LAYERS):
            before, side = (DEPTHS[number - 1], 3) if number else (1, FIRST)
            self.layers.append(nn.Conv2d(before, DEPTHS[number], side, step, border, dilation=spread, bias=False))
        self.norms = nn.ModuleList(nn.BatchNorm2d(depth) for depth in DEPTHS)
        self.last = nn.Conv2d(DEPTHS[-1], 1, 1)

    def forward(self, seen: Tensor) -> Tensor:
        for layer, norm in zip(self.layers, self.norms, strict=True):
            seen = F.relu(norm(layer(seen)))
        margins: Tensor = self.last(seen)[:, 0]
        return margins


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A labelled photo, and the crop of its largest face; None without one."""

    label: LabelledPhoto
    photo: Pixels
    crop: Pixels | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, measure, write."""
    parser = options("text", "Fit the text finder.", rounds=ROUNDS, of=f"steps of {BATCH} pictures")
    parser.add_argument("--fonts", type=Path, required=True, action="append", help="folder with fonts; may be repeated")
    parser.add_argument("--without", nargs="*", default=list(WITHOUT), help="repositories to measure on")
    given = parser.parse_args(arguments)
    shown = list(read_photos(given.faces))
    families = fonts_in(given.fonts)
    fitted = [one for one in shown if one.label.repository not in given.without and is_free(one.label)]
    print(f"{len(fitted)} photos to fit on, fonts of {len(families)} families")
    weights = folded(fit(grounds(fitted), draw_lines(families), rounds=given.rounds))
    left_out = [one for one in shown if one.label.repository in given.without]
    measured = measure(left_out, weights)
    if given.out:
        found = {
            "repositories": sorted({one.label.repository for one in fitted}),
            "photos": len(fitted),
            "fonts": sorted(families),
            "measured_on": sorted({one.label.repository for one in left_out}),
            "measured": measured,
        }
        print(f"wrote {given.out}, version {write(given.out, weights, found).version}")
    return 0


def read_photos(folder: Path) -> Iterator[Shown]:
    """Every photo of the manifest, no repeats."""
    from preprocessing.detect import detector, landmarks_model
    from preprocessing.evaluation.run import look

    finder = detector(landmarks_model())
    for label in read(folder / "MANIFEST.csv"):
        if not label.near_duplicate_of:
            case = look(label, faces=folder, finder=finder)
            yield Shown(label, case.photo.pixels, None if case.face is None else case.face.pixels)


def is_free(label: LabelledPhoto) -> bool:
    """Whether a photo may be taken to show no text. Products and groups do now and then, and nobody has labelled it."""
    with_text = {"collage", "generated", "several_faces"}
    return not label.defects & {"text", "product"} and label.category not in with_text


def grounds(shown: Sequence[Shown]) -> list[Pixels]:
    """What text is written over: the crops, and the photos that are large enough."""
    crops = [one.crop for one in shown if one.crop is not None]
    return crops + [one.photo for one in shown if min(one.photo.shape[:2]) >= SMALLEST]


def fit(photos: Sequence[Pixels], drawn: Sequence[Drawn], *, rounds: int, seed: int = 0) -> _Net:
    """Fit on pictures drawn anew each time; one seed, one fit."""
    torch.manual_seed(seed)
    draw, net = Lettering(photos, drawn, seed=seed), _Net()
    optimiser = torch.optim.AdamW(net.parameters(), 6e-3, weight_decay=1e-3)
    pace = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, total_steps=rounds)
    for _ in range(rounds):
        pairs = [draw() for _ in range(BATCH)]
        seen = torch.from_numpy(np.stack([picture for picture, _ in pairs]))
        is_text = torch.from_numpy(np.stack([cells for _, cells in pairs]))
        # Labels are sometimes wrong: a sign in the background is no text to them.
        wrong = F.binary_cross_entropy_with_logits(net(seen), is_text.clamp(0, 1) * 0.98 + 0.01, reduction="none")
        free, text = wrong[is_text == 0], wrong[is_text == 1]
        hardest = free.topk(max(1, int(len(free) * HARDEST))).values.mean()
        loss = free.mean() + hardest / 2 + (text.mean() / 2 if len(text) else 0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        pace.step()
    return net.eval()


def folded(net: _Net) -> Weights:
    """The network as NumPy runs it: the norms' scales and shifts are part of the kernels and biases."""
    kernels, biases = [], []
    for layer, norm in zip(net.layers, net.norms, strict=True):
        assert isinstance(layer, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        kernels.append(_array(layer.weight * scale[:, None, None, None]))
        biases.append(_array(norm.bias - norm.running_mean * scale))
    assert net.last.bias is not None
    return Weights((*kernels, _array(net.last.weight)), (*biases, _array(net.last.bias)), "", {})


def _array(tensor: Tensor) -> Array:
    # Rounded to what is written, so that what was measured is what ships.
    return tensor.detach().numpy().astype(np.float16).astype(np.float32)


def measure(shown: Sequence[Shown], weights: Weights) -> dict[str, object]:
    """Print and give how portraits with text in unseen fonts differ from the same without: by the surest line."""
    clean = [
        (one.crop, one.label.file)
        for one in shown
        if one.label.is_portrait and one.crop is not None and is_free(one.label)
    ]
    free = np.array([look(crop, by=weights).margin for crop, _ in clean])
    said: dict[str, object] = {"portraits": len(clean)}
    for number, (name, written) in enumerate((("caption", captioned), ("watermark", watermarked)), start=1):
        text = np.array([look(written(crop, chance_of(file, number)), by=weights).margin for crop, file in clean])
        if not len(clean):
            continue
        rates = {"auc": auc(-text, -free), "tpr_at_1pct_fpr": tpr_at(0.01, -text, -free)}
        said[name] = {key: round(value, 4) for key, value in rates.items()}
    print("repositories and fonts that are not in the fit: " + json.dumps(said))
    return said


def write(out: Path, weights: Weights, found: dict[str, object]) -> Weights:
    """Write weights with what they come from, and give them as they will be read."""
    arrays = {f"kernel{number}": kernel.astype(np.float16) for number, kernel in enumerate(weights.kernels)}
    arrays |= {f"bias{number}": bias.astype(np.float16) for number, bias in enumerate(weights.biases)}
    digest = hashlib.sha256(b"".join(arrays[name].tobytes() for name in sorted(arrays)))
    np.savez_compressed(
        out,
        version=np.array(digest.hexdigest()[:8]),
        provenance=np.array(json.dumps(found, sort_keys=True)),
        **arrays,  # type: ignore[arg-type]
    )
    with out.open("rb") as handle:
        return load(handle)


if __name__ == "__main__":
    sys.exit(main())
