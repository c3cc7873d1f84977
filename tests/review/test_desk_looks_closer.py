"""Closer to the picture: true pixels, and marks of what was found in it."""

from __future__ import annotations

import pytest
from desks import Airflow, Sitting
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from shelf import drawn

from catalog.records import Subject, SubjectKind

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

LAID = "document.getElementById('lens').dataset.laid"


def wide(airflow: Airflow, number: int) -> int:
    """A photo with more pixels than the screen, in a batch with another; the batch."""
    airflow.shelf.photo(data=drawn(number, size=(3000, 2400)))
    return airflow.shelf.batch(1)


def test_z_shows_true_pixels_and_arrows_move_about_until_z_again(sitting: Sitting, airflow: Airflow) -> None:
    batch = wide(airflow, 5001)
    photo, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photo}")

    sitting.press("z")
    sitting.until(f"{LAID} === '{photo}'")
    assert (
        sitting.run("const i = document.querySelector('#lens img'); return [i.naturalWidth, i.offsetWidth]")
        == [3000] * 2
    )
    before = sitting.run("const l = document.getElementById('lens'); return [l.scrollLeft, l.scrollTop]")
    sitting.press(Keys.ARROW_RIGHT, Keys.ARROW_DOWN)
    after = sitting.run("const l = document.getElementById('lens'); return [l.scrollLeft, l.scrollTop]")
    assert after[0] > before[0]
    assert after[1] > before[1]
    assert sitting.text("facts-title") == f"Photo {photo}", "arrows move about in the photo, not to the next one"

    sitting.press("z")
    assert sitting.run("return document.getElementById('lens').hidden")


def test_a_double_click_looks_closer_at_that_place_and_a_mouse_drags_it(sitting: Sitting, airflow: Airflow) -> None:
    batch = wide(airflow, 5002)
    photo, _ = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photo}")
    sitting.look()
    picture = sitting.driver.find_element("id", "picture")

    ActionChains(sitting.driver).move_to_element_with_offset(picture, 100, 100).double_click().perform()
    sitting.until(f"{LAID} === '{photo}'")
    left = sitting.run("return document.getElementById('lens').scrollLeft")
    ActionChains(sitting.driver).click_and_hold(sitting.driver.find_element("id", "lens")).move_by_offset(
        90, 0
    ).release().perform()

    assert sitting.run("return document.getElementById('lens').scrollLeft") == pytest.approx(left - 90, abs=1)


def test_a_verdict_given_at_true_pixels_goes_on_with_the_whole_next_picture(sitting: Sitting, airflow: Airflow) -> None:
    batch = wide(airflow, 5003)
    photo, other = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photo}")
    sitting.press("z")
    sitting.until(f"{LAID} === '{photo}'")

    sitting.press("a")

    sitting.saved()
    sitting.look()
    assert sitting.text("facts-title") == f"Photo {other}"
    assert sitting.run("return document.getElementById('lens').hidden")


def test_o_shows_where_eyes_and_head_room_are_and_hides_them_again(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    (face,) = airflow.shelf.faces(batch)
    sitting.open(f"/batch/{batch}/crop/{face}")
    marks = "[...document.querySelectorAll('#marks path')].map((path) => path.className.baseVal)"
    assert sitting.run(f"return {marks}") == []

    sitting.press("o")
    sitting.until(f"{marks}.length === 3")
    assert sitting.run(f"return {marks}") == ["eye", "eye", "head_room"]
    assert "Marks: all" in sitting.text("overlay")

    sitting.press("o")
    assert sitting.run(f"return {marks}") == []
    sitting.press("o")
    assert "Marks: flagged" in sitting.text("overlay")


def test_how_long_a_picture_was_looked_at_is_kept_with_its_decision(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    (photo,) = airflow.shelf.photos(batch)
    sitting.open(f"/batch/{batch}/raw/{photo}")
    sitting.look()
    sitting.run("return new Promise((done) => setTimeout(done, 700))")

    sitting.press("a")

    sitting.saved()
    (decision,) = airflow.shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, photo))
    assert decision.seconds is not None
    assert 0.6 < decision.seconds < 60


def test_what_nearly_equals_a_photo_lies_beside_it_and_opens_large(sitting: Sitting, airflow: Airflow) -> None:
    first, second = airflow.shelf.alike(2, same=True)
    batch = airflow.shelf.catalog.photos.get(first).batch_id
    sitting.open(f"/batch/{batch}/raw/{first}")

    sitting.until("document.querySelector('#facts-near button')")
    sitting.driver.find_element("css selector", "#facts-near button").click()

    assert sitting.run("return document.getElementById('large').open")
    assert sitting.text("large-title") == f"Photo {second}"
    sitting.press(Keys.ESCAPE)
    assert not sitting.run("return document.getElementById('large').open")
    assert sitting.text("facts-title") == f"Photo {first}", "Esc closes no more than that"
