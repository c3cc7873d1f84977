"""The desk by finger: across the picture is a verdict, up and down is not; a button does the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from desks import Airflow, Sitting

from catalog.records import Flag, Reason, Stage, Subject, SubjectKind, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.airflow]


@pytest.fixture(autouse=True)
def phone(sitting: Sitting) -> Iterator[None]:
    screen = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    sitting.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    sitting.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    yield
    sitting.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def kept(airflow: Airflow, photo: int) -> tuple[Verdict, Reason | None] | None:
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return (decision.verdict, decision.reason) if decision else None


def swipe(sitting: Sitting, across: float, down: float = 0, *, lift: bool = True) -> None:
    """A finger on the picture's middle, moved in ten steps."""
    sitting.look()
    box = sitting.run("return document.querySelector('.mat').getBoundingClientRect().toJSON()")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    points = [(x + across * step / 10, y + down * step / 10) for step in range(11)]
    for number, (left, top) in enumerate(points):
        touch = {"type": "touchMove" if number else "touchStart", "touchPoints": [{"x": left, "y": top}]}
        sitting.driver.execute_cdp_cmd("Input.dispatchTouchEvent", touch)
    if lift:
        sitting.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_to_the_right_approves(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    first, second = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")

    swipe(sitting, 150)

    sitting.until(f"document.getElementById('facts-title').textContent === 'Photo {second}'")
    sitting.saved()
    assert kept(airflow, first) == (Verdict.APPROVE, None)


def test_to_the_left_asks_for_the_reason_or_takes_the_suggested_one(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    flagged, plain = airflow.shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, flagged)
    airflow.shelf.catalog.scores.flag([Flag(subject, Stage.RAW, Reason.HEAD_ROOM, "check:head_room", "0.2")])
    sitting.open(f"/batch/{batch}/raw/{flagged}")

    swipe(sitting, -150)
    sitting.until(f"document.getElementById('facts-title').textContent === 'Photo {plain}'")
    swipe(sitting, -150)
    sitting.until("document.getElementById('reasons').checkVisibility()")
    sitting.driver.find_element("css selector", "[data-reason=product_in_frame]").click()

    sitting.saved()
    assert kept(airflow, flagged) == (Verdict.REJECT, Reason.HEAD_ROOM)
    assert kept(airflow, plain) == (Verdict.REJECT, Reason.PRODUCT)


@pytest.mark.parametrize(("across", "down"), [(50, 0), (-50, 0), (100, 120), (-60, -160)])
def test_a_short_way_and_a_slanted_one_decide_nothing(
    sitting: Sitting, airflow: Airflow, across: float, down: float
) -> None:
    batch = airflow.shelf.batch(2)
    first, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")

    swipe(sitting, across, down)

    sitting.look()
    assert sitting.text("facts-title") == f"Photo {first}"
    assert sitting.run("return document.getElementById('saving').dataset.state") == "saved", "nothing is on its way"
    assert sitting.run("return document.getElementById('picture').style.translate") == ""


def test_the_picture_follows_the_finger_unless_less_motion_is_asked_for(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.open(f"/batch/{batch}/raw/{airflow.shelf.photos(batch)[0]}")
    moved = "return document.getElementById('picture').style.translate"

    swipe(sitting, 120, lift=False)
    assert 90 < float(sitting.run(moved).removesuffix("px")) <= 120
    assert sitting.run("return document.querySelector('.swiped.right').checkVisibility()")
    swipe(sitting, 20)

    features = [{"name": "prefers-reduced-motion", "value": "reduce"}]
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    try:
        swipe(sitting, 120, lift=False)
        assert sitting.run(moved) == ""
    finally:
        sitting.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
        sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_each_swipe_has_its_button(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.open(f"/batch/{batch}/raw/{airflow.shelf.photos(batch)[0]}")

    for button in ("approve", "reject", "zoom"):
        assert sitting.run(f"return document.getElementById('{button}').checkVisibility()")
