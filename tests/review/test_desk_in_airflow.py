"""The desk inside a running Airflow: who is turned away, who may look, who may decide, by Airflow's own word."""

from __future__ import annotations

import itertools
import json
import urllib.request
from typing import Any

import pytest
from desks import Airflow, direct

from catalog.records import Stage, Subject, SubjectKind

pytestmark = pytest.mark.airflow

PATHS = [
    "/",
    "/run?key=x",
    "/batch/{batch}/raw",
    "/batch/{batch}/raw/{photo}",
    "/duplicates",
    "/duplicates?batch={batch}",
    "/api/queue?batch={batch}&stage=raw",
    "/image/photo/{photo}",
    "/image/photo/{photo}?side=480",
    "/static/desk.js",
    "/static/desk.css",
]
_NEXT = itertools.count(1)


@pytest.fixture(scope="module")
def place(airflow: Airflow) -> dict[str, int]:
    batch = airflow.shelf.batch(20)
    return {"batch": batch, "photo": airflow.shelf.photos(batch)[0]}


def approval(place: dict[str, int], photo: int) -> Any:
    act = {"token": f"airflow-test-token-{next(_NEXT):06d}", "subject": photo, "verdict": "approve"}
    return {"batch": place["batch"], "stage": "raw", "acts": [act]}


@pytest.mark.parametrize("path", PATHS)
def test_a_stranger_gets_nothing(airflow: Airflow, place: dict[str, int], path: str) -> None:
    assert airflow.status(path.format(**place)) == 401


def test_a_stranger_decides_nothing(airflow: Airflow, place: dict[str, int]) -> None:
    assert airflow.status("/api/decisions", body=approval(place, place["photo"])) == 401


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["vic", "rita", "olga", "anna"])
def test_everybody_who_is_signed_in_may_look(airflow: Airflow, place: dict[str, int], path: str, name: str) -> None:
    assert airflow.status(path.format(**place), token=airflow.token(name)) == 200


def test_a_viewer_may_not_decide(airflow: Airflow, place: dict[str, int]) -> None:
    body = approval(place, place["photo"])

    assert airflow.status("/api/decisions", token=airflow.token("vic"), body=body) == 403
    assert airflow.shelf.catalog.batches.progress(place["batch"], Stage.RAW).decided == 0


@pytest.mark.parametrize(("name", "number"), [("rita", 1), ("olga", 2), ("anna", 3)])
def test_a_user_and_above_may_decide_and_sign_with_their_own_name(
    airflow: Airflow, place: dict[str, int], name: str, number: int
) -> None:
    photo = airflow.shelf.photos(place["batch"])[number]

    assert airflow.status("/api/decisions", token=airflow.token(name), body=approval(place, photo)) == 200

    kept = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    assert kept is not None
    assert kept.by == name


@pytest.mark.parametrize("token", ["not-a-token", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm5hIiwicm9sZSI6ImFkbWluIn0."])
def test_a_forged_token_opens_nothing(airflow: Airflow, place: dict[str, int], token: str) -> None:
    assert airflow.status(f"/batch/{place['batch']}/raw", token=token) in {401, 403}


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
@pytest.mark.parametrize("name", ["", "anna"])
def test_no_route_describes_the_desk(airflow: Airflow, path: str, name: str) -> None:
    assert airflow.status(path, token=airflow.token(name) if name else "") == 404


def test_airflow_loads_both_plugins_and_offers_the_desk_in_its_menu(airflow: Airflow) -> None:
    def ask(path: str) -> Any:
        request = urllib.request.Request(
            f"{airflow.url}{path}", headers={"Authorization": f"Bearer {airflow.token('anna')}"}
        )
        with direct().open(request, timeout=30) as answer:
            return json.load(answer)

    assert ask("/api/v2/plugins/importErrors")["import_errors"] == []
    (plugin,) = [plugin for plugin in ask("/api/v2/plugins")["plugins"] if plugin["name"] == "faceloop"]
    views = {view["destination"]: view["href"] for view in plugin["external_views"]}
    assert views == {"nav": "review-desk/", "dag_run": "review-desk/run?key={RUN_ID}"}
