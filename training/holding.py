"""A trainer's hold on its run: the lease that it trains by, kept alive while it trains and given back at its end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from catalog import Catalog
from catalog.errors import Superseded as LeaseSuperseded
from catalog.records import Lease
from catalog.workers import worker_name
from training.errors import RunBusy, Superseded

log = logging.getLogger(__name__)


class Hold:
    """The right to train one run; `keep` is called at each step and asks the catalog once in a third of its time, or
    every so many seconds."""

    def __init__(
        self,
        catalog: Catalog,
        lease: Lease,
        *,
        seconds: float,
        every: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._leases, self.lease, self._seconds, self._clock = catalog.training_leases, lease, seconds, clock
        self._every = seconds / 3 if every is None else every
        self._asked = clock()

    @property
    def token(self) -> int:
        """Higher than that of anybody who held the run before."""
        return self.lease.token

    def keep(self) -> None:
        """Hold on, if it is time to say so. Raises Superseded when another has taken over.

        A catalog that does not answer ends no training: what is saved is checked against the token once more.
        """
        if self._clock() - self._asked < self._every:
            return
        self._asked = self._clock()
        try:
            self.lease = self._leases.renew(self.lease.name, self.lease.token, seconds=self._seconds)
        except LeaseSuperseded as error:
            raise Superseded(str(error)) from None
        except SQLAlchemyError as error:
            log.warning("the lease of %s could not be renewed: %s", self.lease.name, str(error).splitlines()[0])


@contextmanager
def holding(catalog: Catalog, run: str, *, seconds: float, above: int = 0) -> Iterator[Hold]:
    """Take the lease of a run, with a token above this one, and give it back at the end.

    Raises RunBusy when another trainer holds it.
    """
    name = lease_name(run)
    lease = catalog.training_leases.take(name, holder=worker_name(), seconds=seconds, above=above)
    if lease is None:
        other = catalog.training_leases.held(name)
        raise RunBusy(f"{run} is being trained by {other.holder if other else 'another'}")
    with given_back(catalog, lease):
        yield Hold(catalog, lease, seconds=seconds)


@contextmanager
def given_back(catalog: Catalog, lease: Lease) -> Iterator[None]:
    """Give a lease back at the end; it runs out by itself where the catalog does not answer then."""
    try:
        yield
    finally:
        try:
            catalog.training_leases.release(lease.name, lease.token)
        except SQLAlchemyError as error:
            log.warning("the lease of %s runs out by itself: %s", lease.name, str(error).splitlines()[0])


def lease_name(run: str) -> str:
    """What the lease of a run is called."""
    return f"run {run}"
