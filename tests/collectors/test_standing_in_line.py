"""The line of a fetch run hands out candidates host by host, and ends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, islice

import pytest

from catalog.records import Candidate, CandidateState, Domain, FoundCandidate
from collectors.line import Line


def found_at(hosts: Iterator[str]) -> Iterator[FoundCandidate]:
    for number, host in enumerate(hosts):
        candidate = Candidate("google", str(number), f"https://{host}/", f"https://{host}/{number}.jpg")
        yield FoundCandidate(number, 1, Domain.BARE, datetime.now(UTC), CandidateState.CLAIMED, 1, candidate)


def line_of(hosts: Iterator[str], *, limit: int) -> Line:
    waiting = found_at(hosts)

    def claim(number: int) -> Sequence[FoundCandidate]:
        return list(islice(waiting, number))

    return Line(claim, limit=limit, piece=32, per_host=2)


def worked_off(line: Line, *, rests: str) -> tuple[int, int]:
    """How many candidates were tried, and how many came back untried because their host rests."""
    tried = untried = 0
    while candidate := line.take():
        rest = rests in candidate.candidate.image_url
        line.done(candidate, tried=not rest)
        tried, untried = tried + (not rest), untried + rest
    assert not line.more
    return tried, untried


@pytest.mark.parametrize(("limit", "most"), [(10, 256), (1000, 1000)])
def test_a_host_that_rests_does_not_have_all_its_candidates_claimed(limit: int, most: int) -> None:
    endless = (("rests.example") for _ in count())
    tried, untried = worked_off(line_of(endless, limit=limit), rests="rests.example")
    assert tried == 0
    assert most <= untried < most + 64


def test_those_that_come_back_untried_take_nobodys_place() -> None:
    mixed = ("rests.example" if number % 2 else "works.example" for number in count())
    assert worked_off(line_of(mixed, limit=100), rests="rests.example") == (100, 99)


def test_of_a_host_only_so_many_are_handed_out_at_a_time() -> None:
    line = line_of(iter(["one.example"] * 3 + ["two.example"]), limit=10)
    first, _, third = (line.take() for _ in range(3))
    assert third is not None
    assert "two.example" in third.candidate.image_url
    assert line.take() is None
    assert first is not None
    assert line.more
    line.done(first, tried=True)
    assert line.take() is not None
