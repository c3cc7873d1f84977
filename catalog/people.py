"""Which faces are one person's, as numbers that say nothing else: so that nobody is on both sides of a split.

Nothing by which a face could be found again is here: what told people apart was forgotten when it had. An erasure
removes its faces' rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select

from catalog.part import Part
from catalog.tables import people


class People(Part):
    """The people's numbers."""

    def add(self, numbers: Mapping[int, int], *, version: str) -> None:
        """Say whose faces these are: face to person; what was said of a face before is forgotten."""
        if not numbers:
            return
        statement = self._insert(people)
        statement = statement.on_conflict_do_update(
            index_elements=["face_id"],
            set_={"person": statement.excluded.person, "version": statement.excluded.version},
        )
        rows = [{"face_id": face, "person": person, "version": version} for face, person in sorted(numbers.items())]
        with self._catalog.writing() as connection:
            connection.execute(statement, rows)

    def known(self, *, version: str) -> Mapping[int, int]:
        """The faces of which this version has said whose they are: face to person."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(people.c.face_id, people.c.person).where(people.c.version == version))
            return {row.face_id: row.person for row in rows}

    def count(self) -> int:
        """How many people there are."""
        with self._catalog.reading() as connection:
            return connection.scalar(select(func.count(people.c.person.distinct()))) or 0
