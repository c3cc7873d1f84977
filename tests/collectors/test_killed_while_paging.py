"""kill -9 in the middle of a source's paging: the next run goes on there; a page at most is asked again, no candidate
is there twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from killing import environment_for, kill_when, kill_while_paging, pages, run, start
from sketches import picture

from catalog import Catalog, Settings
from catalog.records import Domain, QueryState
from collectors import steps
from collectors.seeds import Seed, folder_seed, manifest_seed
from demo.internet import Internet, World


@pytest.fixture
def wide() -> Iterator[Internet]:
    """An internet with more results than a page of Google's holds."""
    with Internet(World(people=10, photos_per_source=160, seed=5)) as internet:
        yield internet


def starts(internet: Internet) -> list[str]:
    """Which part of Google's results each request was for, the page's own requests while it is scrolled included."""
    targets = [entry.target for entry in internet.ledger("www.google.com") if entry.target.startswith("/search")]
    return [parse_qs(urlsplit(target).query).get("start", ["0"])[0] for target in targets]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["asked", "recorded"])
def test_google(wide: Internet, tmp_path: Path, catalog: Catalog, moment: str) -> None:
    config = Settings(proxy=wide.proxy_url, proxy_ca=str(wide.ca_path))
    text = "portrait without make-up"
    wanted = sorted(result.picture.url for result in wide.world.search(text))
    query = steps.plan_one(Seed("google", Domain.BARE, text), catalog=catalog, config=config)
    # It may be killed anywhere, in a pause as amid a page; but the pauses need not be as long as Google's.
    environment = environment_for(catalog, tmp_path, config) | {"FACELOOP_PACE": "0.25"}
    command = ("search", "--source", "google")
    hit = 0
    for number in (1, 2, 3):
        before = len(starts(wide))
        process = start(environment, *command)
        if moment == "asked":  # while the answer is on its way
            hit += kill_when(process, lambda: len(starts(wide)) >= before + number)  # noqa: B023  called at once
        else:
            hit += kill_when(process, lambda: pages(catalog, query.id) >= number)  # noqa: B023
    run(environment, *command)
    assert hit >= 2
    assert catalog.queries.get(query.id).state is QueryState.USED
    found = [one.candidate.image_url for one in catalog.candidates.claim(count=1000, lease_seconds=60)]
    assert sorted(found) == wanted
    again = sum(times - 1 for times in Counter(starts(wide)).values())
    assert again <= hit, starts(wide)
    assert sum(one.found for one in catalog.queries.tries(query.id)) == len(wanted)


def test_a_folder(tmp_path: Path, catalog: Catalog) -> None:
    folder = tmp_path / "photos"
    for number in range(40):
        (folder / f"group {number}").mkdir(parents=True)
        for file in range(200):
            (folder / f"group {number}" / f"{file} ü.jpg").touch()
    (folder / "first.jpg").write_bytes(picture(1))
    query = steps.plan_one(folder_seed(str(folder), "bare", "CC0"), catalog=catalog)
    command = ("search", "--source", "folder")
    hit = kill_while_paging(environment_for(catalog, tmp_path), catalog, query.id, *command, after=(1, 3, 5))
    assert hit >= 2
    assert catalog.queries.get(query.id).state is QueryState.USED
    assert catalog.candidates.counts() == {"folder": {"found": 8001}}
    tries = catalog.queries.tries(query.id)
    assert sum(one.found for one in tries) - 8001 <= 1000 * hit
    assert sum(one.duplicate for one in tries) <= 1000 * hit


def test_a_manifest(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "manifest.csv"
    file.write_text("url,licence\n" + "".join(f"https://example.org/{number}.jpg,CC0\n" for number in range(6000)))
    query = steps.plan_one(manifest_seed(str(file), "bare", ""), catalog=catalog)
    command = ("search", "--source", "manifest")
    hit = kill_while_paging(environment_for(catalog, tmp_path), catalog, query.id, *command, after=(1, 4, 7))
    assert hit >= 2
    assert catalog.candidates.counts() == {"manifest": {"found": 6000}}
    assert sum(one.duplicate for one in catalog.queries.tries(query.id)) == 0
