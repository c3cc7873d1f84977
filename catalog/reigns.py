"""Who was champion from when to when, and why: a history to which rows are only ever added; and the way back.

A rollback makes an earlier champion the champion again, in one transaction. The champions that came after it are taken
back: no promotion brings a model of their runs back on its own, a person must agree. Rolling forward to one of them,
by name, lifts that for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select, update

from catalog.errors import BadInput, Conflict, NotFound
from catalog.part import Part, clean, now
from catalog.records import ModelState, Reign, ReignKind
from catalog.tables import models, reigns


class Reigns(Part):
    """The champions, one after the other."""

    def history(self) -> Sequence[Reign]:
        """Every reign, oldest first; the last one has no end, unless there is no champion."""
        with self._catalog.reading() as connection:
            return _history(connection)

    def taken_back(self, run_id: int) -> Reign | None:
        """The rollback by which a model of this run was taken back, if it was; the newest."""
        with self._catalog.reading() as connection:
            history = _history(connection)
            of_run = set(connection.scalars(select(models.c.id).where(models.c.run_id == run_id)))
        found = [reign for model_id, reign in _taken_back(history).items() if model_id in of_run]
        return max(found, key=lambda reign: reign.id, default=None)

    def begin(self, connection: Connection, model_id: int, *, over: int | None, why: str, at: datetime) -> None:
        """Note a promotion, as a part of its transaction."""
        self._add(connection, model_id, over=over, kind=ReignKind.PROMOTED, by="", why=why, at=at)

    def roll_back(self, to: int | None = None, *, by: str, why: str) -> Reign:
        """Make an earlier champion (default: the newest one that was not taken back) champion again.

        BadInput when nobody says who and why, or for a model that never was champion; NotFound when there is no such
        model, or none to go back to; Conflict when it is champion already.
        """
        if not by.strip() or not why.strip():
            raise BadInput("a rollback needs who asks for it, and why")
        with self._catalog.writing() as connection:
            self._serialise(connection, "models")
            history = _history(connection)
            reigning = connection.scalar(select(models.c.id).where(models.c.state == ModelState.CHAMPION.value))
            target = _earlier(history, reigning) if to is None else to
            if target is None:
                raise NotFound("there is no earlier champion to go back to")
            if target == reigning:
                raise Conflict(f"model {target} is champion already")
            if connection.scalar(select(models.c.id).where(models.c.id == target)) is None:
                raise NotFound(f"no model {target}")
            if all(reign.model_id != target for reign in history):
                raise BadInput(f"model {target} never was champion: promote its evaluation instead")
            for model_id, state in ((reigning, ModelState.RETIRED), (target, ModelState.CHAMPION)):
                connection.execute(update(models).where(models.c.id == model_id).values(state=state.value))
            self._add(
                connection, target, over=reigning, kind=ReignKind.ROLLED_BACK, by=clean(by), why=clean(why), at=now()
            )
            return _history(connection)[-1]

    def _add(
        self,
        connection: Connection,
        model_id: int,
        *,
        over: int | None,
        kind: ReignKind,
        by: str,
        why: str,
        at: datetime,
    ) -> None:
        connection.execute(
            reigns.insert().values(model_id=model_id, over=over, kind=kind.value, by=by, why=clean(why), at=at)
        )


def _history(connection: Connection) -> list[Reign]:
    rows: list[Any] = list(connection.execute(select(reigns).order_by(reigns.c.id)))
    ends = [later.at for _, later in pairwise(rows)] + [None]
    return [
        Reign(row.id, row.model_id, row.over, ReignKind(row.kind), row.by, row.why, row.at, until)
        for row, until in zip(rows, ends, strict=False)
    ]


def _taken_back(history: Sequence[Reign]) -> dict[int, Reign]:
    """The champions that somebody went back behind, each with the rollback; models are numbered as they come."""
    seen: set[int] = set()
    gone: dict[int, Reign] = {}
    for reign in history:
        seen.add(reign.model_id)
        if reign.kind is ReignKind.ROLLED_BACK:
            gone |= {model_id: reign for model_id in seen if model_id > reign.model_id and model_id not in gone}
        gone.pop(reign.model_id, None)
    return gone


def _earlier(history: Sequence[Reign], reigning: int | None) -> int | None:
    gone = _taken_back(history)
    older = (r.model_id for r in history if r.model_id not in gone and (reigning is None or r.model_id < reigning))
    return max(older, default=None)
