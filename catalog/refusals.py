"""Which photos a step has refused: they go no further, and are counted nowhere but where they were judged."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, select

from catalog.tables import refusals


def refused(*steps: str) -> Select[tuple[int]]:
    """The ids of the photos that one of these steps has refused, or any step."""
    ids = select(refusals.c.photo_id).where(refusals.c.photo_id.is_not(None))
    return ids.where(refusals.c.step.in_(steps)) if steps else ids


def is_refused(photo: ColumnElement[int], *steps: str) -> ColumnElement[bool]:
    """Whether one of these steps has refused this photo, or any step: for few photos out of many."""
    found = exists().where(refusals.c.photo_id == photo)
    return found.where(refusals.c.step.in_(steps)) if steps else found
