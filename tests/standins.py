"""Questions that tests have for the stand-in internet."""

from __future__ import annotations

import time

from demo.internet import Internet
from demo.internet.proxy import Entry


def settled(internet: Internet, host: str | None = None) -> list[Entry]:
    """The ledger once it has stopped growing: the stand-in notes a request after it has sent the answer."""
    entries = internet.ledger(host)
    while True:
        time.sleep(0.05)
        if len(again := internet.ledger(host)) == len(entries):
            return entries
        entries = again
