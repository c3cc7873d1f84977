"""Which photos a step has refused: they go no further, and are counted nowhere but where they were judged."""

from __future__ import annotations

from sqlalchemy import Select, select

from catalog.tables import refusals


def refused(*steps: str) -> Select[tuple[int]]:
    """The ids of the photos that one of these steps has refused, or any step."""
    ids = select(refusals.c.photo_id).where(refusals.c.photo_id.is_not(None))
    return ids.where(refusals.c.step.in_(steps)) if steps else ids
