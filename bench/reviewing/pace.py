"""One reviewer at the desk whose keys come at a pace: how long each takes to the next picture, and what was skipped."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import select

from bench.reviewing.airflow import Airflow
from bench.reviewing.browser import Browser, Tab
from catalog import Catalog
from catalog.records import Role, Stage
from catalog.tables import decisions, faces

WATCHER = (Path(__file__).parent / "watcher.js").read_text()

#: Approve, and now and then a reason.
KEYS = "aaaaaa3aaaaaaaa5"


@dataclass(frozen=True, slots=True)
class Paced:
    """What a run of keys showed. ``waits`` are milliseconds from a key's press to the next picture on the screen."""

    waits: tuple[float, ...]
    framed: tuple[float, ...]  # the same, by the page's own frames alone
    unanswered: int  # keys after which no other picture was painted
    decided: int
    seconds: float
    skipped: int

    @property
    def per_minute(self) -> float:
        """Pictures judged in a minute, from the first key to the last picture."""
        return 60 * self.decided / self.seconds if self.seconds else 0.0


def percentile(values: Sequence[float], share: float) -> float:
    """The least of the values that so large a share of them does not exceed; 0 when there are none."""
    ordered = sorted(values)
    return ordered[max(0, ceil(round(share * len(ordered), 6)) - 1)] if ordered else 0.0


def judge_at_pace(
    tab: Tab, airflow: Airflow, catalog: Catalog, batch: int, *, keys: int, per_second: float = 20.0, delay: float = 0.0
) -> Paced:
    """Open the next face that waits in the single view, and press so many keys."""
    if delay:
        tab.delay(delay)
    before = last_decision(catalog)
    tab.go(f"{airflow.desk}/batch/{batch}/crop/{waiting(catalog, batch)}")
    tab.until("window.benchSeen?.().first !== null", seconds=120)
    time.sleep(2.0)  # a person looks at the first picture, while the page fetches the next ones
    pressed = [KEYS[number % len(KEYS)] for number in range(keys)]
    tab.press_at_pace(pressed, per_second=per_second)
    seen = _settled(tab, keys)
    _saved(tab)
    if delay:
        tab.delay(0)
    return _told(seen, catalog, before)


def first_image(browser: Browser, airflow: Airflow, catalog: Catalog, batch: int, token: str, *, times: int) -> float:
    """Milliseconds from the start of a navigation to the first picture: the median of so many new profiles, each with
    nothing in its cache, and with the catalog and the blobs out of the system's."""
    taken = []
    for _ in range(times):
        profile = browser.profile()
        browser.sign_in(profile, airflow.url, token)
        tab = browser.tab(profile, script=WATCHER)
        number = waiting(catalog, batch)
        _out_of_cache(airflow.home)
        tab.go(f"{airflow.desk}/batch/{batch}/crop/{number}")
        tab.until("window.benchSeen?.().first !== null", seconds=120)
        time.sleep(0.5)  # what the compositor showed is told a little later
        taken.append(float(tab.run("benchSeen().first")))
        browser.forget(profile)
    return median(taken)


def waiting(catalog: Catalog, batch: int) -> int:
    """The first face that waits at the crop stage."""
    return catalog.batches.queue(batch, Stage.CROP, limit=1)[0].subject.id


def _settled(tab: Tab, keys: int) -> dict[str, Any]:
    """What was seen, once every key has come and its picture is painted, or does not come any more."""
    until = time.monotonic() + 30
    seen: dict[str, Any] = {}
    while time.monotonic() < until:
        time.sleep(1.0)
        seen = tab.run("benchSeen()")
        if len(seen["keys"]) >= keys and all(key["framed"] is not None for key in seen["keys"]):
            break
    return seen


def _saved(tab: Tab) -> None:
    tab.until("document.getElementById('saving').dataset.state === 'saved'", seconds=60)


def _told(seen: dict[str, Any], catalog: Catalog, before: int) -> Paced:
    keys = seen["keys"]
    painted = [key for key in keys if key["framed"] is not None]
    waits = tuple(max(key["framed"], key["presented"] or 0.0) - key["at"] for key in painted)
    judged = {int(key["from"]) for key in keys if key["to"] is not None}
    ends = [max(key["framed"], key["presented"] or 0.0) for key in painted]
    unseen = judged - set(seen["painted"])
    return Paced(
        waits=waits,
        framed=tuple(key["framed"] - key["at"] for key in painted),
        unanswered=len(keys) - len(painted),
        decided=len(judged),
        seconds=(max(ends) - min(key["at"] for key in keys)) / 1000 if ends else 0.0,
        skipped=len(unseen) + _left_out(catalog, before),
    )


def _left_out(catalog: Catalog, before: int) -> int:
    """Faces in the queue's order, between the first and the last one decided since, which nobody has judged."""
    crop = decisions.c.stage == Stage.CROP.value
    since = select(decisions.c.face_id).where(crop, decisions.c.id > before, decisions.c.role == Role.FIRST.value)
    with catalog.reading() as connection:
        numbers = connection.scalars(since).all()
        if not numbers:
            return 0
        between = faces.c.id.between(min(numbers), max(numbers))
        judged = select(decisions.c.face_id).where(crop)
        return len(connection.scalars(select(faces.c.id).where(between, faces.c.id.not_in(judged))).all())


def last_decision(catalog: Catalog) -> int:
    """The newest row of the log."""
    with catalog.reading() as connection:
        return connection.scalar(select(decisions.c.id).order_by(decisions.c.id.desc()).limit(1)) or 0


def _out_of_cache(home: Path) -> None:
    """Let the system forget what it holds of the catalog and the blobs."""
    for path in (*home.glob("catalog.db*"), *(home / "blobs").rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
