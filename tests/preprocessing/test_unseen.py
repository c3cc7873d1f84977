"""A fit is judged on what it has not seen: no person, and with sources left out no source, is in two folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.fitting.unseen import answers_of_unseen, folds_of_people, folds_of_sources, told

NAMES = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=60)


def together(names: Sequence[str], folds: Sequence[str]) -> bool:
    return len(set(zip(names, folds, strict=True))) == len(set(names))


@given(NAMES)
def test_everybody_is_in_one_fold(people: list[str]) -> None:
    assert together(people, folds_of_people(people))


@given(NAMES)
def test_there_are_folds_enough_to_leave_one_out(people: list[str]) -> None:
    assert len(set(folds_of_people(people))) == min(5, len(set(people)))


@given(NAMES, st.data())
def test_a_source_with_many_counted_cases_is_alone_and_the_others_share(
    sources: list[str], data: st.DataObject
) -> None:
    counted = data.draw(st.lists(st.booleans(), min_size=len(sources), max_size=len(sources)))
    folds = folds_of_sources(sources, counted, many=3)
    assert together(sources, folds)
    for source, fold in zip(sources, folds, strict=True):
        large = sum(c for s, c in zip(sources, counted, strict=True) if s == source) >= 3
        assert large == (fold == source)


@given(NAMES.filter(lambda names: len(set(names)) > 1))
def test_each_answer_comes_from_a_fit_that_has_not_seen_the_case_or_its_fold(people: list[str]) -> None:
    folds = folds_of_people(people)
    cases = list(zip(people, folds, range(len(people)), strict=True))
    answers = answers_of_unseen(cases, folds, fit=list, answer=lambda seen, case: (seen, case))
    for case, (seen, asked) in zip(cases, answers, strict=True):
        assert asked == case
        assert case[1] not in {fold for _, fold, _ in seen}
        assert len(seen) == sum(fold != case[1] for fold in folds)


def test_with_one_fold_there_is_nothing_to_leave_out() -> None:
    with pytest.raises(ValueError, match="nothing can be left out"):
        answers_of_unseen([1, 2], ["a", "a"], fit=sum, answer=max)


def test_what_is_told_is_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    found = told("strangers", np.array([-2.0, -1.0, 3.0]), np.array([1.0, 2.0, 4.0, 5.0]), threshold=0.0)
    assert (found["tpr"], found["fpr"], found["tpr_at_1pct_fpr"]) == (0.6667, 0.0, 0.6667)
    assert found["auc"] == 0.8333
    said = capsys.readouterr().out
    assert said.startswith("strangers (3 to flag, 4 not): AUC 0.8333, 0.667 found at 1 % false alarms")


def test_a_source_without_anything_to_flag_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    found = told("one source", np.array([]), np.array([1.0, -1.0]), threshold=0.0)
    assert found == {"fpr": 0.5, "n_positive": 0, "n_negative": 2}
    assert "(0 to flag, 2 not): 0.5000 false alarms there" in capsys.readouterr().out
