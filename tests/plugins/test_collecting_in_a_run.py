"""Collecting in runs of the real DAGs, by Airflow's own machinery: states, names, tries, and what the asset tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sketches import picture

from catalog import Catalog
from catalog.records import Domain, QueryState, RestKind
from demo.internet import Internet, World
from demo.internet.instagram import ACCOUNT

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]
Told = tuple[dict, str]

# A process of its own: Airflow reads its settings once, when it is imported.
RUN = textwrap.dedent(
    """
    import json, sys
    from airflow.utils.db import initdb
    initdb()
    from sqlalchemy import select
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.asset import AssetEvent
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    dags, name = sys.argv[1:]
    with create_session() as session:
        for pool, told in json.load(open(f"{dags}/pools.json")).items():
            Pool.create_or_update_pool(pool, told["slots"], told["description"], False, session=session)
    run = DagBag(dag_folder=f"{dags}/collect.py").dags[name].test()
    with create_session() as session:
        tasks = [
            {"task": ti.task_id, "state": str(ti.state), "tries": ti.try_number, "name": ti.rendered_map_index}
            for ti in run.get_task_instances(session=session)
        ]
        extras = [event.extra for event in session.scalars(select(AssetEvent))]
    print("TOLD", json.dumps({"state": str(run.state), "tasks": tasks, "extras": extras}), flush=True)
    """
)


def run(folder: Path, dag: str, *, when: tuple[str, Callable[[], None]] | None = None, **environment: str) -> Told:
    """Run a DAG once; give its end as told by Airflow's database, and everything that was said.

    ``when``: something to do as soon as these words are said.
    """
    folder.mkdir(exist_ok=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW") and not k.lower().endswith("_proxy")}
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", RUN, str(REPOSITORY / "dags"), dag],
        env=clean
        | {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(REPOSITORY / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
        }
        | environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if when and when[0] in line:
            when[1]()
            when = None
    process.wait(60)
    said = "".join(lines)
    ends = [line for line in lines if line.startswith("TOLD ")]
    assert ends, said[-4000:]
    return json.loads(ends[0].removeprefix("TOLD ")), said


def states(told: dict, task: str) -> list[str]:
    return sorted(one["state"] for one in told["tasks"] if one["task"] == task)


@pytest.fixture
def photos() -> Iterator[Path]:
    """A folder whose name would be a template, were it rendered; and short, so that a task's name holds it whole."""
    with tempfile.TemporaryDirectory(prefix="f") as folder:
        made = Path(folder).resolve() / "{{ boom() }}"
        made.mkdir()
        for number in range(2):
            (made / f"{number}.jpg").write_bytes(picture(number))
        (made / "notes.jpg").write_text("not a photo")
        yield made


def test_a_run_waits_for_a_rest_names_its_searches_and_tells_the_asset_what_it_brought(
    tmp_path: Path, photos: Path
) -> None:
    catalog, until = Catalog(), datetime.now(UTC) + timedelta(hours=1)
    catalog.sources.rest("folder", until=until, reason="rate_limited: 429", kind=RestKind.RATE)
    told, said = run(
        tmp_path / "run",
        "collect_folder",
        when=("folder rests until", lambda: catalog.sources.wake("folder")),
        FACELOOP_FOLDER_PATH=str(photos),
    )

    assert told["state"] == "success", said[-4000:]
    for task in ("plan", "awake", "search", "fetch", "done"):
        assert states(told, task) == ["success"], (task, said[-4000:])
    (name,) = [one["name"] for one in told["tasks"] if one["task"] == "search"]
    assert name == f"folder: {photos}"
    (extra,) = told["extras"]
    wanted = {"source": "folder", "queries": 1, "found": 3, "new": 3, "stored": 2, "refused": 1, "fetched": 2}
    assert wanted.items() <= extra.items()
    assert all(isinstance(number, int) for word, number in extra.items() if word != "source")
    head = next(line for line in said.splitlines() if "duplicate" in line and "approved" in line)
    assert head.split()[-9:] == [
        *("pages", "found", "new", "duplicate", "waiting"),
        *("stored", "refused", "cropped", "approved"),
    ]


def test_a_source_that_rests_for_long_skips_its_searches_and_the_run_is_green(tmp_path: Path, photos: Path) -> None:
    catalog, until = Catalog(), datetime.now(UTC) + timedelta(hours=10)
    catalog.sources.rest("folder", until=until, reason="blocked: a wall", kind=RestKind.CAPTCHA)
    told, said = run(tmp_path / "run", "collect_folder", FACELOOP_FOLDER_PATH=str(photos))

    assert (told["state"], states(told, "awake"), states(told, "search")) == ("success", ["skipped"], ["skipped"])
    assert states(told, "fetch") == ["success"]
    assert "blocked: a wall" in said
    (query,) = catalog.queries.list(source="folder")
    assert (query.state, catalog.queries.tries(query.id)) == (QueryState.PLANNED, [])  # it was not asked


def test_a_refused_sign_in_fails_one_search_at_once_and_the_others_are_skipped(tmp_path: Path) -> None:
    catalog = Catalog()
    for tag in ("#one", "#two"):
        catalog.queries.plan(source="instagram", text=tag, domain=Domain.BARE, limit=5)
    (tmp_path / "none.yaml").write_text("[]")
    with Internet(World(people=2, photos_per_source=2)) as internet:
        told, said = run(
            tmp_path / "run",
            "collect_instagram",
            FACELOOP_PROXY=internet.proxy_url,
            FACELOOP_PROXY_CA=str(internet.ca_path),
            FACELOOP_INSTAGRAM_USER=ACCOUNT,
            FACELOOP_INSTAGRAM_PASSWORD="not the password",
            FACELOOP_QUERIES_PER_RUN="2",
            FACELOOP_TEMPLATES=str(tmp_path / "none.yaml"),
        )

    assert told["state"] == "failed"
    assert states(told, "search") == ["failed", "skipped"], said[-6000:]
    assert {one["tries"] for one in told["tasks"] if one["task"] == "search"} <= {0, 1}
    assert (states(told, "fetch"), states(told, "done")) == (["success"], ["upstream_failed"])
    assert "Instagram refused the sign-in" in said
    rest = catalog.sources.cooldown("instagram")
    assert rest
    assert "sign-in" in rest.reason
