"""What the page of duplicates is given: frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.records import Decision, Verdict
from preprocessing.clusters import Pair, Radius


@dataclass(frozen=True, slots=True)
class CopyView:
    """A copy that was refused when it was fetched."""

    source: str
    page_link: str | None
    exact: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One photo of a cluster or pair. ``tie`` is why it belongs there, ``to`` the photo that it is tied to."""

    photo: int
    source: str
    page_link: str | None
    kept: bool
    because: str  # in which respect the kept one is better; empty for that one, and where nothing tells them apart
    tie: Pair | None
    to: int
    sure: bool  # it was looked at closer, and shows the same as the photo to keep
    batch: int | None
    decision: Decision | None
    waits: bool  # at the raw stage of a batch in review: whoever may decide may reject it here
    closed: bool  # in a batch that is reviewed no more
    token: str  # what its rejection is called, so that sending it twice records it once
    copies: tuple[CopyView, ...]


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One cluster, or a pair that may be the same (``sure`` tells); ``more`` photos of it are not shown."""

    keep: int
    sure: bool
    cards: tuple[Card, ...]
    more: int
    sources: tuple[str, ...]

    @property
    def kept_rejected(self) -> bool:
        """Whether somebody has rejected the very photo that would be kept."""
        decision = self.cards[0].decision
        return decision is not None and decision.verdict is Verdict.REJECT

    @property
    def waiting(self) -> Sequence[Card]:
        """Those beside the kept one that may be rejected here."""
        return [] if self.kept_rejected else [card for card in self.cards[1:] if card.waits]


@dataclass(frozen=True, slots=True)
class DuplicatesView:
    """A page of the clusters within a radius, then of the pairs, and what other radii would find."""

    bits: int
    usual: int  # the radius when none is chosen
    photos: int
    gathered: int  # photos in clusters
    total: int  # clusters
    perhaps: int  # pairs
    unlooked: int
    refused_copies: int
    clusters: tuple[ClusterView, ...]
    page: int
    pages: int
    preview: tuple[Radius, ...]
    at: datetime
