"""The desk where people find it: in a sandboxed frame of Airflow's page, out of which a link leads all the same."""

from __future__ import annotations

import time
from typing import Any

import pytest
from desks import Airflow, Sitting
from selenium.webdriver.common.by import By

pytestmark = [pytest.mark.browser, pytest.mark.airflow]


def found(driver: Any, selector: str) -> Any:
    """The first element that is shown, once it is."""
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        for element in driver.find_elements(By.CSS_SELECTOR, selector):
            if element.is_displayed():
                return element
        time.sleep(0.1)
    pytest.fail(f"no {selector} on {driver.current_url}\n{driver.find_element(By.TAG_NAME, 'body').text}")


def until(holds: Any) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit, "it never came to that"
        time.sleep(0.1)


@pytest.fixture
def framed(sitting: Sitting) -> Any:
    """The driver, in the frame that Airflow's menu leads to."""
    sitting.driver.get(f"{sitting.airflow.url}/plugin/review")
    frame = found(sitting.driver, "iframe")
    assert "allow-top-navigation" not in frame.get_attribute("sandbox")
    assert "allow-popups" not in frame.get_attribute("sandbox")
    sitting.driver.switch_to.frame(frame)
    yield sitting.driver
    sitting.driver.switch_to.default_content()


def test_from_a_batch_back_to_its_run(framed: Any, airflow: Airflow) -> None:
    batch = airflow.shelf.catalog.batches.get(airflow.shelf.batch(1))
    framed.refresh()
    framed.switch_to.frame(found(framed, "iframe"))
    found(framed, f"a[href$='batch/{batch.id}']").click()
    found(framed, "a[target=_top]").click()
    framed.switch_to.default_content()
    until(lambda: framed.current_url == f"{airflow.url}/dags/curate_photos/runs/{batch.key}")


def test_from_a_photo_to_the_page_that_it_is_from(framed: Any, airflow: Airflow) -> None:
    batch = airflow.shelf.catalog.photos.get(airflow.shelf.alike(1, same=True)[0]).batch_id
    framed.execute_script(f"location.href = '{airflow.desk}/duplicates?batch={batch}'")
    before, home = set(framed.window_handles), framed.current_window_handle
    found(framed, "a[target=_blank]").click()
    until(lambda: len(framed.window_handles) == len(before) + 1)
    (opened,) = set(framed.window_handles) - before
    framed.switch_to.window(opened)
    framed.close()
    framed.switch_to.window(home)
