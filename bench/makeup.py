"""Does a training take the make-up and leave the face? Portraits that we draw, trained on here, and judged.

Some 1,300 portraits of as many people who do not exist, half of them made up, cut and shrunk as photos are, train the
preset makeup-64; then the same preset without what it has to take the make-up alone (plain: whole reference seen,
whole picture painted, the paper's losses and weights). Held-out portraits of other people are repainted after each
other, both ways, and judged: by the domain classifier that saw the training portraits only (does it look like the
target domain?) and by dlib's face network (does it look like the reference's person?). Since truth is known, so is
what dlib is worth on drawn faces: how well it tells two portraits of one drawn person from two of different ones.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from demo.portraits import draw, face, imagine
from demo.portraits.person import meet
from preprocessing.align import align
from preprocessing.geometry import Landmarks
from training.evaluation.classifier import DomainClassifier, train_classifier
from training.evaluation.examining import directions, evaluate, repaint
from training.evaluation.samples import masks_for, sample_grids, to_uint8
from training.faces.data import Faces
from training.faces.descriptors import Describer
from training.faces.pictures import write_png
from training.faces.snapshot import DOMAINS
from training.learning.loop import train
from training.monitoring.watching import Alert
from training.networks.published import load_networks
from training.networks.stargan import Networks
from training.presets import Preset, preset

SIZE = 64
OPTIONS = (
    *("w_hpf", "residual", "blended", "masked_encoder", "encoder_learns", "masked_diversity"),
    *("masked_discriminator", "augment_share"),
    *("lambda_colour", "lambda_structure", "lambda_background", "lambda_self"),
    *("lambda_ds", "lambda_cyc", "lambda_sty"),
)
"""What makes makeup-64 of plain-64; everything else, from width to steps, is the same."""


def main() -> None:
    asked = _arguments()
    torch.set_num_threads(asked.threads)
    faces, held_out = portraits(asked.portraits), portraits(asked.held_out, first=asked.portraits)
    classifier = train_classifier(faces, held_out=held_out)
    found: dict[str, Any] = {
        "portraits": len(faces.rows),
        "held_out": len(held_out.rows),
        "classifier_accuracy": round(classifier.held_out_accuracy, 4),
        "identity": identity_told(held_out, first=asked.portraits),
    }
    print(json.dumps(found), flush=True)
    for name in asked.presets:
        found[name] = tried(_preset(name, asked.steps), faces, held_out, classifier, grids=asked.grids)
        print(json.dumps({name: found[name]}), flush=True)
    found["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": asked.threads,
    }
    print(json.dumps(found))


def plain(of: Preset, *, name: str) -> Preset:
    """The same training without what takes the make-up alone."""
    defaults: dict[str, Any] = {field.name: field.default for field in fields(Preset) if field.name in OPTIONS}
    return replace(of, name=name, **defaults)


def tried(
    wanted: Preset, faces: Faces, held_out: Faces, classifier: DomainClassifier, *, grids: Path | None
) -> dict[str, Any]:
    """Train the preset and judge it."""
    began, processor = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trained = train(
            faces,
            wanted,
            seed=1,
            snapshot="drawn",
            folder=Path(folder),
            tracker=lambda _: Printed(wanted),
            shown=held_out,
        )
        seconds, processor = time.monotonic() - began, time.process_time() - processor
        networks = load_networks(trained.saved.paths["nets_ema"])
    if grids is not None:
        grids.mkdir(parents=True, exist_ok=True)
        for way, grid in sample_grids(networks, held_out, seed=1, columns=6, device="cpu").items():
            write_png(grids / f"{wanted.name}_{way}.png", grid)
    return {
        "steps": trained.step,
        "seconds": round(seconds),
        "processor_seconds": round(processor),
        **judged(networks, held_out, classifier),
    }


class Printed:
    """A tracker that prints now and then, so that a long bench shows signs of life."""

    def __init__(self, wanted: Preset) -> None:
        self._name, self._every = wanted.name, max(wanted.total_iters // 10, 1)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        if step % self._every == 0:
            kept = {name: round(value, 3) for name, value in values.items() if name.startswith("G/reference")}
            print(json.dumps({"preset": self._name, "step": step, **kept}), flush=True)

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        """Grids are made once, at the end."""

    def alert(self, step: int, alert: Alert) -> None:
        """Say what a person should look at."""
        print(json.dumps({"preset": self._name, "step": step, "alert": str(alert)}), flush=True)


def judged(networks: Networks, held_out: Faces, classifier: DomainClassifier) -> dict[str, Any]:
    """Shares of outputs that are taken for the target domain, both ways of styles; and what examining.py measures."""
    networks.eval()
    shares = {}
    for origin, target in directions(held_out.names):
        sources = held_out.of(held_out.names.index(origin))
        targets = np.random.default_rng(0).permutation(held_out.of(held_out.names.index(target)))
        pictures = repaint(
            networks, held_out, sources=sources, references=np.resize(targets, len(sources)), device="cpu"
        )
        shares[f"{origin}_to_{target}/reference"] = _taken(classifier, pictures.outputs, held_out, sources, target)
        latent = from_latents(networks, held_out, sources, domain=held_out.names.index(target))
        shares[f"{origin}_to_{target}/latent"] = _taken(classifier, latent, held_out, sources, target)
    measured = evaluate(networks, held_out, describe=Describer())
    measured = {name: value for name, value in measured.items() if name.count("/") == 1}  # without the slices
    kept = ("copy_rate", "copy_index", "identity_kept", "no_face", "background_change", "makeup_distance")
    return {
        "target_share": shares,
        "copy_rate": round(float(np.mean([v for k, v in measured.items() if k.endswith("/copy_rate")])), 4),
        "measured": {name: round(value, 4) for name, value in measured.items() if name.split("/")[1] in kept},
    }


@torch.no_grad()
def from_latents(networks: Networks, faces: Faces, sources: np.ndarray, *, domain: int) -> np.ndarray:
    """Each source in a random style of the domain, [n,S,S,3] uint8."""
    draws = np.random.default_rng(1).standard_normal((len(sources), networks.arch.latent_dim)).astype(np.float32)
    codes = networks.mapping_network(torch.from_numpy(draws), torch.full((len(sources),), domain))
    return to_uint8(networks.generator(faces.images(sources), codes, masks_for(networks, faces.points(sources))))


def _taken(classifier: DomainClassifier, outputs: np.ndarray, faces: Faces, sources: np.ndarray, target: str) -> float:
    images = torch.from_numpy(outputs).permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1
    with torch.no_grad():
        verdicts = classifier.logits(images, faces.points(sources)).argmax(1)
    return round(float((verdicts == faces.names.index(target)).float().mean()), 4)


def identity_told(held_out: Faces, *, first: int) -> dict[str, float]:
    """What dlib's descriptors are worth here: how often two portraits of one drawn person, the other one in the other
    domain and another pose, are nearer than two of different people (the area under the curve)."""
    describe = Describer()
    count = len(held_out.rows)
    with ProcessPoolExecutor() as pool:
        again = _packed(list(pool.map(_drawn, range(first, first + count), [True] * count, chunksize=8)), first)
    here = [describe(*one) for one in zip(held_out.pixels[held_out.rows], held_out.landmarks, strict=True)]
    there = [describe(picture) for picture in again.pixels[again.rows]]
    found = [i for i in range(count) if here[i] is not None and there[i] is not None]
    apart = np.array([[np.linalg.norm(here[i] - there[j]) for j in found] for i in found])  # type: ignore[operator]
    same, others = np.diag(apart), apart[~np.eye(len(found), dtype=bool)]
    return {
        "found": round(len(found) / count, 4),
        "auc": round(float((same[:, None] < others[None]).mean()), 4),
        "same": round(float(same.mean()), 4),
        "different": round(float(others.mean()), 4),
    }


def portraits(count: int, *, first: int = 0) -> Faces:
    """So many drawn people from a number on, bare and made up in turn, each drawn once."""
    with ProcessPoolExecutor() as pool:
        return _packed(list(pool.map(_drawn, range(first, first + count), [False] * count, chunksize=8)), first)


def _packed(drawn: list[tuple[np.ndarray, np.ndarray]], first: int) -> Faces:
    return Faces(
        pixels=np.stack([picture for picture, _ in drawn]),
        rows=np.arange(len(drawn)),
        domains=np.arange(first, first + len(drawn)) % 2,
        landmarks=np.stack([landmarks for _, landmarks in drawn]).astype(np.float32),
        names=DOMAINS,
    )


def _drawn(person: int, again: bool) -> tuple[np.ndarray, np.ndarray]:
    """A person's portrait as a crop [64,64,3] and its landmarks [68,2]; `again`: in the other domain and pose."""
    made_up = (person % 2 == 1) != again
    truth = imagine(person=person, seed=2 if again else 1, domain="makeup" if made_up else "bare")
    head = face.head_of(
        meet(person),
        origin=np.array([truth.eyes_x * truth.width, truth.eyes_y * truth.height]),
        unit=truth.eye_distance,
        roll=truth.roll,
        yaw=truth.yaw,
    )
    crop = align(draw(truth), Landmarks.of(head.points))
    small = cv2.resize(crop.small, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return small, crop.landmarks.array() / crop.small.shape[0]


def _preset(name: str, steps: int | None) -> Preset:
    wanted = plain(preset("makeup-64"), name=name) if name == "plain-64" else preset(name)
    return wanted if steps is None else replace(wanted, total_iters=steps, ds_iter=steps)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--portraits", type=int, default=1280, help="to train on (default 1280)")
    parser.add_argument("--held-out", type=int, default=160, help="of other people, to judge by (default 160)")
    parser.add_argument("--steps", type=int, help="instead of the preset's")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default 2)")
    parser.add_argument("--presets", nargs="+", default=["makeup-64", "plain-64"], help="default: makeup-64 plain-64")
    parser.add_argument("--grids", type=Path, help="where to put sample grids")
    return parser.parse_args()


if __name__ == "__main__":
    main()
