"""Where a training's files are: in the home folder, brought from the blob store when this machine has them not."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings
from catalog.errors import Superseded as LeaseSuperseded
from catalog.records import Checkpoint, Lease, Run, Snapshot
from training.errors import BadCheckpoint, BadSnapshot, Superseded, Unknown
from training.faces import snapshot as snapshots
from training.faces.snapshot import Entry
from training.files import sha256_of, write_atomically

if TYPE_CHECKING:
    from training.evaluation.classifier import DomainClassifier
    from training.faces.data import Faces
    from training.faces.packs import Shelf
    from training.learning.checkpoint import Saved
    from training.networks.stargan import Networks

log = logging.getLogger(__name__)

FILES = ("nets", "nets_ema", "optims", "trainer")
"""The kinds of file in one save; the last makes the set whole."""


def run_name(snapshot_id: str, *, preset: str, seed: int) -> str:
    """What a run is called: the same snapshot, preset and seed are the same run."""
    return f"{preset}-{snapshot_id[:12]}-s{seed}"


@dataclass(frozen=True, slots=True)
class Judge:
    """A domain classifier and the blob that it is kept as."""

    classifier: DomainClassifier
    blob: str


class Store:
    """The files of snapshots, runs and models. Heavy libraries are imported by the verbs that need them."""

    def __init__(self, *, catalog: Catalog, blobs: Blobs, settings: Settings) -> None:
        self._catalog, self._blobs, self._home = catalog, blobs, settings.home

    def snapshot_folder(self, snapshot_id: str) -> Path:
        """Where a snapshot's manifest lies."""
        return self._home / "snapshots" / snapshot_id

    def run_folder(self, name: str) -> Path:
        """Where a run's checkpoints, samples and logs lie."""
        return self._home / "runs" / name

    def entries(self, row: Snapshot) -> tuple[Entry, ...]:
        """A snapshot's faces, by its manifest. Raises BadSnapshot, BlobMissing."""
        folder = self.snapshot_folder(row.id)
        if not (folder / "manifest.jsonl").is_file():
            snapshots.write_manifest(folder, self._blobs.get("snapshots", row.manifest))
        manifest = (folder / "manifest.jsonl").read_bytes()
        if snapshots.id_of(manifest) != row.id:
            raise BadSnapshot(f"the manifest of {row.id[:12]} does not hash to its id; verify says which byte")
        return snapshots.read_manifest(manifest)

    def fill(self, entries: Sequence[Entry], *, size: int) -> int:
        """Pack those of these faces that are not packed at this size; say how many."""
        return self._shelf(size).fill([entry.sha256 for entry in entries])

    def forget(self, crops: Collection[str]) -> int:
        """Take the pixels of these crops out of every pack; say how many they were."""
        from training.faces.packs import sizes_in

        return sum(self._shelf(size).forget(crops) for size in sizes_in(self._home)) if crops else 0

    def faces(self, row: Snapshot, *, held_out: bool, size: int) -> Faces:
        """One side of a snapshot's split. Raises BadSnapshot, BlobMissing."""
        from training.faces.data import open_faces

        entries, shelf = self.entries(row), self._shelf(size)
        names = [entry.sha256 for entry in entries]
        shelf.fill(names)
        return open_faces(shelf.open(names), entries, held_out=held_out)

    def classifier(self, row: Snapshot, held_out: Faces, *, version: str) -> Judge:
        """The domain classifier that judges on a snapshot: the first one that did so for this measuring code.

        Champion and challenger, and every night until the snapshot changes, have the same judge, on any machine.
        """
        from training.evaluation.classifier import load, train_classifier

        if known := self._catalog.evaluations.classifier(version):
            return Judge(load(self._blobs.get("classifiers", known)), known)
        made = train_classifier(self.faces(row, held_out=False, size=held_out.size), seed=0, held_out=held_out)
        log.info("a domain classifier: %.3f right on %d held-out faces", made.held_out_accuracy, made.held_out_faces)
        return Judge(made, self._blobs.put("classifiers", made.save()))

    def problems(self, row: Snapshot) -> list[str]:
        """What is wrong with a snapshot's files here, each line naming the byte."""
        from training.faces.packs import sizes_in

        known = self._blobs.has("snapshots", row.manifest)
        original = self._blobs.get("snapshots", row.manifest) if known else None
        found = snapshots.manifest_problems(self.snapshot_folder(row.id), original=original)
        if found:
            return found
        names = {entry.sha256 for entry in self.entries(row)}
        return [problem for size in sizes_in(self._home) for problem in self._shelf(size).problems(names)]

    def record(self, run: Run, saved: Saved, *, lease: Lease | None = None) -> None:
        """Put one save in the blob store, then in the catalog, if this is still the newest lease. Raises Superseded."""
        step = saved.state.step
        files = []
        try:
            for kind in FILES:
                name = self._blobs.put_file("checkpoints", saved.paths[kind])
                files.append(Checkpoint(run.id, step, kind, str(saved.paths[kind].absolute()), name))
        except FileNotFoundError:  # who took over clears away what older trainers saved
            if lease is not None:
                self._still_newest(lease, step)
            raise
        try:
            self._catalog.models.add_checkpoint(run.id, step=step, files=files, lease=lease)
        except LeaseSuperseded as error:
            raise Superseded(f"step {step} is not recorded: {error}") from None

    def _still_newest(self, lease: Lease, step: int) -> None:
        try:
            self._catalog.training_leases.check(lease.name, lease.token)
        except LeaseSuperseded as error:
            raise Superseded(f"step {step} is not recorded: {error}") from None

    def token_of_newest(self, run: Run) -> int:
        """By which token a run's newest recorded save was made; 0: by none, or there is none."""
        from training.learning.trainer_state import parse_page

        pages = [file for file in self._catalog.models.checkpoints(run.id) if file.kind == "trainer"]
        if not pages:
            return 0
        here = Path(pages[0].path)
        known = here.is_file() and sha256_of(here) == pages[0].sha256  # then the store need not have it any more
        page = here.read_bytes() if known else self._blobs.get("checkpoints", pages[0].sha256)
        return parse_page(page, name=here.name).token

    def fetch_checkpoints(self, run: Run, checkpoints: Path) -> None:
        """Bring a run's newest save here when this machine has none, or an older one.

        Older is also what was saved here by a lower token, whatever its step: another machine went on without it.
        """
        from training.learning.checkpoint import folder_of, latest, path_of

        recorded = {file.kind: file for file in self._catalog.models.checkpoints(run.id)}
        if set(recorded) != set(FILES):
            return
        step = recorded["trainer"].step
        token = self.token_of_newest(run)
        here = latest(checkpoints)
        if here is not None and (here.state.token, here.state.step) >= (token, step):
            return
        log.info("bringing step %d of run %d from the blob store", step, run.id)
        folder = folder_of(checkpoints, token)
        for kind in FILES:
            self._bring(recorded[kind], path_of(folder, step, kind))

    def keep_origin(self, path: Path) -> str:
        """Put the weights that a run begins from into the blob store, so that it can be traced; give their name."""
        return self._blobs.put_file("checkpoints", path)

    def origin(self, run: Run) -> Path | None:
        """The weights that a run begins from, brought here if need be; None when it begins from none."""
        if not run.origin:
            return None
        path = self._home / "models" / f"{run.origin}.ckpt"
        if not path.is_file() or sha256_of(path) != run.origin:
            data = self._blobs.get("checkpoints", run.origin)
            write_atomically(path, lambda handle: handle.write(data))
        return path

    def averaged_networks(self, run: Run, step: int | None) -> tuple[Networks, int]:
        """A run's averaged networks at a step (default: the newest save), and that step.

        Raises Unknown, BadCheckpoint, BlobMissing.
        """
        from training.learning.checkpoint import load_networks

        files = [file for file in self._catalog.models.checkpoints(run.id, step=step) if file.kind == "nets_ema"]
        if not files:
            raise Unknown(f"run {run.id} has no checkpoint{'' if step is None else f' of step {step}'}")
        path = Path(files[0].path)
        if not path.is_file() or sha256_of(path) != files[0].sha256:
            path = self._home / "models" / f"{files[0].sha256}.ckpt"
            if not path.is_file() or sha256_of(path) != files[0].sha256:
                self._bring(files[0], path)
        networks = load_networks(path)
        if not all(bool(p.isfinite().all()) for p in networks.parameters()):
            raise BadCheckpoint(f"{path.name} holds numbers that are not finite")
        return networks, files[0].step

    def _shelf(self, size: int) -> Shelf:
        from training.faces.packs import Shelf
        from training.faces.pictures import decode

        return Shelf(
            self._home,
            size=size,
            read=lambda name: self._blobs.get("faces", name),
            decode=lambda data: decode(data, size=size),
        )

    def _bring(self, file: Checkpoint, path: Path) -> None:
        data = self._blobs.get("checkpoints", file.sha256)
        write_atomically(path, lambda handle: handle.write(data))
