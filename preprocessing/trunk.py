"""onnxruntime's door in preprocessing: what a small network for pictures sees in a face, in 1,568 numbers.

The network is EfficientNet-Lite0 (Google, Apache-2.0), trained on ImageNet to name things, not people, and used as it
is; its last layers, which name, are left out. `trunk.onnx` is written by `python -m preprocessing.fitting.trunk`. Of
the maps of each of its seven stages the mean and the spread are kept: what is there, wherever it is, and how evenly.

A face is made small first, so that all are looked at equally sharply: how large a photo was, how it was scaled and
saved shall not tell what it shows.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files

import numpy as np
import onnxruntime

from preprocessing.decode import Pixels
from preprocessing.geometry import Square
from preprocessing.linear import Vector

#: So many pixels a side are looked at, on the side that the network was trained on.
SEEN, SIDE = 96, 224
FILE = "trunk.onnx"


def seen(face: Pixels) -> Vector:
    """The numbers of a square picture of any size."""
    from preprocessing.align import cut, shrink

    small = shrink(face, width=SEEN, height=SEEN)
    spread = cut(small, Square(SEEN / 2, SEEN / 2, SEEN / 2, 0.0), size=SIDE)
    (numbers,) = _network().run(None, {"picture": np.ascontiguousarray(spread[None])})
    told: Vector = np.asarray(numbers[0], dtype=np.float64)
    return told


@lru_cache(maxsize=1)
def _network() -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers are processes
    # The weights are kept as bytes: make numbers of them once, not with each picture.
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    content = files("preprocessing").joinpath(FILE).read_bytes()
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
