"""What the steps tell of what they did: small numbers, ids and words, fit for a task's result and for JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from catalog.records import Yield
    from collectors.planner import DayPlan


@dataclass(frozen=True, slots=True)
class PlanReport:
    """What a plan step did: the ids of the new queries, and of the seeds how many were new and how many known.

    ``again``: queries used long ago that wait again. ``day`` tells what was chosen beside all those, and why. After a
    dry run ``planned`` is empty, and nothing waits again.
    """

    source: str
    planned: tuple[int, ...]
    seeds: int
    known: int
    again: int
    day: DayPlan


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a file's queries: the ids of the new ones; the lines of the others, and what each is known as."""

    planned: tuple[int, ...]
    known: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class QueryReport:
    """How the search of one query ended: ``outcome`` is used, or the word of what ended it.

    ``items`` are those that the source bills, ``cost`` is theirs in millionths of a US dollar; ``skipped`` are lines of
    a person's own file that can be no candidates, each with its reason.
    """

    query_id: int
    text: str
    outcome: str
    found: int
    new: int
    duplicate: int
    reason: str = ""
    pages: int = 0
    requests: int = 0
    items: int = 0
    cost: int = 0
    seconds: float = 0.0
    skipped: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What it brought, in a line."""
        told = f"{self.outcome}: {self.text} ({self.found} found, {self.new} new, {self.duplicate} known"
        told += f"; {self.pages} pages, {self.requests} requests, {self.seconds:.1f} s"
        told += f", {self.cost / 1e6:.2f} USD" if self.cost else ""
        told += f"; {len(self.skipped)} skipped" if self.skipped else ""
        return f"{told}){f': {self.reason}' if self.reason else ''}"


@dataclass(frozen=True, slots=True)
class SearchReport:
    """What a search step did. ``stopped`` is empty, resting, or the word of what stopped the source."""

    source: str
    queries: tuple[QueryReport, ...] = ()
    stopped: str = ""
    reason: str = ""
    until: datetime | None = None

    @property
    def found(self) -> int:
        """Candidates found, known ones included."""
        return sum(query.found for query in self.queries)

    @property
    def new(self) -> int:
        """Candidates that were not known before."""
        return sum(query.new for query in self.queries)

    @property
    def pages(self) -> int:
        """Pages recorded."""
        return sum(query.pages for query in self.queries)

    @property
    def requests(self) -> int:
        """Requests answered."""
        return sum(query.requests for query in self.queries)

    @property
    def items(self) -> int:
        """Items that the source bills."""
        return sum(query.items for query in self.queries)

    @property
    def cost(self) -> int:
        """What they cost, in millionths of a US dollar."""
        return sum(query.cost for query in self.queries)

    @property
    def seconds(self) -> float:
        """Time spent on the queries."""
        return round(sum(query.seconds for query in self.queries), 3)

    @property
    def lines(self) -> tuple[str, ...]:
        """What each query brought, and what stopped the source: for a log."""
        stopped = (f"{self.source}: {self.stopped} ({self.reason})",) if self.stopped else ()
        return (*(query.line for query in self.queries), *stopped)

    @property
    def ok(self) -> bool:
        """Whether nothing is for a person to look at."""
        return self.stopped in ("", "resting", "quota")


@dataclass(frozen=True, slots=True)
class FetchReport:
    """What a fetch step did; every candidate it claimed is in one of these numbers."""

    stored: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    later: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    stopped: str = ""
    reason: str = ""
    photos: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is for a person to look at."""
        return not self.stopped


@dataclass(slots=True)
class FetchTally:
    """A fetch report while it is being counted."""

    stored: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    later: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    stopped: str = ""
    reason: str = ""
    photos: list[int] = field(default_factory=list)

    def report(self) -> FetchReport:
        """The report as it stands."""
        return FetchReport(
            stored=self.stored,
            refused=dict(self.refused),
            later=dict(self.later),
            lost=self.lost,
            stopped=self.stopped,
            reason=self.reason,
            photos=tuple(self.photos),
        )


_COUNTS = ("pages", "found", "new", "duplicate", "waiting", "stored", "refused", "cropped", "approved")
_WIDEST = 44  # characters of a query's text


@dataclass(frozen=True, slots=True)
class YieldTable:
    """What some queries have brought, each with its text."""

    rows: tuple[tuple[str, Yield], ...]

    @property
    def total(self) -> dict[str, int]:
        """The sum of each count, and the number of queries."""
        return {"queries": len(self.rows)} | {
            name: sum(_count(brought, name) for _, brought in self.rows) for name in _COUNTS
        }

    @property
    def lines(self) -> list[str]:
        """A plain table: its head, a line for each query, the sums."""
        sums = self.total
        table = [("query", [*_COUNTS])]
        table += [(_short(text), [str(_count(brought, name)) for name in _COUNTS]) for text, brought in self.rows]
        table += [(f"{sums['queries']} queries", [str(sums[name]) for name in _COUNTS])]
        return [f"{text:<{_WIDEST}}" + "".join(f"{count:>10}" for count in counts) for text, counts in table]


def _count(brought: Yield, name: str) -> int:
    held = getattr(brought, name)
    return sum(held.values()) if isinstance(held, dict) else held


def _short(text: str) -> str:
    """A text that may hold anything, in one short line that a log or a terminal can show."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in " ".join(text.split()))
    return shown if len(shown) <= _WIDEST else f"{shown[: _WIDEST - 1]}…"
