"""The order in which first looks are given, where it is not by number: worked out once, kept while nothing changes.

A batch of 100,000 subjects is an array of 800 kB; of so many only the last few batches looked at are kept. Scores and
flags come all day while other batches are prepared: an order that takes long is kept for as long as it is worth, and
is worked out by one who asks, not by all at once.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from catalog import Catalog
from catalog.records import Stage
from preprocessing.checks import CHECKS, Thresholds
from review.records import Order

#: So many orders are kept.
_KEPT = 8
#: One that took longer than this, in seconds, is kept for so many times as long, whatever has changed since.
_LONG, _WORTH = 0.2, 20

_Key = tuple[int, Stage, Order, int | None]


@dataclass(frozen=True, slots=True)
class _Ranked:
    stamp: object
    done: float
    took: float
    numbers: array[int]

    def serves(self, stamp: object) -> bool:
        if self.stamp == stamp:
            return True
        return self.took > _LONG and time.monotonic() - self.done < _WORTH * self.took


class Rankings:
    """Orders of the batches that were looked at last."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, _Ranked] = OrderedDict()

    def of(self, batch_id: int, stage: Stage, order: Order, thresholds: Thresholds) -> Sequence[int]:
        """The numbers of a batch's photos or faces in this order, whatever stands on them."""
        key = (batch_id, stage, order, thresholds.number)
        with self._lock:
            known, stamp = self._kept.get(key), self._catalog.orders.stamp()
            if known is None or not known.serves(stamp):
                began = time.monotonic()
                numbers = array("q", self._worked_out(batch_id, stage, order, thresholds))
                done = time.monotonic()
                known = self._kept[key] = _Ranked(stamp, done, done - began, numbers)
            self._kept.move_to_end(key)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
            return known.numbers

    def _worked_out(self, batch_id: int, stage: Stage, order: Order, thresholds: Thresholds) -> Sequence[int]:
        if order is Order.FLAGGED:
            return self._catalog.orders.flagged_first(batch_id, stage)
        lines = {
            (check.name, check.version): thresholds.below(check) for check in CHECKS.values() if check.stage is stage
        }
        return self._catalog.orders.uncertain_first(batch_id, stage, lines)

    @staticmethod
    def after(order: Sequence[int], number: int) -> Sequence[int]:
        """What comes after this number; all of it when the number is not there."""
        try:
            return order[order.index(number) + 1 :]
        except ValueError:
            return order
