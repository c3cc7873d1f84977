"""A signed-in person reads the page of an evaluation: it shows faces, so nobody else does, and it runs nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from desks import Visitor
from shelf import Shelf

from rows import sha256_of

Door = Callable[[str], Visitor]

PAGE = b"<!doctype html><html lang=en><title>a run</title><style>p { margin: 0 }</style><p>0.25<script>x()</script>"


def evaluated(shelf: Shelf, *, report: str) -> int:
    name = sha256_of("snapshot")
    shelf.catalog.snapshots.add(name, manifest=name, faces=[])
    run = shelf.catalog.models.open_run(name, preset="tiny-64", seed=1, total_steps=1)
    return shelf.catalog.models.add_evaluation(run.id, step=1, metrics={}, version="v", report=report).id


def test_it_is_given_as_it_was_written_and_may_do_nothing(shelf: Shelf, desk: Door) -> None:
    number = evaluated(shelf, report=shelf.blobs.put("reports", PAGE))
    answer = desk("vic").get(f"/evaluation/{number}")
    assert answer.status_code == 200
    assert answer.content == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert "script-src" not in policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


def test_a_stranger_sees_none_of_it(shelf: Shelf, desk: Door) -> None:
    number = evaluated(shelf, report=shelf.blobs.put("reports", PAGE))
    answer = desk("").get(f"/evaluation/{number}")
    assert answer.status_code == 401
    assert b"0.25" not in answer.content


@pytest.mark.parametrize("report", ["", sha256_of("erased")])
def test_an_evaluation_without_a_page_says_so(shelf: Shelf, desk: Door, report: str) -> None:
    number = evaluated(shelf, report=report)
    answer = desk("vic").get(f"/evaluation/{number}")
    assert answer.status_code == 404
    assert "no page of this evaluation" in answer.text


@pytest.mark.parametrize("number", ["404", "x", "-1", "1.5"])
def test_there_is_no_page_of_what_is_not_there(desk: Door, number: str) -> None:
    assert desk("vic").get(f"/evaluation/{number}").status_code == 404
