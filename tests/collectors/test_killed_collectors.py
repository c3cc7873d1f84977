"""kill -9 in the middle of a search or a fetch, then the same command again: nothing lost, nothing doubled."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from killing import environment_for, kill_when, run, start
from sketches import picture

from catalog import Blobs, Catalog, Settings
from catalog.records import QueryState
from collectors.reaper import marked
from demo.internet import Internet


@pytest.fixture
def environment(tmp_path: Path, catalog: Catalog) -> dict[str, str]:
    return environment_for(catalog, tmp_path)


def photos_in(folder: Path, count: int) -> Path:
    """A folder of different photos, three of them there twice, and one that is none."""
    for number in range(count):
        (folder / f"group {number % 7}").mkdir(parents=True, exist_ok=True)
        (folder / f"group {number % 7}" / f"{number}.jpg").write_bytes(picture(number, size=(160, 160)))
    for number in range(3):
        (folder / f"again {number}.jpg").write_bytes(picture(number, size=(160, 160)))
    (folder / "notes.txt").write_text("no photo")
    return folder


def candidates(catalog: Catalog) -> int:
    return sum(catalog.candidates.counts().get("folder", {}).values())


def test_a_killed_search_of_a_folder_is_completed(
    tmp_path: Path, catalog: Catalog, environment: dict[str, str]
) -> None:
    folder = photos_in(tmp_path / "photos", 60)
    command = ("search", "--source", "folder", "--path", str(folder))
    for reached in (1, 20, 45):
        kill_when(start(environment, *command), lambda at=reached: candidates(catalog) >= at)
    run(environment, *command)
    assert candidates(catalog) == 64
    (query,) = catalog.queries.list()
    assert query.state is QueryState.USED


def test_a_killed_fetch_is_completed(
    tmp_path: Path, catalog: Catalog, blobs: Blobs, environment: dict[str, str]
) -> None:
    folder = photos_in(tmp_path / "photos", 60)
    run(environment, "search", "--source", "folder", "--path", str(folder))

    def stored() -> int:
        return catalog.photos.counts().get("folder", 0)

    killed = [kill_when(start(environment, "fetch"), lambda at=reached: stored() >= at) for reached in (1, 20, 40)]
    assert any(killed)
    run(environment, "fetch")
    assert catalog.candidates.counts() == {"folder": {"fetched": 60, "refused": 4}}
    assert catalog.candidates.refused() == {"exact_duplicate": 3, "not_an_image": 1}
    assert stored() == 60
    assert set(blobs.names("photos")) == catalog.photos.blobs()
    assert len(catalog.photos.blobs()) == 60


@pytest.mark.browser
def test_a_killed_search_leaves_no_browser_behind_and_is_completed(
    internet: Internet, catalog: Catalog, environment: dict[str, str], inside: Settings
) -> None:
    environment |= {"FACELOOP_PROXY": inside.proxy, "FACELOOP_PROXY_CA": inside.proxy_ca}
    mark = f"FACELOOP_BROWSER_OF_TEST={os.getpid()}-{time.monotonic_ns()}"
    name, _, value = mark.partition("=")
    environment[name] = value
    run(environment, "queries", "add", "portrait without make-up", "--source", "google")
    searching = start(environment, "search", "--source", "google")
    assert kill_when(searching, lambda: bool(internet.ledger("www.google.com")))
    end = time.monotonic() + 20
    while (left := marked(mark)) and time.monotonic() < end:
        time.sleep(0.1)
    assert left == []
    assert [query.state for query in catalog.queries.list()] == [QueryState.CLAIMED]
    run(environment, "search", "--source", "google")
    assert [query.state for query in catalog.queries.list()] == [QueryState.USED]
    wanted = {result.picture.url for result in internet.world.search("portrait without make-up")}
    found = [c.candidate.image_url for c in catalog.candidates.claim(count=100, lease_seconds=60)]
    assert sorted(found) == sorted(wanted)
