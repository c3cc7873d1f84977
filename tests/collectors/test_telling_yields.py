"""What a run's queries have brought, as a plain table: a line for each, the sums last."""

from __future__ import annotations

from catalog import Catalog
from catalog.records import Domain, SearchResult
from collectors import steps


def test_each_query_has_its_line_and_the_sums_come_last() -> None:
    catalog = Catalog(memory=True)
    ids = []
    for number, text in enumerate(["woman portrait", "two\u202e lines " + "x" * 80]):
        query = catalog.queries.plan(source="google", text=text, domain=Domain.BARE)
        assert query
        ids.append(query.id)
        catalog.queries.claim(source="google", query_id=query.id, lease_seconds=60)
        catalog.queries.finish(query.id, SearchResult("used", found=4 + number, new=3, duplicate=1 + number, pages=2))
    table = steps.yields(ids, catalog=catalog)
    assert table.total["queries"] == 2
    assert {name: table.total[name] for name in ("pages", "found", "new", "duplicate", "stored", "refused")} == {
        "pages": 4,
        "found": 9,
        "new": 6,
        "duplicate": 3,
        "stored": 0,
        "refused": 0,
    }
    head, first, second, last = table.lines
    assert head.split()[0] == "query"
    assert first.split()[:5] == ["woman", "portrait", "2", "4", "3"]
    assert second.startswith("two� lines xxx")
    assert last.split()[:5] == ["2", "queries", "4", "9", "6"]
    assert len({len(line) for line in table.lines}) == 1
    assert all(line.isprintable() for line in table.lines)


def test_a_run_without_queries_has_a_head_and_noughts() -> None:
    table = steps.yields([], catalog=Catalog(memory=True))
    assert len(table.lines) == 2
    assert set(table.total.values()) == {0}
