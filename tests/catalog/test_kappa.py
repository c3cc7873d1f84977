"""Agreement beyond chance is what the field's own libraries say it is."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from catalog.kappa import cohen_kappa, fleiss_kappa

LABELS = st.sampled_from(["approve", "eyes", "fringe", "mirrored"])

#: Fleiss 1971, table 1: 30 patients, six psychiatrists each, five diagnoses; the paper's kappa is 0.430.
FLEISS_1971 = [
    [0, 0, 0, 6, 0], [0, 3, 0, 0, 3], [0, 1, 4, 0, 1], [0, 0, 0, 0, 6], [0, 3, 0, 3, 0],
    [2, 0, 4, 0, 0], [0, 0, 4, 0, 2], [2, 0, 3, 1, 0], [2, 0, 0, 4, 0], [0, 0, 0, 0, 6],
    [1, 0, 0, 5, 0], [1, 1, 0, 4, 0], [0, 3, 3, 0, 0], [1, 0, 0, 5, 0], [0, 2, 0, 3, 1],
    [0, 0, 5, 0, 1], [3, 0, 0, 1, 2], [5, 1, 0, 0, 0], [0, 2, 0, 4, 0], [1, 0, 2, 0, 3],
    [0, 0, 0, 0, 6], [0, 1, 0, 5, 0], [0, 2, 0, 1, 3], [2, 0, 0, 4, 0], [1, 0, 0, 4, 1],
    [0, 5, 0, 1, 0], [4, 0, 0, 0, 2], [0, 2, 0, 4, 0], [1, 0, 5, 0, 0], [0, 0, 0, 0, 6],
]  # fmt: skip


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=60))
def test_cohens_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    ours = cohen_kappa(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that a single label leaves kappa undefined
        theirs = cohen_kappa_score([one for one, _ in pairs], [other for _, other in pairs])
    if ours is None:
        assert np.isnan(theirs)
    else:
        assert ours == pytest.approx(theirs, abs=1e-12)


def test_fleiss_kappa_is_that_of_his_paper() -> None:
    assert {sum(row) for row in FLEISS_1971} == {6}
    subjects = [[label for label, times in enumerate(row) for _ in range(times)] for row in FLEISS_1971]
    assert fleiss_kappa(subjects) == pytest.approx(0.430, abs=5e-4)


@given(st.integers(2, 5).flatmap(lambda n: st.lists(st.lists(LABELS, min_size=n, max_size=n), min_size=1, max_size=30)))
def test_fleiss_kappa_is_his_formula(subjects: list[list[str]]) -> None:
    labels = sorted({label for given_ in subjects for label in given_})
    table = np.array([[Counter(given_)[label] for label in labels] for given_ in subjects], float)
    raters = table.sum(axis=1)[0]
    observed = ((table**2).sum(axis=1) - raters).mean() / (raters * (raters - 1))
    expected = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    ours = fleiss_kappa(subjects)
    if ours is None:
        assert len(labels) == 1
    else:
        assert ours == pytest.approx((observed - expected) / (1 - expected), abs=1e-9)


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=40))
def test_who_is_first_does_not_matter(pairs: list[tuple[str, str]]) -> None:
    turned = [(other, one) for one, other in pairs]
    assert cohen_kappa(pairs) == cohen_kappa(turned)
    assert fleiss_kappa(pairs) == fleiss_kappa(turned)


def test_no_subject_and_one_label_leave_it_undefined() -> None:
    assert cohen_kappa([]) is None
    assert fleiss_kappa([]) is None
    assert cohen_kappa([("approve", "approve")] * 5) is None
    assert fleiss_kappa([("approve", "approve")] * 5) is None


def test_subjects_with_too_few_or_unequal_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([["approve"]])
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([["approve", "eyes"], ["approve", "eyes", "eyes"]])
