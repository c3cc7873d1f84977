"""Search one source and fetch what it has; a DAG of its own for each file in `collectors/sources`.

Runs daily, one run at a time, in the source's own pool. A source file that is broken breaks its own searches alone.

1. `plan` adds the seed files' queries that have never been planned, fills the day from the templates, and says which
   queries wait.
2. `awake` waits, deferred, while the source rests; when it rests longer than `FACELOOP_REST_PATIENCE_HOURS`, the
   searches are skipped.
3. `search` claims one waiting query each (mapped, named after source and query), asks the source, and records the
   candidates. A used query is not searched again before its source lets us. A source that rests, a budget that is spent
   or a setting that is missing skips the task, a rate limit retries it when it has passed; a block, a sign-in that is
   needed or an answer that cannot be read fails it at once: a person must look. Everything is recorded before.
4. `fetch` downloads the waiting candidates, whatever became of the searches. Each ends as a photo, stored once, or as a
   refusal with its reason. Its log holds a table of what the run's queries have brought; the sums go with the asset
   `photos`, which starts `curate_photos`.
5. `done` fails the run when a search failed.

A task that is killed leaves its claims with a lease: the next run takes them up again.
"""

from datetime import datetime, timedelta

import collecting
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task
from source_rest import SourceAwakeSensor

from collectors import registry


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
        waiting = task(collecting.plan)(source)
        awake = SourceAwakeSensor(task_id="awake", source=source)
        search = task(
            collecting.search,
            pool=source,
            max_active_tis_per_dagrun=1,
            map_index_template="{{ task.op_kwargs['query']['name'] }}",
            retry_policy=collecting.LaterOrNever(),
        )
        searched = search.partial(source=source).expand(query=waiting)
        fetched = task(collecting.fetch, pool=source, outlets=[collecting.PHOTOS], trigger_rule="all_done")(
            source, waiting
        )
        done = EmptyOperator(task_id="done", trigger_rule="none_failed")

        waiting >> awake >> searched >> fetched
        [searched, fetched] >> done

    return collect_source()


for source in registry.names():
    collect(source)
