"""The desk in Airflow's frame, on a phone, in the dark: nothing is cut off, too small to touch or too pale to read."""

from __future__ import annotations

import pytest
from desks import Airflow, Sitting
from sights import paths, visit

from catalog.records import Stage

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

# What a person may press, and how large it is; what is hidden or a link within text does not count.
SMALL_TARGETS = """
return [...document.querySelectorAll('button, select, input, summary, .stage-list a, .stages a')]
  .filter((each) => each.checkVisibility() && !each.closest('dialog:not([open])'))
  .map((each) => [each.id || each.textContent.trim(), each.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([name, box]) => `${name}: ${box.width} x ${box.height}`);
"""

# Contrast of every visible text with the ground behind it: WCAG 2.2, relative luminance.
PALE_TEXT = """
const light = (rgb) => rgb.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; })
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const paper = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
const rgba = (colour) => {
  paper.clearRect(0, 0, 1, 1); paper.fillStyle = colour; paper.fillRect(0, 0, 1, 1);
  return [...paper.getImageData(0, 0, 1, 1).data];
};
const ground = (element) => {
  for (let each = element; each; each = each.parentElement) {
    const colour = rgba(getComputedStyle(each).backgroundColor);
    if (colour[3] > 250) return colour;
  }
  return rgba(getComputedStyle(document.documentElement).colorScheme === 'dark' ? '#000' : '#fff');
};
const pale = [];
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (texts.nextNode()) {
  const element = texts.currentNode.parentElement;
  const apart = element.closest('script, template, .unseen, :disabled, option');
  if (!texts.currentNode.data.trim() || !element.checkVisibility() || apart) continue;
  const [ink, behind] = [rgba(getComputedStyle(element).color), ground(element)].map((c) => light(c.slice(0, 3)));
  const contrast = (Math.max(ink, behind) + 0.05) / (Math.min(ink, behind) + 0.05);
  if (contrast < 4.5) pale.push(`${texts.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
}
return pale;
"""


def test_nothing_scrolls_sideways_and_everything_can_be_touched(
    sitting: Sitting, airflow: Airflow, screen: int
) -> None:
    for path in paths(airflow):
        visit(sitting, path)
        assert sitting.run("return document.documentElement.scrollWidth") <= screen, path
        assert sitting.run("const m = document.querySelector('main'); return m.scrollWidth <= m.clientWidth"), path
        assert sitting.run(SMALL_TARGETS) == [], path


def test_all_text_is_readable(sitting: Sitting, airflow: Airflow, shade: str) -> None:
    for path in paths(airflow):
        visit(sitting, path)
        if path.startswith("/batch") and path.count("/") > 2:
            sitting.press("a")  # so that a verdict is on the screen too
            sitting.saved()
            sitting.press("g")
        assert sitting.run(PALE_TEXT) == [], f"{path} in the {shade}"


def test_on_a_phone_reasons_are_offered_when_rejecting(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    try:
        sitting.open(f"/batch/{batch}/raw")
        assert not sitting.run("return document.getElementById('reasons').checkVisibility()")
        sitting.driver.find_element("id", "reject").click()
        assert sitting.run("return document.getElementById('reasons').checkVisibility()")
        sitting.driver.find_element("css selector", "[data-reason=fringe_over_eyes]").click()
        sitting.saved()
        assert airflow.shelf.catalog.decisions.by_person()["rita"] >= 1
        assert sitting.run("return document.querySelector('#cards .chip').textContent") == "✕ Fringe over the eyes"
    finally:
        sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_desk_works_inside_airflows_own_page(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(1)
    sitting.driver.get(f"{airflow.url}/plugin/review/review-desk/batch/{batch}/raw")
    sitting.until("document.querySelector('iframe')", seconds=60)
    sitting.driver.switch_to.frame(sitting.driver.find_element("css selector", "iframe"))
    sitting.until("document.body && document.body.dataset.ready === 'true'")

    sitting.run("document.querySelector('.card').focus()")
    sitting.press("a")
    sitting.saved()

    assert airflow.shelf.catalog.batches.progress(batch, Stage.RAW).approved == 1
    assert sitting.run("return document.documentElement.dataset.theme") in {"light", "dark"}, (
        "it follows Airflow's colours"
    )
    sitting.driver.switch_to.default_content()


def test_airflows_menu_leads_to_the_desk(sitting: Sitting, airflow: Airflow) -> None:
    sitting.driver.get(airflow.url)
    sitting.until("document.querySelector('a[href*=\"/plugin/review\"]')", seconds=60)
