"""The desk shows a decision before it is saved; when it cannot be saved, the desk says so and shows the truth."""

from __future__ import annotations

import pytest
from desks import Airflow, Sitting

from catalog.records import Stage, Subject, SubjectKind, Verdict

pytestmark = [pytest.mark.browser, pytest.mark.airflow]


def kept(airflow: Airflow, photo: int) -> Verdict | None:
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return decision.verdict if decision else None


def test_decisions_made_without_a_network_are_sent_when_it_is_back(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")
    sitting.look()

    sitting.network(up=False)
    sitting.press("a", "1", "a")
    sitting.until("document.getElementById('saving').dataset.state === 'failing'")
    sitting.until("document.getElementById('alert-text').textContent.includes('kept here and sent again')")
    assert [kept(airflow, photo) for photo in photos] == [None, None, None]

    sitting.network(up=True)
    sitting.saved()
    assert [kept(airflow, photo) for photo in photos] == [Verdict.APPROVE, Verdict.REJECT, Verdict.APPROVE]
    assert sitting.run("return document.getElementById('alert').hidden")


@pytest.mark.parametrize(("status", "body"), [(404, '{"detail": "Not Found"}'), (403, "<h1>Back soon</h1>")])
def test_an_answer_that_is_not_the_desks_is_none(sitting: Sitting, airflow: Airflow, status: int, body: str) -> None:
    """An Airflow that starts again, or a proxy before it, may answer in the desk's place."""
    batch = airflow.shelf.batch(2)
    first, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")
    sitting.look()
    sitting.run(f"window.kept = fetch; window.fetch = async () => new Response({body!r}, {{ status: {status} }})")

    sitting.press("a")
    sitting.until("document.getElementById('saving').dataset.state === 'failing'")
    assert "kept here and sent again" in sitting.text("alert-text")

    sitting.run("window.fetch = window.kept")
    sitting.saved()
    assert kept(airflow, first) is Verdict.APPROVE


def test_what_another_person_decided_meanwhile_is_shown_and_stands(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    first, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")
    airflow.shelf.catalog.decisions.decide(
        Subject(SubjectKind.PHOTO, first), stage=Stage.RAW, verdict=Verdict.APPROVE, by="olga"
    )

    sitting.press("1")

    sitting.until("!document.getElementById('alert').hidden")
    assert f"Olga has decided this already (Photo {first})." in sitting.text("alert-text").replace("olga", "Olga")
    assert sitting.run("return document.querySelector('#cards li').dataset.state") == "approve"
    assert kept(airflow, first) is Verdict.APPROVE
    assert sitting.run("return document.querySelector('[data-stage=raw] [data-decided]').textContent") == "1"


def test_a_reviewer_whose_session_ended_is_told_and_what_was_decided_is_saved_after_the_next_sign_in(
    sitting: Sitting, airflow: Airflow
) -> None:
    batch = airflow.shelf.batch(2)
    first, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")
    sitting.look()
    sitting.sign_out()

    sitting.press("a")

    sitting.until("!document.getElementById('alert').hidden")
    assert "You are signed out." in sitting.text("alert-text")
    assert "kept here and sent again" in sitting.text("alert-text")
    assert sitting.run("return document.getElementById('saving').dataset.state") == "failing"
    assert airflow.shelf.catalog.batches.progress(batch, Stage.RAW).decided == 0

    sitting.driver.add_cookie({"name": "_token", "value": airflow.token("rita"), "path": "/"})
    sitting.driver.find_element("id", "alert-retry").click()
    sitting.saved()
    assert kept(airflow, first) is Verdict.APPROVE


def test_several_verdicts_on_one_photo_that_are_refused_together_leave_it_as_the_server_has_it(
    sitting: Sitting, airflow: Airflow
) -> None:
    batch = airflow.shelf.batch(2)
    sitting.open(f"/batch/{batch}/raw")
    sitting.look()
    sitting.network(up=False)
    sitting.press("a", "u")
    sitting.until("document.getElementById('saving').dataset.state === 'failing'")

    sitting.driver.add_cookie({"name": "_token", "value": airflow.token("vic"), "path": "/"})  # who may look only
    sitting.network(up=True)

    sitting.until("document.getElementById('alert-text').textContent.includes('Not saved: 2 decisions.')")
    assert "You may look, but not decide." in sitting.text("alert-text")
    assert sitting.run("return document.querySelector('#cards li').dataset.state") == "waiting"
    sitting.until("document.querySelector('[data-stage=raw] [data-decided]').textContent === '0'")


def test_a_decision_made_just_before_the_page_is_left_is_not_lost(sitting: Sitting, airflow: Airflow) -> None:
    import time

    batch = airflow.shelf.batch(5)
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photos[0]}")

    sitting.press("a", "a", "a")
    sitting.driver.get("about:blank")

    limit = time.monotonic() + 10
    while time.monotonic() < limit and airflow.shelf.catalog.batches.progress(batch, Stage.RAW).decided < 3:
        time.sleep(0.1)
    assert [kept(airflow, photo) for photo in photos[:3]] == [Verdict.APPROVE] * 3


def test_an_onlooker_who_presses_keys_is_told_and_changes_nothing(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    sitting.sign_in("vic")
    sitting.open(f"/batch/{batch}/raw")

    sitting.press("a", "1", "u")

    assert "You may look, but not decide." in sitting.text("alert-text")
    assert airflow.shelf.catalog.batches.progress(batch, Stage.RAW).decided == 0


def test_what_went_to_somebody_else_meanwhile_is_taken_away_and_said(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")
    sitting.look()
    airflow.shelf.catalog.decisions.decide(
        Subject(SubjectKind.PHOTO, second), stage=Stage.RAW, verdict=Verdict.APPROVE, by="olga"
    )

    sitting.run("document.dispatchEvent(new Event('visibilitychange'))")  # as after a laptop's sleep

    sitting.until("document.getElementById('alert-text').textContent.includes('went to another reviewer')")
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {first}", "what is looked at stays"
    sitting.press("a", "a")
    sitting.saved()
    assert kept(airflow, first) is Verdict.APPROVE
    assert airflow.shelf.catalog.decisions.by_person()["olga"] >= 1


def test_pictures_of_a_page_that_is_left_are_free_for_others_at_once(sitting: Sitting, airflow: Airflow) -> None:
    import time

    batch = airflow.shelf.batch(2)
    sitting.open(f"/batch/{batch}/raw")
    sitting.driver.get("about:blank")

    sitting.sign_in("olga")
    limit, seen = time.monotonic() + 20, 0
    while time.monotonic() < limit and not seen:
        sitting.open(f"/batch/{batch}/raw")
        seen = sitting.run("return document.querySelectorAll('#cards > li').length")
    assert seen == 2
