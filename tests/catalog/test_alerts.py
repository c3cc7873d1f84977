"""Something about a source that a person must look at: raised, counted, seen; its saved page goes in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from catalog import steps
from catalog.alerts import PAGES_KEPT, Alerts
from catalog.blobs import FolderBlobs
from catalog.catalog import Catalog
from catalog.errors import BadInput, NotFound
from catalog.records import Alert
from rows import Rows, sha256_of


def drift(catalog: Catalog, *, source: str = "google", page: str = "") -> Alert:
    return catalog.alerts.add(source, kind="drift", message="no block of data", page=page)


def test_an_alert_waits_until_somebody_sees_it(catalog: Catalog, rows: Rows) -> None:
    query = rows.query("red lips")
    alert = catalog.alerts.add("google", kind="drift", message="no data", page=sha256_of("page"), query_id=query.id)
    assert catalog.alerts.list(unseen=True) == [alert]
    seen = catalog.alerts.see(alert.id, by="ann")
    assert seen.seen_by == "ann"
    assert seen.seen_at is not None
    assert catalog.alerts.list(unseen=True) == []
    assert catalog.alerts.list() == [seen]
    assert catalog.alerts.unseen() == 0


def test_who_saw_it_first_stays(catalog: Catalog) -> None:
    alert = drift(catalog)
    catalog.alerts.see(alert.id, by="ann")
    assert catalog.alerts.see(alert.id, by="ben").seen_by == "ann"


def test_the_same_alert_is_counted_and_keeps_its_first_page(catalog: Catalog) -> None:
    first = drift(catalog, page=sha256_of("one"))
    again = drift(catalog, page=sha256_of("two"))
    assert (again.id, again.times, again.page) == (first.id, 2, first.page)
    assert drift(catalog, source="twitter").id != first.id
    assert catalog.alerts.unseen() == 2


def test_an_alert_that_comes_again_after_it_was_seen_is_a_new_one(catalog: Catalog) -> None:
    first = drift(catalog)
    catalog.alerts.see(first.id, by="ann")
    assert drift(catalog).id != first.id


def test_an_alert_that_comes_again_days_later_is_a_new_one(catalog: Catalog) -> None:
    moment = [datetime.now(UTC)]
    alerts = Alerts(catalog, clock=lambda: moment[0])
    first = alerts.add("google", kind="drift", message="no data")
    moment[0] += timedelta(days=1, seconds=1)
    assert alerts.add("google", kind="drift", message="no data").id != first.id


@pytest.mark.parametrize("by", ["", "  "])
def test_nobody_cannot_see_an_alert(catalog: Catalog, by: str) -> None:
    alert = drift(catalog)
    with pytest.raises(BadInput):
        catalog.alerts.see(alert.id, by=by)


def test_there_is_no_such_alert(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        catalog.alerts.see(7, by="ann")


def test_text_that_no_database_holds_is_held_without_what_it_cannot(catalog: Catalog) -> None:
    assert catalog.alerts.add("google", kind="drift", message="a\x00b\ud800").message == "ab"


def test_a_saved_page_stays_while_its_alert_is_young_and_goes_with_the_sweep(catalog: Catalog, tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    kept, orphan = blobs.put("pages", b"<html>"), blobs.put("pages", b"nobody's")
    drift(catalog, page=kept)
    found = steps.look_over(delete=True, grace_hours=0, catalog=catalog, blobs=blobs)
    assert (found.pages, set(blobs.names("pages"))) == (1, {kept}), orphan
    later = Alerts(catalog, clock=lambda: datetime.now(UTC) + PAGES_KEPT)
    assert later.forget_pages() == 1
    steps.look_over(delete=True, grace_hours=0, catalog=catalog, blobs=blobs)
    assert set(blobs.names("pages")) == set()
    assert catalog.alerts.list()[0].page == ""


def test_whatever_is_erased_no_saved_page_is_left_that_may_name_it(
    catalog: Catalog, rows: Rows, tmp_path: Path
) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    drift(catalog, page=blobs.put("pages", b"<a>her name</a>"))
    steps.erase(photo_id=rows.photo().id, by="ann", catalog=catalog, blobs=blobs)
    assert set(blobs.names("pages")) == set()
    assert catalog.alerts.list()[0].page == ""
