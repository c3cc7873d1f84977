"""Which of a stage's subjects somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_

from catalog.present import id_column
from catalog.records import Reason, Stage
from catalog.stages import table_of
from catalog.tables import candidates, faces, flags, photos, queries, standing_decisions


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which subjects of a stage are wanted: those of a source, of a query with these words, flagged so,
    or disputed."""

    source: str = ""
    query: str = ""
    reason: Reason | None = None
    flag: str = ""  # the name of a check or expectation
    disputed: bool = False  # only what two people differ about

    @property
    def tells(self) -> bool:
        """Whether what passes it tells of flags, which whoever looks blindly must not learn."""
        return self.reason is not None or bool(self.flag)

    def conditions(self, stage: Stage) -> list[ColumnElement[bool]]:
        """On a row of the stage's table."""
        found: list[ColumnElement[bool]] = []
        photo = photos.c.id if stage is Stage.RAW else faces.c.photo_id
        if self.source or self.query:
            home = photos.alias("found_at")
            of = exists().where(home.c.id == photo, candidates.c.id == home.c.candidate_id)
            if self.source:
                of = of.where(candidates.c.source == self.source)
            if self.query:
                of = of.where(
                    queries.c.id == candidates.c.query_id, queries.c.text.icontains(self.query, autoescape=True)
                )
            found.append(of)
        if self.tells:
            of = exists().where(id_column(flags, stage) == table_of(stage).c.id, flags.c.stage == stage.value)
            if self.reason:
                of = of.where(flags.c.reason == self.reason.value)
            if self.flag:
                of = of.where(or_(flags.c.by == self.flag, flags.c.by == f"check:{self.flag}"))
            found.append(of)
        if self.disputed:
            standing = standing_decisions.alias("differing")
            found.append(
                exists().where(
                    id_column(standing, stage) == table_of(stage).c.id,
                    standing.c.stage == stage.value,
                    standing.c.verdict.is_(None),
                )
            )
        return found


#: Everything passes.
ALL = Sieve()
