"""Whoever looks reads what each night decided, what is missing to a yes, how trainings stand and who is champion."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from desks import Visitor
from nights import night, snapshot, submitted, trained
from shelf import Shelf

from catalog import Catalog
from catalog.records import RunState, SubmissionState
from review.languages import of
from review.trainings import NIGHTS
from review.words import RULES
from training.standing import TrainingState, state_of

Door = Callable[[str], Visitor]


def page(desk: Door, path: str = "/training", **headers: str) -> str:
    answer = desk("vic").get(path, **headers)
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub("<[^>]+>", " ", answer.text).split())


def test_before_the_first_night_it_says_what_will_happen(desk: Door) -> None:
    text = page(desk)
    assert "No night has been decided yet." in text
    assert "Each night the faces that people have approved" in text
    assert "Nothing has been trained yet. The first night that says yes begins one." in text
    assert "There is no champion yet" in text
    assert "What is missing" not in text


def test_a_no_says_how_many_approved_faces_of_which_domain_are_missing(shelf: Shelf, desk: Door) -> None:
    night(shelf.catalog, bare=3_800, makeup=8_200)
    text = page(desk)
    assert "The last night said no." in text
    assert "Bare face 3,800 of 5,000 1,200 more approved faces" in text
    assert "Make-up 8,200 of 5,000 enough" in text
    assert "Approved faces 12,000 of 20,000 8,000 more approved faces" in text


def test_what_else_stood_in_the_way_is_told_with_what_was_asked_and_found(shelf: Shelf, desk: Door) -> None:
    night(shelf.catalog, bare=10_000, makeup=11_000, waiting=20_000, trained=20_900, fresh=100)
    text = page(desk)
    assert "New faces 100 of 418 318 more approved faces" in text
    assert "Waiting for people found 20,000, asked 10,000 20000 photos and faces wait for people, 10000 at most" in text


def test_a_yes_says_what_it_rests_on(shelf: Shelf, desk: Door) -> None:
    night(shelf.catalog, bare=10_000, makeup=11_000)
    text = page(desk)
    assert "The last night said yes." in text
    assert "What the yes rests on" in text
    assert "Approved faces 21,000 of 20,000 enough" in text
    assert "more approved face" not in text


def test_every_night_is_there_newest_first_a_page_at_a_time(shelf: Shelf, desk: Door) -> None:
    kept = [night(shelf.catalog, bare=number, name="one") for number in range(NIGHTS + 3)]
    first, second = desk("vic").get("/training").text, desk("vic").get("/training?page=2").text
    shown = [int(number) for number in re.findall(r'id="night-(\d+)"', first + second)]
    assert shown == [decision.id for decision in reversed(kept)]
    assert 'href="./training?page=2#nights"' in first
    assert 'href="./training?page=1#nights"' in second
    assert "Page 2 of 2" in page(desk, "/training?page=999")
    assert desk("vic").get("/training?page=0").status_code == 404


def test_each_night_links_its_snapshot_and_answers_rule_by_rule(shelf: Shelf, desk: Door) -> None:
    decision = night(shelf.catalog)
    text = desk("vic").get("/training").text
    assert f'href="./snapshot/{decision.snapshot_id}"' in text
    for rule in decision.rules:
        assert f"<b>{RULES[rule.name].replace(chr(39), '&#39;')}</b>" in text, f"{rule.name} has no words"


def test_a_night_of_before_there_were_rules_is_shown_with_its_reasons(shelf: Shelf, desk: Door) -> None:
    old = replace(night(shelf.catalog), rules=(), reasons=("12 approved faces, 20000 needed",))
    shelf.catalog.snapshots.add_gate_decision(old)
    text = page(desk)
    assert "12 approved faces, 20000 needed" in text
    assert "Approved faces 12,000 of 20,000 8,000 more approved faces" in text


def test_trainings_are_told_with_their_state_and_why(shelf: Shelf, desk: Door) -> None:
    trained(shelf.catalog, "done", reason="stopped by 'overfit > 0.9 for 5': 0.91")
    trained(shelf.catalog, "bad", state=RunState.FAILED, reason="step 9: D/latent_r1 is not finite", step=9)
    trained(shelf.catalog, "half", state=RunState.RUNNING, step=40_000)
    submitted(shelf.catalog, "half", SubmissionState.STOPPED, exit_code=75)
    submitted(shelf.catalog, "next", SubmissionState.SUBMITTED)
    text = page(desk)
    assert re.search("Finished .* step 100,000 of 100,000 .* stopped by &#39;overfit", text)
    assert re.search("Failed .* step 9 of 100,000 .* step 9: D/latent_r1 is not finite", text)
    assert re.search(
        "Waits to be gone on with .* step 40,000 of 100,000 .* exit code 75 It was stopped from outside, and has sav",
        text,
    )
    assert re.search("Queued .* ssh, attempt 1", text)


def test_a_training_that_runs_comes_first_of_all(shelf: Shelf, desk: Door) -> None:
    night(shelf.catalog)
    trained(shelf.catalog, "half", state=RunState.RUNNING, step=40_000)
    submitted(shelf.catalog, "half", SubmissionState.RUNNING)
    assert "A training runs: step 40,000 of 100,000 is saved." in page(desk)


def test_champions_follow_each_other_with_why_and_the_way_to_what_was_measured(shelf: Shelf, desk: Door) -> None:
    report = shelf.blobs.put("reports", b"<p>measured")
    for name in ("one", "two"):
        trained(shelf.catalog, name, report=report, promote=True, reasons=("the first model; every floor is kept",))
    trained(shelf.catalog, "three", report=report, promote=False, reasons=("a/copy_rate is 0.200: at most 0.05 ...",))
    shelf.catalog.reigns.roll_back(by="olga", why="it paints ears")
    text, plain = desk("vic").get("/training").text, page(desk)
    newest, *older = re.findall(r"Model (\d) (Champion )?(?:since|\d+ \w+)", plain)
    assert newest == ("1", "Champion ")
    assert [number for number, _ in older] == ["2", "1"]
    assert re.search("put back by a rollback · olga · evaluation 1 it paints ears", plain)
    assert "a/copy_rate is 0.200" in plain
    for number in (1, 2, 3):
        assert f'href="./evaluation/{number}"' in text


def test_it_shows_no_face(shelf: Shelf, desk: Door) -> None:
    night(shelf.catalog)
    trained(shelf.catalog, "one", promote=True)
    assert "<img" not in desk("vic").get("/training").text


def test_a_stranger_sees_none_of_it_and_everybody_finds_it(desk: Door) -> None:
    assert desk("").get("/training").status_code == 401
    assert 'href="./training"' in desk("vic").get("/").text


def test_nothing_that_a_stranger_wrote_is_more_than_text(shelf: Shelf, desk: Door) -> None:
    hostile = "<script>alert(1)</script><img src=x>"
    night(shelf.catalog, gpu_holder=hostile)
    trained(shelf.catalog, "bad", state=RunState.FAILED, reason=hostile)
    submitted(shelf.catalog, "lost", SubmissionState.LOST, reason=hostile)
    text = desk("vic").get("/training").text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("&lt;script&gt;alert(1)") >= 3


def test_it_speaks_korean_sentence_by_sentence(shelf: Shelf, desk: Door) -> None:
    decisions = [
        night(shelf.catalog),
        night(shelf.catalog, bare=0, makeup=0),
        night(shelf.catalog, bare=10_000, makeup=11_000, trained=20_000, waiting=20_000, gpu_holder="rita"),
        night(shelf.catalog, failed_batches=(1, 2), failed_faces=40),
    ]
    korean = of()["ko"]
    told = {rule.says for decision in decisions for rule in decision.rules}
    assert len(told) > 25
    assert [says for says in told if not re.search("[가-힣]", korean.spoken(says))] == []
    assert "승인된 얼굴 8,000장 더 필요" in page(desk, **{"Accept-Language": "ko"})


@pytest.mark.parametrize(
    ("submission", "run", "held", "state"),
    [
        (SubmissionState.SUBMITTED, None, False, TrainingState.QUEUED),
        (SubmissionState.SUBMITTED, RunState.FAILED, False, TrainingState.QUEUED),
        (SubmissionState.RUNNING, None, False, TrainingState.RUNNING),
        (SubmissionState.RUNNING, RunState.RUNNING, False, TrainingState.RUNNING),
        (SubmissionState.SUCCEEDED, RunState.DONE, False, TrainingState.FINISHED),
        (SubmissionState.SUCCEEDED, RunState.RUNNING, False, TrainingState.STOPPED),
        (SubmissionState.STOPPED, RunState.RUNNING, False, TrainingState.STOPPED),
        (SubmissionState.CANCELLED, None, False, TrainingState.STOPPED),
        (SubmissionState.FAILED, None, False, TrainingState.FAILED),
        (SubmissionState.LOST, RunState.RUNNING, False, TrainingState.FAILED),
        (SubmissionState.LOST, RunState.RUNNING, True, TrainingState.RUNNING),
        (None, RunState.RUNNING, True, TrainingState.RUNNING),
        (None, RunState.RUNNING, False, TrainingState.STOPPED),
        (None, RunState.DONE, False, TrainingState.FINISHED),
        (None, RunState.FAILED, False, TrainingState.FAILED),
    ],
)
def test_how_a_training_stands(
    empty: Catalog, submission: SubmissionState | None, run: RunState | None, held: bool, state: TrainingState
) -> None:
    begun = given = None
    if run is not None:
        begun = empty.models.run(trained(empty, "one", state=run, step=1))
    if submission is not None:
        submitted(empty, "one", submission)
        (given,) = empty.submissions.list()
    found, why = state_of(begun, given, held=held)
    assert found is state
    assert bool(why) == (
        state is TrainingState.STOPPED or (state is TrainingState.FAILED and run is not RunState.FAILED)
    )


@pytest.fixture
def empty(shelf: Shelf) -> Catalog:
    snapshot(shelf.catalog, "one")
    return shelf.catalog
