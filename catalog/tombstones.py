"""Tombstones: what must not come back, known only by digests, so that the list itself names nobody.

A candidate is kept out by the address of its picture or its page, by its author, or by its source's own id; bytes are,
by their sha256. An address is normalised first (RFC 3986 §6.2, and http is https), an author's name is case-folded.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import quote, unquote_to_bytes, urlsplit

from sqlalchemy import Connection, func, select

from catalog.errors import BadInput
from catalog.part import Part, clean, now
from catalog.records import Candidate, TombstoneKind
from catalog.tables import tombstones

#: What a row holds in the place of what must not be known any more; provenance columns cannot be empty.
BLANK = "erased"
#: Parameters that sites add to tell where a visitor comes from; they never choose another picture.
_TRACKING = re.compile(r"(utm_[a-z]+|fbclid|gclid|igshid|igsh)", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
_PIECE = 500  # a database takes so many values in one statement without complaint
_ID = TombstoneKind.FOREIGN_ID
Mark = tuple[TombstoneKind, str]


class Tombstones(Part):
    """What was taken down or rejected for good."""

    def add(self, kind: TombstoneKind, value: str, *, by: str, why: str = "") -> bool:
        """Lay a tombstone; False when it lies already. ``value``: an address, a sha256, SOURCE/AUTHOR or SOURCE/ID.

        BadInput for an empty value, or when nobody asks for it.
        """
        with self._catalog.writing() as connection:
            return self.add_within(connection, [(kind, value)], by=by, why=why) == 1

    def add_within(self, connection: Connection, marks: Iterable[Mark], *, by: str, why: str = "") -> int:
        """Lay tombstones as a part of somebody's transaction; say how many are new.

        Nothing that was being recorded meanwhile slips past: on PostgreSQL those who record candidates wait.
        """
        if not by.strip():
            raise BadInput("a tombstone needs somebody who asks for it")
        rows = [
            {"kind": kind.value, "digest": digest(kind, value), "by": clean(by), "why": clean(why), "at": now()}
            for kind, value in sorted(set(marks))
        ]
        if not rows:
            return 0
        self._serialise(connection, "tombstones")
        statement = self._insert(tombstones).on_conflict_do_nothing(index_elements=["kind", "digest"])
        statement = statement.returning(tombstones.c.id)
        return sum(connection.execute(statement.values(row)).first() is not None for row in rows)

    def has(self, kind: TombstoneKind, value: str) -> bool:
        """Whether a tombstone lies on this."""
        with self._catalog.reading() as connection:
            return bool(lying(connection, {(kind, value)}))

    def counts(self) -> dict[str, int]:
        """How many there are of each kind."""
        with self._catalog.reading() as connection:
            rows = connection.execute(select(tombstones.c.kind, func.count()).group_by(tombstones.c.kind)).tuples()
            return dict(sorted(rows))


def lying(connection: Connection, marks: Iterable[Mark]) -> set[Mark]:
    """Those of the marks on which a tombstone lies."""
    found: set[Mark] = set()
    if connection.scalar(select(tombstones.c.id).limit(1)) is None:
        return found  # most catalogs have none, and a digest of everything that comes would be made for nothing
    by_digest: dict[TombstoneKind, dict[str, list[Mark]]] = {}
    for mark in marks:
        by_digest.setdefault(mark[0], {}).setdefault(digest(*mark), []).append(mark)
    for kind, known in by_digest.items():
        digests = list(known)
        for start in range(0, len(digests), _PIECE):
            rows = connection.scalars(
                select(tombstones.c.digest).where(
                    tombstones.c.kind == kind.value, tombstones.c.digest.in_(digests[start : start + _PIECE])
                )
            )
            for name in rows:
                found.update(known[name])
    return found


def marks_of(candidate: Candidate) -> Sequence[Mark]:
    """By what a candidate is known. A path of a folder is no address: other folders have files of that name."""
    marks = [(_ID, f"{candidate.source}/{candidate.foreign_id}")]
    if is_address(candidate.image_url):
        marks.append((TombstoneKind.IMAGE_URL, candidate.image_url))
    if is_address(candidate.page_url):
        marks.append((TombstoneKind.PAGE_URL, candidate.page_url))
    if normal_author(f"{candidate.source}/{candidate.author}"):
        marks.append((TombstoneKind.AUTHOR, f"{candidate.source}/{candidate.author}"))
    return marks


def blank_id(source: str, foreign_id: str) -> str:
    """What stands for a source's own id that must not be known any more; the same for the same one."""
    known = f"{BLANK}#"
    return foreign_id if foreign_id.startswith(known) else known + digest(_ID, f"{source}/{foreign_id}")


def digest(kind: TombstoneKind, value: str) -> str:
    """The sha256 of the normalised value, in hexadecimal; BadInput for one that says nothing."""
    if kind in (TombstoneKind.IMAGE_URL, TombstoneKind.PAGE_URL):
        normal = normal_address(value)
    elif kind is TombstoneKind.AUTHOR:
        normal = normal_author(value)
    elif kind is TombstoneKind.SHA256:
        normal = value.strip().lower()
    else:
        normal = value
    if not normal.strip("/ "):
        raise BadInput(f"a tombstone on no {kind.value.replace('_', ' ')}")
    return hashlib.sha256(f"{kind.value}\n{normal}".encode(errors="surrogatepass")).hexdigest()


def normal_author(value: str) -> str:
    """SOURCE/AUTHOR as it is compared: whatever case, width, spacing, with or without the @ of a handle."""
    source, _, author = value.partition("/")
    name = " ".join(unicodedata.normalize("NFKC", author).casefold().strip().removeprefix("@").split())
    return f"{source.strip().lower()}/{name}" if name else ""


def is_address(value: str) -> bool:
    """Whether this is an address on the web."""
    return value[:8].lower().startswith(("http://", "https://"))


def normal_address(value: str) -> str:
    """An address as it is compared: equal for all spellings of the same one.

    Host without case, port where it is not the scheme's, escapes only where needed, no fragment, no tracking
    parameters; http and https are one.
    """
    value = value.strip()
    try:
        parts = urlsplit(value)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:  # no address; it is compared as it is
        return value
    if not host:
        return value
    try:
        host = host.encode("idna").decode()
    except UnicodeError:
        host = host.casefold()
    place = f"{host}:{port}" if port and port != _PORTS.get(parts.scheme.lower()) else host
    asked = [part for part in parts.query.split("&") if part and not _TRACKING.fullmatch(part.partition("=")[0])]
    path = _without_dots(_escaped(parts.path, keep="/:@!$&'()*+,;=~")) or "/"
    return f"{place}{path}" + ("?" + _escaped("&".join(asked), keep="/:@!$&'()*+,;=?~") if asked else "")


def _escaped(text: str, *, keep: str) -> str:
    """Text with escapes where they are needed and nowhere else; an escaped delimiter stays what it is."""
    pieces = re.split(r"((?:%[0-9a-fA-F]{2})+)", text)
    return "".join(
        _escapes(piece) if place % 2 else quote(piece, safe=keep + "%") for place, piece in enumerate(pieces)
    )


def _escapes(escapes: str) -> str:
    """A run of escapes: what needs none is freed, the rest is spelt in capitals."""
    return "".join(
        chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "-._~") else f"%{byte:02X}"
        for byte in unquote_to_bytes(escapes)
    )


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            kept = kept[:-1] or [""]
        elif part != ".":
            kept.append(part)
    if path.endswith(("/.", "/..")):
        kept.append("")
    return "/".join(kept)
