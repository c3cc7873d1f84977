"""axe-core finds nothing to complain of on any page: light and dark, on a desk and a phone, in each language."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib.resources import files

import pytest
from desks import Airflow, Sitting
from sights import paths, visit

from review.languages import of

pytestmark = [pytest.mark.browser, pytest.mark.airflow]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text()
#: WCAG 2.2 A and AA with all before it, and what axe holds to be good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHADES, SCREENS = ("light", "dark"), ((1280, 800), (390, 844))

LOOK = """
const done = arguments[arguments.length - 1];
const told = ({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.failureSummary}`);
axe.run(document, { runOnly: { type: 'tag', values: arguments[0] }, resultTypes: ['violations'] })
  .then(({ violations }) => done(violations.flatMap(told)), (error) => done([String(error)]));
"""


def complaints(sitting: Sitting) -> list[str]:
    """What axe says against the page as it stands."""
    if not sitting.run("return 'axe' in window"):
        # The debugger hands axe in, so the page's policy stays as strict as it is.
        sitting.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE})
    return list(sitting.driver.execute_async_script(LOOK, RULES))


def looks(sitting: Sitting) -> Iterator[tuple[str, int]]:
    """Show the page that is open in each shade and on each screen."""
    for shade, (width, height) in itertools.product(SHADES, SCREENS):
        features = [
            {"name": "prefers-color-scheme", "value": shade},
            {"name": "prefers-reduced-motion", "value": "reduce"},  # a colour half-way through its change is none
        ]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        sitting.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        yield shade, width


@pytest.fixture(autouse=True)
def plain_screen(sitting: Sitting) -> Iterator[None]:
    yield
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("language", list(of()))
def test_axe_finds_nothing(sitting: Sitting, airflow: Airflow, language: str) -> None:
    sitting.driver.add_cookie({"name": "faceloop_language", "value": language, "path": "/"})
    found = {}
    for path in [*paths(airflow), "/nowhere", "/run?key=none"]:
        visit(sitting, path)
        assert sitting.run("return document.documentElement.lang") == language
        for look in looks(sitting):
            found[path, *look] = complaints(sitting)
    told = {page: complained for page, complained in found.items() if complained}
    assert not told, "\n".join(f"{page}: {each}" for page, complained in told.items() for each in complained)


def test_axe_would_find_something(sitting: Sitting, airflow: Airflow) -> None:
    sitting.driver.get(f"{airflow.desk}/")
    sitting.run("document.querySelector('.languages a').style = 'color: #aaa; display: block; height: 9px; width: 9px'")
    sitting.run("document.querySelector('h1').remove()")
    found = " ".join(complaints(sitting))
    for rule in ("color-contrast", "target-size", "page-has-heading-one"):
        assert rule in found
