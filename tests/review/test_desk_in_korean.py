"""The desk speaks the language that was chosen, or else one that the browser asks for; nothing is lost on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from desks import Visitor
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from review.languages import of
from review.languages.choosing import chosen
from review.translating import HERE, bring_up_to_date, collect, lacking

Desk = Callable[[str], Visitor]
LATIN = st.characters(max_codepoint=255)  # what a header can hold
CATALOGS = sorted((HERE / "languages").glob("*.po"))


def places(catalog: Catalog) -> dict[Any, set[str]]:
    """Each sentence with the files that say it."""
    return {message.id: {place for place, _ in message.locations} for message in catalog if message.id}


def language_of(**headers: str) -> str:
    return chosen(Headers({name.replace("_", "-"): value for name, value in headers.items()})).code


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en;q=0.8", "ko"),
        ("KO-kr", "ko"),
        ("en-GB,en;q=0.9,ko;q=0.8", "en"),
        ("en;q=0.2, ko;q=0.7", "ko"),
        ("fr-FR, ko;q=0.5", "ko"),
        ("fr", "en"),
        ("ko;q=0", "en"),
        ("ko;q=much", "en"),
        ("*", "en"),
        ("", "en"),
    ],
)
def test_the_browsers_languages_count_by_their_weight(asked: str, answered: str) -> None:
    assert language_of(accept_language=asked) == answered


def test_a_choice_outweighs_the_browser() -> None:
    assert language_of(cookie="a=b; faceloop_language=en; c=d", accept_language="ko") == "en"
    assert language_of(cookie="faceloop_language=tlh", accept_language="ko") == "ko", "a choice of nothing is none"


@given(st.text(LATIN), st.text(LATIN))
def test_no_header_can_break_the_choice(cookie: str, accept: str) -> None:
    assert language_of(cookie=cookie, accept_language=accept) in of()


def test_a_page_says_which_language_it_is_in(desk: Desk) -> None:
    english, korean = desk("rita").get("/"), desk("rita").get("/", **{"Accept-Language": "ko-KR"})
    assert '<html lang="en"' in english.text
    assert '<html lang="ko"' in korean.text
    assert "Accept-Language" in korean.headers["vary"]


def test_choosing_a_language_keeps_it_and_shows_the_same_page(desk: Desk) -> None:
    answer = desk("rita").get("/duplicates?batch=7&language=ko&bits=8")
    assert (answer.status_code, answer.headers["location"]) == (303, "./duplicates?batch=7&bits=8")
    assert re.fullmatch(
        "faceloop_language=ko; HttpOnly; Max-Age=31536000; Path=/; SameSite=lax", answer.headers["set-cookie"]
    )
    assert '<html lang="ko"' in desk("rita").get("/", Cookie="faceloop_language=ko").text


def test_a_choice_leads_nowhere_but_to_the_same_place(desk: Desk) -> None:
    for path, place in (
        ("/?language=ko", "./"),
        ("//evil.example/?language=ko", "./"),
        ("/http:%2F%2Fevil.example?language=ko", "./evil.example"),
        ("/a%0d%0aSet-Cookie:x?language=ko", "./a%0D%0ASet-Cookie%3Ax"),
    ):
        assert desk("rita").get(path).headers.get("location") == place
    assert desk("rita").get("/?language=tlh").status_code == 200, "an unknown language chooses nothing"


def test_every_page_offers_the_other_language_for_itself(desk: Desk) -> None:
    page = desk("rita").get("/duplicates?bits=8&page=1").text
    assert '<a href="?bits=8&amp;page=1&amp;language=ko" lang="ko" hreflang="ko">한국어</a>' in page
    assert 'lang="en" hreflang="en" aria-current="true">English</a>' in page


def test_refusals_are_translated_too(desk: Desk) -> None:
    korean = {"Accept-Language": "ko"}
    assert "여기에는 아무것도 없습니다" in desk("rita").get("/nowhere", Accept="text/html", **korean).text
    assert "로그아웃된 상태입니다" in desk("").get("/", Accept="text/html", **korean).text
    assert desk("rita").get("/api/queue?batch=1", **korean).json() == {"detail": "그런 페이지가 없습니다."}


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.stem)
def test_everything_is_translated_and_nothing_is_left_over(path: Path) -> None:
    """``python -m review.translating`` adds what is new and drops what is gone; then somebody translates it."""
    kept, catalog = of()[path.stem].messages, bring_up_to_date(path, collect())
    assert places(kept) == places(catalog)
    assert lacking(catalog) == []


@pytest.mark.parametrize("code", [code for code in of() if code != "en"])
def test_every_translation_fills_in_the_same_values(code: str) -> None:
    values = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w+\}")
    for message in of()[code].messages:
        said = [message.string] if isinstance(message.string, str) else message.string
        wanted = message.id[-1] if message.pluralizable else message.id
        for one in said if message.id else ():
            assert sorted(values.findall(one)) == sorted(values.findall(wanted)), message.id
