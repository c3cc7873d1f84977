"""The small network: what is written computes what the weights say, in one thread, from nothing but its file."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch.nn import functional

from preprocessing.fitting.trunk import EPSILON, EVEN, MIDDLE, REACH, STAGES, written
from preprocessing.trunk import SIDE, seen

State = dict[str, np.ndarray]


def layers() -> list[tuple[str, str, int, int, int, int, int]]:
    """Kernel, norm, outputs, inputs of each output, size, step and block of each layer, in their order."""
    rows, block, before = [("_conv_stem", "_bn0", 32, 3, 3, 2, -1)], 0, 32
    for blocks, size, first, wider, channels in STAGES:
        for place in range(blocks):
            inside, name = before * wider, f"_blocks.{block}"
            if wider > 1:
                rows.append((f"{name}._expand_conv", f"{name}._bn0", inside, before, 1, 1, block))
            step = first if place == 0 else 1
            rows.append((f"{name}._depthwise_conv", f"{name}._bn1", inside, 1, size, step, block))
            rows.append((f"{name}._project_conv", f"{name}._bn2", channels, inside, 1, 1, block))
            block, before = block + 1, channels
    return rows


@pytest.fixture(scope="module")
def state() -> State:
    chance, kept = np.random.default_rng(0), {}
    for kernel, norm, outputs, inputs, size, _, _ in layers():
        weights = chance.normal(0, (2 / (inputs * size * size)) ** 0.5, (outputs, inputs, size, size))
        scale = np.abs(weights).max(axis=(1, 2, 3), keepdims=True) / 127
        kept[f"{kernel}.weight"] = (np.round(weights / scale) * scale).astype(np.float32)  # nothing lost as bytes
        kept[f"{norm}.weight"] = chance.uniform(0.5, 1.5, outputs).astype(np.float32)
        kept[f"{norm}.bias"] = chance.normal(0, 0.3, outputs).astype(np.float32)
        kept[f"{norm}.running_mean"] = chance.normal(0, 0.3, outputs).astype(np.float32)
        kept[f"{norm}.running_var"] = chance.uniform(0.5, 1.5, outputs).astype(np.float32)
    return kept


def expected(state: State, picture: np.ndarray) -> np.ndarray:
    """The same numbers by PyTorch: each layer padded as TensorFlow does ("same"), normalised, and cut off."""

    def layer(flow: torch.Tensor, row: tuple[str, str, int, int, int, int, int]) -> torch.Tensor:
        kernel, norm, _, inputs, size, step, _ = row
        missing = max(0, (-(-flow.shape[-1] // step) - 1) * step + size - flow.shape[-1])
        low, high = missing // 2, missing - missing // 2
        flow = functional.pad(flow, (low, high, low, high))
        groups = flow.shape[1] // inputs
        flow = functional.conv2d(flow, torch.tensor(state[f"{kernel}.weight"]), stride=step, groups=groups)
        parts = (torch.tensor(state[f"{norm}.{part}"]) for part in ("running_mean", "running_var", "weight", "bias"))
        flow = functional.batch_norm(flow, *parts, eps=EPSILON)
        return flow if kernel.endswith("_project_conv") else flow.clamp(0, 6)

    rows = layers()
    flow = layer((torch.tensor(picture).permute(2, 0, 1)[None].float() - MIDDLE) / REACH, rows[0])
    told, block = [], 0
    for blocks, *_ in STAGES:
        for _ in range(blocks):
            whole = flow
            for row in (row for row in rows if row[-1] == block):
                flow = layer(flow, row)
            flow = flow + whole if flow.shape == whole.shape else flow
            block += 1
        told += [flow.mean((2, 3)), (flow.std((2, 3), unbiased=False) + EVEN).log()]
    return torch.cat(told, dim=1)[0].numpy()


def test_what_is_written_computes_what_the_weights_say(state: State) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    session = onnxruntime.InferenceSession(written(state), providers=["CPUExecutionProvider"])
    (numbers,) = session.run(None, {"picture": picture[None]})
    np.testing.assert_allclose(numbers[0], expected(state, picture), rtol=2e-2, atol=2e-2)


def test_the_network_that_ships_says_whose_it_is_and_is_small() -> None:
    content = files("preprocessing").joinpath("trunk.onnx").read_bytes()
    model = onnx.load_from_string(content)
    assert "Apache-2.0" in model.doc_string
    assert len(content) < 4_000_000


def test_the_same_picture_gives_the_same_numbers() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (256, 256, 3)).astype(np.uint8)
    assert np.array_equal(seen(picture), seen(picture.copy()))
