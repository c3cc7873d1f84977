"""Which pictures are shown stands in the address: it can be sent, loaded anew, and gone back from."""

from __future__ import annotations

import pytest
from desks import Airflow, Sitting
from selenium.webdriver.support.select import Select

from catalog.records import Flag, Reason, Stage, Subject, SubjectKind

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

CARDS = "[...document.querySelectorAll('#cards .card')].map((card) => Number(card.dataset.id))"


@pytest.fixture
def batch(airflow: Airflow) -> int:
    """Three photos, of which the second is flagged for its head-room."""
    batch = airflow.shelf.batch(3)
    subject = Subject(SubjectKind.PHOTO, airflow.shelf.photos(batch)[1])
    airflow.shelf.catalog.scores.flag([Flag(subject, Stage.RAW, Reason.HEAD_ROOM, "check:head_room", "0.2")])
    return batch


def test_a_filter_is_in_the_address_and_back_leads_out_of_it(sitting: Sitting, airflow: Airflow, batch: int) -> None:
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")

    sitting.driver.find_element("id", "sieve").click()
    Select(sitting.driver.find_element("id", "flagged")).select_by_value("no_head_room")
    sitting.until(f"{CARDS}.join() === '{photos[1]}'")
    sitting.until("location.search === '?reason=no_head_room'")
    assert sitting.text("sieve-count") == "1 set"

    sitting.driver.back()
    sitting.until(f"{CARDS}.length === 3")
    assert sitting.run("return document.getElementById('flagged').value") == ""
    sitting.driver.forward()
    sitting.until(f"{CARDS}.join() === '{photos[1]}'")


def test_an_address_with_a_filter_opens_filtered(sitting: Sitting, airflow: Airflow, batch: int) -> None:
    photos = airflow.shelf.photos(batch)

    sitting.open(f"/batch/{batch}/raw?reason=no_head_room")

    sitting.until(f"{CARDS}.join() === '{photos[1]}'")
    assert sitting.run("return document.getElementById('flagged').value") == "no_head_room"
    sitting.driver.find_element("id", "sieve").click()
    sitting.driver.find_element("id", "sieve-clear").click()
    sitting.until(f"{CARDS}.length === 3")
    sitting.until("location.search === ''")


def test_everything_is_shown_on_demand(sitting: Sitting, airflow: Airflow, batch: int) -> None:
    sitting.open(f"/batch/{batch}/raw")
    sitting.press("a")
    sitting.saved()
    sitting.open(f"/batch/{batch}/raw")
    sitting.until(f"{CARDS}.length === 2")

    Select(sitting.driver.find_element("id", "show")).select_by_visible_text("Everything")

    sitting.until(f"{CARDS}.length === 3")
    sitting.until("location.search === '?everything=true'")
