"""How many threads a training on a processor may take.

Always the same number on the same machine, whatever else runs there: the order of additions depends on it, and with it
the last bits of the weights (see `training.learning.loop.train`). Half of the cores, because two processes that each
take every core spend their time waiting for each other at barriers: one busy neighbour has cost a bfloat16 step a
factor of five.
"""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def cores(quota: Path = _QUOTA) -> int:
    """The cores that this process may use: those it is bound to, no more than a container's quota is worth."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
    except (OSError, ValueError):
        return bound
    return bound if allowed == "max" else max(1, min(bound, int(allowed) // int(period)))


def threads_of_ones_own() -> int:
    """Half of the cores, shared evenly with the processes that torchrun started beside this one; 1 at least."""
    beside = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, cores() // 2 // beside)
