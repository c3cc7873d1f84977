"""Which of several photos of the same to keep, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

#: Pixels along the crop's side beyond which a face is no better for being larger: crops are no larger.
ENOUGH = 512
#: What `why` says of two that are as good.
NOTHING = "nothing tells them apart"


@dataclass(frozen=True, slots=True)
class Merits:
    """What speaks for a photo or face. `sharp` and `exposed` are the scores of those checks, 0 where there are none."""

    free: bool  # its licence is known, and a model may learn from it
    side: float
    sharp: float
    exposed: float
    since: datetime

    @property
    def rank(self) -> tuple[bool, int, int, int, datetime]:
        """The lower the better. In steps (a tenth of the side, of a score), so that noise does not decide."""
        side = math.floor(math.log(max(1.0, min(self.side, ENOUGH)), 1.1))
        return not self.free, -side, -round(self.sharp * 10), -round(self.exposed * 10), self.since


def why(kept: Merits, other: Merits) -> str:
    """In which respect the one that is kept is better than another: the first in which they differ."""
    differs = [one != two for one, two in zip(kept.rank, other.rank, strict=True)]
    sentences = (
        "its licence is known and lets a model learn from it",
        f"its face is larger ({kept.side:.0f} against {other.side:.0f} pixels)",
        f"its face is sharper ({_apart(kept.sharp, other.sharp)})",
        f"its face is better exposed ({_apart(kept.exposed, other.exposed)})",
        "it was there earlier",
    )
    return sentences[differs.index(True)] if any(differs) else NOTHING


def _apart(one: float, other: float) -> str:
    """Two scores with as many digits as show that they differ."""
    digits = next((digits for digits in (2, 3) if f"{one:.{digits}f}" != f"{other:.{digits}f}"), 4)
    return f"{one:.{digits}f} against {other:.{digits}f}"
