"""Ask each source one query that always has results, to notice at once when its answers cannot be read any more.

Runs daily at 05:00 UTC, a task for each file in `collectors/sources`, in the source's own pool. An answer that brings
nothing, or cannot be read, fails the task, lets the source rest and leaves an alert with the saved page; a network that
cannot be reached is tried once more. A task is skipped, and nothing asked, when its source declares no canary, rests,
is not configured, or was asked within the last 20 hours. Nothing that a canary finds is kept.
"""

from datetime import datetime, timedelta

import collecting
from airflow.sdk import CronTriggerTimetable, dag, task

from collectors import registry


@dag(
    schedule=CronTriggerTimetable("0 5 * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "faceloop", "retries": 1, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
    tags=["collect", "watch"],
)
def watch_sources():
    for source in registry.names():
        task(collecting.canary, task_id=source, pool=source, retry_policy=collecting.LaterOrNever())(source)


watch_sources()
