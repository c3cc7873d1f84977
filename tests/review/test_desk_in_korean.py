"""The desk speaks the language that was chosen, or else one that the browser asks for; nothing is lost on the way.

What the packages below say stays English there and in the catalog, and is known by its shape when it is shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog
from desks import Visitor
from hypothesis import given
from hypothesis import strategies as st
from shelf import Shelf
from starlette.datastructures import Headers

from catalog.records import Score, Subject, SubjectKind
from preprocessing.best import Merits, why
from preprocessing.checks import CHECKS, judge
from preprocessing.checks.thresholds import SHIPPED
from preprocessing.errors import Refused
from preprocessing.rules import face_rules, photo_rules
from review.languages import of
from review.languages.choosing import chosen
from review.sayings import REFUSALS
from review.translating import HERE, bring_up_to_date, collect, lacking
from training.evaluation.paired import Interval
from training.release.policy import GUARDS, Policy, policy_of
from training.release.promotion import decide
from training.release.signoff import Change, SignOff, unusual

Desk = Callable[[str], Visitor]
LATIN = st.characters(max_codepoint=255)  # what a header can hold
ROOT = HERE.parent
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


def hangul(text: str) -> bool:
    return bool(re.search("[가-힣]", text))


def told_by_the_domain() -> list[str]:
    """What the packages below the desk say to people, as they say it now."""
    rules = [rule.sentence for rule in (*photo_rules(), *face_rules(SHIPPED))]
    subject = Subject(SubjectKind.FACE, 1)
    scores = [Score(subject, check.name, check.version, 0.0) for check in CHECKS.values()]
    scores.append(Score(subject, "pose", CHECKS["pose"].version, 0.0, {"yaw": 40.5, "pitch": -3.0}))
    findings = [finding.sentence for finding in judge(scores)]
    good = Merits(True, 512.0, 0.9, 0.9, datetime(2026, 1, 1, tzinfo=UTC))
    worse = [
        {"free": False},
        {"side": 100.0},
        {"sharp": 0.1},
        {"exposed": 0.1},
        {"since": datetime(2026, 2, 1, tzinfo=UTC)},
        {},
    ]
    merits = [why(good, replace(good, **change)) for change in worse]  # type: ignore[arg-type]
    change = Change("now", "before", {"bare": 70, "makeup": 30}, {"bare": 40, "makeup": 60}, fresh=90)
    signed = [SignOff(yes, "rita", datetime.now(UTC), text) for yes in (True, False) for text in ("", "raw, other")]
    metrics = {f"a/{guard.metric}": 1.0 for guard in GUARDS}
    worse_or_better = [{name: value * by for name, value in metrics.items()} for by in (0.1, 1.0, 10.0)]
    chance = {name: Interval(-0.1, 0.1, pairs=40, people=40) for name in metrics}
    judged = [
        decide(one, champion, directions=["a"], policy=policy, intervals=told)
        for policy in (Policy(), policy_of('{"floors": {"*": null}}'))
        for one in (*worse_or_better, {})
        for champion in (metrics, None)
        for told in (chance, None)
    ]
    models = [reason for judgement in judged for reason in judgement.reasons]
    models += [*unusual(change, balance=0.1, fresh=0.3), *(one.sentence for one in signed)]
    failed = f"it does not hold that {rules[0]} (3 of 40 photos); it does not hold that {rules[1]}"
    return [*rules, *findings, *merits, *models, failed, *(check.question for check in CHECKS.values())]


def test_what_the_domain_says_is_known_by_its_shape() -> None:
    korean = of()["ko"]
    assert [text for text in told_by_the_domain() if not hangul(korean.spoken(text))] == []


@pytest.mark.parametrize(
    "why",
    [
        "1 of its faces has been erased since",
        "2 of its faces have been erased since",
        "its last attempt failed",
        "its last attempt was lost",
    ],
)
def test_why_a_begun_training_is_dropped_is_said_in_korean_to_the_end(why: str) -> None:
    told = of()["ko"].spoken(f"that of snapshot 0123, at step 4 of 9, is dropped: {why}")
    assert not re.search("[a-z]", told), told


@pytest.mark.parametrize("answered", ["", "; the last training, without {}, was not promoted"])
def test_one_erased_face_and_more_are_said_in_korean(answered: str) -> None:
    one = "1 face that the champion learned from has been erased since" + answered.format("it")
    more = "2 faces that the champion learned from have been erased since" + answered.format("them")
    assert [text for text in map(of()["ko"].spoken, (one, more)) if re.search("[a-z]", text)] == []


def test_values_are_filled_in_where_they_belong_and_strangers_words_stay_as_they_are() -> None:
    korean = of()["ko"]
    assert korean.spoken("rita has decided this already") == "rita 님이 이미 결정했습니다"
    assert korean.spoken("raw has decided this already") == "raw 님이 이미 결정했습니다", "a name is no word of ours"
    goes_on = korean.spoken("this very training has begun and goes on; the newer snapshot 0a1b waits for its end")
    assert goes_on == "바로 이 학습이 시작되어 이어집니다; 더 새로운 스냅숏 0a1b이 그 끝을 기다립니다"
    assert korean.spoken("no photo 12 in batch 7") == "배치 7번에 사진 12번이 없습니다"
    assert (
        korean.spoken("most faces score 0.5 or more for left eye open")
        == "대부분의 얼굴이 0.5점 이상입니다: 왼쪽 눈 뜸"
    )
    for said in ("", "HTTP 429 from the server", "no photo of mine", "{number}", "%(count)s", "<b>no photo 1</b>"):
        assert korean.spoken(said) == said
        assert of()["en"].spoken(said) == said


@given(st.text())
def test_no_text_of_a_stranger_can_break_it(text: str) -> None:
    for language in of().values():
        assert isinstance(language.spoken(text), str)


@pytest.mark.parametrize("piece", [" → ", "moved by more than ", " of ", ": ", "a; "])
def test_nor_can_a_long_one_that_is_made_of_our_words_hold_a_page_up(piece: str) -> None:
    """Without a limit the first of these takes hours."""
    text = piece * 5_000
    assert of()["ko"].spoken(text) == text


def test_every_reason_to_refuse_a_photo_has_a_word() -> None:
    sources = [path.read_text() for name in ("collectors", "preprocessing") for path in (ROOT / name).rglob("*.py")]
    reasons = {reason for text in sources for reason in re.findall(r'Refused\("(\w+)"', text)}
    reasons |= {one.reason for one in (Refused, *Refused.__subclasses__())}
    assert len(reasons) > 15
    assert {reason.replace("_", " ") for reason in reasons} <= set(REFUSALS)


def test_a_refused_decision_says_why_in_the_readers_language(desk: Desk, shelf: Shelf) -> None:
    batch = shelf.batch(1)
    (photo,) = shelf.photos(batch)
    desk("anna").decide(batch, "raw", {"subject": photo, "verdict": "approve"})
    act = {"token": "r" * 20, "subject": photo, "verdict": "reject", "reason": "mirrored"}
    body = {"batch": batch, "stage": "raw", "acts": [act]}
    for accepted, said in (("en", "anna has decided this already"), ("ko", "anna 님이 이미 결정했습니다")):
        answer = desk("rita").post("/api/decisions", body, **{"Accept-Language": accepted})
        assert answer.json()["outcomes"][0]["message"] == said


def test_a_page_for_somebody_who_is_signed_out_dresses_itself(desk: Desk) -> None:
    """None of the desk's files is given to them; one small style sheet in the page is, and nothing else."""
    answer = desk("").get("/", Accept="text/html")
    (style,) = re.findall("<style>(.*?)</style>", answer.text)
    told = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{told}'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "static/" not in answer.text
