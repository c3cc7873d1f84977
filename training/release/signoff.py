"""Sign-off: whether a model learned from something so unlike what the champion learned from that a person must agree.

The rule is a pure function of a `Change`; what a person answered is a `SignOff`. Nothing here ever approves: without
an answer an unusual change is not promoted, and a refusal always holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from catalog import Catalog
from catalog.records import Domain, FreshFace
from training.errors import NotSignedOff
from training.release.promotion import Judgement

#: So many new faces are shown to who is asked.
SHOWN = 12


@dataclass(frozen=True, slots=True)
class Change:
    """How the faces of one snapshot differ from those of another (`before`), which the champion learned from.

    Counts are per domain, every domain named. `fresh` are the faces whose crops are not in `before`.
    """

    snapshot: str
    before: str
    faces: Mapping[str, int]
    faces_before: Mapping[str, int]
    fresh: int

    @property
    def fresh_share(self) -> float:
        """Which share of the snapshot's faces the champion has never seen."""
        return self.fresh / max(sum(self.faces.values()), 1)

    def share(self, domain: str) -> float:
        """A domain's share of the snapshot's faces."""
        return self.faces.get(domain, 0) / max(sum(self.faces.values()), 1)

    def share_before(self, domain: str) -> float:
        """A domain's share of the faces that the champion learned from."""
        return self.faces_before.get(domain, 0) / max(sum(self.faces_before.values()), 1)


@dataclass(frozen=True, slots=True)
class SignOff:
    """What a person answered who was asked whether a model may be promoted."""

    approved: bool
    by: str
    at: datetime
    why: str = ""

    @property
    def sentence(self) -> str:
        """As the model's reasons keep it: who, when, and why."""
        said = "signed off" if self.approved else "refused"
        why = f": {' '.join(self.why.split())}" if self.why.strip() else ", without a reason given"
        return f"{said} by {self.by}, {self.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC{why}"


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked: a model that would be promoted, and why that is for a person to say."""

    change: Change
    reasons: tuple[str, ...]
    judgement: Judgement
    sample: tuple[FreshFace, ...]


def unusual(change: Change, *, balance: float, fresh: float) -> tuple[str, ...]:
    """Why a change is for a person to judge; empty when it is as usual.

    It is unusual when a domain's share has moved by more than `balance`, or when more than `fresh` of the faces are
    new to the champion; both are shares in [0, 1], and what lies exactly on them is usual.
    """
    reasons = []
    for domain in sorted(change.faces.keys() | change.faces_before.keys()):
        before, now = change.share_before(domain), change.share(domain)
        # Shares are fractions of whole faces: compared rounded, so that 0.6 against 0.5 is 0.1 and not a hair more.
        if round(abs(now - before), 9) > balance:
            reasons.append(f"{domain} was {before:.1%} of the faces and is {now:.1%}: moved by more than {balance:.1%}")
    if round(change.fresh_share, 9) > fresh:
        total = sum(change.faces.values())
        reasons.append(f"{change.fresh} of {total} faces are new ({change.fresh_share:.1%}): more than {fresh:.1%}")
    return tuple(reasons)


def heeding(judgement: Judgement, reasons: Sequence[str], signed: SignOff | None) -> Judgement:
    """The judgement once a person has been heard, if one was asked.

    Raises NotSignedOff when an unusual change would be promoted on nobody's word.
    """
    if signed is not None and not signed.approved:
        return Judgement(promote=False, reasons=(signed.sentence, *reasons, *judgement.reasons))
    if not judgement.promote or (not reasons and signed is None):
        return judgement
    if signed is None:
        raise NotSignedOff(f"nobody has signed off an unusual change: {'; '.join(reasons)}")
    return Judgement(promote=True, reasons=(*judgement.reasons, signed.sentence, *reasons))


def sample(fresh: Sequence[FreshFace], *, count: int = SHOWN) -> tuple[FreshFace, ...]:
    """Some of the new faces to look at, the domains by turns as far as they last; the same each time it is asked.

    `fresh` is in the order of the crops' names, which are digests: its beginning is as good as a draw.
    """
    of = {domain: [face for face in fresh if face.domain is domain] for domain in Domain}
    turns = sorted((place, face.domain, face) for faces in of.values() for place, face in enumerate(faces))
    return tuple(face for _, _, face in turns[:count])


def change_since_champion(catalog: Catalog, snapshot_id: str) -> Change | None:
    """How a snapshot differs from what the champion learned from; None when there is no champion."""
    champion = catalog.models.champion()
    if champion is None:
        return None
    now = catalog.snapshots.get(snapshot_id)
    before = catalog.snapshots.get(catalog.models.run(champion.run_id).snapshot_id)
    return Change(
        snapshot=now.id,
        before=before.id,
        faces={Domain.BARE.value: now.bare, Domain.MAKEUP.value: now.makeup},
        faces_before={Domain.BARE.value: before.bare, Domain.MAKEUP.value: before.makeup},
        fresh=len(catalog.snapshots.fresh_faces(now.id, since=before.id)),
    )
