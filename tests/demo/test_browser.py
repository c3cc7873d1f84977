"""The scripted reviewer's page: parts that are replaced while it looks are looked at again, and acted on once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from catalog import settings
from demo.browser import Page, browser

pytestmark = pytest.mark.browser

#: Everything in #restless is made anew several times a second, except while the mouse is down, so that clicks land.
RESTLESS = """
<!doctype html><p id="count">0</p><p id="hidden" hidden>unseen</p><div id="restless"></div>
<script>
  const place = document.getElementById("restless"), count = document.getElementById("count");
  let generation = 0, down = false;
  function renew() {
    if (!down) {
      generation += 1;
      const images = [1, 2, 3].map((number) => `<img src="data:,${generation}/${number}" alt="" width="9" height="9">`);
      place.innerHTML = images.join("") + "<button>Count</button> <button disabled>Rest</button>";
    }
    setTimeout(renew, 30 + 250 * Math.random());
  }
  addEventListener("mousedown", () => (down = true));
  addEventListener("click", (event) => {
    down = false;
    if (event.target.matches("button")) count.textContent = Number(count.textContent) + 1;
  });
  renew();
</script>
"""

#: A curtain over the button, and after a moment none.
CURTAIN = """
<!doctype html><button onclick="this.textContent = 'pressed'">press</button>
<div id="curtain" style="position: fixed; inset: 0; background: grey"></div>
<script>setTimeout(() => document.getElementById("curtain").remove(), 700)</script>
"""


def opening(last_seen: Path, *, seconds: float = 60.0) -> AbstractContextManager[Page]:
    installed = settings()
    return browser(
        chromium=installed.chromium, chromedriver=installed.chromedriver, last_seen=last_seen, seconds=seconds
    )


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with opening(tmp_path_factory.mktemp("window") / "last.png") as page:
        yield page


@pytest.fixture
def restless(window: Page, tmp_path: Path) -> Page:
    return opened(window, tmp_path, RESTLESS)


def opened(window: Page, folder: Path, html: str) -> Page:
    (folder / "page.html").write_text(html)
    window.open((folder / "page.html").as_uri())
    return window


def test_what_is_shown_is_seen_however_often_it_is_replaced(restless: Page) -> None:
    for _ in range(20):
        assert restless.shown("#restless img")
        assert restless.text("#restless button[disabled]") == "Rest"
        assert not restless.enabled("#restless button[disabled]")
    assert not restless.shown("#hidden")


def test_pictures_that_are_read_together_were_shown_together(restless: Page) -> None:
    for _ in range(20):
        first, *others = restless.sources("#restless img")
        generation = first.removesuffix("1")
        assert others == [f"{generation}2", f"{generation}3"]


def test_each_click_lands_once(restless: Page) -> None:
    for _ in range(20):
        restless.click("#restless button")
    assert restless.text("#count") == "20"


def test_a_click_waits_until_nothing_lies_over_the_button(window: Page, tmp_path: Path) -> None:
    page = opened(window, tmp_path, CURTAIN)
    page.click("button")
    assert page.text("button") == "pressed"


def test_what_never_comes_is_named_and_the_last_thing_seen_is_kept(tmp_path: Path) -> None:
    last_seen = tmp_path / "last.png"

    def click_in_vain() -> None:
        with opening(last_seen, seconds=1) as page:
            page.open("data:text/html,<p>nothing")
            page.click("#never")

    with pytest.raises(RuntimeError, match=r"last\.png.*waited 1 s in vain for #never at data:"):
        click_in_vain()
    assert last_seen.stat().st_size > 0
