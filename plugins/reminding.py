"""Telling somebody that a batch waits for people: which of Airflow's notifiers does it, and the one that ships.

Any `BaseNotifier` will do, those of Airflow's providers among them (mail, HTTP, Slack): `FACELOOP_REVIEW_NOTIFIER`
names its class, `FACELOOP_REVIEW_NOTIFIER_OPTIONS` is what it is made with, as JSON. Its templates know `review`, a
`Waiting`.
Airflow imports this file in all its processes, so it imports what it needs when it is asked.
"""

from __future__ import annotations

import asyncio
import json
import pkgutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.notifier import BaseNotifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits, for how long, and where it is decided: numbers and names of ours, nothing that was collected."""

    batch: int
    stage: str
    subjects: int
    waiting: int
    hours: float
    url: str

    @property
    def sentence(self) -> str:
        """For a message."""
        return (
            f"Batch {self.batch} has waited {self.hours:.0f} hours for people at the {self.stage} stage: "
            f"{self.waiting} of {self.subjects} to decide. {self.url}"
        )


class ReviewNotifier(BaseNotifier):
    """Says it in the task's log, and posts it to a webhook as JSON: `text`, and the fields of `Waiting`.

    `url` is the webhook's address; without one, `FACELOOP_REVIEW_WEBHOOK` counts. Raises when it is not taken.
    """

    template_fields: Sequence[str] = ("url",)

    def __init__(self, *, url: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url = url

    def notify(self, context: Context) -> None:
        """Log and post."""
        from catalog.settings import settings

        review: Waiting = context["review"]  # type: ignore[typeddict-item]  # the sensor adds it
        self.log.warning(review.sentence)
        if address := self.url or settings().review_webhook.get_secret_value():
            _post(address, {"text": review.sentence, **asdict(review)})

    async def async_notify(self, context: Context) -> None:
        """Likewise, for whoever uses it in a deadline alert."""
        await asyncio.to_thread(self.notify, context)


def notifier() -> BaseNotifier:
    """The notifier that the settings name, made anew: its templates are filled in once. ValueError when it is none."""
    from catalog.settings import settings

    config = settings()
    options = json.loads(config.review_notifier_options or "{}")
    made = pkgutil.resolve_name(config.review_notifier)(**options)
    if not isinstance(made, BaseNotifier):
        raise ValueError(f"{config.review_notifier} is no notifier of Airflow's")
    return made


def _post(address: str, body: dict[str, Any]) -> None:
    import requests

    try:
        # A webhook's address is a secret, so no message may hold it; and nobody is followed to another one.
        answer = requests.post(address, json=body, timeout=10, allow_redirects=False)
    except requests.RequestException as error:
        raise RuntimeError(f"the webhook cannot be reached ({type(error).__name__})") from None
    if not 200 <= answer.status_code < 300:
        raise RuntimeError(f"the webhook answered {answer.status_code}")
