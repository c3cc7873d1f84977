"""A source is asked as often, and costs as much, as it may: whoever asks, whatever dies, whenever it starts again."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.budgets import Budgets, dollars, month_of, next_month
from catalog.catalog import Catalog
from catalog.errors import BadInput, NotFound, Resting, Spent
from catalog.records import Limits, RestKind, Spending, Turn, Window
from catalog.sources import Sources

ROOT = Path(__file__).parents[2]
START = datetime(2026, 1, 31, 23, 0, tzinfo=UTC)
POST = 5000  # what one post costs: half a cent
PAGE = 10  # posts
CAP = Limits(cost_per_item=POST, monthly_cap=3 * PAGE * POST)


@dataclass
class Clock:
    """Time that passes when the test says so."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budgets(catalog: Catalog, clock: Clock) -> Budgets:
    return Budgets(catalog, clock=clock)


def ask(budgets: Budgets, *, billed: int = PAGE) -> Turn:
    turn = budgets.take("twitter", items=PAGE, limits=CAP)
    budgets.settle(turn.id, items=billed)
    return turn


def test_the_money_of_a_month_is_spent_to_the_last_page_and_no_further(budgets: Budgets) -> None:
    for _ in range(3):
        ask(budgets)
    with pytest.raises(Spent, match=r"0\.15 USD of 0\.15 USD are spent") as caught:
        ask(budgets)
    assert caught.value.until == datetime(2026, 2, 1, tzinfo=UTC)
    assert budgets.this_month("twitter") == Spending(3, 3 * PAGE, 3 * PAGE * POST)


def test_a_new_month_has_its_own_money(budgets: Budgets, clock: Clock) -> None:
    for _ in range(3):
        ask(budgets)
    clock.pass_by(3600)
    assert budgets.this_month("twitter").cost == 0
    ask(budgets)


def test_what_was_not_billed_may_be_spent(budgets: Budgets) -> None:
    for _ in range(3):
        ask(budgets, billed=2)
    assert budgets.this_month("twitter").items == 6
    ask(budgets)


def test_a_page_billed_for_more_than_it_reserved_is_recorded_as_it_is_and_is_the_last(budgets: Budgets) -> None:
    ask(budgets)
    ask(budgets)
    ask(budgets, billed=2 * PAGE)
    assert budgets.this_month("twitter").cost == CAP.monthly_cap + PAGE * POST  # type: ignore[operator]
    with pytest.raises(Spent):
        ask(budgets)


def test_a_turn_whose_worker_died_stays_at_its_most(budgets: Budgets, clock: Clock) -> None:
    clock.moment = datetime(2026, 1, 5, tzinfo=UTC)
    budgets.take("twitter", items=PAGE, limits=CAP)  # and nobody ever settles it
    clock.pass_by(7200)
    ask(budgets)
    ask(budgets)
    with pytest.raises(Spent):
        ask(budgets)


def test_money_that_a_request_under_way_may_use_up_is_left_for_a_minute(budgets: Budgets, clock: Clock) -> None:
    ask(budgets)
    under_way = budgets.take("twitter", items=PAGE, limits=CAP)
    with pytest.raises(Spent, match="under way") as caught:
        budgets.take("twitter", items=PAGE, limits=CAP)
    assert caught.value.until == clock() + timedelta(minutes=1)
    budgets.settle(under_way.id, items=PAGE)
    ask(budgets)


def test_a_window_is_full_until_its_oldest_request_leaves(budgets: Budgets, clock: Clock) -> None:
    limits = Limits(windows=(Window(2, 60), Window(3, 600)))
    budgets.take("instagram", limits=limits)
    clock.pass_by(10)
    budgets.take("instagram", limits=limits)
    with pytest.raises(Spent, match="2 requests in 60 seconds") as caught:
        budgets.take("instagram", limits=limits)
    assert caught.value.until == START + timedelta(seconds=60)
    clock.moment = caught.value.until
    budgets.take("instagram", limits=limits)
    clock.pass_by(120)
    with pytest.raises(Spent, match="3 requests in 600 seconds"):
        budgets.take("instagram", limits=limits)


def test_turns_keep_their_distance_even_after_a_restart(budgets: Budgets, clock: Clock, url: str) -> None:
    limits = Limits(interval=6)
    assert budgets.take("instagram", limits=limits).wait == 0
    clock.pass_by(2)
    assert budgets.take("instagram", limits=limits).wait == pytest.approx(4)
    again = Catalog(url)
    assert Budgets(again, clock=clock).take("instagram", limits=limits).wait == pytest.approx(10)
    again.close()


def test_a_source_that_rests_gives_no_turn(catalog: Catalog, budgets: Budgets, clock: Clock) -> None:
    breakers = Sources(catalog, clock=clock)
    until = START + timedelta(hours=2)
    breakers.rest("google", until=until, reason="captcha page", kind=RestKind.CAPTCHA)
    with pytest.raises(Resting, match="captcha page") as caught:
        budgets.take("google", limits=Limits())
    assert caught.value.until == until
    clock.moment = until
    with pytest.raises(Resting, match="nobody has tried it yet"):  # a search from before the rest goes no further
        budgets.take("google", limits=Limits())
    assert breakers.may_ask("google", lease_seconds=60) is None
    budgets.take("google", limits=Limits())


def test_a_clock_that_was_wrong_by_a_year_keeps_nobody_waiting_for_a_year(budgets: Budgets, clock: Clock) -> None:
    limits = Limits(interval=6, windows=(Window(2, 3600),))
    clock.pass_by(365 * 86400)
    for _ in range(2):
        budgets.take("google", limits=limits)
    clock.pass_by(-365 * 86400)
    assert [budgets.take("google", limits=limits, patience=10).wait for _ in range(2)] == [0, 6]
    with pytest.raises(Spent, match="2 requests"):
        budgets.take("google", limits=limits)


def test_a_line_of_many_workers_is_no_wrong_clock(budgets: Budgets) -> None:
    assert [budgets.take("google", limits=Limits(interval=600)).wait for _ in range(200)][-1] == 199 * 600


@pytest.mark.parametrize(
    ("items", "limits"),
    [
        (-1, Limits()),
        (1, Limits(cost_per_item=POST)),
        (1, Limits(cost_per_item=-1, monthly_cap=1)),
        (1, Limits(interval=-1)),
        (1, Limits(windows=(Window(0, 60),))),
        (1, Limits(windows=(Window(1, 0),))),
        (1, Limits(windows=(Window(1, 1e9),))),
    ],
)
def test_limits_that_make_no_sense_are_refused(budgets: Budgets, items: int, limits: Limits) -> None:
    with pytest.raises(BadInput):
        budgets.take("twitter", items=items, limits=limits)


def test_only_turns_that_were_taken_are_settled(budgets: Budgets) -> None:
    with pytest.raises(NotFound):
        budgets.settle(7, items=1)
    with pytest.raises(BadInput):
        budgets.settle(ask(budgets).id, items=-1)


def test_turns_that_nothing_asks_for_any_more_are_forgotten(budgets: Budgets, clock: Clock) -> None:
    budgets.take("google", limits=Limits())
    ask(budgets)
    clock.pass_by(40 * 86400)
    assert budgets.upkeep() == 1
    assert budgets.spent("twitter", since=START).requests == 1
    clock.pass_by(400 * 86400)
    assert budgets.upkeep() == 1


def test_money_is_told_in_cents_and_never_less_than_it_is() -> None:
    assert [dollars(amount) for amount in (0, 1, 10_000, 4_050_001)] == ["0.00 USD", "0.01 USD", "0.01 USD", "4.06 USD"]


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)))
def test_every_moment_lies_in_its_month(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert month_of(moment) <= moment < next_month(moment)
    assert (month_of(next_month(moment)), next_month(moment).day) == (next_month(moment), 1)


# What must hold whatever happens ------------------------------------------------------------------------------------

PACE = Limits(interval=5, windows=(Window(4, 60), Window(7, 900)))
MONEY = Limits(interval=1, cost_per_item=POST, monthly_cap=4 * PAGE * POST)
SECONDS = st.sampled_from([0, 0.5, 3, 20, 61, 1000])
TAKES = st.tuples(st.just("take"), st.sampled_from([PAGE, PAGE, 1]))
SETTLES = st.tuples(st.just("settle"), st.sampled_from([1, 1, 0.5, 0]))
CRASHES = st.tuples(st.just("crash"), st.just(1))
WAITS = st.tuples(st.just("wait"), SECONDS)
RESTS = st.one_of(st.tuples(st.just("rest"), SECONDS), st.tuples(st.just("try"), st.just(0)))
RESTARTS = st.tuples(st.just("restart"), st.just(0))


SPENDING = TAKES | TAKES | SETTLES | CRASHES | WAITS | RESTARTS
ASKING = TAKES | TAKES | WAITS | RESTS | RESTARTS


@dataclass
class World:
    """A site that bills, the workers that ask it, and the catalog's file; ``greed`` is how much over it bills."""

    url: str
    limits: Limits
    greed: float
    clock: Clock = field(default_factory=Clock)
    starts: list[datetime] = field(default_factory=list)
    bills: list[tuple[datetime, int]] = field(default_factory=list)
    under_way: list[tuple[Turn, datetime, int]] = field(default_factory=list)
    rests_until: datetime = START

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.url, migrate=False)

    def act(self, act: str, number: float) -> None:
        budgets, breakers = Budgets(self.catalog, clock=self.clock), Sources(self.catalog, clock=self.clock)
        if act == "take":
            try:
                turn = budgets.take("twitter", items=int(number), limits=self.limits)
            except (Spent, Resting):
                return
            assert self.clock() >= self.rests_until, "a request during a rest"
            start = self.clock() + timedelta(seconds=turn.wait)
            self.starts.append(start)
            self.under_way.append((turn, start, int(number)))
        elif act in ("settle", "crash") and self.under_way:
            turn, start, items = self.under_way.pop(0)
            # A dead worker's request is billed for what it reserved; another may be billed for up to twice as much.
            billed = round(items * number * (1 + self.greed if act == "settle" else 1))
            self.bills.append((start, billed * POST))
            if act == "settle":
                budgets.settle(turn.id, items=billed)
        elif act == "rest":
            until = self.clock() + timedelta(seconds=number)
            breakers.rest("twitter", until=until, reason="captcha", kind=RestKind.CAPTCHA)
            self.rests_until = max(self.rests_until, until)
        elif act == "try" and breakers.may_ask("twitter", lease_seconds=60) is None:
            assert self.clock() >= self.rests_until
            breakers.answered("twitter")
        elif act == "wait":
            self.clock.pass_by(number)
        elif act == "restart":
            self.catalog.close()
            self.catalog = Catalog(self.url, migrate=False)

    def end(self) -> None:
        """Whatever is still under way is billed for all that it may be."""
        for _, start, items in self.under_way:
            self.bills.append((start, round(items * (1 + self.greed)) * POST))
        self.catalog.close()

    def months(self) -> dict[datetime, int]:
        spent: dict[datetime, int] = {}
        for start, cost in self.bills:
            spent[month_of(start)] = spent.get(month_of(start), 0) + cost
        return spent


def live(world: World, acts: list[tuple[str, float]]) -> World:
    for act, number in acts:
        world.act(act, number)
    world.end()
    return world


OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@OFTEN
@given(
    acts=st.lists(TAKES | TAKES | SETTLES | CRASHES | WAITS | RESTARTS, min_size=20, max_size=50),
    greed=st.sampled_from([0.0, 1.0]),
)
def test_whatever_happens_no_month_costs_more_than_its_cap_and_one_greedy_page(
    migrated_file: Path, acts: list[tuple[str, float]], greed: float
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(migrated_file, f"{folder}/catalog.db")
        world = live(World(f"sqlite:///{folder}/catalog.db", MONEY, greed), acts)
    most = 4 * PAGE * POST + (PAGE * POST if greed else 0)
    assert all(cost <= most for cost in world.months().values())


@OFTEN
@given(acts=st.lists(ASKING, min_size=20, max_size=50))
def test_whatever_happens_the_pace_is_kept(migrated_file: Path, acts: list[tuple[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(migrated_file, f"{folder}/catalog.db")
        starts = live(World(f"sqlite:///{folder}/catalog.db", PACE, 0), acts).starts
    assert all(after - before >= timedelta(seconds=PACE.interval) for before, after in pairwise(starts))
    for window in PACE.windows:
        for first, last in zip(starts, starts[window.requests :], strict=False):
            assert last - first >= timedelta(seconds=window.seconds)


# Many processes at once, on both databases ---------------------------------------------------------------------------

SPENDER = """
import sys
from catalog.catalog import Catalog
from catalog.errors import Spent
from catalog.records import Limits, Window
catalog, taken = Catalog(sys.argv[1]), 0
limits = Limits(interval=0.001, windows=(Window(30, 3600),), cost_per_item=5000, monthly_cap=20 * 10 * 5000)
for _ in range(12):
    try:
        catalog.budgets.take("twitter", items=10, limits=limits)
    except Spent:
        continue
    taken += 1
print(taken)
"""
TRIER = """
import sys, time
from catalog.catalog import Catalog
catalog = Catalog(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
print(catalog.sources.may_ask("google", lease_seconds=60) is None, flush=True)
sys.stdin.readline()
"""


def processes(script: str, url: str, count: int) -> list[subprocess.Popen[str]]:
    return [
        subprocess.Popen(
            [sys.executable, "-c", script, url],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]


def test_five_workers_together_spend_no_more_than_the_cap(catalog: Catalog, url: str) -> None:
    taken = sum(int(worker.communicate(timeout=120)[0]) for worker in processes(SPENDER, url, 5))
    spent = catalog.budgets.this_month("twitter")
    assert spent.requests == taken
    assert 10 <= taken <= 20  # the turns of workers that live count twice, so the last pages may be left
    assert spent.cost == taken * 10 * 5000 <= 20 * 10 * 5000


def test_of_four_workers_that_come_when_a_rest_is_over_one_tries(catalog: Catalog, url: str) -> None:
    catalog.sources.rest("google", until=datetime.now(UTC), reason="captcha page", kind=RestKind.CAPTCHA)
    workers = processes(TRIER, url, 4)
    assert all(worker.stdout and worker.stdout.readline() == "ready\n" for worker in workers)
    for worker in workers:
        assert worker.stdin
        worker.stdin.write("go\n")
        worker.stdin.flush()
    leave = [worker.stdout.readline().strip() for worker in workers if worker.stdout]
    assert sorted(leave) == ["False"] * 3 + ["True"]
    assert catalog.sources.may_ask("google", lease_seconds=60) is not None
    for worker in workers:
        worker.communicate("end\n", timeout=60)
    assert catalog.sources.may_ask("google", lease_seconds=60) is None  # the one that tried has ended
