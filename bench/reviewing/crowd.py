"""Eight reviewers at once; their tabs are closed and killed at random, and the server is killed -9 under them.

What each page says that was decided is kept outside of it, by a binding that it calls at the moment when it shows the
next picture: what a person has seen to be decided. In the end each reviewer opens the desk once more, and every such
act must be in the catalog.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.reviewing.airflow import Airflow
from bench.reviewing.browser import Browser, Gone, Tab
from bench.reviewing.pace import KEYS, WATCHER

#: Keys a second: five times what a quick person does (75 pictures a minute).
PACE = 6.25


@dataclass(frozen=True, slots=True)
class Told:
    """One act as the person saw it done. Where several keys were pressed before the next picture came, the page has
    taken one of them."""

    person: str
    subject: int
    verdicts: frozenset[str]


@dataclass(slots=True)
class Reviewer:
    """One person with a profile of their own, one tab at a time."""

    name: str
    browser: Browser
    airflow: Airflow
    batch: int
    chance: random.Random
    told: list[Told] = field(default_factory=list)
    closed: int = 0
    crashed: int = 0
    failures: list[str] = field(default_factory=list)
    profile: str = ""

    def sit_down(self) -> None:
        """Sign in."""
        self.profile = self.browser.profile()
        self.browser.sign_in(self.profile, self.airflow.url, self.airflow.token(self.name))

    def review(self, over: threading.Event) -> None:
        """Judge until it is over, in one tab after the other."""
        while not over.is_set():
            tab = None
            try:
                tab = self._open()
                self._judge(tab, over, time.monotonic() + self.chance.uniform(4, 15))
            except Gone as gone:  # the server is away: try again
                self.failures.append(str(gone))
            if tab is not None:
                self._leave(tab)
            over.wait(self.chance.uniform(0.3, 2))

    def look_again(self, seconds: float = 60) -> bool:
        """Open the desk, as on the next morning, and let it send what it still has; whether it says that it did."""
        with suppress(Gone):
            tab = self._open()
            tab.until("document.getElementById('saving').dataset.state === 'saved'", seconds=seconds)
            time.sleep(1.0)
            tab.close()
            return True
        return False

    def _open(self) -> Tab:
        tab = self.browser.tab(self.profile, script=WATCHER, on_told=self._hear)
        try:
            tab.go(f"{self.airflow.desk}/batch/{self.batch}/crop")
            tab.until("document.body?.dataset.ready === 'true'", seconds=30)
            if not tab.run("Boolean(window.benchSeen?.().shown)"):
                tab.press("g")  # from the grid to the single view
            tab.until("window.benchSeen?.().first !== null", seconds=30)
        except Gone:
            with suppress(Gone):
                tab.close()
            raise
        return tab

    def _judge(self, tab: Tab, over: threading.Event, until: float) -> None:
        while time.monotonic() < until and not over.is_set():
            tab.press(self.chance.choice(KEYS))
            time.sleep(self.chance.uniform(0.5, 1.5) / PACE)

    def _leave(self, tab: Tab) -> None:
        with suppress(Gone):
            if self.chance.random() < 0.5:
                self.crashed += 1
                tab.crash()
            else:
                self.closed += 1
                tab.close()

    def _hear(self, said: dict[str, Any]) -> None:
        if "decided" in said:
            verdicts = frozenset("approve" if key == "a" else "reject" for key in said["keys"])
            self.told.append(Told(self.name, said["decided"], verdicts))


def review_together(
    names: Sequence[str], browser: Browser, airflow: Airflow, batch: int, *, seconds: float, kills: int
) -> list[Reviewer]:
    """Let them review for so long while the server is there; kill it -9 so many times meanwhile, and start it again.

    The time counts from when each of them has judged something, or has had a minute for it.
    """
    reviewers = [Reviewer(name, browser, airflow, batch, random.Random(name)) for name in names]
    for reviewer in reviewers:
        reviewer.sit_down()
    over = threading.Event()
    threads = [threading.Thread(target=reviewer.review, args=(over,), daemon=True) for reviewer in reviewers]
    try:
        for thread in threads:
            thread.start()
        late = time.monotonic() + 60
        while time.monotonic() < late and not all(reviewer.told for reviewer in reviewers):
            time.sleep(0.2)
        for kill in range(kills + 1):
            time.sleep(seconds / (kills + 1))
            if kill < kills:
                airflow.stop(signal.SIGKILL)
                airflow.start()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    return reviewers
