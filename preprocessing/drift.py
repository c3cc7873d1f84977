"""Whether a batch is rejected or flagged as often as the batches before it. Pure: numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from statistics import median

from catalog.records import Share
from preprocessing.report import Rate

#: With how many batches one is compared, and how few of them say nothing yet.
WINDOW, ENOUGH = 30, 10
#: How many standard deviations are too many: what Iglewicz and Hoaglin advise for robust scores.
LIMIT = 3.5
#: A rate that has changed by less than this is nobody's business, however certain it is.
SMALLEST = 0.05


def compare(name: str, sentence: str, *, now: Share, before: Sequence[Share]) -> Rate:
    """A rate of this batch beside the same one of the batches before, and the range that is normal for it.

    With k of n rows in a batch, y = asin(sqrt((k + 3/8) / (n + 3/4))) has a variance of about 1 / (4n + 2) whatever
    the rate is, also for none of few (Anscombe, The transformation of Poisson, binomial and negative-binomial data,
    Biometrika 35, 1948). What batches differ by beyond that chance is measured, not assumed away, as in Laney's p'
    chart (Improved control charts for attributes, Quality Engineering 14, 2002), here robustly, so that a bad batch
    among the B earlier ones hides no other one:

        m = median(y_i), s = Qn(y_i), c = median(1 / (4 n_i + 2)), t^2 = max(0, s^2 - c)
        normal: |y - m| <= L sd, where sd^2 = t^2 + 1 / (4n + 2) + (pi / 2) (t^2 + c) / B

    The last term is how uncertain the median itself is. Qn is the scale of Rousseeuw and Croux (Alternatives to the
    median absolute deviation, JASA 88, 1993), which half of the batches cannot break either and which wastes less of
    the others than the MAD. L is 3.5, the limit of Iglewicz and Hoaglin (How to Detect and Handle Outliers, 1993;
    NIST/SEMATECH handbook, 1.3.5.17), widened as Student's t is for B - 1 degrees of freedom: times
    1 + (3.5^2 + 1) / (4 (B - 1)). Among batches whose true rates vary by a beta distribution, at most 3 of 1,000
    comparisons then are false alarms (tests/preprocessing/test_drift.py).

    The range is told as a rate, and reaches at least SMALLEST to either side of the median. Both ways count: a check
    that flags nobody any more is as wrong as one that flags everybody. What lasts for half of the batches becomes the
    normal.

    Of fewer batches than ENOUGH, and of a batch without rows, it says nothing: ``normal`` is None.
    """
    known = [share for share in before if share.whole]
    rates = [share.part / share.whole for share in known]
    middle = median(rates) if rates else None
    spread = _spread(rates) if len(rates) > 1 else None
    normal = None
    if len(known) >= ENOUGH and now.whole and middle is not None:
        low, high = _normal(now.whole, known)
        normal = (max(0.0, min(low, middle - SMALLEST)), min(1.0, max(high, middle + SMALLEST)))
    return Rate(
        name=name,
        sentence=sentence,
        part=now.part,
        whole=now.whole,
        batches=len(known),
        median=middle,
        spread=spread,
        normal=normal,
    )


def _normal(whole: int, before: Sequence[Share]) -> tuple[float, float]:
    """The lowest and the highest rate among `whole` rows that the earlier batches let expect."""
    angles = [math.asin(math.sqrt((share.part + 0.375) / (share.whole + 0.75))) for share in before]
    middle = median(angles)
    seen = _spread(angles) ** 2
    chance = median(1 / (4 * share.whole + 2) for share in before)
    beyond = max(0.0, seen - chance)
    deviation = math.sqrt(beyond + 1 / (4 * whole + 2) + math.pi / 2 * (beyond + chance) / len(before))
    limit = LIMIT * (1 + (LIMIT**2 + 1) / (4 * (len(before) - 1)))
    low, high = max(0.0, middle - limit * deviation), min(math.pi / 2, middle + limit * deviation)
    return _rate(low, whole), _rate(high, whole)


def _spread(values: Sequence[float]) -> float:
    """Qn: a quantile of the distances between all pairs, which is the standard deviation where values are normal."""
    count = len(values)
    distances = sorted(abs(one - other) for one, other in combinations(values, 2))
    wanted = math.comb(count // 2 + 1, 2)
    return 2.2219 * distances[wanted - 1] * count / (count + (1.4 if count % 2 else 3.8))


def _rate(angle: float, whole: int) -> float:
    """The rate that an angle stands for, among so many rows."""
    return min(1.0, max(0.0, (math.sin(angle) ** 2 * (whole + 0.75) - 0.375) / whole))
