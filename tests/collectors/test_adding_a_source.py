"""The source that docs/adding-a-source.md shows does what the page says, with the engine and its changed answers."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from mutations import judge, of_json

from catalog import Blobs, Catalog, Settings
from catalog.records import Domain, Query, QueryState
from collectors import engine
from collectors.base import Answer, Source
from fakes import FakeDoor

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-source.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def museum() -> Iterator[Source]:
    module = ModuleType("museum")
    sys.modules["museum"] = module
    exec(compile(block("python"), "adding-a-source.md", "exec"), module.__dict__)
    yield module.Museum()
    del sys.modules["museum"]


def test_the_example_is_searched_page_by_page(museum: Source, catalog: Catalog, blobs: Blobs) -> None:
    first = Answer(body=block("json"))
    last = replace(first, body=first.body.replace('"next_page": 2', '"next_page": null').replace("SK-A", "SK-B"))
    query = catalog.queries.plan(source=museum.name, text="portrait", domain=Domain.BARE)
    assert query
    door = FakeDoor([first, last])
    report = engine.search(
        museum,
        query_id=None,
        count=1,
        catalog=catalog,
        config=Settings(),
        blobs=lambda: blobs,
        door=door,
        sleep=lambda _: None,
    )
    assert (report.stopped, report.found, report.pages, report.requests) == ("", 4, 2, 2)
    assert [dict(request.parameters)["page"] for request in door.asked] == ["1", "2"]
    assert catalog.queries.get(query.id).state is QueryState.USED


def test_the_example_is_right_or_says_that_the_site_has_changed(museum: Source) -> None:
    query = Query(1, museum.name, "portrait", Domain.BARE, 100, QueryState.CLAIMED)
    changed = [one for one in of_json(block("json")) if "became 'changed'" not in one.name]
    assert judge(museum, Answer(body=block("json")), query, changed) == []
