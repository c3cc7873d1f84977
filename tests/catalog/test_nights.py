"""What the gate looks at each night: where a snapshot's faces came from, what waits for people, what failed."""

from __future__ import annotations

from sqlalchemy import update

from catalog import Catalog
from catalog.records import Domain, Stage
from catalog.tables import batches
from rows import Rows


def test_what_waits_is_counted_in_every_open_batch_also_in_two_of_one_moment(catalog: Catalog, rows: Rows) -> None:
    assert (catalog.nights.waiting().subjects, catalog.nights.waiting().since) == (0, None)
    first, (photo, _) = rows.batch(2)
    rows.batch(3)
    with catalog.writing() as connection:
        connection.execute(update(batches).values(opened_at=first.opened_at))
    waiting = catalog.nights.waiting()
    assert (waiting.subjects, waiting.since) == (5, first.opened_at)
    rows.approve(photo, Stage.RAW)
    assert catalog.nights.waiting().subjects == 4


def test_a_snapshot_s_faces_are_counted_by_where_they_came_from(catalog: Catalog, rows: Rows) -> None:
    for domain in (Domain.BARE, Domain.BARE, Domain.MAKEUP):
        rows.approved_face(domain=domain)
    row = catalog.snapshots.add("5" * 64, manifest="m" * 64, faces=catalog.faces.trainable())
    origins = catalog.nights.origins(row.id)
    assert sum(origins.sources.values()) == sum(origins.queries.values()) == 3
    assert sum(origins.accounts.values()) <= 3
    held = catalog.nights.held(row.id)
    assert (held.failed, held.faces_of_failed, held.faces_unvalidated) == ((), 0, 3)
    other = catalog.snapshots.add("6" * 64, manifest="n" * 64, faces=catalog.faces.trainable()[:1])
    assert catalog.nights.fresh(row.id, since=other.id) == 2
    assert catalog.nights.fresh(other.id, since=row.id) == 0
