"""What the desk's pages are given and what they send back. Frozen values; pydantic checks them at the border."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from catalog.decisions import MOST_ACTS
from catalog.records import Batch, Calibration, Domain, Reason, Stage, StageProgress, SubjectKind, Verdict
from catalog.sieve import ALL, Sieve
from preprocessing.earning import Record
from preprocessing.report import BatchReport


@dataclass(frozen=True, slots=True)
class Act:
    """One press of a key. ``token`` is the page's own name for it: sent twice, it counts once."""

    token: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
    subject: Annotated[int, Field(gt=0, lt=2**63)]
    verdict: Verdict
    reason: Reason | None = None
    note: Annotated[str, Field(max_length=500)] = ""
    seconds: Annotated[float | None, Field(ge=0, le=86_400, allow_inf_nan=False)] = None  # for how long it was shown


@dataclass(frozen=True, slots=True)
class Acts:
    """What a page sends at once, in the order it was done. ``person`` did it: nobody else's name is put to it."""

    batch: Annotated[int, Field(gt=0, lt=2**63)]
    stage: Stage
    acts: Annotated[tuple[Act, ...], Field(min_length=1, max_length=MOST_ACTS)]
    person: str | None = None


Numbers = Annotated[tuple[Annotated[int, Field(gt=0, lt=2**63)], ...], Field(max_length=MOST_ACTS)]


@dataclass(frozen=True, slots=True)
class Held:
    """What a page still looks at, and what it looks at no more; ``until`` is the last time that it was told of."""

    batch: Annotated[int, Field(gt=0, lt=2**63)]
    stage: Stage
    keep: Numbers = ()
    release: Numbers = ()
    until: AwareDatetime | None = None


class Order(StrEnum):
    """In which order first looks are given: by number; flagged ones first; scores nearest to their threshold first."""

    OLDEST = "oldest"
    FLAGGED = "flagged"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which subjects of a stage a page shows, and in which order."""

    everything: bool = False
    sieve: Sieve = ALL
    order: Order = Order.OLDEST

    @property
    def listed(self) -> bool:
        """Whether what is decided is shown as well, so that nobody is given any of it."""
        return self.everything or self.sieve.disputed

    @property
    def filters(self) -> dict[str, str]:
        """As the page's address says it; what is not chosen is not there."""
        sieve = self.sieve
        said = {
            "everything": "true" if self.everything else "",
            "order": "" if self.order is Order.OLDEST else self.order.value,
            "reason": sieve.reason.value if sieve.reason else "",
            "flag": sieve.flag,
            "source": sieve.source,
            "query": sieve.query,
            "disputed": "true" if sieve.disputed else "",
        }
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Standing:
    """The decision that stands on a subject now. Whoever may decide may overrule a check (``machine``)."""

    verdict: Verdict
    reason: Reason | None
    note: str
    by: str
    at: datetime
    mine: bool
    machine: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one act: saved, or refused with the sentence that the reviewer reads."""

    token: str
    subject: int
    saved: bool
    message: str
    decision: Standing | None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A flag: a check or an expectation suggests this reason."""

    reason: Reason
    by: str
    detail: str


@dataclass(frozen=True, slots=True)
class Measured:
    """One score; ``threshold`` and ``good`` are None when no check of today judges it."""

    check: str
    question: str
    value: float
    threshold: float | None
    good: bool | None
    detail: str
    boxes: tuple[tuple[float, ...], ...] = ()  # where in the picture: left, top, right, bottom, as shares of its sides


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the photo came from. A link is an address that a browser may follow, or None."""

    source: str
    query: str
    page_url: str
    page_link: str | None
    licence: str
    licence_link: str | None
    attribution: str
    author: str
    title: str
    found_at: datetime
    generated: bool  # whether it was declared to be made by a program


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict without a name: one of the two between which a third look decides."""

    verdict: Verdict
    reason: Reason | None
    note: str


@dataclass(frozen=True, slots=True)
class Item:
    """One photo or face as the page shows it. Pictures are addresses below the desk's root.

    To whom looks at it blindly it tells neither flags and scores nor what others decided; ``looks`` are told to whom a
    third look is asked of.
    """

    id: int
    kind: SubjectKind
    photo: int
    domain: Domain
    thumbnail: str
    picture: str
    origin: Origin
    flags: tuple[Suggestion, ...]
    scores: tuple[Measured, ...]
    decision: Standing | None
    blind: bool
    looks: tuple[Said, ...]
    width: int  # of what ``picture`` names, in pixels
    height: int
    whole: str  # every pixel


@dataclass(frozen=True, slots=True)
class Page:
    """Some items of a stage. ``after`` is where the next page starts, in words of our own; None when there is none.

    ``lease_seconds``: for how long they are given to whom they were shown, and ``until`` when; None to whom nothing is
    given.
    """

    items: tuple[Item, ...]
    after: str | None
    lease_seconds: int | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Mine:
    """What a person decided, the latest first. ``before`` is where the next page starts; None when there is none."""

    items: tuple[Item, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another picture beside the one shown. ``tie``: why it is there."""

    photo: int
    kind: SubjectKind
    id: int
    thumbnail: str
    picture: str
    tie: str


@dataclass(frozen=True, slots=True)
class Beside:
    """What lies beside a subject: photos that may show the same, and other faces of the same person in the batch.

    The latter are those that flags name (FACELOOP_FACES_PER_PERSON), and are not told to whoever looks blindly.
    """

    near: tuple[Neighbour, ...]
    person: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class StageView:
    """One stage of one batch, as its page opens."""

    batch: Batch
    stage: Stage
    progress: tuple[StageProgress, ...]
    page: Page


@dataclass(frozen=True, slots=True)
class ChecksView:
    """Every check with how people decided what it flags; the calibration that judges; whether earned checks act."""

    records: tuple[Record, ...]
    calibration: Calibration | None
    acts: bool


@dataclass(frozen=True, slots=True)
class BatchView:
    """One batch on the first page and on its own: how far each stage is, and what its expectations said."""

    batch: Batch
    progress: tuple[StageProgress, ...]
    report: BatchReport | None  # None too when another version of this program wrote it
    reported: bool = False
    docs: tuple[tuple[str, str], ...] = ()  # name and path of each page of its Data Docs that this machine has

    @property
    def waiting(self) -> StageProgress | None:
        """The first stage where something waits for people."""
        return next((stage for stage in self.progress if not stage.complete), None)
