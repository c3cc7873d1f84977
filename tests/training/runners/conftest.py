"""A cluster's API and an sshd on loopback, a machine that trains nothing, a catalog with an untrained snapshot."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from keepers import TRAINING, Kept
from machines import Machine

from catalog import Catalog, settings
from catalog.records import SubmissionState
from cluster import Cluster, cluster
from sshd import Server, Wire, sshd
from training import steps
from training.runners.submitting import Submissions


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with cluster(tmp_path) as (holds, kubeconfig):
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("FACELOOP_KUBERNETES_IMAGE", "registry.example/faceloop-trainer:1")
        monkeypatch.setenv("FACELOOP_TRAIN_ON", "kubernetes")
        settings.cache_clear()
        yield holds


@pytest.fixture
def catalog(migrated_home: Path) -> Catalog:
    catalog = Catalog()
    catalog.snapshots.add("5" * 64, manifest="m" * 64, faces=[])
    return catalog


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def submissions(catalog: Catalog, machine: Machine) -> Submissions:
    return Submissions(runner="ssh", catalog=catalog, made=lambda _: machine)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with sshd(tmp_path_factory.mktemp("sshd") / "etc") as running:
        yield running


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The folder on the other machine."""
    return tmp_path / "another machine"


@pytest.fixture
def wire(server: Server) -> Iterator[Wire]:
    wire = Wire(server.port)
    yield wire
    wire.close()


@pytest.fixture
def by_ssh(
    server: Server, wire: Wire, there: Path, tmp_path: Path, approved: Catalog, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Trainings go to another machine: a folder beside ours, behind a real sshd."""
    for name, value in {
        "TRAIN_ON": "ssh",
        "SSH_HOST": "127.0.0.1",
        "SSH_PORT": wire.port,
        "SSH_KEY": server.key,
        "SSH_KNOWN_HOSTS": server.known_as(wire.port, tmp_path / "known_hosts"),
        "SSH_FOLDER": there,
        "SSH_PYTHON": sys.executable,
    }.items():
        monkeypatch.setenv(f"FACELOOP_{name}", str(value))
    settings.cache_clear()
    steps.snapshot()
    yield
    wire.cut_after = None
    for row in approved.submissions.list(active=True):
        Submissions().cancel(row.key)
        Submissions().wait(row.key, every=0.2)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    (tmp_path / "job").mkdir()
    kept = Kept(tmp_path / "job")
    kept.prepare(sys.executable, "-c", TRAINING)
    yield kept
    kept.finish()
    kept.until(lambda: kept.seen().state is not SubmissionState.RUNNING)
