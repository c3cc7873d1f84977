"""The GPU's lease: one training at a time, from the gate's yes until the training has ended.

The gate's yes is a grant: the lease is kept for a snapshot's training until that begins and takes it up, under the same
token; a grant that nobody takes up gives way to the next yes, and runs out by itself. A training keeps the lease alive
and gives it back; one whose process has died loses it at once on the same machine, and elsewhere when it runs out. For
a training on a machine with a catalog of its own, the submission holds it (runners/leases.py).
Tokens only rise, so whoever was superseded finds out, and stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from catalog import Catalog
from catalog.errors import Superseded
from catalog.records import Lease
from catalog.workers import worker_name
from training.errors import RunBusy
from training.holding import Hold, given_back

#: The name of the lease.
GPU = "gpu"

_GRANT = "the gate's yes to snapshot "


def grant(catalog: Catalog, snapshot_id: str, *, seconds: float) -> tuple[int, str]:
    """Keep the GPU for a snapshot's training: the lease's token; or 0, and who trains now."""
    leases, ours = catalog.training_leases, _grant_of(snapshot_id)
    held = leases.held(GPU)
    if held is not None and held.holder == ours:  # a yes was given before, and that training has not begun
        return leases.renew(GPU, held.token, seconds=seconds).token, ""
    if held is not None and held.holder.startswith(_GRANT):
        leases.release(GPU, held.token, holder=held.holder)  # not if its training takes it up at this very moment
    taken = leases.take(GPU, holder=ours, seconds=seconds)
    if taken is not None:
        return taken.token, ""
    held = leases.held(GPU)
    return 0, held.holder if held else "somebody who is just giving it back"


def trainer(catalog: Catalog) -> str:
    """Who trains with the GPU now; empty for nobody, and while a grant waits for its training."""
    held = catalog.training_leases.held(GPU)
    return held.holder if held is not None and not held.holder.startswith(_GRANT) else ""


@contextmanager
def using(catalog: Catalog, snapshot_id: str, *, device: str, seconds: float) -> Iterator[Hold | None]:
    """Hold the GPU's lease while a snapshot is trained, and give it back: what was granted, or one of our own.

    A training on a processor needs none, and has none (None) unless the gate granted it. Raises RunBusy when another
    has the GPU.
    """
    lease = taken_up(catalog, snapshot_id, holder=worker_name(), seconds=seconds)
    if lease is None and device.startswith("cuda"):
        lease = catalog.training_leases.take(GPU, holder=worker_name(), seconds=seconds)
        if lease is None:
            other = catalog.training_leases.held(GPU)
            raise RunBusy(f"the GPU is leased to {other.holder if other else 'another'}")
    if lease is None:
        yield None
        return
    with given_back(catalog, lease):
        yield Hold(catalog, lease, seconds=seconds)


def taken_up(catalog: Catalog, snapshot_id: str, *, holder: str, seconds: float) -> Lease | None:
    """The lease that was granted to this snapshot's training, from now on in this holder's name; None: there is none,
    or another took it at this very moment."""
    held = catalog.training_leases.held(GPU)
    if held is None or held.holder != _grant_of(snapshot_id):
        return None
    try:
        return catalog.training_leases.renew(GPU, held.token, seconds=seconds, holder=holder)
    except Superseded:
        return None


def _grant_of(snapshot_id: str) -> str:
    return f"{_GRANT}{snapshot_id[:12]}"
