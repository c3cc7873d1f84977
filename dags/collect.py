"""Search one source and fetch what it has; a DAG of its own for each file in `collectors/sources`.

Runs daily, one run at a time, in the source's own pool. A source file that is broken breaks its own searches alone.

1. `plan` adds the seed file's queries that have never been planned, and says which queries wait.
2. `search` claims one waiting query each (mapped), asks the source, and records the candidates. A used query is never
   searched again. A block or a rate limit is recorded and lets the source rest: until then nobody asks it anything.
3. `fetch` downloads the waiting candidates. Each ends as a photo, stored once, or as a refusal with its reason; the
   asset `photos` starts `curate_photos`.

A task that is killed leaves its claims with a lease: the next run takes them up again.
"""

from datetime import datetime, timedelta

from airflow.sdk import Asset, dag, task

from collectors import registry, steps

PHOTOS = Asset("photos")


def collect(source: str):
    @dag(
        dag_id=f"collect_{source}",
        schedule="@daily",
        start_date=datetime(2026, 1, 1),
        catchup=False,
        max_active_runs=1,
        default_args={
            "owner": "faceloop",
            "retries": 3,
            "retry_delay": timedelta(minutes=1),
            "retry_exponential_backoff": 2,
        },
        doc_md=__doc__,
        tags=["collect", source],
    )
    def collect_source():
        waiting = task(steps.plan_waiting, task_id="plan")(source)
        searched = (
            task(steps.search, pool=source, max_active_tis_per_dagrun=1).partial(source=source).expand(query_id=waiting)
        )
        fetched = task(steps.fetch, pool=source, outlets=[PHOTOS], trigger_rule="none_failed")(source)

        searched >> fetched

    return collect_source()


for source in registry.names():
    collect(source)
