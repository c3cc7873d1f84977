"""A real browser for the scripted reviewer, and the page in it, which may change while it is looked at."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchFrameException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

Seen = TypeVar("Seen")

#: The page has changed between a look and what was to be done with what was seen. Each is raised before anything has
#: been done, so that looking and doing again does it once.
_CHANGED = (
    StaleElementReferenceException,
    ElementNotInteractableException,
    ElementClickInterceptedException,
    NoSuchFrameException,
)


class Page:
    """What the browser shows. No part of it is held from one call to the next: each looks anew."""

    def __init__(self, driver: webdriver.Chrome, *, seconds: float) -> None:
        self._driver = driver
        self._seconds = seconds

    def open(self, url: str) -> None:
        """Load it, out of whatever frame was looked into."""
        self._driver.switch_to.default_content()
        self._driver.get(url)

    @property
    def url(self) -> str:
        """Where the browser is."""
        return self._driver.current_url

    def look(self, see: Callable[[], Seen | None], *, wanted: str) -> Seen:
        """What ``see`` gives as soon as it is not None, asking again when the page changed under it.

        TimeoutException, naming what was wanted, when it does not come in time.
        """
        deadline = time.monotonic() + self._seconds
        while True:
            change = None
            try:
                seen = see()
            except _CHANGED as error:
                seen, change = None, error
            if seen is not None:
                return seen
            if time.monotonic() > deadline:
                raise TimeoutException(f"waited {self._seconds:.0f} s in vain for {wanted} at {self.url}") from change
            time.sleep(0.03)

    def wait(self, holds: Callable[[], bool], *, wanted: str) -> None:
        """Look until it holds."""
        self.look(lambda: holds() or None, wanted=wanted)

    def shown(self, selector: str) -> bool:
        """Whether any such part can be seen now."""
        return self.look(lambda: bool(self._visible(selector)), wanted=f"a look at {selector}")

    def enabled(self, selector: str) -> bool:
        """Whether the first such part that can be seen takes a click; waits until there is one."""
        return self.look(lambda: next((part.is_enabled() for part in self._visible(selector)), None), wanted=selector)

    def sources(self, selector: str) -> list[str]:
        """The addresses of all such pictures; of none that was taken away while the others were read."""

        def see() -> list[str]:
            return [image.get_attribute("src") or "" for image in self._found(selector)]

        return self.look(see, wanted=f"a look at {selector}")

    def text(self, selector: str) -> str:
        """What is written in all such parts, as far as it can be seen."""
        return self.look(
            lambda: " ".join(part.text for part in self._visible(selector)), wanted=f"a look at {selector}"
        )

    def click(self, selector: str) -> None:
        """On the first such part that can be seen; waits until there is one."""
        self._do(selector, lambda part: part.click())

    def write(self, selector: str, text: str) -> None:
        """Into the first such field that can be seen; waits until there is one."""
        self._do(selector, lambda part: part.send_keys(text))

    def enter(self, selector: str) -> None:
        """Look into this frame from now on; waits until it is there."""
        self._do(selector, self._driver.switch_to.frame)

    def press(self, key: str, *, shift: bool = False) -> None:
        """A key, to whatever has the focus."""
        keys = ActionChains(self._driver)
        if shift:
            keys.key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()
        else:
            keys.send_keys(key).perform()

    def _do(self, selector: str, act: Callable[[WebElement], None]) -> None:
        def done() -> bool:
            for part in self._visible(selector):
                act(part)
                return True
            return False

        self.wait(done, wanted=selector)

    def _visible(self, selector: str) -> list[WebElement]:
        return [part for part in self._found(selector) if part.is_displayed()]

    def _found(self, selector: str) -> list[WebElement]:
        return self._driver.find_elements(By.CSS_SELECTOR, selector)


@contextmanager
def browser(*, chromium: str, chromedriver: str, last_seen: Path, seconds: float = 60.0) -> Iterator[Page]:
    """The page of a headless Chromium with a profile of its own, gone at the end.

    What goes wrong in it, and what it does not show within ``seconds``, becomes a RuntimeError; what it showed then is
    kept as the picture ``last_seen``.
    """
    with tempfile.TemporaryDirectory(prefix="faceloop-reviewer-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
            "--window-size=1280,900",
            f"--user-data-dir={profile}",
        ):
            options.add_argument(argument)
        driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
        try:
            yield Page(driver, seconds=seconds)
        except WebDriverException as error:
            with suppress(WebDriverException):
                driver.save_screenshot(str(last_seen))
            raise RuntimeError(f"the reviewer could not go on (see {last_seen}): {error.msg}") from error
        finally:
            driver.quit()
