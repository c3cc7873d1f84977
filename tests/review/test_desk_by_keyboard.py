"""The desk in a real browser, in a real Airflow, by keyboard alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from desks import Airflow, Sitting
from selenium.webdriver.common.keys import Keys

from catalog.records import REASONS, Reason, Score, Stage, Subject, SubjectKind, Verdict
from preprocessing import steps
from preprocessing.checks import CHECKS, checks_on
from review import words

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def kept(airflow: Airflow, photo: int) -> tuple[Verdict, Reason | None] | None:
    """What stands on a photo at the raw stage."""
    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return (decision.verdict, decision.reason) if decision else None


def test_a_approves_and_goes_to_the_next_photo(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")

    sitting.press("a")

    sitting.saved()
    assert kept(airflow, first) == (Verdict.APPROVE, None)
    assert sitting.text("facts-title") == f"Photo {second}"
    assert f"Photo {first} approved. 1 of 3 decided." in sitting.text("live")


def test_each_reason_has_its_key(sitting: Sitting, airflow: Airflow) -> None:
    reasons = REASONS[Stage.RAW]
    batch = airflow.shelf.batch(len(reasons))
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photos[0]}")

    for reason in reasons:
        sitting.press(words.KEYS[reason])

    sitting.saved()
    assert [kept(airflow, photo) for photo in photos] == [(Verdict.REJECT, reason) for reason in reasons]
    assert sitting.text("finished-title") == "All decided"


def test_r_rejects_for_the_suggested_reason_or_asks_for_one(sitting: Sitting, airflow: Airflow) -> None:
    from catalog.records import Flag

    batch = airflow.shelf.batch(2)
    flagged, plain = airflow.shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, flagged)
    airflow.shelf.catalog.scores.flag([Flag(subject, Stage.RAW, Reason.HEAD_ROOM, "check:head_room", "0.2")])
    sitting.open(f"/batch/{batch}/raw/{flagged}")

    sitting.press("r")
    sitting.until(f"document.getElementById('facts-title').textContent === 'Photo {plain}'")
    sitting.press("r")
    assert sitting.run("return document.activeElement.dataset.reason") == "mirrored", "the first reason has the focus"
    sitting.press("7")

    sitting.saved()
    assert kept(airflow, flagged) == (Verdict.REJECT, Reason.HEAD_ROOM)
    assert kept(airflow, plain) == (Verdict.REJECT, Reason.NOT_A_PHOTO)


def test_a_row_that_failed_validation_is_led_to_and_r_rejects_it_for_the_reason(
    sitting: Sitting, airflow: Airflow, tmp_path: Path
) -> None:
    catalog = airflow.shelf.catalog
    batch = airflow.shelf.batch(3)
    faces = [Subject(SubjectKind.FACE, number) for number in airflow.shelf.faces(batch)]
    good = [Score(face, check.name, check.version, 1.0) for face in faces for check in checks_on(SubjectKind.FACE)]
    winking = Score(faces[1], "left_eye_open", CHECKS["left_eye_open"].version, 0.1)
    catalog.scores.add([winking, *good])  # the first score of a check stays
    steps.validate(batch, catalog=catalog, docs=tmp_path)
    sitting.driver.get(f"{airflow.desk}/batch/{batch}")

    sitting.driver.find_element("link text", f"Face {faces[1].id}").click()
    sitting.until("document.body.dataset.ready === 'true'")

    assert sitting.text("facts-title") == f"Face {faces[1].id}"
    suggested = (
        "[...document.querySelectorAll('.reason')].filter((b) => b.querySelector('.suggested').checkVisibility())"
    )
    assert sitting.run(f"return {suggested}.map((b) => b.dataset.reason)") == [Reason.EYES]
    assert "left eye open: 0.1" in sitting.text("facts-flags")
    sitting.press("r")
    sitting.saved()
    decision = catalog.decisions.of(faces[1], stage=Stage.CROP)
    assert decision is not None
    assert (decision.verdict, decision.reason, decision.by) == (Verdict.REJECT, Reason.EYES, "rita")


def test_boxes_lie_on_the_picture_where_a_low_score_found_something(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    first, second = airflow.shelf.photos(batch)
    check, found = CHECKS["head_room"], {"boxes": [[0.25, 0.5, 0.75, 1.0]]}
    scores = ((first, 0.1), (second, 0.9))
    airflow.shelf.catalog.scores.add(
        [Score(Subject(SubjectKind.PHOTO, photo), check.name, check.version, value, found) for photo, value in scores]
    )
    sitting.open(f"/batch/{batch}/raw/{first}")
    sitting.until("document.querySelector('#marks path')")

    box, picture = (
        sitting.run(f"const r = {where}.getBoundingClientRect(); return [r.left, r.top, r.width, r.height]")
        for where in ("document.querySelector('#marks path')", "document.getElementById('picture')")
    )
    side = sitting.run("const p = document.getElementById('picture'); return p.naturalWidth / p.naturalHeight")
    # The picture is fitted into its room: as wide or as high as that, in its middle.
    width = min(picture[2], picture[3] * side)
    assert box[2] == pytest.approx(width / 2, abs=4)
    assert box[0] + box[2] / 2 == pytest.approx(picture[0] + picture[2] / 2, abs=4)
    assert box[1] == pytest.approx(picture[1] + picture[3] / 2, abs=4)

    sitting.press("a")
    sitting.until(f"document.getElementById('facts-title').textContent === 'Photo {second}'")
    assert sitting.run("return document.querySelectorAll('#marks path').length") == 0


def test_u_takes_back_step_by_step_also_after_the_page_is_opened_anew(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, third = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")
    sitting.press("a", "2", "a")
    sitting.saved()

    sitting.press("u")
    sitting.saved()
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {third}"
    assert kept(airflow, third) is None

    sitting.open(f"/batch/{batch}/raw")
    for photo in (second, first):
        sitting.press("u")
        sitting.until(f"document.querySelector('#cards [aria-current=true]').dataset.id === '{photo}'")
    sitting.saved()
    assert [kept(airflow, photo) for photo in (first, second, third)] == [None, None, None]
    sitting.press("u")
    sitting.until("document.getElementById('live').textContent.includes('nothing of yours')")


def test_the_grid_is_rejected_by_exception_and_the_rest_approved_in_one_key(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(26)
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")

    sitting.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "4")  # the third photo has closed eyes
    sitting.press_shift("a")
    sitting.saved()

    assert kept(airflow, photos[2]) == (Verdict.REJECT, Reason.EYES)
    page, rest = photos[:24], photos[24:]
    assert all(kept(airflow, photo) == (Verdict.APPROVE, None) for photo in page if photo != photos[2])
    assert all(kept(airflow, photo) is None for photo in rest), "what was not on the screen is not approved"

    sitting.until("document.getElementById('page-number').textContent === 'Page 2 of 2'")
    sitting.press_shift("a")
    sitting.saved()
    assert all(kept(airflow, photo) == (Verdict.APPROVE, None) for photo in rest)

    sitting.press("u")
    sitting.saved()
    assert all(kept(airflow, photo) is None for photo in rest), "what was done in one key is undone in one"
    assert kept(airflow, page[0]) == (Verdict.APPROVE, None)


def test_a_key_held_down_decides_once(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(4)
    photos = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photos[0]}")
    sitting.look()

    for repeated in (False, True, True):
        sitting.driver.execute_cdp_cmd(
            "Input.dispatchKeyEvent",
            {"type": "keyDown", "key": "a", "code": "KeyA", "text": "a", "autoRepeat": repeated},
        )
    sitting.saved()

    assert [kept(airflow, photo) is None for photo in photos] == [False, True, True, True]


def test_g_and_the_arrows_go_between_grid_and_single_view(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    first, second, third = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")

    sitting.press(Keys.ARROW_RIGHT, "g")
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {second}"
    sitting.press(Keys.ARROW_RIGHT)
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {third}"
    sitting.press(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {first}"
    sitting.until(f"location.pathname.endsWith('/batch/{batch}/raw/{first}')")
    sitting.press("g")
    assert sitting.run("return document.getElementById('single').hidden")
    assert sitting.run("return document.querySelector('#cards [aria-current=true]').dataset.id") == str(first)


def test_a_click_chooses_a_card_and_only_a_second_one_or_enter_opens_it(sitting: Sitting, airflow: Airflow) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    batch = airflow.shelf.batch(3)
    sitting.open(f"/batch/{batch}/raw")
    first, second, _ = sitting.driver.find_elements("css selector", "#cards .card")

    first.click()
    assert not sitting.run("return document.getElementById('grid').hidden"), "the first is chosen from the start"
    ActionChains(sitting.driver).double_click(second).perform()
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {airflow.shelf.photos(batch)[1]}"
    sitting.press("g", Keys.ARROW_RIGHT, Keys.ENTER)
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {airflow.shelf.photos(batch)[2]}"


def test_the_keys_are_listed_and_can_be_turned_off(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    (photo,) = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw")

    sitting.press("?")
    assert sitting.run("return document.getElementById('help').open")
    sitting.press("a")
    sitting.run("document.getElementById('keys-on').click()")
    sitting.press(Keys.ESCAPE, "a", "3")
    assert not sitting.run("return document.getElementById('help').open")
    sitting.run("document.getElementById('keys-on').click()")

    assert kept(airflow, photo) is None, "neither in the list nor with the keys turned off"


def test_a_note_goes_with_the_decision_and_its_letters_decide_nothing(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    first, second = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{first}")

    sitting.press("t", "a hand at the cheek", Keys.ESCAPE, "8")
    sitting.saved()

    decision = airflow.shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, first), stage=Stage.RAW)
    assert decision is not None
    assert (decision.reason, decision.note) == (Reason.OTHER, "a hand at the cheek")
    assert kept(airflow, second) is None


def test_faces_are_judged_at_the_crop_and_the_final_stage(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    one, other = airflow.shelf.faces(batch)
    sitting.open(f"/batch/{batch}/crop/{one}")
    sitting.press("a", "1")
    sitting.saved()
    sitting.open(f"/batch/{batch}/final")
    sitting.press("a")
    sitting.saved()

    face = airflow.shelf.catalog.decisions.history(Subject(SubjectKind.FACE, one))
    assert [(decision.stage, decision.verdict) for decision in face] == [
        (Stage.CROP, Verdict.APPROVE),
        (Stage.FINAL, Verdict.APPROVE),
    ]
    assert airflow.shelf.catalog.batches.progress(batch, Stage.FINAL).subjects == 1, "the rejected one went no further"
    assert other not in [face.face_id for face in airflow.shelf.catalog.faces.approved()]


def test_what_a_site_wrote_is_shown_and_never_run(sitting: Sitting, airflow: Airflow) -> None:
    photo = airflow.shelf.photo(words=HOSTILE, page_url="javascript:document.title='owned'", query=f"face {HOSTILE}")
    batch = airflow.shelf.batch(0)
    sitting.open(f"/batch/{batch}/raw/{photo.id}")

    assert sitting.text("origin-title") == HOSTILE
    assert sitting.text("origin-author") == HOSTILE
    assert sitting.text("origin-attribution") == HOSTILE
    assert sitting.text("origin-query") == f"face {HOSTILE}"
    assert sitting.run("return document.querySelectorAll('#origin-page a').length") == 0
    assert "owned" not in sitting.driver.title
    sitting.press("g")
    assert "owned" not in sitting.driver.title


def test_no_page_breaks_its_own_policy(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    for path in (f"/batch/{batch}/raw", f"/batch/{batch}/raw/{airflow.shelf.photos(batch)[0]}"):
        sitting.open(path)
        sitting.press("?", Keys.ESCAPE, "g")

    said = [entry["message"] for entry in sitting.driver.get_log("browser") if "/review-desk" in entry["message"]]
    assert said == []


def test_what_a_check_rejected_is_overruled_by_the_same_key(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(2)
    rejected, _ = airflow.shelf.photos(batch)
    subject = Subject(SubjectKind.PHOTO, rejected)
    airflow.shelf.catalog.decisions.reject_by_check(
        subject, check="head_room", stage=Stage.RAW, reason=Reason.HEAD_ROOM, note="0.10, below 0.5"
    )
    sitting.open(f"/batch/{batch}/raw/{rejected}?everything=true")
    assert "by check:head_room" in sitting.text("facts-decision")

    sitting.press("a")

    sitting.saved()
    assert kept(airflow, rejected) == (Verdict.APPROVE, None)
    assert "1 of 2 decided" in sitting.text("live")
