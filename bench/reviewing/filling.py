"""A catalog of 100,000 faces that wait at the crop stage: some hundred drawn ones, prepared by the real steps, copied.

The mould's rows are written by the code that writes them in earnest (store, screen, crop, check), and are then copied
by SQL with new numbers, names and hashes, every other column as it is. The decisions of the raw stage are made one by
one: each is sealed. The copies of a face share its crop's blob; each has an address of its own, so nothing is quicker
for it in a browser or in the desk.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import BigInteger, Column, Connection, Integer, MetaData, Table, cast, func, insert, select
from sqlalchemy.sql import ColumnElement

from catalog import Catalog, Settings
from catalog.blobs import Blobs, open_blobs
from catalog.decisions import MOST_ACTS
from catalog.records import (
    Candidate,
    Domain,
    Fetched,
    Flag,
    Judgement,
    Photo,
    Stage,
    Subject,
    SubjectKind,
    Verdict,
)
from catalog.tables import candidates, faces, flags, photos, scores
from collectors import pictures
from demo.portraits import DOMAINS, Defect, draw, encode, imagine
from preprocessing import steps
from preprocessing.checks import Thresholds, judge

#: So many portraits are drawn for 100,000 faces.
DRAWN = 120

#: Of the mould's faces, so many have been judged, and their answer is known: they are put among the rest.
KNOWN = 10

#: Of ten portraits, one has one of these: what the checks flag at the crop stage.
_DEFECTS: Sequence[Defect] = ("wink", "closed_eyes", "mirrored", "kaleidoscope", "fringe", "artefact")

#: The tables whose rows are copied, each after those that it names; and the columns that name a row of them.
_COPIED = (candidates, photos, faces, scores, flags)
_NAMES = {"candidate_id", "photo_id", "face_id"}
_NUMBERED = {candidates.name, photos.name, faces.name}


def fill(home: Path, *, subjects: int) -> int:
    """Fill ``home/catalog.db`` and ``home/blobs`` with one open batch of so many faces; the batch's number."""
    catalog, blobs = Catalog(f"sqlite:///{home / 'catalog.db'}"), open_blobs((home / "blobs").as_uri())
    try:
        batch, mould = _mould(catalog, blobs, drawn=min(DRAWN, max(20, subjects // 50)))
        last = max(photo.id for photo in catalog.photos.of_batch(batch))
        made = len(catalog.faces.of_batch(batch))
        with catalog.writing() as connection:
            _copy(connection, mould, more=subjects + KNOWN - made)
        _approve(catalog, [photo for photo in catalog.photos.of_batch(batch) if photo.id > last])
        _know(catalog, batch)
        progress = catalog.batches.progress(batch, Stage.CROP)
        if (progress.subjects, progress.decided) != (subjects + KNOWN, KNOWN):
            raise RuntimeError(f"wanted {subjects} faces that wait, made {progress}")
    finally:
        catalog.close()
    return batch


def _mould(catalog: Catalog, blobs: Blobs, *, drawn: int) -> tuple[int, Sequence[int]]:
    """An open batch of drawn portraits that wait at the crop stage: its number, and its photos with one face each."""
    fetched = [_fetched(number, catalog, blobs) for number in range(drawn)]
    catalog.photos.store_all(fetched, bits=0)
    opened = catalog.batches.open(key="bench", limit=drawn)
    assert opened is not None
    steps.screen(opened.id, catalog=catalog, blobs=blobs)
    _approve(catalog, catalog.photos.of_batch(opened.id, with_refused=False))
    steps.crop(opened.id, catalog=catalog, blobs=blobs)
    steps.check(opened.id, catalog=catalog, blobs=blobs)
    thresholds, one_face = Thresholds.current(catalog), []
    for photo in catalog.photos.of_batch(opened.id, with_refused=False):
        found = catalog.faces.of_photo(photo.id)
        if len(found) != 1:
            continue
        one_face.append(photo.id)
        subject = Subject(SubjectKind.FACE, found[0].id)
        catalog.scores.flag(
            Flag(subject, Stage.CROP, finding.reason, f"expectation:{finding.score.check}", finding.sentence)
            for finding in judge(catalog.scores.of(subject), thresholds)
            if not finding.good
        )
    return opened.id, one_face


def _approve(catalog: Catalog, waiting: Sequence[Photo]) -> None:
    """Olga approves all of them at the raw stage."""
    acts = [Judgement(Subject(SubjectKind.PHOTO, photo.id), Verdict.APPROVE) for photo in waiting]
    for start in range(0, len(acts), MOST_ACTS):
        judged = catalog.decisions.decide_all(acts[start : start + MOST_ACTS], stage=Stage.RAW, by="olga")
        refused = [one.refused for one in judged if one.refused is not None]
        if refused:
            raise refused[0]


def _know(catalog: Catalog, batch: int) -> None:
    """Olga approves the first faces at the crop stage, and says that whoever judges them should."""
    for item in catalog.batches.queue(batch, Stage.CROP, limit=KNOWN):
        act = {"stage": Stage.CROP, "verdict": Verdict.APPROVE, "by": "olga"}
        catalog.decisions.decide(item.subject, **act)
        catalog.golds.add(item.subject, **act)


def _fetched(number: int, catalog: Catalog, blobs: Blobs) -> Fetched:
    """A drawn portrait, found, claimed and downloaded."""
    domain = DOMAINS[number % len(DOMAINS)]
    defect = _DEFECTS[number // 10 % len(_DEFECTS)] if number % 10 == 9 else None
    data = encode(draw(imagine(person=number, seed=7, domain=domain, defect=defect)))
    query = f"{domain} portrait {number // 60}"
    planned = catalog.queries.plan(source="folder", text=query, domain=Domain(domain))
    planned = planned or next(known for known in catalog.queries.list() if known.text == query)
    found = Candidate(
        source="folder",
        foreign_id=f"portrait-{number}",
        page_url=f"https://portraits.example.org/page/{number}",
        image_url=f"https://portraits.example.org/{number}.jpg",
        licence="CC0-1.0",
        title=f"Portrait {number} of somebody who does not exist",
        author="Drawn by the bench",
        licence_url="https://creativecommons.org/publicdomain/zero/1.0/",
    )
    assert catalog.candidates.add(found, query_id=planned.id)
    (claimed,) = catalog.candidates.claim(source="folder", count=1, lease_seconds=600)
    photo = pictures.read(data, Settings())
    blobs.put("photos", data)
    return Fetched(claimed.id, photo)


def _copy(connection: Connection, mould: Sequence[int], *, more: int) -> None:
    """Copy the rows of these photos, which have one face each, until so many more faces are there."""
    stride = max(connection.scalar(select(func.max(table.c.id))) or 0 for table in _COPIED if table.name in _NUMBERED)
    copies, rest = divmod(more, len(mould))
    numbers = Table("copies", MetaData(), Column("k", Integer), Column("mask", BigInteger), prefixes=["TEMPORARY"])
    numbers.create(connection)
    chance = random.Random(5)
    rows = [{"k": k, "mask": chance.getrandbits(64) - (1 << 63)} for k in range(1, copies + 1 + (rest > 0))]
    connection.execute(numbers.insert(), rows)
    for table in _COPIED:
        columns = [column for column in table.c if column.name != "id" or table.name in _NUMBERED]
        of_copy = select(*(_copied(column, numbers, stride) for column in columns))
        for photos_of, which in ((mould, numbers.c.k <= copies), (mould[:rest], numbers.c.k > copies)):
            each = of_copy.select_from(table.join(numbers, which))
            statement = each.where(_about(table, photos_of)).order_by(numbers.c.k, table.c.id)
            connection.execute(insert(table).from_select([column.name for column in columns], statement))
    numbers.drop(connection)


def _about(table: Table, of_photos: Sequence[int]) -> ColumnElement[bool]:
    if table is photos:
        return photos.c.id.in_(of_photos)
    if table is candidates:
        return candidates.c.id.in_(select(photos.c.candidate_id).where(photos.c.id.in_(of_photos)))
    about = table.c.photo_id.in_(of_photos)
    if "face_id" in table.c:
        about |= table.c.face_id.in_(select(faces.c.id).where(faces.c.photo_id.in_(of_photos)))
    return about


def _copied(column: Column, numbers: Table, stride: int) -> ColumnElement:  # type: ignore[type-arg]
    """What the copy number k has in this column."""
    k, mask = numbers.c.k, numbers.c.mask
    if column.name == "id" or column.name in _NAMES:
        return column + k * stride
    if column.name == "phash":  # column XOR mask, as both databases can say it
        return column.op("|")(mask) - column.op("&")(mask)
    if column is photos.c.sha256:
        return func.substr(column, 1, 56).concat(func.substr(cast(k + 100_000_000, photos.c.sha256.type), 2))
    if column.name in {"foreign_id", "page_url", "image_url"}:
        return column.concat("-").concat(cast(k, photos.c.sha256.type))
    return column
