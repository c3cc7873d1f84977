"""The leases that a submission holds here while it trains on a machine with a catalog of its own.

There nobody asks our catalog, so whoever submits takes what a trainer would take: the GPU, which the gate may have
granted, and the run. Whoever watches the submission keeps both alive. Their tokens are among what the submission is
found by; the run's goes along to the machine, and what comes back without it, or after a newer one was given, was saved
by a trainer that was given up, and is refused.

A machine that is started and stopped has a lease too: whoever sends a training there, brings something from there or
stops it has it to himself meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from catalog import Catalog
from catalog.errors import Superseded as LeaseSuperseded
from catalog.records import Lease, Submission, SubmissionState
from catalog.workers import worker_name
from training.errors import RunBusy, Superseded
from training.gpu import GPU, taken_up
from training.holding import Hold, given_back, lease_name

log = logging.getLogger(__name__)

TOKENS = "tokens"

#: Seconds that a machine's lease lasts beyond its last renewal: longer than a command that starts or stops it may take.
MACHINE_SECONDS = 1800.0

#: Whoever sends a training asks so often whether it is still the one to be sent: it may be cancelled meanwhile.
_ASK_EVERY = 10.0


@contextmanager
def machine(catalog: Catalog, runner: str, *, wait: float = MACHINE_SECONDS + 60) -> Iterator[Callable[[], None]]:
    """Have a runner's machine to oneself; gives what is to be called meanwhile, which raises Superseded when another
    has it. Raises RunBusy when another has had it for so many seconds; one that has died has it no longer than that."""
    name, end, told = _machine(runner), time.monotonic() + wait, False
    while (lease := catalog.training_leases.take(name, holder=worker_name(), seconds=MACHINE_SECONDS)) is None:
        if time.monotonic() >= end:
            raise RunBusy(f"the machine of {runner} is in use by {_holder(catalog, name)}")
        if not told:
            log.info("waiting for the machine of %s, in use by %s", runner, _holder(catalog, name))
            told = True
        time.sleep(min(1.0, max(0.0, end - time.monotonic())))
    with given_back(catalog, lease):
        yield Hold(catalog, lease, seconds=MACHINE_SECONDS).keep


def machine_in_use(catalog: Catalog, runner: str) -> bool:
    """Whether somebody sends a training to a runner's machine now, brings something from there, or stops it."""
    return catalog.training_leases.held(_machine(runner)) is not None


def is_unseen(catalog: Catalog, row: Submission) -> bool:
    """Whether nobody has seen a submission begin, nor sends it at this moment, which may take hours."""
    return row.state is SubmissionState.SUBMITTED and not machine_in_use(catalog, row.runner)


def take(catalog: Catalog, row: Submission, *, seconds: float) -> Sequence[Lease]:
    """The leases that this attempt holds from now on. Raises RunBusy.

    Said again after a crash, it gives what is held already; what an earlier attempt left is given back first. A
    training on a processor needs no GPU, but takes it up if the gate granted it.

    Of the run's tokens the one below this attempt's is nobody's. Told there, it is above that of every earlier trainer,
    which is superseded before this attempt's has begun.
    """
    gap = catalog.training_leases.highest(lease_name(row.run)) + 1
    run = _take(catalog, lease_name(row.run), row, seconds=seconds, above=gap)
    if run is None:
        raise RunBusy(f"{row.run} is being trained by {_holder(catalog, lease_name(row.run))}")
    held = [run]
    card = taken_up(catalog, row.snapshot_id, holder=_name(row), seconds=seconds)
    if card is None and row.job.get("device") != "cpu":
        card = _take(catalog, GPU, row, seconds=seconds)
        if card is None:
            catalog.training_leases.release(run.name, run.token)
            raise RunBusy(f"the GPU is leased to {_holder(catalog, GPU)}")
    return [*held, card] if card is not None else held


def keeping(catalog: Catalog, held: Sequence[Lease], *, seconds: float, also: Callable[[], None]) -> Callable[[], None]:
    """What holds on to them while an attempt is sent. It raises Superseded when another has taken one over, or the
    attempt has ended: cancelled, or given up."""
    holds = [Hold(catalog, lease, seconds=seconds, every=min(_ASK_EVERY, seconds / 3)) for lease in held]

    def keep() -> None:
        also()
        for hold in holds:
            hold.keep()

    return keep


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


def _take(catalog: Catalog, name: str, row: Submission, *, seconds: float, above: int = 0) -> Lease | None:
    leases, held = catalog.training_leases, catalog.training_leases.held(name)
    if held is not None and held.holder == _name(row):
        return leases.renew(name, held.token, seconds=seconds)
    if held is not None and held.holder.startswith(_of(row)):
        leases.release(name, held.token, holder=held.holder)
    return leases.take(name, holder=_name(row), seconds=seconds, above=above)


def _machine(runner: str) -> str:
    return f"machine of {runner}"


def _name(row: Submission) -> str:
    return f"{_of(row)} {row.attempt} on {row.runner}"


def _of(row: Submission) -> str:
    return f"submission {row.key[:12]}, attempt"


def _holder(catalog: Catalog, name: str) -> str:
    held = catalog.training_leases.held(name)
    return held.holder if held else "another"
