"""The order in which first looks are given, where it is not by number: worked out once, kept while nothing changes.

A batch of 100,000 subjects is an array of 800 kB; of so many only the last few batches looked at are kept.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence

from catalog import Catalog
from catalog.records import Stage
from preprocessing.checks import CHECKS, Thresholds
from review.records import Order

#: So many orders are kept.
_KEPT = 8

_Key = tuple[int, Stage, Order, int | None]


class Rankings:
    """Orders of the batches that were looked at last."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[object, array[int]]] = OrderedDict()

    def of(self, batch_id: int, stage: Stage, order: Order, thresholds: Thresholds) -> Sequence[int]:
        """The numbers of a batch's photos or faces in this order, whatever stands on them."""
        key = (batch_id, stage, order, thresholds.number)
        stamp = self._catalog.orders.stamp()
        with self._lock:
            known = self._kept.get(key)
            if known is not None and known[0] == stamp:
                self._kept.move_to_end(key)
                return known[1]
        if order is Order.FLAGGED:
            numbers = self._catalog.orders.flagged_first(batch_id, stage)
        else:
            lines = {
                (check.name, check.version): thresholds.below(check)
                for check in CHECKS.values()
                if check.stage is stage
            }
            numbers = self._catalog.orders.uncertain_first(batch_id, stage, lines)
        made = array("q", numbers)
        with self._lock:
            self._kept[key] = stamp, made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made

    @staticmethod
    def after(order: Sequence[int], number: int) -> Sequence[int]:
        """What comes after this number; all of it when the number is not there."""
        try:
            return order[order.index(number) + 1 :]
        except ValueError:
            return order
