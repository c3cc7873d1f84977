"""The files that lie beside a model: its card and its exports, blobs of kind ``models``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from catalog.part import Part, finite, now
from catalog.records import ModelFile
from catalog.tables import model_files


class ModelFiles(Part):
    """What was made of a model, one file of each kind."""

    def add(self, model_id: int, *, kind: str, name: str, size: int, about: Mapping[str, Any]) -> ModelFile:
        """Record a file that is in the store; another of the same kind takes its place."""
        values = {"name": name, "size": size, "about": finite(about), "at": now()}
        with self._catalog.writing() as connection:
            row = connection.execute(
                self._insert(model_files)
                .values(model_id=model_id, kind=kind, **values)
                .on_conflict_do_update(index_elements=["model_id", "kind"], set_=values)
                .returning(model_files)
            ).one()
        return _file(row)

    def of(self, model_id: int) -> dict[str, ModelFile]:
        """A model's files by their kind."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(model_files).where(model_files.c.model_id == model_id).order_by(model_files.c.kind)
            )
            return {row.kind: _file(row) for row in rows}

    def names(self) -> set[str]:
        """The name of every blob that is such a file."""
        with self._catalog.reading() as connection:
            return set(connection.scalars(select(model_files.c.name)))


def _file(row: Any) -> ModelFile:
    return ModelFile(row.model_id, row.kind, row.name, row.size, dict(row.about), row.at)
