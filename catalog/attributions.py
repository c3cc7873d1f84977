"""Whom the photos of approved faces are owed to: a list to publish beside a model, or a picture made by it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from sqlalchemy import select

from catalog.tables import candidates, faces, photos

if TYPE_CHECKING:
    from catalog.catalog import Catalog

_BATCH = 500  # faces asked for at a time: databases take only so many parameters


@dataclass(frozen=True, slots=True, order=True)
class Credit:
    """One photo, and whom it is owed to. Every text is as the source gave it: hostile."""

    photo: str  # its sha256
    title: str
    author: str
    licence: str
    licence_url: str
    attribution: str
    page_url: str
    source: str


def credits_of(catalog: Catalog, *, snapshot: str = "") -> Sequence[Credit]:
    """The credits of a snapshot's faces, or of all that are approved now; each photo once, by its sha256.

    NotFound when there is no such snapshot.
    """
    if snapshot:
        wanted = list(catalog.snapshots.faces(catalog.snapshots.get(snapshot).id))
    else:
        wanted = [face.face_id for face in catalog.faces.approved()]
    found: set[Credit] = set()
    with catalog.reading() as connection:
        for start in range(0, len(wanted), _BATCH):
            rows = connection.execute(
                select(candidates, photos.c.sha256.label("photo"))
                .join(photos, photos.c.candidate_id == candidates.c.id)
                .join(faces, faces.c.photo_id == photos.c.id)
                .where(faces.c.id.in_(wanted[start : start + _BATCH]))
            )
            found.update(
                Credit(
                    photo=row.photo,
                    title=row.title,
                    author=row.author,
                    licence=row.licence,
                    licence_url=row.licence_url,
                    attribution=row.attribution,
                    page_url=row.page_url,
                    source=row.source,
                )
                for row in rows
            )
    return sorted(found)


def as_json(credits_: Iterable[Credit]) -> str:
    """A JSON list of objects, one a line."""
    lines = ",\n".join(json.dumps(asdict(credit), ensure_ascii=False) for credit in credits_)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def as_csv(credits_: Iterable[Credit]) -> str:
    """A table (RFC 4180). A cell that a spreadsheet would calculate begins with an apostrophe (OWASP)."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow([one.name for one in fields(Credit)])
    table.writerows([_inert(str(value)) for value in asdict(credit).values()] for credit in credits_)
    return out.getvalue()


def as_markdown(credits_: Iterable[Credit]) -> str:
    """A list of credits with links to page and licence; what sources say cannot become markup."""
    return "".join(f"- {_credit(credit)}\n" for credit in credits_)


FORMATS = {"csv": as_csv, "json": as_json, "markdown": as_markdown}


def _inert(text: str) -> str:
    return f"'{text}" if text.lstrip().startswith(("=", "+", "-", "@", "\t", "\r")) or text[:1] in "\t\r\n" else text


def _credit(credit: Credit) -> str:
    said = credit.attribution or f"“{credit.title or 'Untitled'}” by {credit.author or 'an unknown author'}"
    licence = _linked(credit.licence, credit.licence_url)
    return f"{_linked(said, credit.page_url)} ({licence}, {_text(credit.source)})"


def _linked(text: str, url: str) -> str:
    safe = re.fullmatch(r"https?://[^\s<>()\[\]\\\"'`]+", url)
    return f"[{_text(text)}]({url})" if safe else _text(text)


def _text(text: str) -> str:
    """On one line, with everything that Markdown or HTML would read escaped."""
    plain = html.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`*_{}\[\]()#+!|~:-])", r"\\\1", plain)
