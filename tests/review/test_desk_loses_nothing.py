"""No decision is lost on its way: it is written down in the browser before it is sent, until the server answered."""

from __future__ import annotations

import time

import pytest
from desks import Airflow, Sitting

from catalog.records import Stage, Subject, SubjectKind, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

LEFT = "Object.keys(localStorage).filter((key) => key.startsWith('faceloop.act/')).length"


def kept(airflow: Airflow, photo: int) -> Verdict | None:
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return decision.verdict if decision else None


def leave_without_a_network(sitting: Sitting, path: str, *keys: str) -> None:
    """Decide while the network is away, then close the page; what it hands over to the browser goes nowhere either."""
    sitting.open(path)
    sitting.until("[...document.querySelectorAll('.mat img')].length >= 2")
    sitting.look()
    sitting.network(up=False)
    sitting.press(*keys)
    sitting.until("document.getElementById('saving').dataset.state === 'failing'")
    sitting.run("window.fetch = () => Promise.reject(new TypeError('no network'))")
    assert sitting.run(f"return {LEFT}") == len(keys)
    sitting.driver.get("about:blank")
    sitting.network(up=True)


def test_what_a_closed_page_could_not_send_is_sent_by_the_next_whichever_stage_it_shows(
    sitting: Sitting, airflow: Airflow
) -> None:
    batch, other = airflow.shelf.batch(3), airflow.shelf.batch(1)
    first, second, third = airflow.shelf.photos(batch)
    leave_without_a_network(sitting, f"/batch/{batch}/raw/{first}", "a", "2")
    assert [kept(airflow, photo) for photo in (first, second, third)] == [None, None, None]

    sitting.open(f"/batch/{other}/raw")

    sitting.until(f"{LEFT} === 0")
    sitting.saved()
    assert [kept(airflow, photo) for photo in (first, second, third)] == [Verdict.APPROVE, Verdict.REJECT, None]
    assert len(airflow.shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, first))) == 1


def test_the_same_stage_opens_at_the_first_picture_that_was_not_decided(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(4)
    first, _, third, _ = airflow.shelf.photos(batch)
    leave_without_a_network(sitting, f"/batch/{batch}/raw/{first}", "a", "2")

    sitting.open(f"/batch/{batch}/raw")

    sitting.until(f"document.querySelector('#cards [aria-current=true]')?.dataset.id === '{third}'")
    sitting.saved()
    assert sitting.run("return document.querySelector('[data-stage=raw] [data-decided]').textContent") == "2"


def test_what_one_person_left_is_never_sent_in_the_name_of_another(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    first, _ = airflow.shelf.photos(batch)
    leave_without_a_network(sitting, f"/batch/{batch}/raw/{first}", "a")

    sitting.sign_in("olga")
    sitting.open(f"/batch/{batch}/raw")
    time.sleep(1)
    assert kept(airflow, first) is None
    assert sitting.run(f"return {LEFT}") == 1

    sitting.sign_in("rita")
    sitting.open(f"/batch/{batch}/raw")
    sitting.until(f"{LEFT} === 0")
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, first), stage=Stage.RAW)
    assert decision is not None
    assert decision.by == "rita"


def test_what_has_been_answered_leaves_nothing_behind(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    sitting.open(f"/batch/{batch}/raw/{airflow.shelf.photos(batch)[0]}")

    sitting.press("a", "3", "u")

    sitting.saved()
    assert sitting.run(f"return {LEFT}") == 0


def test_undo_reaches_what_another_tab_decided(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")
    here = sitting.driver.current_window_handle
    sitting.driver.switch_to.new_window("tab")
    try:
        sitting.open(f"/batch/{batch}/raw/{first}")
        sitting.press("a", "3")
        sitting.saved()
    finally:
        sitting.driver.close()
        sitting.driver.switch_to.window(here)

    for photo in (second, first):
        sitting.press("u")
        sitting.until(f"document.querySelector('#cards [aria-current=true]').dataset.id === '{photo}'")
    sitting.saved()

    assert [kept(airflow, photo) for photo in (first, second)] == [None, None]


def test_what_one_tab_decides_is_not_asked_in_another(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")
    here = sitting.driver.current_window_handle
    sitting.driver.switch_to.new_window("tab")
    try:
        sitting.open(f"/batch/{batch}/raw/{first}")
        sitting.press("a")
        sitting.saved()
    finally:
        sitting.driver.close()
        sitting.driver.switch_to.window(here)

    sitting.until("document.querySelector('#cards li').dataset.state === 'approve'")
    sitting.press_shift("a")
    sitting.saved()

    assert len(airflow.shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, first))) == 1
    assert kept(airflow, second) is Verdict.APPROVE


def test_a_journal_is_not_sent_under_the_name_of_who_signed_in_meanwhile(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    first, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")
    sitting.look()
    sitting.driver.add_cookie({"name": "_token", "value": airflow.token("olga"), "path": "/"})

    sitting.press("a")

    sitting.until("document.getElementById('saving').dataset.state === 'failing'")
    assert kept(airflow, first) is None
    assert sitting.run(f"return {LEFT}") == 1
    sitting.driver.add_cookie({"name": "_token", "value": airflow.token("rita"), "path": "/"})
    sitting.until("!document.getElementById('alert-retry').hidden")
    sitting.driver.find_element("id", "alert-retry").click()
    sitting.saved()
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, first), stage=Stage.RAW)
    assert decision is not None
    assert decision.by == "rita"
