"""The catalog's upkeep, step by step: what `maintain_catalog` runs daily, and what a person runs by hand.

Every step may be killed anywhere and run again. Each opens the configured catalog and store unless it is given others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from catalog.backups import back_up
from catalog.blobs import Blobs, open_blobs
from catalog.catalog import Catalog
from catalog.errors import BadInput
from catalog.records import TombstoneKind
from catalog.settings import settings
from catalog.tombstones import is_address

#: The kinds of blob whose every name is in a row: what else lies there is an orphan.
_NAMED = ("photos", "faces", "pages", "reports", "models")

#: Those of them that are named before they are written (training/pages.py): what no row names is nobody's at once.
_NAMED_FIRST = ("reports",)


@dataclass(frozen=True, slots=True)
class Sweeping:
    """What a sweep found: orphan blobs of each kind, copies beside runs of reports that no row names (``copies``), and
    what dead writers left unfinished; removed or not."""

    photos: int
    faces: int
    unfinished: int
    deleted: bool
    pages: int = 0
    reports: int = 0
    models: int = 0
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Erasing:
    """What an erasure did: the photo's number and sha256, how many blobs it had, and where it lives on."""

    photo_id: int
    sha256: str
    blobs: int
    snapshots: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakingDown:
    """What an erasure by address or author did: its photos, how many other candidates, how many new tombstones."""

    photos: tuple[Erasing, ...]
    candidates: int
    tombstones: int


def release(*, catalog: Catalog | None = None) -> int:
    """Give back every claim whose lease has run out; say how many."""
    catalog = catalog or Catalog()
    catalog.queue.forget()
    return catalog.queries.release_expired() + catalog.candidates.release_expired()


def sweep(
    *, delete: bool = False, grace_hours: float = 24, catalog: Catalog | None = None, blobs: Blobs | None = None
) -> int:
    """Find, and on demand remove, what no row names and nobody has stored for so long; say how many."""
    found = look_over(delete=delete, grace_hours=grace_hours, catalog=catalog, blobs=blobs)
    orphans = found.photos + found.faces + found.pages + found.reports + found.models
    return orphans + found.copies + found.unfinished


def look_over(
    *, delete: bool, grace_hours: float = 24, catalog: Catalog | None = None, blobs: Blobs | None = None
) -> Sweeping:
    """Sweep, with the numbers of each kind; deleting, it ends interrupted erasures too.

    A writer stores bytes before the row that names them: hence the grace. Only a report, which may show an erased
    face, is named first, and goes at once when it is not; so do its copies beside the runs on this machine.
    """
    if grace_hours < 0:
        raise BadInput("a sweep cannot reach into the future")
    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    before = datetime.now(UTC) - timedelta(hours=grace_hours)
    unfinished = sum(blobs.drop_unfinished(kind, before) for kind in _NAMED) if delete else 0
    unfinished += _drop_unfinished_copies(before) if delete else 0
    if delete:
        _finish_erasures(catalog, blobs)
        catalog.alerts.forget_pages()
        catalog.budgets.upkeep()
    # First the old blobs, then the rows: a blob recorded meanwhile is in the rows, which are read after.
    old = {kind: set(_removable(kind, before, blobs)) for kind in _NAMED}
    beside = list(_copies())
    named = {"photos": catalog.photos.blobs, "faces": catalog.faces.blobs, "pages": catalog.alerts.pages}
    named |= {"reports": catalog.evaluations.reports, "models": catalog.model_files.names}
    orphans = {kind: old[kind] - names() for kind, names in named.items()}
    reports_named = {name[:12] for name in catalog.evaluations.reports()}
    copies = [path for path in beside if path.stem.rpartition("-")[2] not in reports_named]
    if delete:
        for path in copies:
            path.unlink(missing_ok=True)
        for kind, names in orphans.items():
            if names:  # what somebody has stored again meanwhile is young: its row is on the way, or there by now
                names &= set(_removable(kind, before, blobs))
                names -= named[kind]()
            for name in sorted(names):
                blobs.delete(kind, name)
    photos, faces, pages, reports, models = (len(orphans[kind]) for kind in _NAMED)
    return Sweeping(photos, faces, unfinished, delete, pages, reports, models, len(copies))


def retention(*, catalog: Catalog | None = None, blobs: Blobs | None = None) -> int:
    """Remove the bytes of photos refused or rejected longer than FACELOOP_RETENTION_DAYS ago; say of how many."""
    days = settings().retention_days
    if not days:
        return 0
    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    expendable = catalog.erasures.expendable(before=datetime.now(UTC) - timedelta(days=days))
    for photo_id in expendable:
        _drop(photo_id, catalog=catalog, blobs=blobs)
    return len(expendable)


def erase(
    *,
    photo_id: int | None = None,
    sha256: str = "",
    by: str,
    why: str = "",
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
) -> Erasing:
    """Erase a photo, by number or by sha256: rows blanked first, then the bytes; it cannot come back.

    Its faces leave every later snapshot; the snapshots that hold one are named, for whoever must decide about the
    models trained on them. NotFound when there is no such photo.
    """
    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    if (photo_id is None) == (not sha256):
        raise BadInput("name the photo by its number or by its sha256")
    photo = catalog.photos.get(photo_id) if photo_id is not None else catalog.photos.with_sha256(sha256)
    names = catalog.erasures.blobs(photo.id)
    catalog.erasures.add(photo.id, by=by, why=why)
    _drop(photo.id, catalog=catalog, blobs=blobs)
    _drop_pages(catalog, blobs)
    return Erasing(photo.id, photo.sha256, len(names), tuple(catalog.erasures.snapshots_with(photo.id)))


def take_down(
    *,
    url: str = "",
    author: str = "",
    by: str,
    why: str = "",
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
) -> TakingDown:
    """Erase every photo from an address (of a picture or a page) or of an author (SOURCE/NAME): none comes back.

    What waits to be fetched is refused, and what is found from now on as well, whether or not anything is there yet.
    """
    catalog, blobs = catalog or Catalog(), blobs or open_blobs()
    if bool(url) == bool(author):
        raise BadInput("name an address or an author")
    if url and not is_address(url):
        raise BadInput(f"{url} is no address on the web")
    if author and not all(part.strip() for part in author.partition("/")):
        raise BadInput(f"{author} is no SOURCE/NAME")
    addresses = (TombstoneKind.IMAGE_URL, TombstoneKind.PAGE_URL)
    marks = [(kind, url) for kind in addresses] if url else [(TombstoneKind.AUTHOR, author)]
    found = catalog.erasures.add_about(marks, by=by, why=why)
    _drop_pages(catalog, blobs)
    erased = []
    for photo_id in found.photos:
        names = catalog.erasures.blobs(photo_id)
        _drop(photo_id, catalog=catalog, blobs=blobs)
        sha256, snapshots = catalog.photos.get(photo_id).sha256, catalog.erasures.snapshots_with(photo_id)
        erased.append(Erasing(photo_id, sha256, len(names), tuple(snapshots)))
    return TakingDown(tuple(erased), found.candidates, found.tombstones)


def backup(*, catalog: Catalog | None = None) -> str:
    """Copy the catalog into the home folder's `backups/`, keep the newest of them; give the new one's path."""
    config = settings()
    url = (catalog or Catalog()).url
    return str(back_up(url, config.home.absolute() / "backups", keep=config.backups_kept))


def _finish_erasures(catalog: Catalog, blobs: Blobs) -> None:
    for photo_id in catalog.erasures.pending():  # erasures that were interrupted between the rows and the bytes
        _drop(photo_id, catalog=catalog, blobs=blobs)


def _drop_pages(catalog: Catalog, blobs: Blobs) -> None:
    """Saved answers may name whoever asks to be erased, and nobody can tell: they all go."""
    pages = catalog.alerts.pages()
    catalog.alerts.forget_pages(kept=timedelta(0))
    for name in pages:
        blobs.delete("pages", name)


def _drop(photo_id: int, *, catalog: Catalog, blobs: Blobs) -> None:
    for blob in catalog.erasures.blobs(photo_id):
        blobs.delete(blob.kind, blob.name)
    _drop_reports(photo_id, catalog=catalog, blobs=blobs)
    catalog.erasures.dropped(photo_id)


def _drop_reports(photo_id: int, *, catalog: Catalog, blobs: Blobs) -> None:
    """A training's page shows faces of its snapshot, and nobody can tell whose: all such pages go, with the numbers of
    their pairs and the copies beside the runs on this machine.

    No row names them any more before the first is removed: whoever is writing one meanwhile looks for its name after.
    """
    for name in catalog.evaluations.forget_reports_of(photo_id):
        blobs.delete("reports", name)
        for copy in _copies(name[:12]):
            copy.unlink(missing_ok=True)


def _copies(name: str = "*") -> Iterator[Path]:
    """The pages beside the runs on this machine, by the beginning of their blob's name (training/pages.py)."""
    return settings().home.glob(f"runs/*/reports/*-{name}.html")


def _drop_unfinished_copies(before: datetime) -> int:
    """What writers of copies that died before a moment left half done; say how much."""
    dropped = 0
    for path in settings().home.glob("runs/*/reports/.*"):
        with suppress(FileNotFoundError):  # its writer lives, and has just ended it
            if path.stat().st_mtime < before.timestamp():
                path.unlink()
                dropped += 1
    return dropped


def _removable(kind: str, before: datetime, blobs: Blobs) -> Iterator[str]:
    return blobs.names(kind) if kind in _NAMED_FIRST else blobs.stored_before(kind, before)
