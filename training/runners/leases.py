"""The leases that a submission holds here while it trains on a machine with a catalog of its own.

There nobody asks our catalog, so whoever submits takes what a trainer would take: the GPU, which the gate may have
granted, and the run. Whoever watches the submission keeps both alive. Their tokens are among what the submission is
found by; the run's goes along to the machine, and what comes back without it, or after a newer one was given, was saved
by a trainer that was given up, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from catalog import Catalog
from catalog.errors import Superseded as LeaseSuperseded
from catalog.records import Lease, Submission
from training.errors import RunBusy, Superseded
from training.gpu import GPU, taken_up
from training.holding import lease_name

TOKENS = "tokens"


def take(catalog: Catalog, row: Submission, *, seconds: float) -> Mapping[str, int]:
    """The tokens of the leases that this attempt holds from now on, by the leases' names. Raises RunBusy.

    Said again after a crash, it gives what is held already; what an earlier attempt left is given back first. A
    training on a processor needs no GPU, but takes it up if the gate granted it.
    """
    run = _take(catalog, lease_name(row.run), row, seconds=seconds)
    if run is None:
        raise RunBusy(f"{row.run} is being trained by {_holder(catalog, lease_name(row.run))}")
    held = [run]
    card = taken_up(catalog, row.snapshot_id, holder=_name(row), seconds=seconds)
    if card is None and row.job.get("device") != "cpu":
        card = _take(catalog, GPU, row, seconds=seconds)
        if card is None:
            catalog.training_leases.release(run.name, run.token)
            raise RunBusy(f"the GPU is leased to {_holder(catalog, GPU)}")
    held += [card] if card is not None else []
    return {lease.name: lease.token for lease in held}


def keep(catalog: Catalog, row: Submission, *, seconds: float) -> None:
    """Hold on to all of them. Raises Superseded when another has taken one over."""
    for name, token in tokens(row).items():
        try:
            catalog.training_leases.renew(name, token, seconds=seconds)
        except LeaseSuperseded as error:
            raise Superseded(str(error)) from None


def give_back(catalog: Catalog, row: Submission) -> None:
    """Give back what this attempt holds; what has changed hands is let be."""
    for name, token in tokens(row).items():
        catalog.training_leases.release(name, token)


def tokens(row: Submission) -> Mapping[str, int]:
    """What this attempt was given, by the leases' names; nothing where it trains by our catalog."""
    return dict(row.handle.get(TOKENS, {}))


def has_begun(row: Submission) -> bool:
    """Whether a runner is known to have taken this attempt: it is then found by more than our tokens."""
    return bool(row.handle.keys() - {TOKENS})


def token_of_run(row: Submission) -> int:
    """By which it trains its run; 0: by none of ours."""
    return tokens(row).get(lease_name(row.run), 0)


def _take(catalog: Catalog, name: str, row: Submission, *, seconds: float) -> Lease | None:
    leases, held = catalog.training_leases, catalog.training_leases.held(name)
    if held is not None and held.holder == _name(row):
        return leases.renew(name, held.token, seconds=seconds)
    if held is not None and held.holder.startswith(_of(row)):
        leases.release(name, held.token, holder=held.holder)
    return leases.take(name, holder=_name(row), seconds=seconds)


def _name(row: Submission) -> str:
    return f"{_of(row)} {row.attempt} on {row.runner}"


def _of(row: Submission) -> str:
    return f"submission {row.key[:12]}, attempt"


def _holder(catalog: Catalog, name: str) -> str:
    held = catalog.training_leases.held(name)
    return held.holder if held else "another"
