"""A share of cases, and how sure one may be of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

#: Of the normal distribution: 95 % lie within so many deviations.
_DEVIATIONS = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Share:
    """``part`` of ``of`` cases."""

    part: int
    of: int

    @property
    def value(self) -> float | None:
        """The share that was seen; None where there is no case."""
        return self.part / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Between which two shares the true one lies with 95 % confidence (Wilson's); (0, 1) without a case."""
        if not self.of:
            return 0.0, 1.0
        squared = _DEVIATIONS**2
        middle = (self.part + squared / 2) / (self.of + squared)
        spread = self.part * (self.of - self.part) / self.of + squared / 4
        half = _DEVIATIONS / (self.of + squared) * sqrt(spread)
        # Nobody seen, or nobody missed, is where the interval ends: rounding must not move it beyond.
        low = 0.0 if self.part == 0 else max(0.0, middle - half)
        high = 1.0 if self.part == self.of else min(1.0, middle + half)
        return low, high

    def excludes(self, share: float) -> bool:
        """Whether the cases speak against this being the true share."""
        low, high = self.interval
        return not low <= share <= high
