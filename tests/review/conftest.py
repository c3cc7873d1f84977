"""A shelf of photos and the three ways to the desk over it. Airflow and Chromium start once, when a test asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desks import Airflow, Sitting, Visitor
from fastapi import Depends, HTTPException, Request
from serving import fab, simple
from shelf import Shelf
from starlette.testclient import TestClient

from catalog import Catalog
from catalog.blobs import open_blobs
from review.access import Access, Person
from review.app import create_app
from review.desk import Desk

PEOPLE = {"anna": "admin", "olga": "op", "rita": "user", "vic": "viewer"}
FAB_PEOPLE = {"anna": ["Admin"], "olga": ["Op"], "rita": ["User", "Reviewer"], "ulf": ["User"], "vic": ["Viewer"]}


@pytest.fixture
def shelf(tmp_path: Path, catalog_url: str) -> Iterator[Shelf]:
    """An empty shelf."""
    catalog = Catalog(catalog_url, migrate=False)
    yield Shelf(catalog, open_blobs((tmp_path / "blobs").as_uri()))
    catalog.close()


@pytest.fixture
def desk(shelf: Shelf) -> Callable[[str], Visitor]:
    """The desk as a named person sees it. At this door a header says who comes; only Vic may not decide."""

    def reader(request: Request) -> Person:
        name = request.headers.get("x-person", "")
        if not name:
            raise HTTPException(401, "Not authenticated")
        return Person(id=name, name=name.title(), may_decide=name != "vic")

    def reviewer(person: Person = Depends(reader)) -> Person:  # noqa: B008
        if not person.may_decide:
            raise HTTPException(403, "Forbidden")
        return person

    app = create_app(open_desk=lambda: Desk(shelf.catalog, shelf.blobs), access=Access(reader, reviewer))
    client = TestClient(app)
    return lambda name: Visitor(client, name)


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """Airflow's own web server, its SimpleAuthManager and its plugin loader, on a free port of loopback."""
    with simple(tmp_path_factory.mktemp("airflow"), PEOPLE) as airflow:
        yield airflow


@pytest.fixture(scope="session")
def fab_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    """The same with FAB's auth manager, as the deployment has it, below a path of its own."""
    with fab(tmp_path_factory.mktemp("fab"), FAB_PEOPLE) as airflow:
        yield airflow


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One headless Chromium for all browser tests."""
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd("Network.enable", {})
    yield driver
    driver.quit()


@pytest.fixture
def sitting(chromium: Any, airflow: Airflow) -> Iterator[Sitting]:
    """Rita, who may decide, at the desk in Airflow."""
    sitting = Sitting(chromium, airflow)
    sitting.sign_in("rita")
    sitting.run("localStorage.clear()")  # what an earlier test left in this browser
    chromium.get_log("browser")
    yield sitting
    sitting.network(up=True)
    chromium.get("about:blank")


@pytest.fixture(params=["light", "dark"])
def shade(request: pytest.FixtureRequest, sitting: Sitting) -> Iterator[str]:
    features = [
        {"name": "prefers-color-scheme", "value": request.param},
        {"name": "prefers-reduced-motion", "value": "reduce"},  # a colour half-way through its change is none
    ]
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    yield request.param
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture(params=[(1280, 800), (390, 844), (320, 640)], ids=["desktop", "phone", "small phone"])
def screen(request: pytest.FixtureRequest, sitting: Sitting) -> Iterator[int]:
    width, height = request.param
    sitting.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    yield width
    sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
