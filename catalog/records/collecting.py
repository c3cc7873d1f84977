"""What is looked for and found: queries, candidates, photos, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Domain(StrEnum):
    """The two domains of the make-up model."""

    BARE = "bare"
    MAKEUP = "makeup"


class QueryState(StrEnum):
    """planned -> claimed -> used | blocked; a lost lease returns it to planned; a person may retire it."""

    PLANNED = "planned"
    CLAIMED = "claimed"
    USED = "used"
    BLOCKED = "blocked"
    RETIRED = "retired"


class CandidateState(StrEnum):
    """found -> claimed -> fetched | refused; a lost lease returns it to found."""

    FOUND = "found"
    CLAIMED = "claimed"
    FETCHED = "fetched"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for, in words, for one source."""

    id: int
    source: str
    text: str
    domain: Domain
    limit: int
    state: QueryState
    licence: str = "unknown"
    planned_at: datetime | None = None
    used_at: datetime | None = None
    reason: str = ""
    filters: tuple[tuple[str, str], ...] = ()  # sorted (name, value) pairs, part of what makes it unique
    cursor: str = ""  # where the next page starts, in the source's own words; empty: at the beginning
    since: str = ""  # the newest thing seen by an earlier search, in the source's own words
    arm: str = ""  # what the planner made it of (subject/style/language); empty: a person asked for it


@dataclass(frozen=True, slots=True)
class NewQuery:
    """A query to plan; ``filters`` are names and values, and of each name there is one value."""

    source: str
    text: str
    domain: Domain
    limit: int = 100
    licence: str = "unknown"
    filters: tuple[tuple[str, str], ...] = ()
    arm: str = ""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """How one try of a query ended; kept as a row of ``searches``."""

    outcome: str
    found: int = 0
    new: int = 0
    duplicate: int = 0
    reason: str = ""
    pages: int = 0


@dataclass(frozen=True, slots=True)
class LastSearch:
    """How the last search of a source ended, and of which query it was."""

    query_id: int
    text: str
    outcome: str
    reason: str
    at: datetime
    found: int
    new: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that a source says exists; nothing downloaded. The first four fields must not be empty."""

    source: str
    foreign_id: str
    page_url: str
    image_url: str
    licence: str = "unknown"
    title: str = ""
    author: str = ""
    width: int | None = None
    height: int | None = None
    licence_url: str = ""
    attribution: str = ""  # the line that its licence asks to be shown
    thumbnail: bool = False  # only the search engine's small copy of it is known
    train_ok: bool = True  # whether its source's terms, and its licence, let a model learn from it
    generated: bool = False  # whether whoever brings it declares that a program made it and no camera


@dataclass(frozen=True, slots=True)
class FoundCandidate:
    """A candidate with its row: whose query found it, when, how it stands, and how often it was claimed."""

    id: int
    query_id: int
    domain: Domain
    found_at: datetime
    state: CandidateState
    tries: int
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """What a fetch learned of the bytes it downloaded. ``phash`` is an unsigned 64-bit perceptual hash."""

    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    phash: int
    sketch: bytes = b""  # a small grey copy (catalog/sketches.py), by which copies are found; empty: the hash decides


@dataclass(frozen=True, slots=True)
class Twin:
    """Why a new photo is refused: ``exact_duplicate`` or ``near_duplicate`` of a photo, or ``tombstone``."""

    reason: str
    photo_id: int = 0

    @property
    def detail(self) -> str:
        """What the refusal says besides."""
        return f"photo {self.photo_id}" if self.photo_id else ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A claimed candidate whose bytes are there: what they are, the address that gave them after redirects, and what
    its headers say about their use."""

    candidate_id: int
    photo: NewPhoto
    fetched_url: str = ""
    usage_headers: str = ""


class Admission(StrEnum):
    """What became of a fetched candidate: a photo, a refusal (as the copy of one, or as what must not come back), or
    lost to another worker."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a fetched candidate; ``photo_id`` is the photo it is now, or the one that it repeats."""

    fetched: Fetched
    admission: Admission
    photo_id: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a detector saw faces in a photo, the largest first.

    A box is left, top, right and bottom in pixels of the upright photo, and how sure the detector was.
    """

    detector: str
    boxes: tuple[tuple[float, float, float, float, float], ...]


@dataclass(frozen=True, slots=True)
class Photo:
    """The bytes as downloaded, named by sha256, with where they came from, and the faces that its screen saw."""

    id: int
    sha256: str
    media_type: str
    size: int
    width: int
    height: int
    phash: int
    domain: Domain
    candidate_id: int
    batch_id: int | None
    stored_at: datetime
    sighting: Sighting | None = None


@dataclass(frozen=True, slots=True)
class BlobName:
    """A blob in the store: the word for what it is, and its sha256."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a photo came from, whole: what a takedown or a reviewer asks for."""

    source: str
    foreign_id: str
    page_url: str
    image_url: str
    query: str
    found_at: datetime
    licence: str
    author: str
    title: str
    licence_url: str = ""
    attribution: str = ""
    train_ok: bool = True  # whether its source's terms, and its licence, let a model learn from it
    generated: bool = False  # whether whoever brought it declared that a program made it and no camera


@dataclass(frozen=True, slots=True)
class Refusal:
    """A candidate or photo that went no further, and why. ``step`` is fetch, screen, crop or erase."""

    id: int
    step: str
    reason: str
    detail: str
    candidate_id: int | None
    photo_id: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure by address or author found: photos, other candidates, and how many tombstones were laid anew."""

    photos: tuple[int, ...]
    candidates: int
    tombstones: int


class TombstoneKind(StrEnum):
    """By what a thing that must not come back is known."""

    IMAGE_URL = "image_url"
    PAGE_URL = "page_url"
    AUTHOR = "author"  # source/author
    FOREIGN_ID = "foreign_id"  # source/foreign id
    SHA256 = "sha256"


@dataclass(frozen=True, slots=True)
class Yield:
    """What one query has brought so far, from what it found to what people approved."""

    query_id: int
    searches: int
    pages: int
    found: int
    new: int
    duplicate: int
    waiting: int
    stored: int
    refused: dict[str, int]
    cropped: int  # faces
    approved: int  # faces, at all three stages
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest:
    """What the queries of one arm have brought. ``settled``: of those found, how many have met their end.

    A candidate has met its end when it is approved, rejected or refused, or was known before; while it waits, for its
    download or for people, it says nothing of its arm.
    """

    planned: int = 0  # queries
    queries: int = 0  # searched at least once
    found: int = 0
    settled: int = 0
    approved: int = 0  # faces, at all three stages
