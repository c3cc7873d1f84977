"""What is ticked on the page of duplicates is rejected by a click, once, and nothing else is."""

from __future__ import annotations

import pytest
from desks import Airflow, Sitting

from catalog.records import Decision, Stage, Subject, SubjectKind, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.airflow]


def raw(airflow: Airflow, photo: int) -> Decision | None:
    return airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)


def opened(sitting: Sitting, airflow: Airflow, photo: int) -> None:
    batch = airflow.shelf.catalog.batches.item(Subject(SubjectKind.PHOTO, photo), Stage.RAW).batch_id
    sitting.open(f"/duplicates?batch={batch}")


def test_a_tick_and_a_click_reject_one_with_a_note_that_names_the_best(sitting: Sitting, airflow: Airflow) -> None:
    kept, one, other = airflow.shelf.alike(1, 2)
    opened(sitting, airflow, kept)
    button, box = (
        sitting.driver.find_element("css selector", found) for found in ("[data-reject]", f"[data-photo='{one}']")
    )
    assert not button.is_enabled(), "nothing is ticked that is not sure"
    box.click()
    assert button.text == "Reject 1 photo"
    button.click()
    sitting.until("document.body.textContent.includes('Rejected by rita: Other')")
    stands = raw(airflow, one)
    assert stands is not None
    assert (stands.verdict, stands.note) == (Verdict.REJECT, f"shows the same as photo {kept}")
    assert raw(airflow, kept) is None
    assert raw(airflow, other) is None


def test_what_another_has_decided_meanwhile_is_told_and_stands(sitting: Sitting, airflow: Airflow) -> None:
    kept, other = airflow.shelf.alike(1)
    opened(sitting, airflow, kept)
    airflow.shelf.catalog.decisions.decide(
        Subject(SubjectKind.PHOTO, other), stage=Stage.RAW, verdict=Verdict.APPROVE, by="olga"
    )
    sitting.driver.find_element("css selector", f"[data-photo='{other}']").click()
    sitting.driver.find_element("css selector", "[data-reject]").click()
    sitting.until("!document.getElementById('alert').hidden")
    assert sitting.text("alert-text") == f"Not rejected. Photo {other}: olga has decided this already."
    stands = raw(airflow, other)
    assert stands is not None
    assert stands.verdict is Verdict.APPROVE


def test_without_the_network_nothing_is_lost_and_a_second_click_records_once(
    sitting: Sitting, airflow: Airflow
) -> None:
    kept, other = airflow.shelf.alike(1)
    opened(sitting, airflow, kept)
    sitting.driver.find_element("css selector", f"[data-photo='{other}']").click()
    sitting.network(up=False)
    button = sitting.driver.find_element("css selector", "[data-reject]")
    button.click()
    sitting.until("!document.getElementById('alert').hidden")
    assert raw(airflow, other) is None
    sitting.network(up=True)
    sitting.until("!document.querySelector('[data-reject]').disabled")
    button.click()
    sitting.until("document.body.textContent.includes('Rejected by rita: Other')")
    assert len(airflow.shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, other))) == 1


def test_nothing_on_the_page_breaks_the_policy(sitting: Sitting, airflow: Airflow) -> None:
    kept, *_ = airflow.shelf.alike(1, 2)
    opened(sitting, airflow, kept)
    sitting.until("[...document.images].every((image) => image.loading === 'lazy')")
    assert [entry["message"] for entry in sitting.driver.get_log("browser") if entry["level"] == "SEVERE"] == []
