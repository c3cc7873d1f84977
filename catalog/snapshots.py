"""Snapshots: immutable lists of approved faces; and the gate's decisions about them, every one kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, select

from catalog.errors import BadInput, NotFound
from catalog.lineages import way_back
from catalog.part import Part, must_be_finite, now
from catalog.records import ApprovedFace, Domain, FreshFace, GateDecision, GateRule, RuleKind, Snapshot
from catalog.refusals import refused
from catalog.tables import candidates, faces, gate_decisions, photos, queries, runs, snapshot_faces, snapshots


class Snapshots(Part):
    """What was, or could be, trained on."""

    def add(
        self, snapshot_id: str, *, manifest: str, faces: Sequence[ApprovedFace], held_out: Collection[str] = ()
    ) -> Snapshot:
        """Record a snapshot; the same id gives the one that is there. ``held_out`` are the crops kept for evaluation.

        BadInput for a face that is not for training.
        """
        if barred := [face.face_id for face in faces if not face.train_ok]:
            raise BadInput(f"no model may learn from the faces {', '.join(map(str, barred[:5]))}")
        counts = {domain: sum(face.domain is domain for face in faces) for domain in Domain}
        with self._catalog.writing() as connection:
            fresh = connection.execute(
                self._insert(snapshots)
                .values(
                    id=snapshot_id,
                    manifest=manifest,
                    bare=counts[Domain.BARE],
                    makeup=counts[Domain.MAKEUP],
                    created_at=now(),
                )
                .on_conflict_do_nothing(index_elements=["id"])
                .returning(snapshots.c.id)
            ).first()
            if fresh and faces:
                connection.execute(
                    snapshot_faces.insert(),
                    [
                        {"snapshot_id": snapshot_id, "face_id": face.face_id, "held_out": face.sha256 in held_out}
                        for face in faces
                    ],
                )
        return self.get(snapshot_id)

    def adopt(self, snapshot_id: str, *, manifest: str, bare: int, makeup: int) -> Snapshot:
        """Record a snapshot that was frozen in another catalog, so that it can be trained on here: it has no faces'
        rows, and nothing but its counts. The same id gives the one that is there."""
        with self._catalog.writing() as connection:
            connection.execute(
                self._insert(snapshots)
                .values(id=snapshot_id, manifest=manifest, bare=bare, makeup=makeup, created_at=now())
                .on_conflict_do_nothing(index_elements=["id"])
            )
        return self.get(snapshot_id)

    def get(self, snapshot_id: str) -> Snapshot:
        """One snapshot, by its whole id or by a beginning of it that only it has; NotFound otherwise."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(snapshots).where(snapshots.c.id.startswith(snapshot_id, autoescape=True)).limit(2)
            ).all()
        if len(rows) != 1 or not snapshot_id:
            raise NotFound(f"no snapshot {snapshot_id}" if not rows else f"{snapshot_id} names several snapshots")
        return _snapshot(rows[0])

    def newest(self) -> Snapshot | None:
        """The snapshot taken last, or None."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(snapshots).order_by(snapshots.c.created_at.desc())).first()
        return _snapshot(row) if row else None

    def faces(self, snapshot_id: str) -> Sequence[int]:
        """The ids of a snapshot's faces."""
        with self._catalog.reading() as connection:
            return list(
                connection.scalars(
                    select(snapshot_faces.c.face_id)
                    .where(snapshot_faces.c.snapshot_id == snapshot_id)
                    .order_by(snapshot_faces.c.face_id)
                )
            )

    def split(self, snapshot_id: str) -> Mapping[str, int]:
        """How many faces of each domain a snapshot holds out of training, every domain named."""
        statement = way_back(snapshot_id, queries.c.domain, func.count())
        statement = statement.where(snapshot_faces.c.held_out).group_by(queries.c.domain)
        with self._catalog.reading() as connection:
            found = {row[0]: row[1] for row in connection.execute(statement)}
        return {domain.value: found.get(domain.value, 0) for domain in Domain}

    def sources(self, snapshot_id: str) -> dict[str, str]:
        """The source of each of a snapshot's crops."""
        with self._catalog.reading() as connection:
            return dict(connection.execute(way_back(snapshot_id, faces.c.sha256, candidates.c.source)).tuples().all())

    def sides(self) -> Mapping[str, bool]:
        """Which photos the last training held out (True), and which it learned from; empty before there was one."""
        last = select(runs.c.snapshot_id).order_by(runs.c.id.desc()).limit(1).scalar_subquery()
        statement = (
            select(photos.c.sha256, snapshot_faces.c.held_out)
            .join(faces, faces.c.photo_id == photos.c.id)
            .join(snapshot_faces, snapshot_faces.c.face_id == faces.c.id)
            .where(snapshot_faces.c.snapshot_id == last, snapshot_faces.c.held_out.is_not(None))
        )
        with self._catalog.reading() as connection:
            return {name: bool(side) for name, side in connection.execute(statement).tuples()}

    def fresh_faces(self, snapshot_id: str, *, since: str) -> Sequence[FreshFace]:
        """A snapshot's faces whose crops the other has not, in the order of the crops' names, without erased ones."""
        known = (
            select(faces.c.sha256)
            .join(snapshot_faces, snapshot_faces.c.face_id == faces.c.id)
            .where(snapshot_faces.c.snapshot_id == since)
        )
        statement = (
            way_back(snapshot_id, faces.c.id, queries.c.domain, photos.c.batch_id)
            .where(faces.c.sha256.not_in(known))
            .where(photos.c.id.not_in(refused("erase")))
            .order_by(faces.c.sha256, faces.c.id)
        )
        with self._catalog.reading() as connection:
            return [FreshFace(row.id, Domain(row.domain), row.batch_id) for row in connection.execute(statement)]

    def add_gate_decision(self, decision: GateDecision) -> GateDecision:
        """Keep what the gate decided, yes or no."""
        must_be_finite(decision.numbers)
        with self._catalog.writing() as connection:
            row = connection.execute(
                gate_decisions.insert()
                .values(
                    snapshot_id=decision.snapshot_id,
                    train=decision.train,
                    reasons=list(decision.reasons),
                    numbers=decision.numbers,
                    rules=[asdict(rule) for rule in decision.rules],
                    at=now(),
                )
                .returning(gate_decisions)
            ).one()
        return _gate(row)

    def gate_decisions(self, *, limit: int = 100, skip: int = 0, snapshot_id: str = "") -> Sequence[GateDecision]:
        """The gate's decisions, newest first, without the first so many; those on one snapshot when it is named."""
        statement = select(gate_decisions).order_by(gate_decisions.c.id.desc()).limit(limit).offset(skip)
        if snapshot_id:
            statement = statement.where(gate_decisions.c.snapshot_id == snapshot_id)
        with self._catalog.reading() as connection:
            rows = connection.execute(statement)
            return [_gate(row) for row in rows]

    def gate_count(self) -> int:
        """How often the gate has decided."""
        with self._catalog.reading() as connection:
            return connection.scalar(select(func.count()).select_from(gate_decisions)) or 0

    def gate_decision(self, decision_id: int) -> GateDecision:
        """One decision of the gate; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(gate_decisions).where(gate_decisions.c.id == decision_id)).first()
        if row is None:
            raise NotFound(f"no decision {decision_id} of the gate")
        return _gate(row)

    def count(self) -> int:
        """How many snapshots there are."""
        with self._catalog.reading() as connection:
            return connection.scalar(select(func.count()).select_from(snapshots)) or 0


def _snapshot(row: Any) -> Snapshot:
    return Snapshot(
        id=row.id,
        manifest=row.manifest,
        faces=row.bare + row.makeup,
        bare=row.bare,
        makeup=row.makeup,
        created_at=row.created_at,
    )


def _gate(row: Any) -> GateDecision:
    return GateDecision(
        snapshot_id=row.snapshot_id,
        train=row.train,
        reasons=tuple(row.reasons),
        numbers=dict(row.numbers),
        at=row.at,
        id=row.id,
        rules=tuple(GateRule(**rule | {"kind": RuleKind(rule["kind"])}) for rule in row.rules),
    )
