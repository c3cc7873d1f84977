"""What a collector's tasks do beside their steps: give a mapped task its name, and the task the state that is true.

Everything that happens is recorded in the catalog by the step before the task ends, whatever the task's state. Airflow
imports this file in all its processes, so it imports what it needs when it is asked.

| the step ends with | the task is | and then |
|---|---|---|
| candidates, or none that there are | success | |
| a source that rests, a budget that is spent, a setting that is missing | skipped | it waits for its time |
| a rate limit | retried | when the source has rested, if a run waits so long |
| an unreachable network, a busy catalog | retried | after a while, longer each time |
| a block, a sign-in that is needed, an answer that cannot be read | failed at once | a person must look |
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, get_current_context
from airflow.sdk.definitions.retry_policy import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

PHOTOS = Asset("photos")
_LONGEST = 80  # characters of a mapped task's name
_REASON = 400  # characters of a reason that Airflow keeps


def plan(source: str) -> list[dict[str, Any]]:
    """Plan the source's queries, and name those that wait, as many as one run searches."""
    from collectors import steps

    return [{"id": query.id, "name": name_of(source, query.text)} for query in steps.plan_waiting(source)]


def search(source: str, query: Mapping[str, Any]) -> dict[str, int]:
    """Search one query page by page, and record its candidates; give how many were found, and how many of them new."""
    from collectors import steps
    from collectors.errors import NotConfigured, Quota, Resting

    try:
        report = steps.search_or_raise(source, query_id=query["id"])
    except (NotConfigured, Quota, Resting) as end:
        raise AirflowSkipException(str(end)) from end
    return {"found": report.found, "new": report.new}


def fetch(source: str, queries: Sequence[Mapping[str, Any]] | None) -> dict[str, int]:
    """Download the waiting candidates; tell what the run's queries have brought, and give the numbers to the asset."""
    from collectors import steps

    report = steps.fetch(source)
    table = steps.yields([query["id"] for query in queries or ()])
    for line in table.lines:
        print(line)
    numbers = table.total | {"fetched": report.stored, "refused_by_fetch": sum(report.refused.values())}
    get_current_context()["outlet_events"][PHOTOS].extra = {"source": source, **numbers}
    return numbers


def canary(source: str) -> dict[str, int]:
    """Ask a source one query that always has results; end as a search does that ends so."""
    from collectors import steps
    from collectors.errors import ended

    report = steps.canary(source)
    if not report.ok:
        raise ended(report.outcome, f"{report.outcome}: {report.reason}", until=report.until)
    if report.outcome != "good":
        raise AirflowSkipException(f"{report.outcome}: {report.reason}")
    return {"found": report.found}


def name_of(source: str, text: str) -> str:
    """A mapped task's name: its source and its query, short, with nothing in it that cannot be shown."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))
    name = f"{source}: {shown}"
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


class LaterOrNever(RetryPolicy):
    """Retry what passes by itself, when it has passed; fail at once what a person must look at, with its own words."""

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002
        max_tries: int,  # noqa: ARG002
        context: Context | None = None,  # noqa: ARG002
    ) -> RetryDecision:
        """Decide by what the domain says; leave everything else to the task's own retries."""
        from catalog.settings import settings
        from collectors.errors import BadInput, RateLimited, SearchEnded, Unreachable

        if isinstance(exception, RateLimited):
            wait = exception.until - datetime.now(UTC)
            if wait > timedelta(hours=settings().rest_patience_hours):
                until = f"{exception.until:%Y-%m-%d %H:%M} UTC"
                return RetryDecision.fail(f"{str(exception)[:_REASON]} (it rests until {until})")
            return RetryDecision.retry(max(wait, timedelta()) + timedelta(seconds=1), str(exception)[:_REASON])
        if isinstance(exception, SearchEnded | BadInput) and not isinstance(exception, Unreachable):
            return RetryDecision.fail(str(exception)[:_REASON])
        return RetryDecision.default()
