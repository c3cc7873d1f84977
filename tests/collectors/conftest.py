"""A catalog and a store in the test's folder, the stand-in internet, and a server that misbehaves on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from unruly import Server

from catalog import Blobs, Catalog, Settings, open_blobs
from demo.internet import Internet, World
from demo.internet.instagram import ACCOUNT, PASSWORD


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    catalog = Catalog(catalog_url)
    yield catalog
    catalog.close()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs((tmp_path / "blobs").as_uri())


@pytest.fixture(scope="session")
def world() -> World:
    return World(people=10, photos_per_source=16, seed=5)


@pytest.fixture
def internet(world: World) -> Iterator[Internet]:
    with Internet(world) as internet:
        yield internet


@pytest.fixture
def inside(internet: Internet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings that lead into the stand-in internet, while the environment leads elsewhere."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    monkeypatch.setenv("NO_PROXY", "")
    return Settings(
        home=tmp_path / "home",
        proxy=internet.proxy_url,
        proxy_ca=str(internet.ca_path),
        instagram_user=ACCOUNT,
        instagram_password=PASSWORD,
        twitter_bearer_token="token",
        fetch_seconds=20,
    )


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()
