"""Chooses the queries of a source's day: what people asked for comes first, then what has brought approved faces.

The same day plans the same: the choice follows from the date, the source, the templates and what was known when the
day's first query was planned, so a planner that was killed is simply run again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from math import ceil

from catalog import Catalog, Settings
from catalog.budgets import next_month
from catalog.records import Domain, Harvest
from collectors.bandit import Choice, Shares, believe, choose
from collectors.base import Source
from collectors.leave import limits_of
from collectors.templates import Arm, arms_of

_LEVEL = 0.45  # a domain that holds less than this share of the approved faces is short
_SHOWN = 10  # arms that were left out, in a plan that is explained


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An arm that nothing was asked of today, and why not."""

    arm: str
    harvest: Harvest
    worth: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPlan:
    """What the planner makes of one source's day. ``room``: queries that the day can still hold."""

    source: str
    room: int
    choices: tuple[Choice, ...]
    short: Domain | None
    left_out: tuple[LeftOut, ...]
    exhausted: int  # arms of which everything has been asked


@dataclass(frozen=True, slots=True)
class Day:
    """One source's day: when it began (UTC), the queries it may hold, and those it holds already."""

    began: datetime
    budget: int
    made: int  # by the planner, today
    other: int  # people's, and what waits from before

    @property
    def room(self) -> int:
        """How many queries more it may hold."""
        return max(self.budget - self.other - self.made, 0)


def day_of(site: Source, *, catalog: Catalog, config: Settings, today: datetime, taken: int = 0) -> Day:
    """The day of a source that ``today``, any moment of it, lies in; ``taken``: queries that no row tells of yet.

    The budget is ``queries_per_run``; of a source that bills, no more than a day's share of what the month's cap left
    when the day began, so that the money lasts for the month.
    """
    began = datetime.combine(today.astimezone(UTC).date(), time(), UTC)
    limits, budget = limits_of(site, config), config.queries_per_run
    if limits.monthly_cap is not None and limits.cost_per_item:
        before = catalog.budgets.this_month(site.name).cost - catalog.budgets.spent(site.name, since=began).cost
        left = max(limits.monthly_cap - before, 0)
        price = limits.cost_per_item * (site.limit or config.candidates_per_query)  # of one query, at the most
        days = (next_month(began) - began).days
        budget = min(budget, ceil(left / days / price), left // price)
    load = catalog.harvests.day(site.name, since=began)
    return Day(began, budget, made=load.made, other=load.other + taken)


def plan_day(source: str, day: Day, *, catalog: Catalog, config: Settings) -> DayPlan:
    """Choose what to plan now so that the day holds its budget of queries; plans nothing itself."""
    began, room = day.began, day.room
    whole = arms_of(source, config)
    texts = [text for arm in whole for text in arm.texts]
    known = catalog.harvests.known(source, texts, before=began)
    arms = [replace(arm, texts=tuple(text for text in arm.texts if text not in known)) for arm in whole]
    harvests = catalog.harvests.of(source, before=began)
    short = short_domain(catalog.harvests.approved())
    shares = Shares(untried=config.untried_share, short_domain=config.short_domain_share)
    # Chosen as if nothing were planned of today: what is, comes first and is the same, unless people decided meanwhile.
    count = max(day.budget - day.other, 0)
    chosen = choose(arms, harvests, count=count, seed=f"{began:%Y-%m-%d}/{source}", shares=shares, short=short)
    planned = catalog.harvests.known(source, texts)
    choices = [choice for choice in chosen if choice.text not in planned][:room]
    return DayPlan(
        source=source,
        room=room,
        choices=tuple(choices),
        short=short,
        left_out=_left_out(arms, harvests, chosen={choice.arm for choice in choices}),
        exhausted=sum(not arm.texts for arm in arms),
    )


def short_domain(approved: Mapping[Domain, int]) -> Domain | None:
    """The domain of which clearly fewer faces are approved than of the other; None when they are level."""
    fewest = min(Domain, key=lambda domain: approved[domain])
    return fewest if approved[fewest] < _LEVEL * sum(approved.values()) else None


def _left_out(arms: Sequence[Arm], harvests: Mapping[str, Harvest], *, chosen: set[str]) -> tuple[LeftOut, ...]:
    """The most promising arms that were not chosen."""
    beliefs = believe((arm.name for arm in arms), harvests)
    rest = sorted((arm for arm in arms if arm.name not in chosen), key=lambda arm: -beliefs[arm.name].worth)
    return tuple(
        LeftOut(
            arm=arm.name,
            harvest=harvests.get(arm.name, Harvest()),
            worth=beliefs[arm.name].worth,
            why="others were drawn before it" if arm.texts else "everything asked",
        )
        for arm in rest[:_SHOWN]
    )
