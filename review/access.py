"""Who may look and who may decide: asked of whatever the desk is mounted in, on every route."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in. ``id`` is what a decision is signed with; ``name`` is what the page calls them."""

    id: str
    name: str
    may_decide: bool


@dataclass(frozen=True, slots=True)
class Access:
    """Two FastAPI dependencies, each giving a ``Person`` or raising 401 (nobody) or 403 (somebody who may not).

    ``reader`` guards everything that shows; ``reviewer`` everything that writes.
    """

    reader: Callable[..., object]
    reviewer: Callable[..., object]
