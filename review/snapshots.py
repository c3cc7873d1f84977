"""What a snapshot is made of, for whoever is asked to sign off a model that learned from it."""

from __future__ import annotations

from dataclasses import dataclass

from catalog import Catalog, settings
from catalog.records import FreshFace, Model, Snapshot
from training.release.signoff import Change, change_since_champion, sample, unusual

#: So many new faces are shown at most.
SHOWN = 48


@dataclass(frozen=True, slots=True)
class SnapshotView:
    """One snapshot beside the one that the champion learned from; ``change`` is None when there is no champion."""

    snapshot: Snapshot
    change: Change | None
    reasons: tuple[str, ...]  # why the change is for a person to judge
    fresh: tuple[FreshFace, ...]  # some of the new faces
    models: tuple[Model, ...]  # what was made of it, newest first, each with what a person answered


class Snapshots:
    """The snapshots of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def view(self, snapshot_id: str) -> SnapshotView:
        """A snapshot by its id, or a beginning of it. NotFound when there is none."""
        snapshot, config = self._catalog.snapshots.get(snapshot_id), settings()
        change = change_since_champion(self._catalog, snapshot.id)
        runs = {run.id for run in self._catalog.models.runs() if run.snapshot_id == snapshot.id}
        fresh = self._catalog.snapshots.fresh_faces(snapshot.id, since=change.before if change else "")
        return SnapshotView(
            snapshot=snapshot,
            change=change,
            reasons=unusual(change, balance=config.sign_off_balance, fresh=config.sign_off_fresh_faces)
            if change
            else (),
            fresh=sample(fresh, count=SHOWN),
            models=tuple(model for model in self._catalog.models.list() if model.run_id in runs),
        )
