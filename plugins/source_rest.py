"""Waiting for a source that rests: a task that ends when it may be asked again, and is skipped when that is far.

The task holds no worker while it waits. Its trigger looks into the catalog now and then, for a person may end a rest
early and a block elsewhere may lengthen it; it survives a restart of Airflow.

The file lives in ``plugins/`` because the triggerer imports triggers from here and not from ``dags/``; Airflow
imports it in all its processes, so it opens nothing before it is asked to.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


@dataclass(frozen=True, slots=True)
class Rest:
    """How a source stands. ``status`` is awake, resting (we wait) or far (we do not); ``until`` is ISO, or empty."""

    status: str
    source: str
    until: str = ""
    reason: str = ""

    @property
    def sentence(self) -> str:
        """For the log."""
        if self.status == "awake":
            return f"{self.source} may be asked."
        return f"{self.source} rests until {self.until[:16].replace('T', ' ')} UTC: {self.reason}"


class SourceAwakeSensor(BaseSensorOperator):
    """Wait until a source may be asked; skip what follows when it rests longer than ``patience`` (hours).

    Without ``patience``, ``FACELOOP_REST_PATIENCE_HOURS`` counts. The source is not asked anything.
    """

    template_fields: Sequence[str] = ("source",)
    ui_color = "#e8f3e4"

    def __init__(
        self,
        *,
        source: str,
        patience: float | None = None,
        poll_seconds: float = 60.0,
        deferrable: bool = True,  # not Airflow's default_deferrable, which is off unless somebody sets it
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("poke_interval", poll_seconds)
        super().__init__(**kwargs)
        self.source = source
        self.patience = patience
        self.poll_seconds = poll_seconds
        self.deferrable = deferrable

    def execute(self, context: Context) -> None:
        """End at once when the source may be asked or rests for long; else hand over to the trigger."""
        deadline = datetime.now(UTC) + timedelta(hours=_patience(self.patience))
        looked = _look(self.source, deadline)
        if looked.status != "resting":
            self.execute_complete(context, asdict(looked))
            return
        self.log.info(looked.sentence)
        if not self.deferrable:
            super().execute(context)
            self.execute_complete(context, asdict(_look(self.source, deadline)))
            return
        self.defer(
            trigger=SourceAwakeTrigger(
                source=self.source, poll_seconds=self.poll_seconds, deadline=deadline.isoformat()
            ),
            method_name="execute_complete",
        )

    def poke(self, context: Context) -> bool:  # noqa: ARG002
        """Whether there is nothing to wait for any more."""
        return _look(self.source, datetime.now(UTC) + timedelta(hours=_patience(self.patience))).status != "resting"

    def execute_complete(self, context: Context, event: dict[str, Any]) -> None:  # noqa: ARG002
        """Turn what was seen into the task's end."""
        seen = Rest(**event)
        if seen.status == "far":
            raise AirflowSkipException(seen.sentence)
        self.log.info(seen.sentence)


class SourceAwakeTrigger(BaseTrigger):
    """Looks every ``poll_seconds``, and when the rest ends: may the source be asked, or does it rest past a moment?"""

    def __init__(self, *, source: str, poll_seconds: float, deadline: str) -> None:
        super().__init__()
        self.source = source
        self.poll_seconds = poll_seconds
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of a trigger while it waits, across restarts."""
        return "source_rest.SourceAwakeTrigger", {
            "source": self.source,
            "poll_seconds": self.poll_seconds,
            "deadline": self.deadline,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: ``awake`` or ``far``."""
        from sqlalchemy.exc import InterfaceError, OperationalError

        deadline, said = datetime.fromisoformat(self.deadline), ""
        while True:
            looked: Rest | None = None
            try:
                looked = await asyncio.to_thread(_look, self.source, deadline)
                sentence = looked.sentence
            except (OperationalError, InterfaceError) as error:
                sentence = f"The catalog does not answer ({type(error).__name__}); asking again."
            if sentence != said:
                self.log.info(sentence)
                said = sentence
            if looked and looked.status != "resting":
                yield TriggerEvent(asdict(looked))
                return
            await asyncio.sleep(self._pause(looked))

    def _pause(self, looked: Rest | None) -> float:
        """Until the next look: at most ``poll_seconds``, and no longer than the rest."""
        if looked is None:
            return self.poll_seconds
        left = (datetime.fromisoformat(looked.until) - datetime.now(UTC)).total_seconds()
        return min(max(left, 0.05), self.poll_seconds)


def _look(source: str, deadline: datetime) -> Rest:
    from catalog import Catalog

    catalog = Catalog(migrate=False)  # the plan step before has brought the catalog up to date
    try:
        rest = catalog.sources.cooldown(source)
    finally:
        catalog.close()
    if rest is None:
        return Rest("awake", source)
    resting = Rest("resting", source, rest.until.astimezone(UTC).isoformat(), rest.reason)
    return resting if rest.until <= deadline else replace(resting, status="far")


def _patience(hours: float | None) -> float:
    from catalog.settings import settings

    return settings().rest_patience_hours if hours is None else hours
