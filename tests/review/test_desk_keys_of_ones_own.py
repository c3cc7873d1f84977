"""Each key may be given to something else, in this browser and for this person alone."""

from __future__ import annotations

import pytest
from desks import Airflow, Sitting
from selenium.webdriver.common.keys import Keys

from catalog.records import Reason, Stage, Subject, SubjectKind, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.airflow]


def kept(airflow: Airflow, photo: int) -> tuple[Verdict, Reason | None] | None:
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return (decision.verdict, decision.reason) if decision else None


def rebind(sitting: Sitting, verb: str, key: str) -> str:
    """Give a verb another key in the list of keys; what the list says to it."""
    if not sitting.run("return document.getElementById('help').open"):
        sitting.driver.find_element("id", "help-button").click()
    sitting.driver.find_element("css selector", f"[data-rebind={verb}]").click()
    sitting.press(key)
    return sitting.text("keys-told")


def close(sitting: Sitting) -> None:
    sitting.driver.find_element("id", "help-close").click()


def test_a_key_of_ones_own_works_at_once_and_after_the_next_visit(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, third = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")

    assert rebind(sitting, "approve", "j") == "J now means “Approve”."
    rebind(sitting, "wink_or_closed_eyes", "k")
    close(sitting)
    assert sitting.run("return document.querySelector('#approve kbd').textContent") == "J"
    sitting.press("a")
    sitting.press("j", "k")
    sitting.saved()
    assert kept(airflow, first) == (Verdict.APPROVE, None), "the old key does nothing any more"
    assert kept(airflow, second) == (Verdict.REJECT, Reason.EYES)

    sitting.open(f"/batch/{batch}/raw/{third}")
    sitting.press("j")
    sitting.saved()
    assert kept(airflow, third) == (Verdict.APPROVE, None)


def test_a_key_that_means_something_already_is_refused_with_a_sentence(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.open(f"/batch/{batch}/raw")

    assert rebind(sitting, "undo", "g") == "G already means “Grid or single view”; choose another."
    assert rebind(sitting, "undo", Keys.ARROW_LEFT) == "ArrowLeft is needed by the page itself; choose another."
    assert rebind(sitting, "undo", Keys.ESCAPE) == ""
    assert sitting.run("return document.getElementById('help').open"), "Esc leaves the question, not the list"
    assert sitting.run("return document.querySelector('#undo kbd').textContent") == "U"


def test_all_keys_can_be_as_they_were(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.open(f"/batch/{batch}/raw")
    rebind(sitting, "approve", "j")

    sitting.driver.find_element("id", "keys-reset").click()

    assert sitting.run("return document.querySelector('#approve kbd').textContent") == "A"
    assert sitting.text("keys-told") == "All keys are as they were."


def test_keys_are_each_persons_own(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.open(f"/batch/{batch}/raw")
    rebind(sitting, "approve", "j")

    sitting.sign_in("olga")
    sitting.open(f"/batch/{batch}/raw")

    assert sitting.run("return document.querySelector('#approve kbd').textContent") == "A"
