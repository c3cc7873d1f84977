"""Do bfloat16 and lazy R1 end where float32 does? Small trainings on drawn portraits: one JSON line at the end.

``make bench-losses``. Each seed trains the same narrow networks on the same batches in float32 with R1 at each step,
and as the fast mode does; the mean of each loss over the last steps is compared over all seeds. A loss is told with the
difference of the two means, and with how far the seeds of float32 lie apart by themselves: what a change of seed moves
more than the mode does cannot be told from this.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from dataclasses import replace

import torch

from bench.makeup import portraits
from training.faces.data import Faces, Sampler
from training.learning.descent import Descent, architecture, optimisers_of
from training.networks.stargan import Networks, initialise
from training.presets import Preset, preset

LOSSES = ("real", "fake", "r1", "adv", "sty", "ds", "cyc")
SWITCHES = ("reordered", "folded", "fused_norm", "channels_last", "fused_adam")


def main() -> None:
    asked = _arguments()
    if asked.last < (asked.lazy or preset("fast-256").lazy_r1):
        raise SystemExit("R1 would have no turn among the last steps: --last must be no less than --lazy")
    torch.set_num_threads(asked.threads)
    faces = portraits(asked.portraits)
    fast = preset("fast-256")
    exact = replace(
        preset("tiny-64"), base_width=asked.width, ds_iter=10**9, **{name: getattr(fast, name) for name in SWITCHES}
    )
    # The switches above leave the numbers as they are (tests/training/test_descent.py): this is float32 as published.
    modes = {"float32": exact, "fast": replace(exact, precision="bfloat16", lazy_r1=asked.lazy or fast.lazy_r1)}
    found: dict[str, list[dict[str, float]]] = {mode: [] for mode in modes}
    began = time.monotonic()
    for seed in range(asked.first, asked.first + asked.seeds):
        for mode, wanted in modes.items():
            found[mode].append(late(faces, wanted, seed=seed, steps=asked.steps, last=asked.last))
            print(json.dumps({"seed": seed, "mode": mode, **found[mode][-1]}), file=sys.stderr, flush=True)
    told = {name: compared(*([one[name] for one in found[mode]] for mode in modes)) for name in found["fast"][0]}
    print(
        json.dumps(
            {
                "losses": told,
                "within_10_percent": all(abs(one["change"]) <= 0.1 for one in told.values()),
                "beyond": [name for name, one in told.items() if abs(one["change"]) > 0.1],
                "lazy_r1": modes["fast"].lazy_r1,
                "steps": asked.steps,
                "last": asked.last,
                "seeds": asked.seeds,
                "width": asked.width,
                "portraits": asked.portraits,
                "seconds": round(time.monotonic() - began),
            }
        )
    )


def late(faces: Faces, wanted: Preset, *, seed: int, steps: int, last: int) -> dict[str, float]:
    """The means of the losses over the last steps, the two ways of the step together; R1's where it has its turn."""
    torch.manual_seed(seed)
    networks = Networks(architecture(wanted, domains=len(faces.names)))
    initialise(networks)
    ema = copy.deepcopy(networks).requires_grad_(False)
    descend = Descent(networks, ema, wanted, optimisers=optimisers_of(networks, wanted))
    sampler = Sampler(faces, wanted, seed=seed)
    told: dict[str, list[float]] = {name: [] for name in LOSSES}
    for step in range(steps):
        parts = descend(sampler.batch(step), step=step)
        if step >= steps - last:
            for name in LOSSES:
                told[name] += [float(value) for key, value in parts.items() if key.partition("_")[2] == name]
    return {name: statistics.mean(values) for name, values in told.items()}


def compared(exact: list[float], fast: list[float]) -> dict[str, float]:
    """The two modes' means over seeds, the relative change, and the seeds' own relative spread."""
    mean = statistics.mean(exact)
    return {
        "float32": round(mean, 4),
        "fast": round(statistics.mean(fast), 4),
        "change": round(statistics.mean(fast) / mean - 1, 4),
        "spread_of_seeds": round(statistics.stdev(exact) / mean, 4) if len(exact) > 1 else 0.0,
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--last", type=int, default=100, help="steps at the end that are averaged")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--portraits", type=int, default=96)
    parser.add_argument("--width", type=int, default=8, help="channels at full size")
    parser.add_argument("--lazy", type=int, default=0, help="R1 at every so many steps (default: the fast preset's)")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
