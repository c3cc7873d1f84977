"""A shelf of photos and the three ways to the desk over it. Airflow and Chromium start once, when a test asks."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from desks import Airflow, Sitting, Visitor, direct
from fastapi import Depends, HTTPException, Request
from shelf import Shelf
from starlette.testclient import TestClient

from catalog import Catalog
from catalog.blobs import open_blobs
from review.access import Access, Person
from review.app import create_app
from review.desk import Desk

REPOSITORY = Path(__file__).resolve().parents[2]
PEOPLE = {"anna": "admin", "olga": "op", "rita": "user", "vic": "viewer"}


@pytest.fixture(scope="session")
def empty_catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database at its newest migration, to copy: migrating anew for each test would take most of its time."""
    path = tmp_path_factory.mktemp("empty") / "catalog.db"
    Catalog(f"sqlite:///{path}").close()
    return path


@pytest.fixture
def shelf(tmp_path: Path, empty_catalog: Path) -> Iterator[Shelf]:
    """An empty shelf."""
    shutil.copy(empty_catalog, tmp_path / "catalog.db")
    catalog = Catalog(f"sqlite:///{tmp_path / 'catalog.db'}", migrate=False)
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
    home = tmp_path_factory.mktemp("airflow")
    port, password = _free_port(), secrets.token_urlsafe(16)
    (home / "passwords.json").write_text(json.dumps(dict.fromkeys(PEOPLE, password)))
    (home / "dags").mkdir()
    settings = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in PEOPLE.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{port}",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(64),
        "FACELOOP_DATABASE": f"sqlite:///{home / 'catalog.db'}",
        "FACELOOP_STORE": (home / "blobs").as_uri(),
        "PYTHONPATH": str(REPOSITORY),
    }
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "FACELOOP"))} | settings
    command = [sys.executable, "-m", "airflow"]
    subprocess.run([*command, "db", "migrate"], env=environment, check=True, capture_output=True, timeout=180)
    catalog = Catalog(settings["FACELOOP_DATABASE"])
    with (home / "api.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "api-server"], env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait(f"http://127.0.0.1:{port}/api/v2/monitor/health", server, home / "api.log")
        yield Airflow(f"http://127.0.0.1:{port}", Shelf(catalog, open_blobs(settings["FACELOOP_STORE"])), password)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
        catalog.close()


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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(360):
        if server.poll() is not None:
            break
        try:
            with direct().open(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"Airflow's web server did not come up:\n{log.read_text()[-3000:]}")
