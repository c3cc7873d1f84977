"""Who may go through which door, by Airflow's own word: each route, each role, under both auth managers.

Nobody: 401. A viewer reads, and writes nothing. A user and above read and write. FAB's roles are those that it ships,
and Reviewer, which docker/init.sh makes.
"""

from __future__ import annotations

import urllib.error
from collections.abc import Mapping

import pytest
from desks import Airflow
from doors import Door, every_door, place

from catalog.records import Stage, Subject, SubjectKind

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

DOORS = every_door()
MANAGERS = ("airflow", "fab_airflow")
DECIDES = {"airflow": ("rita", "olga", "anna"), "fab_airflow": ("rita", "ulf", "olga", "anna")}
#: Behind these there is something to read here; of others it is enough that nobody is turned away.
READ = {
    "/",
    "/batch/{batch_id}",
    "/batch/{batch_id}/{stage}",
    "/batch/{batch_id}/{stage}/{subject}",
    "/api/queue",
    "/image/{kind}/{number}",
    "/duplicates",
    "/sources",
    "/api/sources",
    "/checks",
    "/alert/{alert_id}",
    "/alert/{alert_id}/page",
    "/snapshot/{snapshot_id}",
    "/evaluation/{evaluation_id}",
    "/training",
    "/static/{name}",
}


@pytest.fixture(params=MANAGERS)
def manager(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(request: pytest.FixtureRequest, manager: str) -> Airflow:
    found: Airflow = request.getfixturevalue(manager)
    return found


_PLACES: dict[str, Mapping[str, object]] = {}


@pytest.fixture
def there(server: Airflow) -> Mapping[str, object]:
    """What is behind the doors of this server, made once."""
    if server.url not in _PLACES:
        _PLACES[server.url] = place(server.shelf)
    return _PLACES[server.url]


def ask(server: Airflow, door: Door, there: Mapping[str, object], name: str = "") -> int:
    """The status of one request; a write brings an empty object, which no route takes for an act."""
    token = server.token(name) if name else ""
    return server.status(door.at(there), token=token, body={} if door.writes else None)


@pytest.mark.parametrize("door", DOORS, ids=str)
def test_each_role_goes_as_far_as_it_may(
    server: Airflow, manager: str, there: Mapping[str, object], door: Door
) -> None:
    assert ask(server, door, there) == 401
    assert server.status(door.at(there), token="no-token", body={} if door.writes else None) in {401, 403}
    for name in ("vic", *DECIDES[manager]):
        status = ask(server, door, there, name)
        if door.writes and name == "vic":
            assert status == 403, name
            continue
        assert status not in {401, 403}, name
        assert status < 500, name
        if not door.writes and door.path in READ:
            assert status == 200, name


def test_what_there_is_to_read_is_a_route() -> None:
    assert {door.path for door in DOORS} >= READ


def test_a_viewer_changes_nothing_and_a_user_signs_with_the_own_name(server: Airflow, manager: str) -> None:
    batch = server.shelf.batch(len(DECIDES[manager]) + 1)
    for number, (name, photo) in enumerate(zip(("vic", *DECIDES[manager]), server.shelf.photos(batch), strict=True)):
        act = {"token": f"{manager}-{number:012d}-token", "subject": photo, "verdict": "approve"}
        body = {"batch": batch, "stage": "raw", "acts": [act]}
        assert server.status("/api/decisions", token=server.token(name), body=body) == (403 if name == "vic" else 200)
        subject = Subject(SubjectKind.PHOTO, photo)
        made = [decision.by for decision in server.shelf.catalog.decisions.history(subject)]
        assert made == ([] if name == "vic" else [name])
    assert server.shelf.catalog.batches.progress(batch, Stage.RAW).approved == len(DECIDES[manager])


@pytest.mark.parametrize("name", ["rita", "olga", "anna"])
def test_under_fab_reviewers_and_above_find_the_desk_in_airflows_menu(fab_airflow: Airflow, name: str) -> None:
    plugins = fab_airflow.ask("/api/v2/plugins", token=fab_airflow.token(name))["plugins"]
    assert "faceloop" in {plugin["name"] for plugin in plugins}


def test_under_fab_a_mere_user_must_be_given_the_address(fab_airflow: Airflow) -> None:
    """FAB's User may not read plugins, which Airflow's menu is made of; the desk itself is open all the same."""
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fab_airflow.ask("/api/v2/plugins", token=fab_airflow.token("ulf"))
    assert fab_airflow.status("/", token=fab_airflow.token("ulf")) == 200
