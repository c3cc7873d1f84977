"""Which runners there are."""

from __future__ import annotations

from catalog import Blobs, Catalog, Settings
from training.errors import Unknown
from training.runners.jobs import Runner
from training.runners.kubernetes import Kubernetes
from training.runners.local import Local
from training.runners.ssh import Ssh

RUNNERS = ("local", "ssh", "kubernetes")

#: Runners that may leave a machine up, or faces on one, after a training's end: the others have nothing to tear down.
LEAVES_A_MACHINE = frozenset({"ssh"})


def runner_named(name: str, *, settings: Settings, catalog: Catalog, blobs: Blobs) -> Runner:
    """A runner as it is configured. Raises Unknown, RunnerError."""
    if name == "local":
        return Local(settings)
    if name == "ssh":
        return Ssh(settings, catalog=catalog, blobs=blobs)
    if name == "kubernetes":
        return Kubernetes(settings)
    raise Unknown(f"no runner named {name!r}; there are {', '.join(RUNNERS)}")
