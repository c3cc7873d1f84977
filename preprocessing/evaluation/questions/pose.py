"""Where a person looks: as labelled, in the column `frontal`."""

from __future__ import annotations

from collections.abc import Iterator

from preprocessing.evaluation.case import Case, Sample, question


@question(check="pose")
def turned_away(case: Case) -> Iterator[Sample]:
    """Faces labelled as turned against faces labelled as frontal or nearly so."""
    if case.face is not None and case.label.is_portrait and case.label.frontal is not None:
        yield Sample(not case.label.frontal, case.score("pose"))
