"""A batch that waits for hours: somebody is told once per so many hours, by whichever notifier the settings name."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import reminding
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk.bases.notifier import BaseNotifier
from airflow.sdk.exceptions import TaskDeferred
from human_review import HumanReviewSensor, HumanReviewTrigger

from catalog import Catalog
from catalog.records import Stage
from catalog.settings import settings
from rows import Rows

pytestmark = pytest.mark.airflow

ANCIENT = (datetime.now(UTC) - timedelta(hours=30)).isoformat()


class Webhook:
    """Somebody's chat, at the other end of the network."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.answers = 200
        webhook = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                webhook.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(webhook.answers)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks/secret-word"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """The webhook that the settings name."""
    webhook = Webhook()
    configure(monkeypatch, REVIEW_WEBHOOK=webhook.url)
    yield webhook
    webhook.close()


@pytest.fixture
def rows(migrated_home: Path) -> Rows:
    return Rows(Catalog())


def configure(monkeypatch: pytest.MonkeyPatch, **given: str) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"FACELOOP_{name}", value)
    settings.cache_clear()


def sensor(batch: int, **options: Any) -> HumanReviewSensor:
    return HumanReviewSensor(task_id="wait", stage="raw", batch=batch, poll_seconds=0.05, **options)


def handed_over(act: Any) -> HumanReviewTrigger:
    """The trigger that a task hands over to, after its way through Airflow's database."""
    with pytest.raises(TaskDeferred) as deferred:
        act()
    _, arguments = deferred.value.trigger.serialize()
    return HumanReviewTrigger(**json.loads(json.dumps(arguments)))


def event(trigger: HumanReviewTrigger) -> dict[str, Any]:
    async def first() -> Any:
        return (await asyncio.wait_for(anext(trigger.run()), 10)).payload

    return asyncio.run(first())


def woken(task: HumanReviewSensor) -> HumanReviewTrigger:
    """What the task does when its trigger wakes it because it still waits: tells somebody, and hands over again."""
    seen = {"status": "waiting", "batch": 1, "stage": "raw", "subjects": 5, "approved": 2, "rejected": 1, "reason": ""}
    given = {"since": ANCIENT, "deadline": (datetime.now(UTC) + timedelta(days=9)).isoformat()}
    return handed_over(lambda: task.execute_complete({}, seen | given))


def test_it_is_woken_when_it_has_waited_so_long_and_waits_on_to_the_same_deadline(rows: Rows) -> None:
    batch, _ = rows.batch(1)
    task = sensor(batch.id, notify_hours=0.1 / 3600)
    trigger = handed_over(lambda: task.execute({}))

    seen = event(trigger)
    assert seen["status"] == "waiting"

    again = handed_over(lambda: task.execute_complete({}, seen))
    assert again.remind_at > trigger.remind_at
    assert (again.since, again.deadline) == (trigger.since, trigger.deadline)  # the clock is not wound up again


def test_it_is_not_woken_before_its_time_or_when_nobody_is_to_be_told(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    for hours in (1.0, 0.0):
        trigger = handed_over(lambda hours=hours: sensor(batch.id, notify_hours=hours).execute({}))
        assert bool(trigger.remind_at) is bool(hours)

        async def some_looks(trigger: HumanReviewTrigger = trigger) -> None:
            await asyncio.wait_for(anext(trigger.run()), 0.4)

        with pytest.raises(TimeoutError):
            asyncio.run(some_looks())
    rows.approve(photo, Stage.RAW)


def test_what_is_decided_is_told_to_nobody_however_long_it_took(rows: Rows) -> None:
    batch, (photo,) = rows.batch(1)
    rows.approve(photo, Stage.RAW)
    late = HumanReviewTrigger(
        batch_id=batch.id,
        stage="raw",
        poll_seconds=0.05,
        deadline=(datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        remind_at=ANCIENT,
    )
    assert event(late)["status"] == "decided"


def test_a_task_that_waited_before_reminders_existed_waits_on() -> None:
    old = {"batch_id": 1, "stage": "raw", "poll_seconds": 1.0, "deadline": ANCIENT}
    assert HumanReviewTrigger(**old).remind_at == ""


def test_out_of_the_box_it_is_said_in_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    made = reminding.notifier()
    said: list[str] = []
    made.log.warning = said.append  # type: ignore[method-assign]
    made({"review": reminding.Waiting(7, "crop", 40, 12, 26.4, "http://airflow/review-desk/batch/7/crop")})
    assert said == [
        "Batch 7 has waited 26 hours for people at the crop stage: 12 of 40 to decide. "
        "http://airflow/review-desk/batch/7/crop"
    ]


def test_a_webhook_is_told_once_each_time_with_a_link_and_nothing_that_was_collected(webhook: Webhook) -> None:
    task = sensor(1)
    woken(task)
    assert len(webhook.heard) == 1
    (told,) = webhook.heard
    assert set(told) == {"text", "batch", "stage", "subjects", "waiting", "hours", "url"}
    # ANCIENT is of when this file was read, which a long run of all tests does up to an hour before.
    waited = r"Batch 1 has waited 3[01] hours for people at the raw stage: 2 of 5 to decide\. "
    assert re.match(waited, told["text"])
    assert told["url"].endswith("/review-desk/batch/1/raw")
    woken(task)
    assert len(webhook.heard) == 2


@pytest.mark.parametrize("status", [500, 302])
def test_a_webhook_that_does_not_take_it_ends_no_wait(webhook: Webhook, status: int) -> None:
    webhook.answers = status
    trigger = woken(sensor(1))
    assert trigger.remind_at
    assert len(webhook.heard) == 1  # not tried elsewhere, not tried again before its time


def test_a_webhooks_address_is_in_no_message(webhook: Webhook) -> None:
    webhook.close()
    waiting = reminding.Waiting(1, "raw", 5, 2, 30, "")
    with pytest.raises(RuntimeError) as refused:
        reminding.ReviewNotifier().notify({"review": waiting})  # type: ignore[typeddict-unknown-key]
    assert "secret-word" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    ("name", "options"),
    [("no.such.Notifier", "{}"), ("pathlib.Path", "{}"), ("reminding.ReviewNotifier", "not json")],
)
def test_a_notifier_that_cannot_be_made_ends_no_wait(monkeypatch: pytest.MonkeyPatch, name: str, options: str) -> None:
    configure(monkeypatch, REVIEW_NOTIFIER=name, REVIEW_NOTIFIER_OPTIONS=options)
    with pytest.raises((ImportError, ValueError)):
        reminding.notifier()
    trigger = woken(sensor(1))
    assert trigger.remind_at


class Remembering(BaseNotifier):
    """Any notifier of Airflow's: its templates are filled in with what waits."""

    told: list[str] = []  # noqa: RUF012
    template_fields = ("message",)

    def __init__(self, *, message: str) -> None:
        super().__init__()
        self.message = message

    def notify(self, context: Any) -> None:  # noqa: ARG002
        self.told.append(self.message)


def test_any_notifier_of_airflows_will_do_and_its_templates_know_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminding, "RememberingForATest", Remembering, raising=False)
    configure(
        monkeypatch,
        REVIEW_NOTIFIER="reminding.RememberingForATest",
        REVIEW_NOTIFIER_OPTIONS='{"message": "{{ review.waiting }} left in {{ review.batch }} ({{ review.stage }})"}',
    )
    Remembering.told.clear()
    woken(sensor(1))
    assert Remembering.told == ["2 left in 1 (raw)"]


def test_mail_by_airflows_own_connection_is_a_matter_of_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"to": "desk@example.org", "subject": "{{ review.sentence }}", "html_content": "{{ review.url }}"}
    configure(
        monkeypatch,
        REVIEW_NOTIFIER="airflow.providers.smtp.notifications.smtp.SmtpNotifier",
        REVIEW_NOTIFIER_OPTIONS=json.dumps(options),
    )
    made = reminding.notifier()
    assert isinstance(made, SmtpNotifier)
    made.render_template_fields({"review": reminding.Waiting(7, "crop", 40, 12, 26.4, "http://airflow/desk")})
    assert made.subject.startswith("Batch 7 has waited 26 hours")
    assert made.html_content == "http://airflow/desk"


def test_the_button_leads_to_the_batch_and_the_stage_below_wherever_airflow_is(rows: Rows) -> None:
    (button,) = HumanReviewSensor.operator_extra_links
    assert button.name == "Review desk"
    assert button.get_link(sensor(7), ti_key=None) == "review-desk/batch/7/raw"
    assert button.get_link(sensor("7"), ti_key=None) == "review-desk/batch/7/raw"  # type: ignore[arg-type]
    assert button.get_link(sensor("None"), ti_key=None) == ""  # type: ignore[arg-type]
