"""Exports: the same answers as PyTorch's, from files that carry what they are; a file that differs is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training.errors import ExportDiffers, Unknown
from training.faces import heatmaps
from training.faces.data import Faces
from training.networks.stargan import Architecture, Networks, initialise
from training.release.exporting import FORMATS, TOLERANCE, answer, export, inputs_of, load, metadata_of
from training.release.folding import FoldedGenerator, FoldedStyleEncoder
from training.release.graphs import GRAPHS, graph_of

SMALL = Architecture(img_size=64, base_width=4, max_width=16, mapping_width=8, style_dim=6, latent_dim=4)


def made(arch: Architecture = SMALL) -> Networks:
    torch.manual_seed(3)
    networks = Networks(arch, discriminator=False).eval()
    initialise(networks)
    for parameter in networks.parameters():  # biases and norms are 0 and 1 at first: nothing would notice them lost
        parameter.data += 0.05 * torch.randn_like(parameter)
    return networks


@pytest.mark.parametrize("w_hpf", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("img_size", [32, 64, 256])
def test_folded_networks_are_the_same_function(img_size: int, w_hpf: float) -> None:
    arch = replace(SMALL, img_size=img_size, base_width=2, max_width=8, w_hpf=w_hpf)
    networks = made(arch).double()
    images, codes = torch.randn(2, 3, img_size, img_size).double(), torch.randn(2, 6).double()
    masks = torch.rand(2, 2, min(img_size, 128), min(img_size, 128)).double() if w_hpf else None
    domains = torch.tensor([1, 0])
    with torch.no_grad():
        painted = FoldedGenerator(networks.generator, arch)(images, codes, masks)
        assert torch.allclose(painted, networks.generator(images, codes, masks), atol=1e-9)
        read = FoldedStyleEncoder(networks.style_encoder, arch)(images, domains)
        assert torch.allclose(read, networks.style_encoder(images, domains), atol=1e-9)


def test_the_masks_of_the_graph_are_those_of_the_training() -> None:
    points = torch.rand(3, 68, 2)
    with torch.no_grad():
        drawn = graph_of(made(), "repaint").draw(points)
    assert torch.equal(drawn, heatmaps.draw(points, size=64))


@pytest.mark.parametrize("w_hpf", [0.0, 1.0])
@pytest.mark.parametrize("graph", GRAPHS)
def test_torchscript_answers_as_pytorch_for_any_number_of_pictures(graph: str, w_hpf: float, tmp_path: Path) -> None:
    networks = made(replace(SMALL, w_hpf=w_hpf))
    exported = export(
        networks, out=tmp_path / "model.pt", format="torchscript", graph=graph, metadata={"model": "7", "licences": "©"}
    )
    assert exported.difference <= TOLERANCE
    runs = load(exported.path)
    for count in (1, 2, 5):
        inputs = inputs_of(networks.arch, graph, count=count)
        with torch.no_grad():
            wanted = answer(networks, graph, inputs)
        found = runs({name: tensor.numpy() for name, tensor in inputs.items()})
        assert np.allclose(found, wanted.numpy(), atol=TOLERANCE)
    told = metadata_of(exported.path)
    assert (told["model"], told["licences"], told["graph"]) == ("7", "©", graph)
    assert told["inputs"] == ", ".join(inputs)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_onnx_answers_as_pytorch_for_any_number_of_pictures(tmp_path: Path, make_faces: Callable[..., Faces]) -> None:
    networks = made()
    exported = export(networks, out=tmp_path / "m.onnx", metadata={"model": "7"}, faces=make_faces(size=64))
    assert exported.difference <= TOLERANCE
    assert exported.checked_on == "4 held-out faces"
    inputs = inputs_of(networks.arch, "repaint", count=5)
    with torch.no_grad():
        wanted = answer(networks, "repaint", inputs)
    found = load(exported.path, threads=1)({name: tensor.numpy() for name, tensor in inputs.items()})
    assert np.allclose(found, wanted.numpy(), atol=TOLERANCE)
    told = metadata_of(exported.path)
    assert (told["model"], told["inputs"]) == ("7", "source, landmarks, reference, domain")
    assert [path.name for path in tmp_path.iterdir()] == ["m.onnx"]


@pytest.mark.parametrize("shift", [0.01, float("nan")])
def test_a_file_that_answers_otherwise_is_not_kept_nor_does_it_replace_one(shift: float, tmp_path: Path) -> None:
    networks = made()
    out = tmp_path / "model.pt"
    out.write_bytes(b"the one before")

    def shifted(module: torch.nn.Module, given: object, painted: torch.Tensor) -> torch.Tensor:
        return painted + shift

    networks.generator.register_forward_hook(shifted)  # no export knows of it
    with pytest.raises(ExportDiffers, match=r"the torchscript of generator answers otherwise than PyTorch \(by "):
        export(networks, out=out, format="torchscript", graph="generator", metadata={})
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    assert out.read_bytes() == b"the one before"


def test_what_is_no_export_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Unknown, match="no jpeg of generator"):
        export(made(), out=tmp_path / "x", format="jpeg", graph="generator", metadata={})
    for suffix in FORMATS.values():
        path = tmp_path / f"model{suffix}"
        path.write_bytes(b"no model")
        with pytest.raises(Unknown, match="is no exported model that can be run"):
            load(path)


FACE_ONLY = {"residual": True, "blended": True, "masked_encoder": True}


@pytest.mark.parametrize("img_size", [64, 256])
@pytest.mark.parametrize("w_hpf", [0.0, 1.0])
def test_what_takes_the_make_up_alone_is_exported_as_it_is(img_size: int, w_hpf: float, tmp_path: Path) -> None:
    networks = made(replace(SMALL, img_size=img_size, base_width=2, max_width=8, w_hpf=w_hpf, **FACE_ONLY))
    for graph in ("repaint", "generator", "style_encoder"):
        exported = export(networks, out=tmp_path / "m.pt", format="torchscript", graph=graph, metadata={})
        assert exported.difference <= TOLERANCE
    assert metadata_of(exported.path)["inputs"] == "image, landmarks, domain"


def test_a_blind_encoder_without_masks_for_the_source_is_exported_too(tmp_path: Path) -> None:
    networks = made(replace(SMALL, w_hpf=0.0, masked_encoder=True))
    exported = export(networks, out=tmp_path / "m.pt", format="torchscript", metadata={})
    assert metadata_of(exported.path)["inputs"] == "source, reference, reference_landmarks, domain"


def test_onnx_draws_the_face_itself(tmp_path: Path, make_faces: Callable[..., Faces]) -> None:
    networks = made(replace(SMALL, w_hpf=0.0, **FACE_ONLY))
    exported = export(networks, out=tmp_path / "m.onnx", metadata={}, faces=make_faces(size=64))
    assert exported.difference <= TOLERANCE
    assert metadata_of(exported.path)["inputs"] == "source, landmarks, reference, reference_landmarks, domain"
