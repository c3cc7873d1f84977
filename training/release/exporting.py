"""Exports a model as a file that a server runs without this package: ONNX or TorchScript.

A file is run by the very runtime that will serve it, beside PyTorch on the same inputs, before it is put in place; one
that answers otherwise is not kept. Every graph takes any number of pictures at a time; pictures are [N,3,S,S] in −1..1,
RGB, aligned crops; landmarks [N,68,2] are fractions of the picture; domains are numbers, in the order that the file's
own metadata gives.

    repaint          source, landmarks, reference, reference_landmarks, domain → painted     all that a server needs
    generator        image, style, masks → painted                                           where style codes are kept
    style_encoder    image, landmarks, domain → style
    mapping_network  latent, domain → style

The source's `landmarks` and `masks` are asked for when the generator wants masks (`w_hpf` above 0, or blended), an
encoder's and `reference_landmarks` when the style encoder sees the face alone.
"""

from __future__ import annotations

import json
import logging
import math
import os
import tempfile
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from training.errors import ExportDiffers, Unknown
from training.evaluation.samples import masks_for, seen_by
from training.faces.data import MASK_SIZE, Faces
from training.files import sha256_of
from training.networks.stargan import Architecture, Networks
from training.release.graphs import GRAPHS, Graph, graph_of, masked, takes_of

FORMATS = {"onnx": ".onnx", "torchscript": ".pt"}
OPSET = 20
"""ONNX opset of the files: the first whose operators hold all that the networks need."""

TOLERANCE = 2e-3
"""The largest difference from PyTorch, in pictures of −1..1: half of what one step of 8 bits is."""

_RUNS = (1, 3)
"""Pictures at a time when a file is checked: one, and several."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that was checked. `difference` is the largest from PyTorch that was seen; `checked_on` says on what."""

    path: Path
    graph: str
    format: str
    sha256: str
    size: int
    difference: float
    checked_on: str


def export(
    networks: Networks,
    *,
    out: Path,
    format: str = "onnx",  # noqa: A002 - what the command calls it
    graph: str = "repaint",
    metadata: Mapping[str, str],
    faces: Faces | None = None,
) -> Exported:
    """Write one graph of the networks to `out`, whole and checked or not at all.

    It is checked on `faces`, or on made-up pictures without them. Raises ExportDiffers, Unknown.
    """
    if format not in FORMATS or graph not in GRAPHS:
        raise Unknown(f"there is no {format} of {graph}: {', '.join(FORMATS)} of {', '.join(GRAPHS)}")
    networks = networks.eval()
    module = graph_of(networks, graph)
    inputs = {count: inputs_of(networks.arch, graph, count=count, faces=faces) for count in _RUNS}
    described = {
        **metadata,
        "size": str(networks.arch.img_size),
        "style_dim": str(networks.arch.style_dim),
        "latent_dim": str(networks.arch.latent_dim),
        "graph": graph,
        "inputs": ", ".join(takes_of(networks.arch, graph)),
        "output": module.gives,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        written = Path(folder) / out.name
        _WRITERS[format](module, inputs[max(_RUNS)], written, described)
        difference = max(_difference(networks, written, graph, some) for some in inputs.values())
        if not difference <= TOLERANCE:  # nor when it is no number
            raise ExportDiffers(
                f"the {format} of {graph} answers otherwise than PyTorch (by {difference:.2g}, {TOLERANCE} allowed): "
                "the file is not kept"
            )
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(out)
    return Exported(
        path=out,
        graph=graph,
        format=format,
        sha256=sha256_of(out),
        size=out.stat().st_size,
        difference=difference,
        checked_on=f"{sum(_RUNS)} {'held-out faces' if faces is not None else 'made-up pictures'}",
    )


def load(path: Path, *, threads: int = 0) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """An exported file, ready to answer, in the runtime that its name asks for. Raises Unknown."""
    try:
        return _onnx(path, threads) if path.suffix == FORMATS["onnx"] else _torchscript(path)
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no other base
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise Unknown(f"{path.name} is no exported model that can be run: {first}") from None


def metadata_of(path: Path) -> dict[str, str]:
    """What an exported file says of itself."""
    if path.suffix == FORMATS["onnx"]:
        return dict(_session(path, 1).get_modelmeta().custom_metadata_map)
    extra = {"faceloop.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.load(str(path), map_location="cpu", _extra_files=extra)
    return json.loads(extra["faceloop.json"])


def inputs_of(arch: Architecture, graph: str, *, count: int, faces: Faces | None = None) -> dict[str, Tensor]:
    """So many of everything that a graph takes: of real faces by turns, or made up from a seed."""
    draw = torch.Generator().manual_seed(count)
    if faces is None:
        # Smooth, as pictures are: noise from pixel to pixel is what no network was made for.
        coarse = torch.rand(2 * count, 3, 8, 8, generator=draw) * 2 - 1
        images = nn.functional.interpolate(coarse, size=arch.img_size, mode="bicubic").clamp(-1, 1)
        points = torch.rand(2 * count, 68, 2, generator=draw) * 0.5 + 0.25
        domains = torch.arange(2 * count) % arch.domains
    else:
        chosen = np.resize(np.arange(len(faces.rows)), 2 * count)
        images, points = faces.images(chosen), faces.points(chosen)
        domains = torch.from_numpy(np.asarray(faces.domains[chosen], dtype=np.int64))
    size = min(MASK_SIZE, arch.img_size)
    every = {
        "source": images[:count],
        "image": images[:count],
        "reference": images[count:],
        "landmarks": points[:count],
        "reference_landmarks": points[count:],
        "domain": domains[count:],
        "style": torch.randn(count, arch.style_dim, generator=draw),
        "latent": torch.randn(count, arch.latent_dim, generator=draw),
        "masks": torch.rand(count, 3 if arch.blended else 2, size, size, generator=draw),
    }
    return {name: every[name].contiguous() for name in takes_of(arch, graph)}


@torch.no_grad()
def _difference(networks: Networks, written: Path, graph: str, inputs: Mapping[str, Tensor]) -> float:
    """The largest difference between what the file and what the networks themselves answer."""
    wanted = answer(networks, graph, inputs).numpy()
    found = load(written)({name: tensor.numpy() for name, tensor in inputs.items()})
    if found.shape != wanted.shape:
        return math.inf
    return float(np.abs(found - wanted).max())


@torch.no_grad()
def answer(networks: Networks, graph: str, inputs: Mapping[str, Tensor]) -> Tensor:
    """What the networks themselves answer to a graph's inputs, as it is measured (evaluation/)."""
    match graph:
        case "generator":
            return networks.generator(inputs["image"], inputs["style"], inputs.get("masks")).clamp(-1, 1)
        case "style_encoder":
            seen = seen_by(networks, inputs["landmarks"]) if networks.arch.masked_encoder else None
            return networks.style_encoder(inputs["image"], inputs["domain"], seen)
        case "mapping_network":
            return networks.mapping_network(inputs["latent"], inputs["domain"])
    seen = seen_by(networks, inputs["reference_landmarks"]) if networks.arch.masked_encoder else None
    style = networks.style_encoder(inputs["reference"], inputs["domain"], seen)
    masks = masks_for(networks, inputs["landmarks"]) if masked(networks.arch) else None
    return networks.generator(inputs["source"], style, masks).clamp(-1, 1)


def _write_onnx(module: Graph, inputs: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    import onnx

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of libraries that are not needed
    several = torch.export.Dim("images", min=1, max=1024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            dynamo=True,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[module.gives],
            dynamic_shapes=tuple({0: several} for _ in inputs),
            verbose=False,
        )
    assert program is not None  # None is the old exporter's answer
    model = program.model_proto
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.save(model, path)


def _write_torchscript(module: Graph, inputs: Mapping[str, Tensor], path: Path, metadata: Mapping[str, str]) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # torch calls it old; servers have it
        # Not frozen, so that who loads it may put it on a GPU. Whether it is right is looked at by ourselves.
        traced = torch.jit.trace(module, tuple(inputs.values()), check_trace=False)
        traced.save(str(path), _extra_files={"faceloop.json": json.dumps(dict(metadata))})


_WRITERS = {"onnx": _write_onnx, "torchscript": _write_torchscript}


def _session(path: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or torch.get_num_threads()
    options.log_severity_level = 3  # errors alone
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _onnx(path: Path, threads: int) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    session = _session(path, threads)
    return lambda inputs: np.asarray(session.run(None, dict(inputs))[0])


def _torchscript(path: Path) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = torch.jit.freeze(torch.jit.load(str(path), map_location="cpu").eval())

    def answers(inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        with torch.no_grad():
            return graph(*(torch.from_numpy(np.asarray(value)) for value in inputs.values())).numpy()

    return answers
