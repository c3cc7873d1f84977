"""The verbs on snapshots: freeze the approved faces, look for flipped bytes, compare two."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import Blobs, Catalog, Settings, open_blobs, points
from catalog import settings as configured
from catalog.errors import BlobCorrupt, BlobMissing
from catalog.records import ApprovedFace, Snapshot
from training.errors import BadSnapshot, Unknown
from training.faces import snapshot as snapshots
from training.faces.snapshot import Entry
from training.presets import preset as preset_named
from training.store import Store

if TYPE_CHECKING:
    import numpy as np

    from training.faces.people import Describe


@dataclass(frozen=True, slots=True)
class Difference:
    """What one snapshot has and another has not: crops by name, and how many faces of each source came and went.

    `moved` are the crops whose domain is another now; `switched` those that changed sides of the split.
    """

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    moved: tuple[str, ...]
    switched: tuple[str, ...]
    sources_added: dict[str, int]
    sources_removed: dict[str, int]


def people(
    *,
    describe: Describe | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> int:
    """Tell the people of the approved faces apart that nobody has looked at yet; say how many faces that was.

    Below the least size nobody is told apart, for nothing will be trained; nor where FACELOOP_SPLIT_PEOPLE is off.
    `describe` is another face network than dlib's.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    from training.faces.people import VERSION, told_apart

    approved = catalog.faces.trainable()
    known = catalog.people.known(version=VERSION)
    if not settings.split_people or len(approved) < settings.retrain_min_faces:
        return 0
    if all(face.face_id in known for face in approved):
        return 0
    told = told_apart(approved, known, describe=describe or _describer(blobs, settings))
    catalog.people.add(told, version=VERSION)
    return len(told)


def snapshot(
    *, preset: str = "", catalog: Catalog | None = None, blobs: Blobs | None = None, settings: Settings | None = None
) -> str:
    """Freeze the approved faces that a model may learn from; give the snapshot's id, the same for the same faces.

    Whoever was held out of the last training, or learned from, stays so. With `preset`, pack its pixels too; else
    training does. Pixels of faces that were erased leave the packs.
    """
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    store = Store(catalog=catalog, blobs=blobs, settings=settings)
    with _uncollected():
        approved = catalog.faces.trainable()
        entries = snapshots.entries_of(approved, catalog.snapshots.sides())
        manifest = snapshots.manifest_of(entries)
        name = blobs.put("snapshots", manifest)
        folder = store.snapshot_folder(snapshots.id_of(manifest))
        snapshots.write_manifest(folder, manifest)
        listed = {entry.sha256 for entry in entries}
        once = {face.sha256: face for face in reversed(approved) if face.sha256 in listed}
        held_out = {entry.sha256 for entry in entries if entry.held_out}
        row = catalog.snapshots.add(folder.name, manifest=name, faces=list(once.values()), held_out=held_out)
    store.forget(catalog.faces.erased_crops())
    if preset and entries:
        store.fill(entries, size=preset_named(preset).img_size)
    return row.id


def verify(
    snapshot_id: str = "",
    *,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> tuple[Snapshot, list[str]]:
    """A snapshot (default: the newest) and what is wrong with its files, each line naming the byte."""
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    row = snapshot_named(catalog, snapshot_id)
    return row, Store(catalog=catalog, blobs=blobs, settings=settings).problems(row)


def diff(
    before: str,
    after: str = "",
    *,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
) -> Difference:
    """How a snapshot (default: the newest) differs from an earlier one. Raises BadSnapshot, BlobMissing."""
    catalog, blobs, settings = catalog or Catalog(), blobs or open_blobs(), settings or configured()
    store = Store(catalog=catalog, blobs=blobs, settings=settings)
    first, second = snapshot_named(catalog, before), snapshot_named(catalog, after)
    old, new = ({entry.sha256: entry for entry in store.entries(row)} for row in (first, second))
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    source = catalog.snapshots.sources(first.id) | catalog.snapshots.sources(second.id)
    both = sorted(old.keys() & new.keys())
    side = {name: (_side(old, name), _side(new, name)) for name in both}
    return Difference(
        before=first.id,
        after=second.id,
        added=tuple(added),
        removed=tuple(removed),
        moved=tuple(name for name in both if old[name].domain != new[name].domain),
        switched=tuple(name for name, (one, other) in side.items() if one is not None and one is not other),
        sources_added=dict(sorted(Counter(source.get(name, "unknown") for name in added).items())),
        sources_removed=dict(sorted(Counter(source.get(name, "unknown") for name in removed).items())),
    )


def snapshot_named(catalog: Catalog, snapshot_id: str) -> Snapshot:
    """A snapshot by its id, or a beginning of it; the newest when none is named. Raises Unknown, NotFound."""
    row = catalog.snapshots.get(snapshot_id) if snapshot_id else catalog.snapshots.newest()
    if row is None:
        raise Unknown("no snapshot has been taken yet")
    return row


def _describer(blobs: Blobs, settings: Settings) -> Describe:
    """dlib's word of a face, by its crop and its landmarks; None for a crop that is lost."""
    from training.faces.descriptors import Describer
    from training.faces.pictures import decode

    look = Describer(landmarks_model=settings.landmarks_model)

    def describe(face: ApprovedFace) -> np.ndarray | None:
        import numpy as np

        try:
            picture = decode(blobs.get("faces", face.sha256), size=snapshots.CROP_SIZE)
        except (BlobMissing, BlobCorrupt, BadSnapshot):
            return None
        return look(picture, np.array(points.read(face.points)) / snapshots.CROP_SIZE)

    return describe


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: in many small records that have none it would take a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _side(entries: dict[str, Entry], name: str) -> bool | None:
    return entries[name].held_out
