"""A search's task has the state that is true: what passes is tried again, what a person must look at fails at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.definitions.retry_policy import RetryAction, RetryDecision
from airflow.sdk.exceptions import AirflowSkipException
from collecting import LaterOrNever, canary, name_of, plan, search

from catalog import Catalog
from catalog.records import QueryState, RestKind
from catalog.settings import settings
from collectors import errors
from collectors.errors import SearchEnded

pytestmark = pytest.mark.airflow


def decided(error: BaseException) -> RetryDecision:
    return LaterOrNever().evaluate(error, 1, 3)


def test_a_rate_limit_is_retried_when_it_has_passed() -> None:
    until = datetime.now(UTC) + timedelta(minutes=20)
    decision = decided(errors.RateLimited("429", until=until))
    assert decision.action is RetryAction.RETRY
    assert decision.retry_delay
    assert timedelta(minutes=19) < decision.retry_delay < timedelta(minutes=21)
    past = decided(errors.RateLimited("429", until=datetime.now(UTC) - timedelta(minutes=20))).retry_delay
    assert past == timedelta(seconds=1)


def test_a_rate_limit_that_lasts_longer_than_a_run_waits_fails_and_says_until_when() -> None:
    until = datetime.now(UTC) + timedelta(hours=20)
    decision = decided(errors.RateLimited("asked too often", until=until))
    assert decision.action is RetryAction.FAIL
    assert decision.reason
    assert f"asked too often (it rests until {until:%Y-%m-%d %H:%M} UTC)" in decision.reason


@pytest.mark.parametrize(
    "error",
    [
        errors.Blocked("a captcha"),
        errors.LoginNeeded("wrong password"),
        errors.Drift("no post has a picture"),
        errors.BadInput("collectors/sources/google.py is broken"),
    ],
)
def test_what_a_person_must_look_at_fails_at_once_with_its_own_words(error: Exception) -> None:
    assert decided(error) == RetryDecision.fail(str(error))


@pytest.mark.parametrize("error", [errors.Unreachable("no network"), OSError("disk"), RuntimeError("x")])
def test_what_may_pass_is_left_to_the_tasks_own_retries(error: Exception) -> None:
    assert decided(error).action is RetryAction.DEFAULT


def test_a_reason_without_end_is_cut_to_what_airflow_keeps() -> None:
    assert len(decided(errors.Drift("x" * 5000)).reason or "") < 500


def test_every_way_a_search_ends_is_raised_as_what_it_is() -> None:
    until = datetime.now(UTC)
    for kind in SearchEnded.__subclasses__():
        error = errors.ended(kind.outcome, "why", until=until)
        assert (type(error), str(error)) == (kind, "why")
        assert getattr(error, "until", until) == until


def test_a_source_that_rests_skips_the_task_with_the_reason_and_asks_nothing() -> None:
    catalog = Catalog()
    (first, *_) = plan("google")
    until = datetime.now(UTC) + timedelta(hours=1)
    catalog.sources.rest("google", until=until, reason="blocked: a captcha", kind=RestKind.CAPTCHA)
    with pytest.raises(AirflowSkipException, match="a captcha"):
        search("google", first)
    assert catalog.queries.get(first["id"]).state is QueryState.PLANNED
    assert catalog.queries.tries(first["id"]) == []


def test_a_source_that_was_never_configured_skips_the_task_and_says_what_is_missing() -> None:
    (first, *_) = plan("twitter")
    with pytest.raises(AirflowSkipException, match="FACELOOP_TWITTER_BEARER_TOKEN"):
        search("twitter", first)


def test_a_search_that_finds_is_told_in_small_numbers(tmp_path: Path) -> None:
    from collectors import steps
    from collectors.seeds import folder_seed

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    query = steps.plan_one(folder_seed(str(tmp_path / "photos"), "bare", "CC0"))
    assert search("folder", {"id": query.id}) == {"found": 1, "new": 1}
    assert search("folder", {"id": query.id}) == {"found": 0, "new": 0}  # it is used


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("woman portrait", "google: woman portrait"),
        ("  two\n lines\t", "google: two lines"),
        ("<script>alert(1)</script>{{ 1/0 }}", "google: <script>alert(1)</script>{{ 1/0 }}"),
        ("bell\x07 and \u202eleft", "google: bell� and �left"),
        ("민낯 셀카", "google: 민낯 셀카"),
        ("x" * 500, "google: " + "x" * 71 + "…"),
    ],
)
def test_a_mapped_task_is_named_after_its_source_and_query_in_one_short_line(text: str, name: str) -> None:
    assert name_of("google", text) == name


def test_a_canary_that_reaches_nobody_is_tried_again_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELOOP_PROXY", "http://127.0.0.1:9")
    settings.cache_clear()
    with pytest.raises(errors.Unreachable, match="unreachable: ") as ended:
        canary("openverse")
    assert decided(ended.value).action is RetryAction.DEFAULT
    assert Catalog().sources.cooldown("openverse") is None


def test_a_source_without_a_canary_is_not_watched_and_says_so() -> None:
    with pytest.raises(AirflowSkipException, match="declares no canary"):
        canary("folder")


def test_a_source_that_rests_is_not_watched_and_says_why() -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    Catalog().sources.rest("google", until=until, reason="drift: no result", kind=RestKind.DRIFT)
    with pytest.raises(AirflowSkipException, match=r"resting: .*drift: no result"):
        canary("google")
