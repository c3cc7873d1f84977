"""A scripted reviewer: signs in to Airflow in a real browser, opens the desk, and judges by the keyboard.

What it knows of a picture is the truth that the picture was drawn from; everything else it does as a person would:
single view with one key per verdict at the raw and crop stages, and rejecting by exception in the grid at the last.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, WebDriverException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

from catalog import Catalog
from catalog.records import BatchState, Reason, Stage, Subject, SubjectKind
from demo.internet.world import World
from demo.portraits import Defect, Truth
from review.words import KEYS

#: What is wrong with a portrait, the stage at which it shows, and the reason that is pressed for it.
VERDICTS: dict[Defect, tuple[Stage, Reason]] = {
    "no_headroom": (Stage.RAW, Reason.HEAD_ROOM),
    "product": (Stage.RAW, Reason.PRODUCT),
    "not_a_photo": (Stage.RAW, Reason.NOT_A_PHOTO),
    "two_faces": (Stage.RAW, Reason.OTHER),
    "no_face": (Stage.RAW, Reason.OTHER),
    "blurred": (Stage.RAW, Reason.OTHER),
    "too_dark": (Stage.RAW, Reason.OTHER),
    "too_small": (Stage.RAW, Reason.OTHER),
    "mirrored": (Stage.CROP, Reason.MIRRORED),
    "kaleidoscope": (Stage.CROP, Reason.MIRRORED),
    "artefact": (Stage.CROP, Reason.ARTEFACT),
    "wink": (Stage.CROP, Reason.EYES),
    "closed_eyes": (Stage.CROP, Reason.EYES),
    "fringe": (Stage.FINAL, Reason.FRINGE),
}


class Truths:
    """What each subject in the catalog was drawn from."""

    def __init__(self, catalog: Catalog, *, world: World, folder: dict[Path, Truth]) -> None:
        self._catalog = catalog
        self._world = world
        self._folder = {path.name: truth for path, truth in folder.items()}

    def reason(self, subject: Subject, stage: Stage) -> Reason | None:
        """Why this subject is rejected at this stage; None: it is approved."""
        defect = self._of(subject).defect
        if defect is None:
            return None
        shows, reason = VERDICTS[defect]
        return reason if shows is stage else None

    def _of(self, subject: Subject) -> Truth:
        photo = subject.id if subject.kind is SubjectKind.PHOTO else self._catalog.faces.get(subject.id).photo_id
        address = self._catalog.photos.provenance(photo).image_url
        if address.startswith("file:"):
            return self._folder[Path(unquote(urlsplit(address).path)).name]
        truth = self._world.truth(address)
        if truth is None:
            raise KeyError(f"nobody drew {address}")
        return truth


class Reviewer:
    """One person at the desk."""

    def __init__(self, browser: webdriver.Chrome, *, url: str, truths: Truths, catalog: Catalog) -> None:
        self._browser = browser
        self._url = url
        self._truths = truths
        self._catalog = catalog
        self._wait = WebDriverWait(browser, 60, poll_frequency=0.05)
        self.pressed = 0

    def sign_in(self, user: str, password: str) -> None:
        """Through Airflow's own sign-in page."""
        self._browser.get(self._url)
        self._find("input[name=username]").send_keys(user)
        self._find("input[name=password]").send_keys(password)
        self._find("button[type=submit]").click()
        self._wait.until(lambda browser: "/login" not in browser.current_url)

    def open_desk(self) -> None:
        """By the navigation, as a person finds it: the desk is a frame in Airflow's page."""
        self._browser.switch_to.default_content()
        self._browser.get(self._url)
        self._find("a[href$='/plugin/review']").click()
        self._browser.switch_to.frame(self._find("iframe"))
        self._find("main")

    def judge_open_batches(self) -> int:
        """Decide whatever waits now, batch by batch, stage by stage; give the number of decisions."""
        made = 0
        for batch in reversed(self._catalog.batches.list(state=BatchState.OPEN)):
            for stage in Stage:
                progress = self._catalog.batches.progress(batch.id, stage)
                if progress.complete:
                    continue
                # A later stage opens when the platform has worked through the earlier one; what is here, is ready.
                if self._ready(batch.id, stage):
                    made += self._judge(batch.id, stage)
                break
        return made

    def _ready(self, batch: int, stage: Stage) -> bool:
        """Raw waits for the screen, crops for the batch's validation: before that more subjects may come."""
        if stage is Stage.RAW:
            return not self._catalog.photos.unscreened(batch_id=batch)
        return self._catalog.batches.validation(batch) is not None

    def _judge(self, batch: int, stage: Stage) -> int:
        before = self.pressed
        self.open_desk()
        self._find(f"a[href$='batch/{batch}/{stage}']").click()
        self._wait.until(lambda _: self._shown("#single") or self._shown("#grid") or self._shown("#finished"))
        if stage is Stage.FINAL:
            self._judge_grid(stage)
        else:
            self._judge_one_by_one(stage)
        self._saved(batch, stage)
        return self.pressed - before

    def _judge_one_by_one(self, stage: Stage) -> None:
        if self._shown("#grid"):
            self._press("g")
        seen: Subject | None = None
        while subject := self._next("#picture", seen):
            self._decide(subject, stage)
            seen = subject

    def _judge_grid(self, stage: Stage) -> None:
        if self._shown("#single"):
            self._press("g")
        seen: Subject | None = None
        while first := self._next("#cards .card img", seen):
            for card in self._browser.find_elements(By.CSS_SELECTOR, "#cards .card"):
                subject = _subject(card.find_element(By.TAG_NAME, "img"))
                if subject and self._truths.reason(subject, stage):
                    card.click()
                    self._decide(subject, stage)
            self._press_rest()
            self._wait.until(lambda _: self._shown("#finished") or not self._find("#rest").is_enabled())
            if not self._shown("#finished"):
                self._press("n")
            seen = first

    def _press_rest(self) -> None:
        """Shift+A: approve what is left of the page; nothing is left when every picture was an exception."""
        if not self._find("#rest").is_enabled():
            return
        ActionChains(self._browser).key_down(Keys.SHIFT).send_keys("a").key_up(Keys.SHIFT).perform()
        self.pressed += 1

    def _next(self, selector: str, seen: Subject | None) -> Subject | None:
        """The subject shown first once it is another than the one seen before; None when all is decided."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self._shown("#finished"):
                return None
            for image in self._browser.find_elements(By.CSS_SELECTOR, selector)[:1]:
                with suppress(StaleElementReferenceException):  # the page shows the next one meanwhile: look again
                    subject = _subject(image)
                    if subject not in (None, seen):
                        return subject
            time.sleep(0.03)
        raise RuntimeError(f"the desk shows nothing new after {seen}")

    def _decide(self, subject: Subject, stage: Stage) -> None:
        reason = self._truths.reason(subject, stage)
        self._press("a" if reason is None else KEYS[reason])
        self.pressed += 1

    def _saved(self, batch: int, stage: Stage) -> None:
        """Leave only when the catalog has everything; what is on the way would be retried, but not after the tab."""
        deadline = time.monotonic() + 60
        while not self._catalog.batches.progress(batch, stage).complete:
            if time.monotonic() > deadline:
                said = self._browser.find_element(By.ID, "alert").text
                raise RuntimeError(f"the {stage} stage of batch {batch} is not decided; the desk says: {said!r}")
            time.sleep(0.2)

    def _press(self, key: str) -> None:
        ActionChains(self._browser).send_keys(key).perform()

    def _shown(self, selector: str) -> bool:
        try:
            return any(part.is_displayed() for part in self._browser.find_elements(By.CSS_SELECTOR, selector))
        except StaleElementReferenceException:  # it went away between being found and being asked
            return False

    def _find(self, selector: str) -> WebElement:
        found = self._wait.until(
            lambda browser: [part for part in browser.find_elements(By.CSS_SELECTOR, selector) if part.is_displayed()]
        )
        return found[0]


def _subject(image: WebElement) -> Subject | None:
    """The subject that a picture on the page shows."""
    named = re.search(r"/image/(photo|face)/(\d+)", image.get_attribute("src") or "")
    return Subject(SubjectKind(named[1]), int(named[2])) if named else None


@contextmanager
def browser(*, chromium: str, chromedriver: str, last_seen: Path) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with a profile of its own, gone at the end.

    What goes wrong in it becomes a RuntimeError, and what it showed then is kept as the picture ``last_seen``.
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
            yield driver
        except (WebDriverException, RuntimeError) as error:
            with suppress(WebDriverException):
                driver.save_screenshot(str(last_seen))
            raise RuntimeError(f"the reviewer could not go on (see {last_seen}): {error}") from error
        finally:
            driver.quit()


def stop_when(holds: Callable[[], bool], reviewer: Reviewer, *, seconds: float, check: Callable[[], None]) -> int:
    """Let the reviewer work until it holds; RuntimeError when it does not in time. Gives the number of decisions."""
    deadline, made = time.monotonic() + seconds, 0
    while not holds():
        check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the reviewer waited {seconds:.0f} s in vain for the batches to end")
        made += reviewer.judge_open_batches()
        time.sleep(1.0)
    return made
