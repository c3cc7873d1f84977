"""The task that leaves no machine up: said again until it succeeds, it forgets none."""

from __future__ import annotations

from catalog import Catalog
from training.errors import TeardownFailed
from training.runners import leases
from training.runners.jobs import named
from training.runners.submitting import Submissions


def tidy(*, submissions: Submissions | None = None, catalog: Catalog | None = None) -> int:
    """Stop the machines of all trainings that have ended, whoever forgot them; how many.

    Raises TeardownFailed when a machine may still run, also that of a training which was asked to stop and still saves,
    or which nobody has seen begin: whoever calls it again until it succeeds forgets none.
    """
    catalog = catalog or Catalog()
    stopped = (submissions or Submissions(catalog=catalog)).tidy()
    active = catalog.submissions.list(active=True)
    if saving := [row for row in active if row.stop_asked]:
        raise TeardownFailed(f"asked to stop and not ended yet: {', '.join(map(named, saving))}")
    if unseen := [row for row in active if leases.is_unseen(catalog, row) and not leases.has_begun(row)]:
        raise TeardownFailed(f"nobody has seen it begin, and it is not given up yet: {', '.join(map(named, unseen))}")
    return len(stopped)
