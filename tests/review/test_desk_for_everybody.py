"""The desk is for everybody: by keyboard alone, magnified, in colours of one's own, by ear; axe-core finds nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from importlib.resources import files

import pytest
from desks import Airflow, Sitting
from sights import paths, visit

from catalog.records import Score, Subject, SubjectKind
from preprocessing.checks import CHECKS
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

# Where the focus is, whether it can be seen there, and whether its outline is drawn.
FOCUS = """
const one = document.activeElement;
const box = one.getBoundingClientRect();
const style = getComputedStyle(one);
const above = document.elementFromPoint(
  Math.min(innerWidth - 1, Math.max(0, box.left + box.width / 2)),
  Math.min(innerHeight - 1, Math.max(0, box.top + box.height / 2)));
return {
  name: one.id || one.textContent.trim() || one.tagName,
  body: one === document.body,
  number: [...document.querySelectorAll('*')].indexOf(one),
  seen: box.bottom > 0 && box.top < innerHeight && Boolean(above) && (one.contains(above) || above.contains(one)),
  outlined: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
};
"""

# Elements with text in them that reaches out of the screen, or is cut off where nothing scrolls. A table of many
# columns may scroll by itself, where a key reaches it.
CUT_OFF = """
return [...document.querySelectorAll('h1, h2, h3, p, a, button, summary, label, dt, dd, li, th, td')]
  .filter((one) => one.checkVisibility() && one.textContent.trim())
  .filter((one) => !one.closest('.unseen, .skip, dialog:not([open]), section[tabindex="0"]'))
  .filter((one) => {
    const box = one.getBoundingClientRect();
    const clipped = getComputedStyle(one).overflowX === 'hidden' && one.scrollWidth > one.clientWidth + 1;
    return clipped || box.right > innerWidth + 1 || box.left < -1;
  })
  .map((one) => `${one.tagName} ${one.textContent.trim().slice(0, 40)}`);
"""

MOVING = """
const lasts = ({ transitionDuration: one, animationDuration: other }) => parseFloat(one) + parseFloat(other);
return [...document.querySelectorAll('*')]
  .filter((one) => lasts(getComputedStyle(one)) > 0)
  .map((one) => one.tagName + '.' + one.className);
"""


def complaints(sitting: Sitting) -> list[str]:
    """What axe says against the page as it stands."""
    if not sitting.run("return 'axe' in window"):
        # The debugger hands axe in, so the page's policy stays as strict as it is.
        sitting.driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE})
        sitting.driver.set_script_timeout(180)  # an evaluation's page is long, and machines are busy
    return list(sitting.driver.execute_async_script(LOOK, RULES))


def prefer(sitting: Sitting, **features: str) -> None:
    """What the reader has set in the system: dark, less motion, colours of their own."""
    told = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": told})


def screen(sitting: Sitting, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    sitting.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def speak(sitting: Sitting, language: str) -> None:
    sitting.driver.add_cookie({"name": "faceloop_language", "value": language, "path": "/"})


def looks(sitting: Sitting) -> Iterator[tuple[str, int]]:
    """Show the page that is open in each shade and on each screen."""
    for shade, (width, height) in itertools.product(SHADES, SCREENS):
        # A colour half-way through its change is none.
        prefer(sitting, prefers_color_scheme=shade, prefers_reduced_motion="reduce")
        screen(sitting, width, height)
        yield shade, width


def told(found: dict[tuple[str, ...], list[str]]) -> str:
    return "\n".join(f"{where}: {each}" for where, complained in found.items() for each in complained)


def tab(sitting: Sitting, *, back: bool = False) -> dict[str, object]:
    """Press Tab; where the focus is then."""
    from selenium.webdriver.common.keys import Keys

    if back:
        sitting.press_shift(Keys.TAB)
    else:
        sitting.press(Keys.TAB)
    return dict(sitting.run(FOCUS))


@pytest.fixture(autouse=True)
def plain_screen(sitting: Sitting) -> Iterator[None]:
    # The page has the focus, even after a test that has tabbed out of it into the browser's own bar.
    sitting.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
    yield
    sitting.driver.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": False})
    sitting.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize("language", list(of()))
def test_axe_finds_nothing_on_any_page(sitting: Sitting, airflow: Airflow, language: str) -> None:
    speak(sitting, language)
    found: dict[tuple[str, ...], list[str]] = {}
    for path in [*paths(airflow), "/nowhere", "/run?key=none"]:
        visit(sitting, path)
        # An evaluation's page is shown as it was written when a model was measured, and in that language.
        written = "en" if path.startswith("/evaluation") else language
        assert sitting.run("return document.documentElement.lang") == written
        for shade, width in looks(sitting):
            found[path, shade, str(width)] = complaints(sitting)
    assert not any(found.values()), told(found)


def test_axe_finds_nothing_while_somebody_works(sitting: Sitting, airflow: Airflow) -> None:
    """What stands on pictures, the list of keys, the reasons, an alert, the end of a stage, what a viewer sees."""
    batch = airflow.shelf.batch(2)
    found: dict[tuple[str, ...], list[str]] = {}

    def look(at: str) -> None:
        for shade, width in looks(sitting):
            found[at, shade, str(width)] = complaints(sitting)
        sitting.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})

    sitting.open(f"/batch/{batch}/raw")
    sitting.press("?")
    look("keys")
    sitting.run("document.getElementById('help').close()")
    sitting.run("document.querySelector('.card').focus()")
    sitting.press("1")
    sitting.saved()
    look("a rejected picture")
    sitting.network(up=False)
    sitting.press("a")
    sitting.until("!document.getElementById('alert').hidden")
    look("an alert")
    sitting.network(up=True)
    sitting.run("document.getElementById('alert-retry').click()")
    sitting.saved()
    look("the end")
    sitting.press("g")
    sitting.until("document.getElementById('facts-title').textContent")
    look("one picture")
    sitting.sign_in("vic")
    visit(sitting, f"/batch/{batch}/raw")
    look("a viewer")
    sitting.sign_out()
    sitting.driver.get(f"{airflow.desk}/")
    look("nobody")
    assert not any(found.values()), told(found)


def test_axe_would_find_something(sitting: Sitting, airflow: Airflow) -> None:
    sitting.driver.get(f"{airflow.desk}/")
    sitting.run("document.querySelector('.languages a').style = 'color: #aaa; display: block; height: 9px; width: 9px'")
    sitting.run("document.querySelector('h1').remove()")
    found = " ".join(complaints(sitting))
    for rule in ("color-contrast", "target-size", "page-has-heading-one"):
        assert rule in found


def test_the_keyboard_goes_through_every_page_in_order_and_is_seen_everywhere(
    sitting: Sitting, airflow: Airflow
) -> None:
    for path in paths(airflow):
        visit(sitting, path)
        sitting.run("document.activeElement.blur(); scrollTo(0, 0)")
        places: list[int] = []
        for _ in range(60):
            at = tab(sitting)
            if at["body"] or at["number"] in places:
                break
            assert at["seen"], f"{path}: {at['name']} is hidden by something"
            assert at["outlined"], f"{path}: {at['name']} shows no focus"
            places.append(int(str(at["number"])))
        assert places, path
        assert places == sorted(places), f"{path}: the focus jumps"


def test_what_comes_first_offers_to_skip_to_the_content(sitting: Sitting, airflow: Airflow) -> None:
    from selenium.webdriver.common.keys import Keys

    for path in paths(airflow):
        visit(sitting, path)
        sitting.run("document.querySelector('a, button, input, select, summary, [tabindex]').focus()")
        at = dict(sitting.run(FOCUS))
        assert (at["name"], at["seen"]) == ("Skip to the content", True), path
        sitting.press(Keys.ENTER)
        sitting.until("document.activeElement.id === 'main'")


def test_a_dialog_keeps_the_focus_and_gives_it_back(sitting: Sitting, airflow: Airflow) -> None:
    from selenium.webdriver.common.keys import Keys

    batch = airflow.shelf.batch(1)
    sitting.open(f"/batch/{batch}/raw")
    sitting.run("document.getElementById('help-button').focus()")
    sitting.press(Keys.ENTER)
    sitting.until("document.getElementById('help').open")
    for back in [False] * 40 + [True] * 3:
        at = tab(sitting, back=back)
        # The browser's own bar comes once round; of the page, only what is in the dialog is reached.
        assert at["body"] or sitting.run("return document.getElementById('help').contains(document.activeElement)")
        assert at["body"] or at["seen"], f"{at['name']} is hidden by something"
    sitting.press(Keys.ESCAPE)
    sitting.until("!document.getElementById('help').open")
    assert sitting.run("return document.activeElement.id") == "help-button"


def test_what_a_check_asks_can_be_read_without_a_mouse(sitting: Sitting, airflow: Airflow) -> None:
    from selenium.webdriver.common.keys import Keys

    batch = airflow.shelf.batch(1)
    photo, check = airflow.shelf.photos(batch)[0], CHECKS["head_room"]
    subject = Subject(SubjectKind.PHOTO, photo)
    airflow.shelf.catalog.scores.add([Score(subject, check.name, check.version, 0.25, {"above": 1.5})])
    sitting.open(f"/batch/{batch}/raw/{photo}")
    sitting.until("document.getElementById('facts-scores').children.length")
    sitting.run("document.querySelector('#facts-explained summary').focus()")
    sitting.press(Keys.ENTER)
    sitting.until("document.querySelector('#facts-explained dd')")
    told = sitting.text("facts-explained")
    assert check.question.partition("`")[0] in told
    assert "above 1.5" in told


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Photo {photo} approved. 1 of 2"), ("ko", "사진 {photo}: 승인됨. 2장 중 1장")]
)
def test_what_is_done_is_said_aloud(sitting: Sitting, airflow: Airflow, language: str, said: str) -> None:
    speak(sitting, language)
    batch = airflow.shelf.batch(2)
    sitting.open(f"/batch/{batch}/raw")
    photo = sitting.run("return document.querySelector('.card').dataset.id")
    sitting.run("document.querySelector('.card').focus()")
    sitting.press("a")
    sitting.until("document.getElementById('live').textContent")
    assert sitting.text("live").startswith(said.format(photo=photo))
    assert sitting.run("return document.getElementById('live').getAttribute('aria-live')") == "polite"
    sitting.saved()


@pytest.mark.parametrize(("width", "height"), [(640, 400), (320, 256)], ids=["200 %", "400 %"])
def test_nothing_is_lost_when_a_page_is_magnified(sitting: Sitting, airflow: Airflow, width: int, height: int) -> None:
    """A browser that magnifies a screen of 1280 x 800 (1280 x 1024) lays the page out for this many pixels."""
    for path in paths(airflow):
        screen(sitting, width, height)
        visit(sitting, path)
        assert sitting.run("return document.documentElement.scrollWidth") <= width, path
        assert sitting.run(CUT_OFF) == [], path
        # What stays on the screen leaves room for what is read; else everything scrolls.
        room = sitting.run("""const main = document.querySelector('main');
            return Math.max(main.clientHeight / innerHeight, document.documentElement.scrollHeight > innerHeight);""")
        assert room >= 0.4, path


def test_nothing_is_lost_when_text_alone_is_twice_as_large(sitting: Sitting, airflow: Airflow) -> None:
    for path in paths(airflow):
        visit(sitting, path)
        before = sitting.run("return parseFloat(getComputedStyle(document.querySelector('h1, h2')).fontSize)")
        sitting.run("document.documentElement.style.fontSize = '187.5%'")
        after = sitting.run("return parseFloat(getComputedStyle(document.querySelector('h1, h2')).fontSize)")
        assert after == pytest.approx(2 * before, rel=0.01), path
        assert sitting.run("return document.documentElement.scrollWidth <= innerWidth"), path
        assert sitting.run(CUT_OFF) == [], path


def test_nothing_moves_for_who_wants_no_motion(sitting: Sitting, airflow: Airflow) -> None:
    prefer(sitting, prefers_reduced_motion="reduce")
    for path in paths(airflow):
        visit(sitting, path)
        assert sitting.run(MOVING) == [], path


def test_what_stands_is_told_without_our_colours(sitting: Sitting, airflow: Airflow) -> None:
    batch = airflow.shelf.batch(3)
    prefer(sitting, forced_colors="active")
    sitting.open(f"/batch/{batch}/raw")
    assert sitting.run("return matchMedia('(forced-colors: active)').matches")
    sitting.run("document.querySelector('.card').focus()")
    sitting.press("a")
    sitting.press("1")
    sitting.saved()
    chips = sitting.run("return [...document.querySelectorAll('#cards .chip')].map((chip) => chip.textContent)")
    assert chips == ["✓ Approved", "✕ Mirrored", ""]
    for chosen in ("#view-grid", ".selected .card", ".stages a[aria-current]"):
        assert sitting.run(f"return getComputedStyle(document.querySelector('{chosen}')).outlineStyle") != "none", (
            chosen
        )
