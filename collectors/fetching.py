"""The fetch step: waiting candidates to photos, or to refusals with their reasons.

Many downloads run side by side; each is read, and its bytes set aside in the store, by the thread that made it. What
they become is recorded in batches: rows and the names of blobs in one transaction, the bytes before the rows.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue

from catalog import Blobs, Catalog, Settings, open_blobs, settings
from catalog.blobs import Aside
from catalog.errors import BlobError, Conflict
from catalog.records import Admission, Admitted, Fetched, FoundCandidate, NewPhoto
from collectors.bodies import Body
from collectors.errors import Later, Refused, Unreachable
from collectors.fetch import Download, Downloader
from collectors.files import read_file
from collectors.line import LENGTH, Line
from collectors.reports import FetchReport, FetchTally
from collectors.room import Room

_log = logging.getLogger(__name__)
_PIECE = 32  # candidates claimed at a time
_BATCH = 128  # photos recorded at a time: while their folders are synced, nobody else writes to an SQLite catalog
_SOON = 0.5  # seconds that a photo waits for others to be recorded with it
_TRIES = 3  # after so many tries on different runs, "not just now" becomes a refusal

#: Downloads one candidate; raises Refused, Later or Unreachable.
Fetch = Callable[[FoundCandidate], Download | bytes]


@dataclass(frozen=True, slots=True)
class Taken:
    """What was downloaded: bytes that are set aside in the store already, what they are, the address that gave them,
    and what its headers say about their use."""

    photo: NewPhoto
    aside: Aside
    url: str
    usage: str


@dataclass(frozen=True, slots=True)
class StoreFailed:
    """Our own store or disk did not take the bytes: no fault of theirs."""

    reason: str


Outcome = Taken | Refused | Later | Unreachable | StoreFailed


def fetch(
    source: str | None = None,
    *,
    limit: int | None = None,
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    download: Fetch | None = None,
    progress: Callable[[int], None] | None = None,
) -> FetchReport:
    """Download waiting candidates (of one source, or all), and store each as a photo or record why not.

    What cannot be had just now goes back in the line, and is refused after its third try; a network or a store of ours
    that is down is no try, nor is a host that wants to be left alone.
    """
    config, catalog = config or settings(), catalog or Catalog()
    run = FetchRun(catalog, blobs or open_blobs(config.store_url), config, download or from_everywhere(catalog, config))
    line = Line(
        lambda count: catalog.candidates.claim(source=source, count=count, lease_seconds=lease_seconds(config)),
        limit=limit if limit is not None else config.fetch_per_run,
        piece=_PIECE,
        per_host=config.fetch_per_host,
    )
    run.work(line, progress=progress or (lambda _: None))
    return run.tally.report()


@dataclass(slots=True)
class FetchRun:
    """One run over a line of claimed candidates. ``tries`` is how often "not just now" is heard before it becomes a
    refusal; ``told`` is called with each candidate that ended, the word of how, its photo's id, and a
    detail (of a stored one, its sha256)."""

    catalog: Catalog
    blobs: Blobs
    config: Settings
    download: Fetch
    tries: int = _TRIES
    told: Callable[[FoundCandidate, str, int, str], None] = lambda *_: None
    tally: FetchTally = field(default_factory=FetchTally)
    _waiting: list[tuple[FoundCandidate, bool, float]] = field(default_factory=list)

    def work(self, line: Line, *, progress: Callable[[int], None]) -> None:
        """Take every candidate of the line to its end, or put it back; BadInput for a list of placeholders that is
        none."""
        from collectors import placeholders

        placeholders.check(extra=self.config.fetch_placeholders)
        ended: SimpleQueue[tuple[FoundCandidate, Outcome]] = SimpleQueue()
        room = Room(self.config.fetch_decode_bytes)
        batch: list[tuple[FoundCandidate, Taken]] = []
        running, since = 0, 0.0

        def one(candidate: FoundCandidate) -> None:
            ended.put((candidate, self._take(candidate, room)))

        with ThreadPoolExecutor(self.config.fetch_at_once, thread_name_prefix="fetch") as pool:
            while True:
                while running < self.config.fetch_at_once and not self.tally.stopped and (next_ := line.take()):
                    pool.submit(one, next_)
                    running += 1
                late = batch and time.monotonic() - since >= _SOON
                if batch and (not running or late or len(batch) >= _BATCH):
                    self._record(batch)
                    batch = []
                if not running:
                    if self.tally.stopped or not line.more:
                        break
                    continue
                try:
                    candidate, outcome = ended.get(timeout=_SOON if batch else None)
                except Empty:
                    continue
                running -= 1
                line.done(candidate, tried=self._ended(candidate, outcome))
                if isinstance(outcome, Taken):
                    since = since if batch else time.monotonic()
                    batch.append((candidate, outcome))
                progress(1)
        # Only now, so that this run does not claim them again.
        for candidate, tried, rest in [*self._waiting, *((candidate, False, 0.0) for candidate in line.waiting)]:
            self._put_back(candidate, tried=tried, rest=rest)

    def _take(self, candidate: FoundCandidate, room: Room) -> Outcome:
        """In a thread of its own: download, read, set aside."""
        from collectors.pictures import read

        try:
            got = self.download(candidate)
            download = Download(Body(got)) if isinstance(got, bytes) else got
            photo = read(download.body, self.config, room=room)
            aside = self.blobs.set_aside("photos", download.body.source(), name=photo.sha256)
            download.body.close()
            return Taken(photo, aside, download.url, download.usage)
        except (Refused, Later, Unreachable) as outcome:
            return outcome
        except (BlobError, OSError) as error:
            return StoreFailed(" ".join(str(error).split()))
        except Exception as error:  # noqa: BLE001  else nobody would hear of it, and the run would wait for ever
            _log.exception("candidate %d could not be fetched", candidate.id)
            return Later("failed", f"{type(error).__name__}: {error}"[:300])

    def _ended(self, candidate: FoundCandidate, outcome: Outcome) -> bool:
        """Record what is no photo; whether the candidate was tried at all."""
        if isinstance(outcome, Unreachable | StoreFailed):
            kind = outcome.outcome if isinstance(outcome, Unreachable) else "store"
            self.tally.stopped = kind
            self.tally.reason = str(outcome) if isinstance(outcome, Unreachable) else outcome.reason
            self._waiting.append((candidate, False, 0.0))
            return False
        if isinstance(outcome, Later):
            if candidate.tries < self.tries or (not outcome.tried and self.tries > 1):
                self.tally.later[outcome.reason] += 1
                self._waiting.append((candidate, outcome.tried, outcome.rest))
                return outcome.tried
            tried = f" (tried {candidate.tries} times)" if candidate.tries > 1 else ""
            outcome = Refused(outcome.reason, outcome.detail + tried)
        if isinstance(outcome, Refused):
            self._refuse(candidate, outcome)
        return True

    def _refuse(self, candidate: FoundCandidate, refused: Refused) -> None:
        try:
            self.catalog.candidates.refuse(candidate.id, reason=refused.reason, detail=refused.detail)
        except Conflict:
            self.tally.lost += 1  # our lease ran out and another worker has it: theirs counts
            self.told(candidate, "lost", 0, "another worker has it")
            return
        self.tally.refused[refused.reason] += 1
        self.told(candidate, refused.reason, 0, refused.detail)

    def _record(self, batch: Sequence[tuple[FoundCandidate, Taken]]) -> None:
        """Give photos their rows and their blobs their names, or record of which photo they are a copy."""
        of = {candidate.id: candidate for candidate, _ in batch}
        fetched = [Fetched(found.id, it.photo, it.url, it.usage) for found, it in batch]
        unkept = [taken.aside for _, taken in batch]

        def keep(names: Collection[str]) -> None:
            chosen = {aside.name: aside for aside in unkept}  # the same bytes may have come twice
            self.blobs.keep([chosen[name] for name in names])
            for name in names:
                unkept.remove(chosen[name])

        try:
            unkept = self.blobs.secure(unkept)  # before the transaction: nobody waits for the disk
            for one in self.catalog.photos.store_all(fetched, bits=self.config.near_duplicate_bits, keep=keep):
                self._admitted(of[one.fetched.candidate_id], one)
        except BlobError as error:
            self.tally.stopped, self.tally.reason = "store", str(error)
            self._waiting += [(candidate, False, 0.0) for candidate, _ in batch]
        self.blobs.drop(unkept)

    def _admitted(self, candidate: FoundCandidate, admitted: Admitted) -> None:
        if admitted.admission is Admission.STORED:
            self.tally.stored += 1
            self.tally.photos.append(admitted.photo_id)
            self.told(candidate, "stored", admitted.photo_id, admitted.fetched.photo.sha256)
        elif admitted.admission is Admission.DUPLICATE:
            self.tally.refused[admitted.reason] += 1
            self.told(candidate, admitted.reason, 0, f"photo {admitted.photo_id}" if admitted.photo_id else "")
        else:
            self.tally.lost += 1
            self.told(candidate, "lost", 0, "another worker has it")

    def _put_back(self, candidate: FoundCandidate, *, tried: bool, rest: float) -> None:
        not_before = datetime.now(UTC) + timedelta(seconds=rest) if rest else None
        try:
            self.catalog.candidates.release(candidate.id, tried=tried, not_before=not_before)
        except Conflict:
            _log.info("candidate %d is another worker's by now", candidate.id)


def lease_seconds(config: Settings) -> float:
    """Long enough for the slowest downloads of a whole line from one host."""
    at_once = min(config.fetch_per_host, config.fetch_at_once)
    return max(config.lease_seconds, (config.fetch_seconds + config.fetch_interval_seconds) * (LENGTH / at_once + 1))


def from_everywhere(catalog: Catalog, config: Settings) -> Fetch:
    """The real thing: files of folders and manifests from below their folder, everything else from the network."""
    downloader = Downloader(config)
    roots: dict[int, Path] = {}

    def download(found: FoundCandidate) -> Download | bytes:
        source, url = found.candidate.source, found.candidate.image_url
        if source != "folder" and not (source == "manifest" and url.startswith("file:")):
            return downloader.get(url)
        if found.query_id not in roots:
            path = Path(catalog.queries.get(found.query_id).text)
            roots[found.query_id] = path if source == "folder" else path.parent
        root = roots[found.query_id]
        return read_file(url, root=root, settings=config)

    return download
