"""The waiting task inside a run of a DAG: Airflow's own machinery defers it, runs its trigger and resumes it."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.records import Stage
from rows import Rows

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]

DAG = textwrap.dedent(
    """
    from datetime import datetime
    from airflow.sdk import dag, task
    from human_review import HumanReviewSensor

    @dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
    def waits():
        @task
        def open_batch() -> int:
            return {batch}

        @task
        def open_none() -> int | None:
            return None

        @task
        def tell(counts: dict) -> None:
            print("COUNTS", counts["approved"], counts["rejected"])

        waiting = HumanReviewSensor(
            task_id="wait", stage="raw", batch=open_batch(), poll_seconds=0.2, notify_hours=0.5 / 3600
        )
        tell(waiting.output)
        HumanReviewSensor(task_id="wait_for_nothing", stage="raw", batch=open_none(), poll_seconds=0.2)

    waits()
    """
)

# A process of its own: Airflow reads its settings once, when it is imported.
RUN = textwrap.dedent(
    """
    from airflow.utils.db import initdb
    initdb()
    from airflow.dag_processing.dagbag import DagBag
    run = DagBag(dag_folder="dags").dags["waits"].test()
    print("STATES", sorted((ti.task_id, str(ti.state)) for ti in run.get_task_instances()), flush=True)
    from airflow.models.xcom import XComModel
    from airflow.serialization.serialized_objects import DagSerialization
    from airflow.utils.session import create_session
    dag = DagSerialization.from_dict(DagSerialization.to_dict(DagBag(dag_folder="dags").dags["waits"]))
    for ti in run.get_task_instances():
        for name in dag.get_task(ti.task_id).extra_links:
            print("LINK", ti.task_id, name, dag.get_task(ti.task_id).get_extra_links(ti, name), flush=True)
    """
)


def test_a_run_waits_for_the_decision_and_goes_on_with_the_counts(tmp_path: Path) -> None:
    rows = Rows(Catalog())
    batch, (photo,) = rows.batch(1)
    dags = tmp_path / "dags"
    dags.mkdir()
    (dags / "waits_for_people.py").write_text(DAG.replace("{batch}", str(batch.id)))
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path / 'airflow.db'}",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
    }
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", RUN],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines: list[str] = []
    assert process.stdout
    for line in process.stdout:
        lines.append(line)
        if "has waited 0 hours for people" in line:  # the trigger has looked, and woken the task to remind somebody
            rows.approve(photo, Stage.RAW)
    process.wait(60)

    said = "".join(lines)
    assert "0 of 1 decided (waiting)" in said, said[-3000:]
    assert "COUNTS 1 0" in said
    assert "('wait', 'success')" in said
    assert "('wait_for_nothing', 'skipped')" in said
    assert f"LINK wait Review desk review-desk/batch/{batch.id}/raw" in said  # the button on the task's page
