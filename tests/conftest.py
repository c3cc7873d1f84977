"""For every test: settings of its own, no way out to the network, and a migrated catalog to copy."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from catalog.catalog import Catalog
from catalog.settings import settings

REPOSITORY = Path(__file__).resolve().parent.parent

# A busy machine is no failure: no example has a deadline.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of the machine leaks in; what a test writes lies in its own folder."""
    for name in [name for name in os.environ if name.startswith("FACELOOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FACELOOP_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite catalog at its newest migration, to copy: migrating anew takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "catalog.db"
    Catalog(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def catalog_url(tmp_path: Path, migrated_file: Path) -> str:
    """The URL of an SQLite catalog of the test's own, migrated and empty."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'catalog.db')}"


@pytest.fixture
def migrated_home(migrated_file: Path) -> Path:
    """The test's home with a migrated, empty catalog in it: what ``Catalog()`` opens."""
    home = settings().home
    home.mkdir(parents=True)
    shutil.copy(migrated_file, home / "catalog.db")
    return home


@pytest.fixture(autouse=True, scope="session")
def closed_network() -> Iterator[None]:
    """Connections leave this process for loopback only; anything else is an error in the test."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if isinstance(host, str) and host and host != "localhost":
            try:
                loopback = ipaddress.ip_address(host).is_loopback
            except ValueError:
                loopback = False
            if not loopback:
                raise OSError(f"tests do not connect to {host}")
        connect(self, address)

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = connect  # type: ignore[method-assign]
