"""Waiting for people: a task that ends when every subject of a batch has its decision at one stage of review.

The task holds no worker while it waits. Its trigger asks the catalog now and then, survives a restart of Airflow
(what it needs travels in its arguments), and ends early when the batch is closed. Every so many hours it wakes the
task, which tells somebody that the batch waits (`reminding`) and hands over again.

The file lives in ``plugins/`` because the triggerer imports triggers from here and not from ``dags/``; Airflow
imports it in all its processes, so it opens nothing before it is asked to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink, BaseSensorOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import BaseOperator, Context
    from airflow.sdk.types import TaskInstanceKey


@dataclass(frozen=True, slots=True)
class Look:
    """How one stage of a batch stands. ``status`` is waiting, decided, closed or late.

    Since when it has waited, and until when it may, ISO, are told when it waits and somebody is to be reminded.
    """

    status: str
    batch: int
    stage: str
    subjects: int
    approved: int
    rejected: int
    reason: str
    since: str = ""
    deadline: str = ""

    @property
    def sentence(self) -> str:
        """For the log."""
        decided = self.approved + self.rejected
        return f"Batch {self.batch}, {self.stage}: {decided} of {self.subjects} decided ({self.status})."


class ReviewDeskLink(BaseOperatorLink):
    """The button on a waiting task's page that leads to what it waits for.

    The task leaves the address with its results when it hands over, so that Airflow's web server need not work it out.
    It is relative to Airflow's own, wherever that is.
    """

    @property
    def name(self) -> str:
        """On the button."""
        return "Review desk"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002
        """Where the batch is judged; empty, and so no button, when none was opened."""
        batch_id = _batch_id(getattr(operator, "batch", None))
        return "" if batch_id is None else _place(batch_id, getattr(operator, "stage", "raw"))


class HumanReviewSensor(BaseSensorOperator):
    """Wait until people have decided every subject of a batch at one stage; give the counts.

    ``batch`` is a batch's id (a number, a template, another task's output); None skips the task, for there is
    nothing to review. ``timeout`` fails the task with a sentence that says how much still waits; without it
    ``FACELOOP_REVIEW_TIMEOUT_DAYS`` counts. Every ``notify_hours`` of waiting the configured notifier is told (0:
    never); without it ``FACELOOP_REVIEW_NOTIFY_HOURS`` counts; it takes a triggerer. Returns ``{"batch", "stage",
    "subjects", "approved", "rejected"}``.
    """

    template_fields: Sequence[str] = ("batch",)
    operator_extra_links = (ReviewDeskLink(),)
    ui_color = "#dfe7fb"

    def __init__(
        self,
        *,
        stage: str,
        batch: Any,
        deferrable: bool = True,  # not Airflow's default_deferrable, which is off unless somebody sets it
        poll_seconds: float | None = None,
        timeout: timedelta | float | None = None,
        notify_hours: float | None = None,
        **kwargs: Any,
    ) -> None:
        from catalog.records import Stage
        from catalog.settings import settings

        if timeout is None:
            timeout = timedelta(days=settings().review_timeout_days)
        self.poll_seconds = poll_seconds or settings().review_poll_seconds
        self.notify_hours = settings().review_notify_hours if notify_hours is None else notify_hours
        kwargs.setdefault("poke_interval", self.poll_seconds)
        super().__init__(timeout=timeout, **kwargs)
        self.stage = Stage(stage).value
        self.batch = batch
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any] | None:
        """End at once when nothing waits; else hand over to the trigger."""
        batch_id = _batch_id(self.batch)
        if batch_id is None:
            raise AirflowSkipException("No batch was opened, so there is nothing to review.")
        self.log.info("To decide: /%s", _place(batch_id, self.stage))
        looked = _look(batch_id, self.stage)
        if looked.status != "waiting":
            return self.execute_complete(context, asdict(looked))
        if not self.deferrable:
            super().execute(context)
            return self.execute_complete(context, asdict(_look(batch_id, self.stage)))
        now = datetime.now(UTC)
        self._hand_over(batch_id, since=now.isoformat(), deadline=(now + timedelta(seconds=self.timeout)).isoformat())
        return None  # never reached: deferring raises

    def poke(self, context: Context) -> bool:  # noqa: ARG002
        """Whether nothing waits any more."""
        return _look(_batch_id(self.batch) or 0, self.stage).status != "waiting"

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Turn what the trigger saw into the task's end; or tell somebody that it waits, and wait on."""
        seen = Look(**event)
        waiting = seen.subjects - seen.approved - seen.rejected
        if seen.status == "waiting":
            self._tell(context, seen)
            self._hand_over(seen.batch, since=seen.since, deadline=seen.deadline)
        where = f"{waiting} of {seen.subjects} subjects of batch {seen.batch} at the {seen.stage} stage"
        if seen.status == "closed":
            raise AirflowFailException(f"The batch was closed with {where} undecided: {seen.reason}")
        if seen.status == "late":
            raise AirflowSensorTimeout(
                f"Nobody decided {where} in time. Decide them in the review desk and clear this task."
            )
        self.log.info(seen.sentence)
        return {
            "batch": seen.batch,
            "stage": seen.stage,
            "subjects": seen.subjects,
            "approved": seen.approved,
            "rejected": seen.rejected,
        }

    def _hand_over(self, batch_id: int, *, since: str, deadline: str) -> None:
        remind_at = datetime.now(UTC) + timedelta(hours=self.notify_hours)
        self.defer(
            trigger=HumanReviewTrigger(
                batch_id=batch_id,
                stage=self.stage,
                poll_seconds=self.poll_seconds,
                deadline=deadline,
                since=since,
                remind_at=remind_at.isoformat() if self.notify_hours else "",
            ),
            method_name="execute_complete",
        )

    def _tell(self, context: Context, seen: Look) -> None:
        """Notify whom the settings say. A message that cannot be sent is logged: it must not end a wait of days."""
        from airflow.sdk.configuration import conf
        from reminding import Waiting, notifier

        root = conf.get("api", "base_url", fallback="").rstrip("/")
        waiting = Waiting(
            batch=seen.batch,
            stage=seen.stage,
            subjects=seen.subjects,
            waiting=seen.subjects - seen.approved - seen.rejected,
            hours=round((datetime.now(UTC) - datetime.fromisoformat(seen.since)).total_seconds() / 3600, 1),
            url=f"{root}/{_place(seen.batch, seen.stage)}",
        )
        try:
            notifier()({**context, "review": waiting})
        except Exception:  # whatever somebody's notifier raises
            self.log.exception("Nobody could be told that batch %s waits.", seen.batch)


class HumanReviewTrigger(BaseTrigger):
    """Asks the catalog every ``poll_seconds`` until a stage of a batch is decided, closed or late, or it is time to
    remind somebody (``remind_at``; empty: never)."""

    def __init__(
        self,
        *,
        batch_id: int,
        stage: str,
        poll_seconds: float,
        deadline: str,
        since: str = "",
        remind_at: str = "",
    ) -> None:
        super().__init__()
        self.batch_id = batch_id
        self.stage = stage
        self.poll_seconds = poll_seconds
        self.deadline = deadline
        self.since = since
        self.remind_at = remind_at

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of a trigger while it waits, across restarts."""
        return "human_review.HumanReviewTrigger", {
            "batch_id": self.batch_id,
            "stage": self.stage,
            "poll_seconds": self.poll_seconds,
            "deadline": self.deadline,
            "since": self.since,
            "remind_at": self.remind_at,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: ``decided``, ``closed``, ``late`` or, to remind, ``waiting``, with the counts."""
        from sqlalchemy.exc import InterfaceError, OperationalError

        deadline, said = datetime.fromisoformat(self.deadline), ""
        remind_at = datetime.fromisoformat(self.remind_at) if self.remind_at else datetime.max.replace(tzinfo=UTC)
        while True:
            looked: Look | None = None
            try:
                looked = await asyncio.to_thread(_look, self.batch_id, self.stage)
                sentence = looked.sentence
            except (OperationalError, InterfaceError) as error:
                # A database that restarts must not fail a wait of days.
                sentence = f"The catalog does not answer ({type(error).__name__}); asking again."
            if sentence != said:
                self.log.info(sentence)
                said = sentence
            if looked and looked.status != "waiting":
                yield TriggerEvent(asdict(looked))
                return
            if looked and datetime.now(UTC) >= deadline:
                yield TriggerEvent(asdict(replace(looked, status="late")))
                return
            if looked and datetime.now(UTC) >= remind_at:
                yield TriggerEvent(asdict(replace(looked, since=self.since, deadline=self.deadline)))
                return
            await asyncio.sleep(self.poll_seconds)


def _look(batch_id: int, stage: str) -> Look:
    from catalog import Catalog
    from catalog.records import BatchState, Stage
    from catalog.settings import settings

    catalog = Catalog(migrate=False)  # whoever opened the batch has brought the catalog up to date
    try:
        batch = catalog.batches.get(batch_id)
        progress = catalog.batches.progress(batch_id, Stage(stage))
        seconds = progress.seconds_wanted if settings().second_review_waits else 0
        settled = progress.complete and not seconds
    finally:
        catalog.close()
    return Look(
        status="decided" if settled else "waiting" if batch.state is BatchState.OPEN else "closed",
        batch=batch_id,
        stage=stage,
        subjects=progress.subjects,
        approved=progress.approved,
        rejected=progress.rejected,
        reason=batch.reason,
    )


def _place(batch_id: int, stage: str) -> str:
    """Where a stage of a batch is judged, from Airflow's own address."""
    from faceloop import PREFIX

    return f"{PREFIX}/batch/{batch_id}/{stage}"


def _batch_id(batch: Any) -> int | None:
    """A batch's id out of what a template or another task gave; None when there was no batch."""
    if batch is None or str(batch).strip() in {"", "None", "null"}:
        return None
    return int(batch)
