"""Keep the catalog in order: give back lost claims, sweep up blobs that no row names, back up.

Runs daily.

1. `release` gives back every claim whose lease has run out (a worker died); claims come back by themselves, this only
   shows them as waiting again.
2. `sweep` removes blobs that no row names and that are older than a day: what a worker left that died between storing
   the bytes and recording them. Pages of evaluations, which may show a face that was erased since, go however young
   they are. It lets go of saved answers of sources after 30 days, and ends erasures that were interrupted.
3. `retention` removes the bytes of photos that were refused or rejected longer ago than `FACELOOP_RETENTION_DAYS`
   (0: never); the rows, and what was decided, stay.
4. `backup` writes a copy of the catalog into the home folder's `backups/` and keeps the last ones.

Erasing (a takedown: one photo, all from an address or of an author) is a person's decision: `python -m catalog erase`.
"""

from datetime import datetime, timedelta

from airflow.sdk import dag, task

from catalog import steps


@dag(
    schedule="@daily",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "faceloop", "retries": 2, "retry_delay": timedelta(minutes=5)},
    doc_md=__doc__,
    tags=["upkeep"],
)
def maintain_catalog():
    released = task(steps.release)()
    swept = task(steps.sweep)(delete=True)
    let_go = task(steps.retention)()
    backed_up = task(steps.backup)()

    released >> swept >> let_go >> backed_up


maintain_catalog()
