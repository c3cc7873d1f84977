"""Freeze the approved faces, train on them when the gate agrees, and promote the model if it is better.

Runs every night at 02:00 UTC, and whenever a batch has been approved (asset `approved_faces`); one run at a time.

1. `snapshot` freezes the faces that people approved at all three stages; the same faces give the same snapshot.
2. `gate` decides whether to train tonight: enough faces (`FACELOOP_RETRAIN_MIN_FACES`) and something new since the
   last success. The decision and its reasons are stored every time; when it is no, the run ends here, skipped.
3. `train` runs in a process of its own on the `gpu` queue, one at a time (pool `gpu`). It checkpoints as it goes; a
   killed or cleared task goes on from the last checkpoint.
4. `evaluate` measures the result on faces that it was not trained on.
5. `promote` makes it champion if nothing got worse; then the asset `champion` tells whoever serves the model.

A training of many hours must survive a restart of the API server: set `AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS` and
`AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT` high, as docker-compose.yaml and the demo do.
"""

import json
import shlex
import sys
from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, dag, task

from training import steps

APPROVED_FACES, CHAMPION = Asset("approved_faces"), Asset("champion")
GPU = {"queue": "gpu", "pool": "gpu"}


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 2 * * *", timezone="UTC"), assets=[APPROVED_FACES]),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "faceloop", "retries": 1, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    tags=["train"],
)
def retrain_model():
    snapshot = task(steps.snapshot)()
    gate = task.short_circuit(steps.gate)(snapshot)

    @task.bash(
        env={"SNAPSHOT": snapshot},
        append_env=True,
        output_processor=lambda line: json.loads(line)["run"],
        **GPU,
        retries=5,  # a training that was asked to stop exits with 75; the retry goes on from its checkpoint
        execution_timeout=timedelta(days=3),
    )
    def train() -> str:
        return f'exec {shlex.quote(sys.executable)} -m training train --snapshot "$SNAPSHOT" --json'

    trained = train()
    evaluation = task(steps.evaluate, **GPU)(trained)
    model = task(steps.promote, **GPU)(evaluation)  # measures the champion anew, beside the challenger
    crowned = task.short_circuit(steps.is_champion)(model)
    champion = EmptyOperator(task_id="champion", outlets=[CHAMPION])

    gate >> trained >> evaluation >> model >> crowned >> champion


retrain_model()
