"""The desk in Airflow's frame, on a phone, in the dark: nothing is cut off, too small to touch or too pale to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from desks import Airflow, Sitting

from catalog.records import Reason, RestKind, Share, Stage, SubjectKind
from preprocessing.drift import compare
from preprocessing.report import BatchReport, Expected, Failing, Severity

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


@pytest.fixture(params=["light", "dark"])
def shade(request: pytest.FixtureRequest, sitting: Sitting) -> Iterator[str]:
    features = [
        {"name": "prefers-color-scheme", "value": request.param},
        {"name": "prefers-reduced-motion", "value": "reduce"},  # a colour half-way through its change is none
    ]
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    yield request.param
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.fixture(params=[(1280, 800), (390, 844), (320, 640)], ids=["desktop", "phone", "small phone"])
def screen(request: pytest.FixtureRequest, sitting: Sitting) -> Iterator[int]:
    width, height = request.param
    sitting.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    yield width
    sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def paths(airflow: Airflow) -> list[str]:
    airflow.shelf.photo(words="A title without a space: " + "x" * 300, page_url="https://example.org/" + "y" * 300)
    batch = airflow.shelf.batch(3)
    last = airflow.shelf.photos(batch)[-1]
    catalog, long = airflow.shelf.catalog, "https://www.example.org/sorry?" + "z" * 300
    until = datetime.now(UTC) + timedelta(hours=5)
    catalog.sources.rest("google", until=until, reason=long, kind=RestKind.CAPTCHA)
    page = airflow.shelf.blobs.put("pages", f"<html>{long}</html>".encode())
    alert = catalog.alerts.add("google", kind="drift", message=long, page=page)
    report(airflow, batch, long)
    airflow.shelf.alike(2, 5)
    airflow.shelf.alike(1, same=True)
    own = ["/sources", "/checks", "/duplicates?bits=8", f"/alert/{alert.id}", f"/batch/{batch}", "/"]
    return [f"/batch/{batch}/raw", f"/batch/{batch}/raw/{last}", *own]


def report(airflow: Airflow, batch: int, long: str) -> None:
    """A report with long words in it, in which one rate has drifted."""
    failing = tuple(Failing(number, long) for number in range(1, 30))
    held = Expected("held", long, SubjectKind.PHOTO, Severity.WARNING, Reason.EYES, True, 90, failing)
    failed = replace(held, name="failed", severity=Severity.CRITICAL, success=False, detail=long)
    before = [Share(10, 100)] * 30
    rates = tuple(
        replace(compare("below:eyes", long, now=Share(part, 100), before=before), success=part == 10)
        for part in (10, 60, 100)
    )
    told = BatchReport(batch, False, "", 90, 90, (held, failed), long, rates)
    airflow.shelf.catalog.batches.add_validation(batch, success=True, stopped_by="", report=told.to_json())


def visit(sitting: Sitting, path: str) -> None:
    if not path.startswith("/batch") or path.count("/") == 2:
        sitting.driver.get(f"{sitting.airflow.desk}{path}")
    else:
        sitting.open(path)


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
