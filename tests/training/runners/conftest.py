"""A cluster's API on loopback, a machine that trains nothing, and a catalog with a snapshot nobody has trained."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from machines import Machine

from catalog import Catalog, settings
from cluster import Cluster, cluster
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
