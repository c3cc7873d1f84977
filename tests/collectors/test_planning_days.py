"""A source's day holds its budget of queries: people's own, then the templates'; planned twice, it is the same."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import Catalog, Settings
from catalog.records import Candidate, Query, QueryState, SearchResult, Stage
from catalog.tables import queries, searches
from collectors import steps
from collectors.__main__ import main
from collectors.planner import day_of
from collectors.registry import load
from collectors.seeds import seeds_of
from rows import Rows

TODAY = datetime.now(UTC)
SEEDS = len(seeds_of("google", Settings()))


def planned(catalog: Catalog, config: Settings, *, today: datetime = TODAY) -> list[Query]:
    """The queries that a plan step adds."""
    return [
        catalog.queries.get(number)
        for number in steps.plan("google", catalog=catalog, config=config, today=today).planned
    ]


def use_up(catalog: Catalog, queries: list[Query] | None = None) -> None:
    """Search everything that waits; nothing is found."""
    for query in queries or catalog.queries.list(source="google"):
        if catalog.queries.claim(source="google", query_id=query.id, lease_seconds=60):
            catalog.queries.finish(query.id, SearchResult("used"))


def test_seeds_come_first_and_the_day_is_filled_from_the_templates(catalog: Catalog) -> None:
    made = planned(catalog, Settings(queries_per_run=SEEDS + 3))
    assert [bool(query.arm) for query in made] == [False] * SEEDS + [True] * 3
    assert all(query.arm.count("/") == 2 for query in made[SEEDS:])


def test_a_day_that_the_seeds_fill_gets_nothing_of_the_templates(catalog: Catalog) -> None:
    assert [query.arm for query in planned(catalog, Settings(queries_per_run=SEEDS))] == [""] * SEEDS


def test_a_day_planned_again_holds_the_same_even_after_its_searches(catalog: Catalog) -> None:
    config = Settings(queries_per_run=SEEDS + 3)
    planned(catalog, config)
    assert planned(catalog, config) == []
    use_up(catalog)
    assert planned(catalog, config) == []
    assert len(planned(catalog, config, today=TODAY + timedelta(days=1))) == SEEDS + 3


def test_a_planner_that_was_killed_in_the_middle_of_a_day_is_simply_run_again(catalog: Catalog) -> None:
    config = Settings(queries_per_run=SEEDS + 6)
    with_catalog = Catalog(memory=True)
    whole = [query.text for query in planned(with_catalog, config)]
    for text in whole[: SEEDS + 2]:  # so far it came
        query = with_catalog.queries.find(source="google", text=text)
        assert query
        catalog.queries.plan(source="google", text=text, domain=query.domain, arm=query.arm)
    assert [query.text for query in planned(catalog, config)] == whole[SEEDS + 2 :]


def test_no_query_is_ever_planned_twice() -> None:
    catalog, config = Catalog(memory=True), Settings(queries_per_run=150)
    for day in range(8):
        planned(catalog, config, today=TODAY + timedelta(days=day))
        use_up(catalog)
    texts = Counter(query.text for query in catalog.queries.list(source="google"))
    assert max(texts.values()) == 1
    with catalog.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM searches").scalar_one() == len(texts)


def test_when_all_templates_are_asked_the_plan_says_so_and_is_empty(tmp_path: Path, catalog: Catalog) -> None:
    file = tmp_path / "templates.yaml"
    file.write_text(
        "- {language: en, sources: [google], text: '{subject} {style} {shot}', subjects: {woman: woman}, "
        "styles: {bare: {plain: plain}}, shots: [selfie, portrait]}"
    )
    config = Settings(queries_per_run=SEEDS + 5, templates=str(file))
    assert len(planned(catalog, config)) == SEEDS + 2
    use_up(catalog)
    report = steps.plan("google", catalog=catalog, config=config, today=TODAY + timedelta(days=1))
    assert (report.planned, report.day.exhausted, report.day.left_out[0].why) == ((), 1, "everything asked")


def test_what_people_approve_draws_the_next_days_queries(catalog: Catalog) -> None:
    """Of two languages people approve the photos of one: the planner goes there, and says so."""
    config = Settings(queries_per_run=SEEDS + 20, untried_share=0.1)
    rows, first = Rows(catalog), [query for query in planned(catalog, config) if query.arm]
    liked = first[0].arm.rpartition("/")[2]
    for query in first:
        catalog.queries.claim(source="google", query_id=query.id, lease_seconds=60)
        found = [
            Candidate("google", f"{query.id}/{n}", "https://p.example", f"https://i.example/{n}") for n in range(4)
        ]
        catalog.candidates.add_all(found, query_id=query.id)
        catalog.queries.finish(query.id, SearchResult("used", found=4, new=4))
        for candidate in catalog.candidates.claim(count=4, lease_seconds=60):
            if query.arm.endswith(f"/{liked}"):
                catalog.photos.store(rows.new_photo(), candidate_id=candidate.id, bits=0)
            else:
                catalog.candidates.refuse(candidate.id, reason="not_an_image", detail="")
    batch = catalog.batches.open(key="run")
    assert batch
    for photo in catalog.photos.of_batch(batch.id):
        rows.approve(photo, Stage.RAW)
        face = rows.face(photo)
        rows.approve(face, Stage.CROP)
        rows.approve(face, Stage.FINAL)
    use_up(catalog)
    report = steps.plan("google", catalog=catalog, config=config, today=TODAY + timedelta(days=1))
    best = [choice for choice in report.day.choices if choice.why != "untried"]
    assert sum(choice.arm.endswith(f"/{liked}") for choice in best) > 0.7 * len(best)
    assert max(choice.worth for choice in best) > max(
        left.worth for left in report.day.left_out if not left.harvest.approved
    )


def test_a_dry_run_tells_the_same_and_plans_nothing(catalog: Catalog) -> None:
    config = Settings(queries_per_run=SEEDS + 4)
    told = steps.plan("google", dry_run=True, catalog=catalog, config=config, today=TODAY)
    assert (told.planned, told.seeds, catalog.queries.list()) == ((), SEEDS, [])
    done = steps.plan("google", catalog=catalog, config=config, today=TODAY)
    assert done.day.choices == told.day.choices
    assert len(done.planned) == SEEDS + 4


def test_the_command_says_why_for_people_and_for_programs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACELOOP_QUERIES_PER_RUN", str(SEEDS + 2))
    assert main(["plan", "--source", "google", "--explain", "--dry-run", "--json"]) == 0
    (plan,) = json.loads(capsys.readouterr().out)["plans"]
    choice = plan["day"]["choices"][0]
    assert choice.keys() == {"text", "domain", "arm", "why", "harvest", "worth"}
    assert choice["harvest"].keys() == {"planned", "queries", "found", "settled", "approved"}
    assert plan["planned"] == []
    assert main(["plan", "--source", "google", "--explain"]) == 0
    said = capsys.readouterr().out
    assert f"google: {SEEDS + 2} planned, 0 known already" in said
    assert f"{choice['arm']} " in said
    assert choice["text"] in said
    assert "left out" in said
    assert main(["plan", "--source", "google", "--explain"]) == 0
    assert "no room for more today" in capsys.readouterr().out


def test_what_was_used_long_ago_is_asked_again_in_a_quarter_of_the_days_room(catalog: Catalog) -> None:
    config, after = Settings(queries_per_run=SEEDS + 8), load("google").again_after
    assert after
    planned(catalog, config)
    use_up(catalog)
    with catalog.writing() as connection:
        connection.execute(queries.update().values(used_at=TODAY - after - timedelta(days=1)))
        connection.execute(searches.update().values(started_at=TODAY - after - timedelta(days=1)))
    tomorrow = TODAY + timedelta(days=1)
    report = steps.plan("google", catalog=catalog, config=config, today=tomorrow)
    assert (report.again, len(report.planned)) == (4, SEEDS + 4)
    waiting = catalog.queries.list(source="google", state=QueryState.PLANNED)
    assert len(waiting) == SEEDS + 8
    again = steps.plan("google", catalog=catalog, config=config, today=tomorrow)
    assert (again.again, again.planned) == (0, ())


def test_a_source_that_bills_gets_a_days_share_of_the_months_money(catalog: Catalog) -> None:
    """30 days before the month ends, 100 posts a query at half a cent: 30 dollars buy two queries a day."""
    first = datetime(2026, 11, 1, 12, tzinfo=UTC)
    site, poor = load("twitter"), Settings(queries_per_run=20, monthly_usd=30, candidates_per_query=100)
    assert site.cost_per_item == 5_000
    assert day_of(site, catalog=catalog, config=poor, today=first).budget == 2
    rich = Settings(queries_per_run=20, monthly_usd=3000, candidates_per_query=100)
    assert day_of(site, catalog=catalog, config=rich, today=first).budget == 20
    broke = Settings(queries_per_run=20, monthly_usd=0.49, candidates_per_query=100)
    assert day_of(site, catalog=catalog, config=broke, today=first).budget == 0
    last = datetime(2026, 11, 30, 12, tzinfo=UTC)
    assert day_of(site, catalog=catalog, config=poor, today=last).budget == 20
