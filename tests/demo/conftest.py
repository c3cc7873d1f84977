"""A small internet on loopback, and clients that are led into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from demo.internet import Internet, World


@pytest.fixture(scope="session")
def world() -> World:
    return World(people=12, photos_per_source=48, seed=3)


@pytest.fixture
def internet(world: World) -> Iterator[Internet]:
    with Internet(world) as internet:
        yield internet


@pytest.fixture
def inside(internet: Internet, monkeypatch: pytest.MonkeyPatch) -> Internet:
    """Lead this process's clients into the internet, whatever the machine presets."""
    for name, value in internet.environment().items():
        monkeypatch.setenv(name, value)
    return internet


@pytest.fixture
def web(inside: Internet) -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session
