"""The rates of the evaluation: what they are by definition, and what they cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from preprocessing.evaluation.rates import auc, equal_error, rates, tpr_at

# Few values, so that ties are common.
scores = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.6, 0.9, 1.0]), min_size=1, max_size=40).map(np.array)


@given(positives=scores, negatives=scores)
def test_auc_is_how_often_a_positive_scores_below_a_negative(positives, negatives) -> None:
    pairs = [1.0 if p < n else 0.5 if p == n else 0.0 for p in positives for n in negatives]
    assert auc(positives, negatives) == pytest.approx(sum(pairs) / len(pairs))


@given(positives=scores, negatives=scores)
def test_exchanging_what_is_good_and_bad_mirrors_the_auc(positives, negatives) -> None:
    assert auc(positives, negatives) + auc(negatives, positives) == pytest.approx(1)


@given(positives=scores, negatives=scores)
def test_only_the_order_of_scores_counts(positives, negatives) -> None:
    bent = [np.sqrt(positives) * 0.3, np.sqrt(negatives) * 0.3]
    assert auc(*bent) == auc(positives, negatives)
    assert tpr_at(0.1, *bent) == tpr_at(0.1, positives, negatives)
    assert equal_error(*bent) == equal_error(positives, negatives)


@given(positives=scores, negatives=scores, share=st.floats(0, 1))
def test_no_threshold_within_the_allowed_false_alarms_finds_more(positives, negatives, share: float) -> None:
    thresholds = [*np.unique(np.concatenate([positives, negatives])), np.inf]
    found = [(positives < t).mean() for t in thresholds if (negatives < t).mean() <= share]
    assert tpr_at(share, positives, negatives) == pytest.approx(max(found, default=0.0))


@given(positives=scores, negatives=scores)
def test_the_equal_error_lies_between_the_errors_of_the_thresholds_around_it(positives, negatives) -> None:
    error = equal_error(positives, negatives)
    thresholds = [*np.unique(np.concatenate([positives, negatives])), np.inf]
    worst = min(max((positives >= t).mean(), (negatives < t).mean()) for t in thresholds)
    assert 0 <= error <= worst + 1e-9


def test_a_perfect_check_and_one_that_knows_nothing() -> None:
    low, high = np.zeros(10), np.ones(10)
    perfect = rates(low, high, threshold=0.5)
    assert (perfect.auc, perfect.tpr_at_1pct_fpr, perfect.tpr, perfect.fpr, perfect.eer) == (1, 1, 1, 0, 0)
    blind = rates(high, high, threshold=0.5)
    assert (blind.auc, blind.tpr_at_1pct_fpr, blind.tpr, blind.eer) == (0.5, 0, 0, 0.5)


def test_what_was_not_there_is_not_measured() -> None:
    nothing = rates(np.array([]), np.array([0.2, 0.9]), threshold=0.5)
    assert (nothing.auc, nothing.tpr_at_1pct_fpr, nothing.tpr, nothing.eer) == (None,) * 4
    assert (nothing.fpr, nothing.n_positive, nothing.n_negative) == (0.5, 0, 2)


def test_a_score_at_the_threshold_is_not_flagged() -> None:
    assert rates(np.array([0.5]), np.array([0.5]), threshold=0.5).tpr == 0
