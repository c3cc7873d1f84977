"""How long a processor takes for one picture: PyTorch beside the exported TorchScript and ONNX, at the paper's width.

``make bench-export``. Random weights (the time does not depend on them), one picture of 256 pixels at a time, the
graphs as promotion stores them: `generator` repaints in a style that is known, `repaint` reads the reference's style
first and draws the masks. The three take turns; medians, after a warm-up. Ends with one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import torch

from training.networks.stargan import Architecture, Networks, initialise
from training.release.exporting import FORMATS, answer, export, inputs_of, load

ASKED = 0.5
"""Seconds for one picture, at most."""

FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")


def main() -> None:
    """Measure and say."""
    given = _arguments()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    networks = Networks(Architecture(img_size=given.size), discriminator=False).eval()
    initialise(networks)
    told: dict[str, object] = {
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "flags": [flag for flag in FLAGS if flag in _cpu().split()],
        "threads": given.threads,
        "size": given.size,
        "batch": 1,
        "runs": given.runs,
        "load_before": round(os.getloadavg()[0], 2),
    }
    slowest = 0.0
    with ExitStack() as closing:
        folder = given.kept or Path(closing.enter_context(tempfile.TemporaryDirectory()))
        for graph in ("generator", "repaint"):
            times, sizes, differences = measure(networks, graph, folder, given)
            for name, seconds in times.items():
                print(f"{graph:<10} {name:<12} {seconds:.3f} s a picture")
            told |= {f"{graph}_{name}_s": round(seconds, 3) for name, seconds in times.items()}
            told |= {f"{graph}_{name}_mb": round(size / 1e6, 1) for name, size in sizes.items()}
            told |= {f"{graph}_{name}_difference": float(f"{far:.1e}") for name, far in differences.items()}
            slowest = max(slowest, min(seconds for name, seconds in times.items() if name != "pytorch"))
    told |= {"asked_s": ASKED, "within": slowest <= ASKED, "load_after": round(os.getloadavg()[0], 2)}
    print(json.dumps(told))


def measure(
    networks: Networks, graph: str, folder: Path, given: argparse.Namespace
) -> tuple[dict[str, float], dict[str, int], dict[str, float]]:
    """Median seconds of each way, and the size of each exported file and its largest difference from PyTorch."""
    exported = {}
    for form, suffix in FORMATS.items():
        exported[form] = folder / f"{graph}-{given.size}{suffix}"
        if not exported[form].is_file():
            export(networks, out=exported[form], format=form, graph=graph, metadata={})
    inputs = inputs_of(networks.arch, graph, count=1)
    arrays = {name: tensor.numpy() for name, tensor in inputs.items()}

    def by_pytorch(_: object) -> np.ndarray:
        with torch.no_grad():
            return answer(networks, graph, inputs).numpy()

    ways = {"pytorch": by_pytorch} | {form: load(path, threads=given.threads) for form, path in exported.items()}
    wanted = by_pytorch(arrays)
    differences = {form: float(np.abs(ways[form](arrays) - wanted).max()) for form in exported}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(given.warm + given.runs):
        for name, way in ways.items():
            began = time.perf_counter()
            way(arrays)
            if turn >= given.warm:
                times[name].append(time.perf_counter() - began)
    return (
        {name: statistics.median(taken) for name, taken in times.items()},
        {form: path.stat().st_size for form, path in exported.items()},
        differences,
    )


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--runs", type=int, default=11, help="measured runs of each way")
    parser.add_argument("--warm", type=int, default=3, help="runs before them that do not count")
    parser.add_argument("--kept", type=Path, help="folder of exported graphs, filled once (default: a temporary one)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
