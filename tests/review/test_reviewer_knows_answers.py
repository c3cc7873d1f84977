"""Known answers are added, taken from what two people agreed on, listed and withdrawn by a command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from shelf import Shelf

from catalog.records import Reason, Stage, Subject, SubjectKind, Verdict
from catalog.settings import settings
from review.__main__ import main

Command = Callable[..., dict[str, Any]]


@pytest.fixture
def golds(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    monkeypatch.setenv("FACELOOP_DATABASE", f"sqlite:///{tmp_path / 'catalog.db'}")
    monkeypatch.setenv("FACELOOP_SECOND_REVIEW_SHARE", "1")
    settings.cache_clear()

    def command(*words: object) -> dict[str, Any]:
        main(["golds", "--json", *map(str, words)])
        told: dict[str, Any] = json.loads(capsys.readouterr().out.splitlines()[-1])
        return told

    yield command
    settings.cache_clear()


def known(told: dict[str, Any]) -> list[tuple[Any, ...]]:
    assert told["ok"], told
    return [(one["stage"], one["kind"], one["subject"], one["verdict"], one["reason"]) for one in told["golds"]]


def test_an_answer_is_added_changed_and_withdrawn(shelf: Shelf, golds: Command) -> None:
    shelf.batch(1)
    photo = shelf.photo().id
    assert known(golds("--stage", "raw", "--approve", photo)) == [("raw", "photo", photo, "approve", None)]
    changed = golds("--stage", "raw", "--reject", photo, "--reason", "mirrored", "--by", "olga")
    assert known(changed) == [("raw", "photo", photo, "reject", "mirrored")]
    assert changed["golds"][0]["by"] == "olga"
    assert known(golds("--stage", "raw", "--withdraw", photo)) == []


def test_what_two_people_agreed_on_becomes_known(shelf: Shelf, golds: Command) -> None:
    batch = shelf.batch(3)
    same, other_reason, differing = shelf.photos(batch)
    words = {
        same: (Reason.EYES, Reason.EYES),
        other_reason: (Reason.EYES, Reason.FRINGE),
        differing: (Reason.EYES, None),
    }
    for photo, reasons in words.items():
        for by, reason in zip(("anna", "rita"), reasons, strict=True):
            verdict = Verdict.REJECT if reason else Verdict.APPROVE
            subject = Subject(SubjectKind.PHOTO, photo)
            shelf.catalog.decisions.decide(subject, stage=Stage.RAW, verdict=verdict, reason=reason, by=by)
    assert known(golds("--agreed", 5)) == [("raw", "photo", same, "reject", "wink_or_closed_eyes")]
    assert len(golds("--agreed", 5)["golds"]) == 1, "what is known already is not added again"
    assert golds("--stage", "crop")["golds"] == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--approve", 1], "stage"),
        (["--stage", "raw", "--approve", 10**6], "no photo"),
        (["--stage", "raw", "--reject", 1], "reason"),
        (["--stage", "raw", "--withdraw", 1], "not known"),
        (["--stage", "crop", "--reject", 1, "--reason", "no_head_room"], "reason"),
        (["--reason", "mirrored"], "--reject"),
    ],
)
def test_what_is_no_answer_is_refused(shelf: Shelf, golds: Command, words: list[object], complaint: str) -> None:
    shelf.batch(1)
    told = golds(*words)
    assert not told["ok"]
    assert complaint in told["error"]
    assert shelf.catalog.golds.list() == []
