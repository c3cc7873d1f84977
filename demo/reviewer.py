"""A scripted reviewer: signs in to Airflow in a real browser, opens the desk, and judges by the keyboard.

What it knows of a picture is the truth that the picture was drawn from; everything else it does as a person would:
single view with one key per verdict at the raw and crop stages, and rejecting by exception in the grid at the last.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

from catalog import Catalog
from catalog.records import BatchState, Reason, Stage, Subject, SubjectKind
from demo.browser import Page
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

    def __init__(self, page: Page, *, url: str, truths: Truths, catalog: Catalog, say: Callable[[str], None]) -> None:
        self._page = page
        self._url = url
        self._truths = truths
        self._catalog = catalog
        self._say = say
        self.pressed = 0

    def sign_in(self, user: str, password: str) -> None:
        """Through Airflow's own sign-in page."""
        self._page.open(self._url)
        self._page.write("input[name=username]", user)
        self._page.write("input[name=password]", password)
        self._page.click("button[type=submit]")
        self._page.wait(lambda: "/login" not in self._page.url, wanted=f"{user} to be signed in")

    def open_desk(self) -> None:
        """By the navigation, as a person finds it: the desk is a frame in Airflow's page."""
        self._page.open(self._url)
        self._page.click("a[href$='/plugin/review']")
        self._page.enter("iframe")
        self._page.wait(lambda: self._page.shown("main"), wanted="the desk")

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
        self._page.click(f"a[href$='batch/{batch}/{stage}']")
        self._page.wait(
            lambda: any(self._page.shown(part) for part in ("#single", "#grid", "#finished")),
            wanted=f"the {stage} stage of batch {batch}",
        )
        if stage is Stage.FINAL:
            self._judge_grid(stage)
        else:
            self._judge_one_by_one(stage)
        self._saved(batch, stage)
        judged = self._catalog.batches.progress(batch, stage)
        self._say(f"  batch {batch}, {stage}: {judged.approved} approved, {judged.rejected} rejected")
        return self.pressed - before

    def _judge_one_by_one(self, stage: Stage) -> None:
        if self._page.shown("#grid"):
            self._page.press("g")
        seen: Subject | None = None
        while shown := self._next(".mat[data-painted] #picture", seen):
            seen = shown[0]
            self._decide(seen, stage)

    def _judge_grid(self, stage: Stage) -> None:
        if self._page.shown("#single"):
            self._page.press("g")
        seen: Subject | None = None
        while shown := self._next("#cards .card img", seen):
            for subject in shown:
                if self._truths.reason(subject, stage):
                    self._page.click(f"#cards .card[data-id='{subject.id}']")
                    self._decide(subject, stage)
            self._turn()
            seen = shown[0]

    def _turn(self) -> None:
        """Shift+A: approve what is left of the page and turn it; N where every picture was an exception."""
        if self._page.enabled("#rest"):
            self._page.press("a", shift=True)
            self.pressed += 1
        elif not self._page.shown("#finished"):
            self._page.press("n")

    def _next(self, pictures: str, seen: Subject | None) -> list[Subject]:
        """The subjects shown, once the first is another than the one seen before; none when all is decided."""

        def see() -> list[Subject] | None:
            if self._page.shown("#finished"):
                return []
            if self._page.shown(_COMING):
                return None
            subjects = [subject for subject in map(_subject, self._page.sources(pictures)) if subject]
            return subjects if subjects and subjects[0] != seen else None

        return self._page.look(see, wanted=f"something else than {seen}")

    def _decide(self, subject: Subject, stage: Stage) -> None:
        reason = self._truths.reason(subject, stage)
        self._page.press("a" if reason is None else KEYS[reason])
        self.pressed += 1

    def _saved(self, batch: int, stage: Stage) -> None:
        """Leave only when the catalog has everything; what is on the way would be retried, but not after the tab."""
        deadline = time.monotonic() + 60
        while not self._catalog.batches.progress(batch, stage).complete:
            if time.monotonic() > deadline:
                said = self._page.text("#alert")
                raise RuntimeError(f"the {stage} stage of batch {batch} is not decided; the desk says: {said!r}")
            time.sleep(0.2)


#: A card whose picture is still coming: it is not judged before it is seen.
_COMING = "#cards > li:not([data-there='true'])"


def _subject(address: str) -> Subject | None:
    """The subject that a picture with this address shows."""
    named = re.search(r"/image/(photo|face)/(\d+)", address)
    return Subject(SubjectKind(named[1]), int(named[2])) if named else None


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
