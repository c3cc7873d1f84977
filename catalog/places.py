"""Where subjects are in review: in which batch, how far they have come, and whether they may be decided there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from catalog.errors import Conflict
from catalog.present import present
from catalog.records import BatchState, Role, Stage, Subject, SubjectKind, Verdict
from catalog.replay import Stand
from catalog.tables import batches, faces, photos, refusals


@dataclass(frozen=True, slots=True)
class Place:
    """Where one subject is. ``before`` stands at the stage before; ``later``: something stands at the stage after."""

    photo_id: int
    batch_id: int | None
    is_open: bool
    refused: str | None
    erased: bool
    cropped: bool
    before: Verdict | None
    later: bool

    def must_take(self, stage: Stage, stood: Stand | None, role: Role) -> None:
        """Conflict unless a decision may be added now. Second and third looks may come when the batch has moved on."""
        what = "photo" if stage is Stage.RAW else "face"
        if not self.is_open:
            raise Conflict(f"this {what} is in no batch that is open for review")
        if self.refused is not None:
            raise Conflict(f"this photo was refused: {self.refused}" if stage is Stage.RAW else self._of_face())
        if stage is Stage.RAW:
            settled = self.cropped and stood is not None and _approves(stood)
            if settled and role not in (Role.SECOND, Role.THIRD):
                raise Conflict("the batch has moved on: this photo is cropped already")
            return
        earlier = Stage.RAW if stage is Stage.CROP else Stage.CROP
        if self.before is not Verdict.APPROVE:
            raise Conflict(f"not approved at the {earlier} stage")
        disputed = stood is not None and stood.decision is None
        if self.later and not disputed and role not in (Role.SECOND, Role.THIRD):
            raise Conflict("decided at the final stage already; take that back first")

    def _of_face(self) -> str:
        return f"the photo of this face was refused: {self.refused}"


def _approves(stood: Stand) -> bool:
    return stood.decision is not None and stood.decision.verdict is Verdict.APPROVE


def places(connection: Connection, numbers: Sequence[int], stage: Stage) -> dict[Subject, Place]:
    """Where these subjects of a stage are; those that do not exist are missing."""
    statement = select(
        photos.c.id.label("photo"),
        photos.c.batch_id,
        photos.c.cropped_at,
        batches.c.state,
        refusals.c.reason,
        refusals.c.step,
    )
    joined = photos.outerjoin(batches, batches.c.id == photos.c.batch_id)
    if stage is Stage.RAW:
        joined = joined.outerjoin(refusals, refusals.c.photo_id == photos.c.id)
        statement = statement.add_columns(photos.c.id.label("number")).where(photos.c.id.in_(numbers))
        kind = SubjectKind.PHOTO
    else:
        raw, crop, final = present(Stage.RAW), present(Stage.CROP), present(Stage.FINAL)
        joined = joined.join(faces, faces.c.photo_id == photos.c.id)
        joined = joined.outerjoin(refusals, refusals.c.photo_id == photos.c.id)
        if stage is Stage.CROP:
            joined = joined.outerjoin(raw, raw.c.photo_id == photos.c.id)
            joined = joined.outerjoin(final, final.c.face_id == faces.c.id)
            statement = statement.add_columns(raw.c.verdict.label("before"), final.c.verdict.label("later"))
        else:
            # Approved as a crop, but of a photo on which nothing stands any more, it is not at this stage.
            joined = joined.outerjoin(raw, raw.c.photo_id == photos.c.id)
            joined = joined.outerjoin(crop, (crop.c.face_id == faces.c.id) & (raw.c.verdict == Verdict.APPROVE.value))
            statement = statement.add_columns(crop.c.verdict.label("before"))
        statement = statement.add_columns(faces.c.id.label("number")).where(faces.c.id.in_(numbers))
        kind = SubjectKind.FACE
    found: dict[Subject, Place] = {}
    for row in connection.execute(statement.select_from(joined)).mappings():
        subject = Subject(kind, row["number"])
        if subject not in found or row["step"] == "erase":  # refused more than once
            found[subject] = _place(row)
    return found


def _place(row: Any) -> Place:
    before = row.get("before")
    return Place(
        photo_id=row["photo"],
        batch_id=row["batch_id"],
        is_open=row["state"] == BatchState.OPEN.value,
        refused=row["reason"],
        erased=row["step"] == "erase",
        cropped=row["cropped_at"] is not None,
        before=Verdict(before) if before else None,
        later=row.get("later") is not None,
    )
