"""How far people agree beyond what chance would give: 1 is always, 0 as often as by chance, below 0 less often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence


def cohen_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Cohen's kappa of two reviewers who judged the same subjects; ``pairs`` are their labels, subject by subject.

    (observed - expected) / (1 - expected) agreement (Cohen, A coefficient of agreement for nominal scales, 1960). None
    where it is not defined: no subject, or both used one and the same label throughout.
    """
    count = len(pairs)
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    agreed = sum(one == other for one, other in pairs)
    expected = sum(times * second[label] for label, times in first.items())  # times count squared: whole numbers
    if expected == count * count:
        return None
    return (agreed * count - expected) / (count * count - expected)


def fleiss_kappa(subjects: Sequence[Sequence[Hashable]]) -> float | None:
    """Fleiss' kappa of any number of reviewers; each of ``subjects`` holds the labels it was given, as many as the
    others, and two at least, by whomever.

    (Fleiss, Measuring nominal scale agreement among many raters, 1971.) None where it is not defined: no subject, or
    one and the same label throughout. ValueError: fewer than two labels, or not as many as another subject's.
    """
    if not subjects:
        return None
    raters = len(subjects[0])
    if raters < 2 or any(len(labels) != raters for labels in subjects):
        raise ValueError("every subject needs the same number of labels, two at least")
    counted = [Counter(labels) for labels in subjects]
    count = len(subjects)
    # Both shares times a whole number, so that nothing is rounded before the end.
    observed = sum(times * (times - 1) for labels in counted for times in labels.values())
    totals: Counter[Hashable] = Counter()
    for labels in counted:
        totals.update(labels)
    expected = sum(times * times for times in totals.values())
    all_pairs, all_labels = count * raters * (raters - 1), (count * raters) ** 2
    if expected == all_labels:
        return None
    return (observed * all_labels - expected * all_pairs) / (all_pairs * (all_labels - expected))
