"""A cluster's API on loopback, and a catalog with one snapshot that nobody has trained yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog import Catalog, settings
from cluster import Cluster, cluster


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
def catalog() -> Catalog:
    catalog = Catalog()
    catalog.snapshots.add("5" * 64, manifest="m" * 64, faces=[])
    return catalog
