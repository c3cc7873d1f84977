"""A step of training, as published beside the fast mode, in one run: one JSON line at the end.

``make bench-train``; on a GPU when there is one. Blocks of either mode take turns (A B A B …), each in a process of its
own, so that a peak of memory is that mode's alone and neither inherits the other's warm caches; every block warms up
before it counts, and the medians over blocks are compared. R1 of the fast mode comes at every sixteenth step: steps
with it and without it are timed apart and weighed accordingly. On a GPU float32 is float32 in all of them; since torch
rounds its convolutions to TF32 unless told not to, the published step is timed so as well (``ratio_to_tf32``).

The arms are this package's own: ``paper-256`` (two steps of each network, R1 each step, float32, one tensor after
another) and ``fast-256``. The published step also asks a landmark network three times, which neither of ours does, so
the comparison is the harder one for the fast mode.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from training.presets import Preset, preset

ROUNDED = "reference-tf32"
ARMS = ("reference", "exact", "fast", ROUNDED)
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")


def preset_of(arm: str, *, size: int, batch: int, width: int | None) -> Preset:
    """The preset of an arm at a size: as published, its exact reordering, or the fast mode."""
    fast = preset("fast-256")
    chosen = {
        "reference": preset("paper-256"),
        ROUNDED: preset("paper-256"),
        "exact": replace(fast, precision="float32", lazy_r1=1),
        "fast": fast,
    }[arm]
    return replace(chosen, img_size=size, batch_size=batch, base_width=width, max_width=8 * width if width else 512)


def block(arm: str, *, size: int, batch: int, width: int | None, device: str, threads: int) -> dict[str, Any]:
    """One process's work: warm up, then time steps."""
    import torch

    from training.devices import make_current
    from training.faces.data import sampler_of
    from training.learning.descent import Descent, architecture, optimisers_of
    from training.networks.stargan import Networks, initialise

    torch.set_num_threads(threads)
    make_current(device)
    torch.backends.cudnn.allow_tf32 = arm == ROUNDED
    chosen = preset_of(arm, size=size, batch=batch, width=width)
    torch.manual_seed(0)
    networks = Networks(architecture(chosen, domains=2))
    initialise(networks)
    networks.to(device)
    ema = copy.deepcopy(networks).requires_grad_(False)
    descend = Descent(networks, ema, chosen, optimisers=optimisers_of(networks, chosen))
    sampler = sampler_of(made_up_faces(size), chosen, seed=0, device=device)
    on_gpu = torch.device(device).type == "cuda"
    wait = (lambda: torch.cuda.synchronize(device)) if on_gpu else (lambda: None)

    def step(number: int) -> tuple[float, float, dict[str, float]]:
        wait()
        began, busy = time.perf_counter(), time.process_time()
        parts = descend(sampler.batch(number, device=device), step=number)
        wait()
        told = {name: float(value) for name, value in parts.items()}
        return time.perf_counter() - began, time.process_time() - busy, told

    *_, losses = step(0)
    if on_gpu:  # all shapes are met once, and what was tried to find the fastest kernels is no memory of a step
        step(1)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    repeats = 20 if on_gpu else 1
    every = chosen.lazy_r1
    with_r1 = [step(every * (1 + n))[:2] for n in range(repeats)]
    without = [step(1 + n)[:2] for n in range(repeats)] if every > 1 else with_r1
    seconds, busy = (
        (statistics.median(one[i] for one in with_r1) + (every - 1) * statistics.median(one[i] for one in without))
        / every
        for i in (0, 1)
    )
    peak = (
        torch.cuda.max_memory_allocated(device) if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    return {"arm": arm, "s_per_step": seconds, "cpu_s_per_step": busy, "peak": peak, "losses": losses}


def made_up_faces(size: int, *, count: int = 16) -> Any:
    """Soft noise in two domains, with 68 points in the middle of each picture: a step costs the same on any picture."""
    from training.faces.data import Faces

    draw = np.random.default_rng(0)
    coarse = draw.integers(0, 256, (count, size // 8, size // 8, 3))
    turn = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    ring = 0.5 + 0.25 * np.stack([np.cos(turn), np.sin(turn)], 1)
    return Faces(
        pixels=coarse.repeat(8, 1).repeat(8, 2).astype(np.uint8),
        rows=np.arange(count),
        domains=np.arange(count) % 2,
        landmarks=np.repeat(ring[None], count, 0).astype(np.float32),
        names=("bare", "makeup"),
    )


def losses_equal(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Whether the first step's losses are the reference's: in float32 to 1 in 1000, in the fast mode to 10 in 100."""
    apart = {
        arm: max(
            abs(value - found["reference"][name]) / max(abs(found["reference"][name]), 0.05)
            for name, value in found[arm].items()
            if name in found["reference"] and not name.endswith("_sign")  # a count of signs is no loss
        )
        for arm in ("exact", "fast")
    }
    return {"equal": apart["exact"] <= 1e-3 and apart["fast"] <= 0.1, "apart": apart}


def machine(device: str) -> dict[str, Any]:
    """What the figures were taken on."""
    import torch

    if torch.device(device).type == "cuda":
        return {
            "device": torch.cuda.get_device_name(device),
            "flags": [f"sm_{''.join(map(str, torch.cuda.get_device_capability(device)))}"],
        }
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    known = told.get("flags", "").split()
    return {
        "device": told.get("model name", platform.processor() or "cpu"),
        "flags": [flag for flag in FLAGS if flag in known],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Take turns, tell each block, and print the medians as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=0, help="default: 8 on a GPU, 2 on a processor")
    parser.add_argument("--blocks", type=int, default=3, help="of each mode")
    parser.add_argument("--width", type=int, help="channels at full size, for a small machine (default: the paper's)")
    parser.add_argument("--device", default="", help="default: cuda if there is one")
    parser.add_argument("--threads", type=int, default=0, help="default: all cores")
    parser.add_argument("--arm", choices=ARMS, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)

    import torch

    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    batch = given.batch or (8 if device.startswith("cuda") else 2)
    threads = given.threads or len(os.sched_getaffinity(0))
    work = {"size": given.size, "batch": batch, "width": given.width, "device": device, "threads": threads}
    if given.arm:
        print(json.dumps(block(given.arm, **work)))
        return

    before = os.getloadavg()[0]
    turns = [arm for _ in range(given.blocks) for arm in ("reference", "fast")] + ["exact"]
    turns += [ROUNDED] if device.startswith("cuda") else []
    blocks: dict[str, list[dict[str, Any]]] = {arm: [] for arm in turns}
    for arm in turns:
        told = _apart(arm, work)
        blocks[arm].append(told)
        print(f"{arm:10} {told['s_per_step']:8.3f} s a step, {told['peak'] / 2**20:8.0f} MiB", file=sys.stderr)
    seconds = {arm: statistics.median(one["s_per_step"] for one in found) for arm, found in blocks.items()}
    busy = {arm: statistics.median(one["cpu_s_per_step"] for one in found) for arm, found in blocks.items()}
    peaks = {arm: statistics.median(one["peak"] for one in found) for arm, found in blocks.items()}
    judged = losses_equal({arm: found[0]["losses"] for arm, found in blocks.items()})
    print(
        json.dumps(
            {
                **machine(device),
                "size": given.size,
                "batch": batch,
                "reference_s_per_step": round(seconds["reference"], 4),
                "fast_s_per_step": round(seconds["fast"], 4),
                "ratio": round(seconds["reference"] / seconds["fast"], 3),
                "memory_ratio": round(peaks["fast"] / peaks["reference"], 3),
                "losses_equal": judged["equal"],
                "losses_apart": {arm: float(f"{value:.2g}") for arm, value in judged["apart"].items()},
                "exact_s_per_step": round(seconds["exact"], 4),
                "exact_ratio": round(seconds["reference"] / seconds["exact"], 3),
                **_rounded(seconds),
                "cpu_s_per_step": {arm: round(value, 3) for arm, value in busy.items()},
                "reference_images_per_s": round(batch / seconds["reference"], 3),
                "fast_images_per_s": round(batch / seconds["fast"], 3),
                "peak_mib": {arm: round(peak / 2**20) for arm, peak in peaks.items()},
                "blocks": given.blocks,
                "width": given.width,
                "threads": threads,
                "load": [round(before, 2), round(os.getloadavg()[0], 2)],
                "torch": torch.__version__,
            }
        )
    )


def _rounded(seconds: dict[str, float]) -> dict[str, float]:
    """How the published step with convolutions in TF32 compares, where it was timed."""
    if ROUNDED not in seconds:
        return {}
    return {
        "reference_tf32_s_per_step": round(seconds[ROUNDED], 4),
        "ratio_to_tf32": round(seconds[ROUNDED] / seconds["fast"], 3),
    }


def _apart(arm: str, work: dict[str, Any]) -> dict[str, Any]:
    options = [f"--{name}={value}" for name, value in work.items() if value is not None]
    command = [sys.executable, "-m", "bench.train", "--arm", arm, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    main()
