"""However fast the keys come, each counts for the picture that was on the screen, and none is passed over."""

from __future__ import annotations

import time
from typing import Any

import pytest
from desks import Airflow, Sitting

from catalog.records import Reason, Stage, Subject, SubjectKind, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

WATCH = """
window.shown = []; window.early = [];
document.addEventListener('shown', ({ detail }) => shown.push({ ...detail, at: performance.now() }));
document.addEventListener('early', ({ detail }) => early.push(detail.id));
"""


def hammer(sitting: Sitting, keys: str, *, rate: float) -> None:
    """Press keys at a steady rate, whatever is on the screen."""
    start = time.monotonic()
    for number, key in enumerate(keys):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        code = f"Key{key.upper()}" if key.isalpha() else f"Digit{key}"
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if kind == "keyDown" else {}
            sitting.driver.execute_cdp_cmd("Input.dispatchKeyEvent", {"type": kind, "key": key, "code": code} | text)


def delay(sitting: Sitting, latency: float) -> None:
    conditions = {"offline": False, "latency": latency, "downloadThroughput": -1, "uploadThroughput": -1}
    sitting.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)


def decided(airflow: Airflow, photos: list[int]) -> list[Any]:
    found = [airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW) for photo in photos]
    return [(one.verdict, one.reason) if one else None for one in found]


@pytest.mark.parametrize("latency", [0, 100])
def test_no_picture_is_passed_over_at_twenty_keys_a_second(sitting: Sitting, airflow: Airflow, latency: int) -> None:
    batch = airflow.shelf.batch(70)
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photos[0]}")
    sitting.look()
    sitting.run(WATCH)
    delay(sitting, latency)

    hammer(sitting, "a3a" * 20, rate=20)

    sitting.saved()
    seen = [photos[0]] + [each["id"] for each in sitting.run("return shown")]
    assert seen == photos[: len(seen)], "in order, each of them, each once"
    pressed = 60 - len(sitting.run("return early"))
    assert [photo for photo, what in zip(photos, decided(airflow, photos), strict=True) if what] == photos[:pressed]
    assert pressed >= len(seen) - 1
    if pressed == 60:
        expected = [(Verdict.REJECT, Reason.ARTEFACT) if key == "3" else (Verdict.APPROVE, None) for key in "a3a" * 20]
        assert decided(airflow, photos[:60]) == expected


def test_a_key_that_comes_before_its_picture_decides_nothing(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(30)
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photos[0]}")
    sitting.look()
    sitting.network(up=False)
    sitting.run(WATCH)
    there = int(sitting.run("return document.querySelectorAll('.mat img').length"))

    hammer(sitting, "a" * (there + 8), rate=8)

    waiting = sitting.run("return document.querySelector('.mat').dataset.waits")
    assert waiting == "true", "the picture after the last one that is here cannot come"
    assert len(sitting.run("return early")) > 0
    assert "that key did nothing" in sitting.text("live")

    sitting.network(up=True)
    sitting.look()
    sitting.saved()
    seen = [photos[0]] + [each["id"] for each in sitting.run("return shown")]
    assert seen == photos[: len(seen)]
    assert [what is not None for what in decided(airflow, photos)] == [photo in seen[:-1] for photo in photos]
