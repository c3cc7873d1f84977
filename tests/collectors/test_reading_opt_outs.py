"""What owners say in headers, robots.txt and tdmrep.json is understood, in whatever shape it comes."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.hosts import LONGEST_REST, rest_after
from collectors.optouts import matches, read_headers, read_robots, read_tdmrep

HERE = "https://photos.example"


def headers(tags: tuple[str, ...] = (), reservations: tuple[str, ...] = (), usages: tuple[str, ...] = ()) -> str:
    return read_headers(robots_tags=tags, reservations=reservations, usages=usages, agent="faceloop")


@pytest.mark.parametrize("word", ["noai", "noimageai", "noindex", "noimageindex", "noml", "none", "NoAI"])
def test_a_robots_tag_for_everybody_or_for_us_speaks_against(word: str) -> None:
    for line in (word, f"nofollow, {word}", f"faceloop: {word}", f"FaceLoop/1.0: nofollow, {word}", f"*: {word}"):
        assert headers((line,)) == f"X-Robots-Tag: {word.lower()}"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "all",
        "nofollow, noarchive",
        "googlebot: noindex, noai",
        "max-snippet: none",
        "unavailable_after: 25 Jun 2010 15:00:00 PST",
        "noaircraft",
        ",,:,::,",
    ],
)
def test_a_robots_tag_for_others_or_of_other_things_does_not(line: str) -> None:
    assert headers((line,)) == ""


def test_a_name_in_a_robots_tag_holds_until_the_next_name_or_the_end_of_the_line() -> None:
    assert headers(("googlebot: noindex, faceloop: noai",)) == "X-Robots-Tag: noai"
    assert headers(("googlebot: noindex", "noml")) == "X-Robots-Tag: noml"
    assert headers(("unavailable_after: Wednesday, 03-Sep-14 14:00:00 PST, noai",)) == "X-Robots-Tag: noai"


def test_a_reservation_speaks_against() -> None:
    assert headers(reservations=(" 1 ",)) == "tdm-reservation: 1"
    assert headers(reservations=("0", "1")) == "tdm-reservation: 1"
    assert headers(reservations=("0",)) == headers(reservations=("11",)) == headers(reservations=("yes",)) == ""


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("train-ai=n",), "train-ai=n"),
        (("search=y, train-ai=n;until=never",), "train-ai=n"),
        (("train-ai=y, train-genai=n",), "train-genai=n"),
        (("train-ai=n, train-ai=y",), ""),  # of one key, the last counts (RFC 9651)
        (("train-ai=n", "train-ai=y"), ""),
        (("train-ai=y",), ""),
        (("search=n",), ""),
        (("train-ai",), ""),
        ((), ""),
    ],
)
def test_a_usage_preference_against_training_speaks_against(lines: tuple[str, ...], said: str) -> None:
    assert headers(usages=lines) == (said and f"Content-Usage: {said}")


@pytest.mark.parametrize(
    ("robots", "path", "free"),
    [
        ("User-agent: *\nDisallow: /", "/a.jpg", False),
        ("User-agent: *\nDisallow:", "/a.jpg", True),
        ("\ufeffuser-AGENT : * # all\r\n dIsallow : /a # no\r\n", "/a.jpg", False),
        ("User-agent: *\nDisallow: /\nAllow: /photos/", "/photos/a.jpg", True),
        ("User-agent: *\nAllow: /\nDisallow: /photos/", "/photos/a.jpg", False),
        ("User-agent: *\nAllow: /p\nDisallow: /p", "/p", True),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg", False),
        ("User-agent: *\nDisallow: /*.jpg$", "/x/a.jpg?w=9", True),
        ("User-agent: *\nDisallow: /*?*w=", "/x/a.jpg?w=9", False),
        ("User-agent: *\nDisallow: photos", "/photos/a.jpg", False),
        ("User-agent: *\nDisallow: /b%c3%bcro", "/b%C3%BCro/a.jpg", False),
        ("User-agent: *\nDisallow: /büro", "/b%C3%BCro/a.jpg", False),
        ("User-agent: *\nDisallow: /%61/%2F", "/a/%2f", False),
        ("User-agent: *\nDisallow: /\n\nUser-agent: Faceloop\nDisallow: /private", "/a.jpg", True),
        ("User-agent: *\nAllow: /\n\nUser-agent: FaceLoop/2\nDisallow: /", "/a.jpg", False),
        ("User-agent: other\nUser-agent: faceloop\nDisallow: /", "/a.jpg", False),
        ("User-agent: other\nDisallow: /\nUser-agent: faceloop\nAllow: /", "/a.jpg", True),
        (
            "User-agent: faceloop\nDisallow: /a\nUser-agent: x\nDisallow: /\nUser-agent: faceloop\nDisallow: /b",
            "/b",
            False,
        ),
        ("User-agent: faceloopbot\nDisallow: /", "/a.jpg", True),
        ("User-agent: *\nCrawl-delay: 5\nDisallow: /", "/a.jpg", False),
        ("Disallow: /", "/a.jpg", True),
        ("User-agent: *\nContent-Usage: train-ai=n", "/a.jpg", False),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /free train-ai=y", "/free/a.jpg", True),
        ("User-agent: *\nAllow: /\nContent-Usage: /ours train-genai=n", "/ours/a.jpg", False),
        ("User-agent: *\nContent-Usage: search=n", "/a.jpg", True),
        ("User-agent: *\nContent-Signal: search=yes,ai-train=no\nAllow: /", "/a.jpg", False),
        ("<html><title>Not found</title></html>", "/a.jpg", True),
        ("", "/a.jpg", True),
    ],
)
def test_robots_txt_is_read_as_its_standard_says(robots: str, path: str, free: bool) -> None:
    said = read_robots(robots.encode(), agent="Faceloop").refusal(HERE + path)
    assert (said == "") is free
    assert free or said.startswith("robots.txt: ")


def test_the_rules_of_a_tdmrep_file_are_read() -> None:
    file = json.dumps(
        [
            {"location": "/", "tdm-reservation": 0},
            {"location": "/photos/*.jpg", "tdm-reservation": 1, "tdm-policy": "https://photos.example/policy"},
            {"location": "/texts", "tdm-reservation": "1"},
            {"location": 5, "tdm-reservation": 1},
            {"location": "/odd", "tdm-reservation": True},
            {"location": "/odd"},
            "odd",
        ]
    )
    rules = read_tdmrep(file.encode())
    assert rules is not None
    assert rules.refusal(f"{HERE}/photos/1/a.jpg") == "tdmrep.json: /photos/*.jpg is reserved"
    assert rules.refusal(f"{HERE}/texts/b") != ""
    assert rules.refusal(HERE) == rules.refusal(f"{HERE}/odd") == rules.refusal(f"{HERE}/a?/texts") == ""


@pytest.mark.parametrize("body", [b"", b"{}", b"<html>", b"[" * 200_000, b"\xff\xfe", b"9" * 10_000])
def test_what_is_no_tdmrep_file_is_told_from_one(body: bytes) -> None:
    assert read_tdmrep(body) is None


@given(st.binary(max_size=300), st.text(max_size=60))
def test_whatever_a_host_sends_is_read_without_falling(body: bytes, path: str) -> None:
    read_robots(b"User-agent: *\nDisallow: " + body, agent="faceloop").refusal(HERE + "/" + path)
    text = body.decode("latin-1")
    assert isinstance(headers((text,), (text,), (text,)), str)
    assert 0 <= rest_after(429, text) <= LONGEST_REST


@given(st.lists(st.text("ab/", max_size=4), max_size=5), st.lists(st.text("ab/", max_size=4), min_size=5, max_size=5))
def test_a_pattern_fits_what_is_made_by_filling_its_stars(pieces: list[str], filling: list[str]) -> None:
    made = "/" + "".join(piece + fill for piece, fill in zip(pieces, filling, strict=False))
    pattern = "/" + "".join(f"{piece}*" for piece in pieces)
    assert matches(pattern, made)
    assert matches(f"{pattern}$", made)
    assert not matches(f"{pattern}c$", made)


@given(st.text("ab*", max_size=12), st.text("ab", max_size=12), st.booleans())
def test_patterns_fit_what_a_search_letter_by_letter_finds(pattern: str, target: str, anchored: bool) -> None:
    def fits(left: str, rest: str) -> bool:
        if not left:
            return not anchored or not rest
        if left[0] == "*":
            return any(fits(left[1:], rest[n:]) for n in range(len(rest) + 1))
        return rest[:1] == left[0] and fits(left[1:], rest[1:])

    assert matches(pattern + "$" * anchored, target) is fits(pattern.replace("**", "*"), target)


def test_a_robots_txt_made_to_take_long_does_not() -> None:
    rules = "User-agent: *\n" + "Disallow: /*a*a*a*a*a*a*a*a*a*a*b$\n" * 12_000
    began = time.monotonic()
    assert read_robots(rules.encode(), agent="faceloop").refusal(f"{HERE}/{'a' * 8000}") == ""
    assert time.monotonic() - began < 60  # and not for ever


NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "said", "seconds"),
    [
        (429, "120", 120),
        (503, " 7 ", 7),
        (503, format_datetime(NOW + timedelta(minutes=5), usegmt=True), 300),
        (429, format_datetime(NOW - timedelta(minutes=5), usegmt=True), 0),
        (429, "9" * 400, LONGEST_REST),
        (429, "Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_REST),
        (429, "", 60),
        (429, "soon", 60),
        (429, "-5", 60),
        (503, "", 0),
        (500, "120", 0),
        (200, "120", 0),
    ],
)
def test_a_host_rests_for_as_long_as_it_says(status: int, said: str, seconds: float) -> None:
    assert rest_after(status, said, now=NOW) == seconds
