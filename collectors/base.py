"""What a source is: a declaration, and two functions without I/O. The engine does the rest.

A source says what to ask next (``request``) and reads what came back (``parse``). It never connects, sleeps, retries,
counts or writes: claiming, pacing, budgets, transport, checkpoints and breakers are collectors/engine.py's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar

from catalog.records import Candidate, Query, Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask next; the source's door turns it into an Answer.

    ``what`` is an address for the browser, HTTP and folder doors, and the name of a call for a client library's door;
    ``items`` is the most billed items that the answer may bring. Requests of one ``session`` belong together: a
    browser that still shows that search scrolls on instead of loading ``what`` anew.
    """

    what: str
    parameters: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    session: str = ""
    items: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, as text: HTML or JSON. ``url`` is where it came from after redirects.

    ``ended``: the door knows that nothing comes after this (the page has stopped growing).
    """

    body: str
    url: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one answer holds.

    ``next`` is the cursor of the page after it, in the source's own words; empty: there is none. ``since`` is the
    newest thing seen, for a source that can be asked for newer ones alone. ``items`` is how many billed items the
    answer brought (posts read, say). A page may repeat what an earlier one held: the engine tells. ``skipped`` says, a
    line each, what the answer lists that can be no candidate (a wrong row of a person's own file), and why.
    """

    candidates: tuple[Candidate, ...]
    next: str = ""
    since: str = ""
    items: int = 0
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a source wants to be asked: seconds between two requests, and at most so many in each window."""

    interval: float = 1.0
    windows: tuple[Window, ...] = field(default=())


class Source(ABC):
    """One place photos come from. Its file's name is its name."""

    #: The client that answers its requests (see collectors/doors.py): browser, http, instagram, twitter, folder.
    door: ClassVar[str]
    #: What a person should know of its terms.
    terms: ClassVar[str]
    #: Whether those terms let a model learn from its photos (a candidate may still say no for its licence's sake).
    train_ok: ClassVar[bool] = True
    #: The settings that it cannot do without: while one is empty, nothing is asked.
    needs: ClassVar[tuple[str, ...]] = ()
    #: How it pages, in a few words, for the docs.
    paging: ClassVar[str]
    #: How it wants to be asked.
    pace: ClassVar[Pace] = Pace()
    #: What one billed item costs, in millionths of a US dollar.
    cost_per_item: ClassVar[int] = 0
    #: Candidates of one query when the plan does not say; None: the configured number.
    limit: ClassVar[int | None] = None
    #: After this long a used query may be asked again; None: never.
    again_after: ClassVar[timedelta | None] = None
    #: The filters that a query of this source may have, each with its allowed values.
    filters: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: A query that always has results: asked daily, to notice when its answers cannot be read any more. Empty: none.
    canary: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """The source's name: that of its file."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def request(self, query: Query, cursor: str) -> Request:
        """What to ask for the page at ``cursor`` (empty: the first); raises Unanswerable for a query it cannot put.

        ``query.limit`` is how many candidates are still wanted: who pays for each asks for no more."""

    @abstractmethod
    def parse(self, answer: Answer, query: Query) -> Page:
        """What an answer holds; raises a SearchEnded: Drift, Blocked, RateLimited, LoginNeeded, Quota, Empty,
        Unanswerable. An answer without a candidate is Empty only when it says so itself; else it is Drift."""
