"""The page of duplicates: which photos show the same, which to keep and why, at which radius; rejecting is an act."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from desks import Visitor
from shelf import Shelf
from sqlalchemy import event
from starlette.testclient import TestClient

from catalog.records import BatchState, Reason, Stage, Subject, SubjectKind, TombstoneKind, Verdict
from review.access import Access, Person
from review.app import create_app
from review.desk import Desk
from review.duplicates import CLUSTERS, PHOTOS, Duplicates

Door = Callable[[str], Visitor]
HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"


def page(desk: Door, path: str = "/duplicates", *, name: str = "rita") -> str:
    """The page, loaded again as it does by itself while photos are compared: on a busy machine that takes seconds."""
    end = time.monotonic() + 60
    while True:
        answer = desk(name).get(path)
        assert answer.status_code == 200, answer.text
        if "Photos are being compared" not in answer.text or time.monotonic() > end:
            return " ".join(answer.text.split())


def raw(shelf: Shelf, photo: int) -> tuple[Verdict, Reason | None, str] | None:
    stands = shelf.catalog.decisions.of(Subject(SubjectKind.PHOTO, photo), stage=Stage.RAW)
    return None if stands is None else (stands.verdict, stands.reason, stands.note)


def test_a_cluster_tells_which_photo_is_best_and_why_and_how_far_the_others_are(shelf: Shelf, desk: Door) -> None:
    kept, other = shelf.alike(3, same=True)
    shelf.photo()
    text = page(desk)
    assert "2 of 3 photos are in clusters. 1 cluster shows the same. 0 pairs may be the same." in text
    assert f'<b>Photo {kept}</b> <span class="state state-closed">Best: keep</span>' in text
    assert f"Sure.</b> The same picture as photo {kept} (3 bits apart)" in text
    assert f"Photo {kept} is better: it was there earlier" in text
    assert text.index(f"<b>Photo {kept}</b>") < text.index(f"<b>Photo {other}</b>")
    assert "Pairs that may be the same" not in text


def test_people_before_the_same_backdrop_are_shown_pair_by_pair_after_the_clusters(shelf: Shelf, desk: Door) -> None:
    one, two, three = shelf.alike(1, 3)
    copies = shelf.alike(1, same=True)
    text = page(desk)
    assert "2 of 5 photos are in clusters. 1 cluster shows the same. 3 pairs may be the same." in text
    clusters, pairs = text.split("Pairs that may be the same</h2>")
    assert re.findall(r"<b>Photo (\d+)</b>", clusters) == [str(number) for number in copies]
    assert re.findall(r"Photos (\d+) and (\d+), photo \1 the best of them", pairs) == [
        (str(a), str(b)) for a, b in ((one, two), (two, three), (one, three))
    ]
    assert pairs.count("Best: keep") == 3
    assert f"Perhaps.</b> Looks like photo {one} by their hashes (1 bit apart)" in pairs
    assert "Sure." not in pairs
    assert " checked" not in pairs


def test_pictures_and_photos_are_linked_below_the_desk_alone(shelf: Shelf, desk: Door) -> None:
    kept, other = shelf.alike(1)
    batch = shelf.catalog.batches.item(Subject(SubjectKind.PHOTO, kept), Stage.RAW).batch_id
    text = page(desk)
    for photo in (kept, other):
        assert f'href="./batch/{batch}/raw/{photo}"' in text
        assert f'src="./image/photo/{photo}?side=480"' in text
        assert desk("rita").get(f"/batch/{batch}/raw/{photo}").status_code == 200
    loaded = re.findall(r"(?:src|<link[^>]*href)=\"([^\"]*)\"", text)
    assert all(address.startswith("./") for address in loaded), "nothing is loaded from elsewhere"


def test_a_photo_in_no_batch_is_shown_by_its_picture(shelf: Shelf, desk: Door) -> None:
    kept, _ = shelf.alike(1, batch=False)
    text = page(desk)
    assert text.count("In no batch yet") == 2
    assert f'href="./image/photo/{kept}?side=1280"' in text
    assert "data-reject" not in text


def test_another_radius_finds_what_the_preview_says(shelf: Shelf, desk: Door) -> None:
    shelf.alike(2, same=True)
    shelf.alike(5)
    shelf.alike(11, same=True)
    rows = re.findall(r'<th scope="row">.*?</tr>', page(desk))
    numbers = [[int(number) for number in re.findall(r">(\d+)<", row)] for row in rows]
    assert numbers == [[0, 0, 0, 0, 0], [2, 1, 2, 0, 1], [5, 1, 2, 1, 1], [8, 1, 2, 1, 0], [11, 2, 4, 1, 1]]
    for bits, clusters, alike, perhaps, _ in numbers[1:]:
        text = page(desk, f"/duplicates?bits={bits}")
        assert f"{alike} of 6 photos are in clusters. {clusters} cluster" in text
        assert f" {perhaps} pair" in text
        assert text.count('class="batch cluster"') == clusters
        assert text.count('class="batch pair"') == perhaps


def test_a_batch_shows_its_own_alone_and_leads_there(shelf: Shelf, desk: Door) -> None:
    kept, _ = shelf.alike(1)
    others = shelf.alike(1)
    batch = shelf.catalog.batches.item(Subject(SubjectKind.PHOTO, kept), Stage.RAW).batch_id
    assert f'href="../duplicates?batch={batch}"' in desk("rita").get(f"/batch/{batch}").text
    text = page(desk, f"/duplicates?batch={batch}")
    assert f"<h1>Duplicates in batch {batch}</h1>" in text
    assert f"<b>Photo {kept}</b>" in text
    assert f"<b>Photo {others[0]}</b>" not in text


def test_many_clusters_come_by_pages_and_many_photos_in_part(shelf: Shelf, desk: Door) -> None:
    shelf.alike(1)
    for _ in range(CLUSTERS - 1):
        shelf.alike(1, same=True)
    shelf.alike(*range(1, PHOTOS + 3), same=True)
    first, second = page(desk), page(desk, "/duplicates?bits=8&page=2")
    assert first.count('class="batch cluster"') == CLUSTERS
    assert "3 more photos are not shown" in first
    assert "Page 1 of 2" in first
    assert 'href="./duplicates?bits=8&amp;page=2"' in first
    assert "Pairs that may be the same" not in first
    assert second.count('class="batch cluster"') == 0
    assert second.count("Pairs that may be the same</h2>") == second.count('class="batch pair"') == 1
    assert page(desk, "/duplicates?bits=8&page=1000").count('class="batch pair"') == 1


def test_more_clusters_take_no_more_statements(shelf: Shelf, desk: Door) -> None:
    counted: list[int] = []

    def statements() -> int:
        counted.clear()
        page(desk)
        return len(counted)

    shelf.alike(1)
    with shelf.catalog.reading() as connection:
        event.listen(connection.engine, "before_cursor_execute", lambda *_: counted.append(1))
    page(desk)
    few = statements()
    for _ in range(CLUSTERS):
        shelf.alike(1, 2, same=True)
    page(desk)
    assert statements() == few


def test_looking_decides_nothing(shelf: Shelf, desk: Door) -> None:
    alike = shelf.alike(1, 2)
    for name in ("vic", "rita"):
        page(desk, name=name)
        page(desk, "/duplicates?bits=12", name=name)
    assert [raw(shelf, photo) for photo in alike] == [None] * 3


def test_who_may_decide_is_offered_to_reject_the_others_and_who_may_not_is_not(shelf: Shelf, desk: Door) -> None:
    kept, other = shelf.alike(1)
    assert f'data-reject="{kept}"' in page(desk)
    assert re.findall(r'data-photo="(\d+)"', page(desk)) == [str(other)]
    text = page(desk, name="vic")
    assert "data-reject" not in text
    assert "data-photo" not in text


def test_only_what_surely_shows_the_same_is_ticked_beforehand(shelf: Shelf, desk: Door) -> None:
    kept, sure, perhaps = shelf.alike(1, 2)
    shelf.sketch(1, kept, sure)
    shelf.sketch(2, perhaps)
    text = page(desk)
    assert f"Sure.</b> The same picture as photo {kept} (1 bit apart)" in text
    assert f"Perhaps.</b> Looks like photo {sure} by their hashes (1 bit apart)" in text
    assert re.findall(r'data-photo="(\d+)"[^>]* checked', text) == [str(sure)]


def test_sent_twice_a_rejection_counts_once(shelf: Shelf, desk: Door) -> None:
    _, other = shelf.alike(1)
    (batch, token) = re.findall(r'data-batch="(\d+)" data-token="(\w+)"', page(desk))[0]
    act = {"token": token, "subject": other, "verdict": "reject", "reason": "other", "note": "shows the same"}
    for _ in range(2):
        (outcome,) = desk("rita").decide(int(batch), "raw", act)
        assert outcome["saved"]
    assert raw(shelf, other) == (Verdict.REJECT, Reason.OTHER, "shows the same")
    assert len(shelf.catalog.decisions.history(Subject(SubjectKind.PHOTO, other))) == 1
    text = page(desk)
    assert "Rejected by rita: Other" in text
    assert "data-reject" not in text


def test_where_the_best_was_rejected_no_other_is_offered_for_rejection(shelf: Shelf, desk: Door) -> None:
    kept, _ = shelf.alike(1)
    batch = shelf.catalog.batches.item(Subject(SubjectKind.PHOTO, kept), Stage.RAW).batch_id
    desk("rita").decide(batch, "raw", {"subject": kept, "verdict": "reject", "reason": "not_a_photo"})
    text = page(desk)
    assert f"Photo {kept}, which looks best, has been rejected." in text
    assert "data-reject" not in text


def test_in_a_closed_batch_nothing_is_offered(shelf: Shelf, desk: Door) -> None:
    kept, _ = shelf.alike(1)
    batch = shelf.catalog.batches.item(Subject(SubjectKind.PHOTO, kept), Stage.RAW).batch_id
    shelf.catalog.batches.close(batch, state=BatchState.STOPPED, reason="a test")
    text = page(desk)
    assert text.count("Undecided; its batch is closed") == 2
    assert "data-reject" not in text


def test_what_sources_wrote_is_text_and_no_link_runs_anything(shelf: Shelf, desk: Door) -> None:
    alike = 0x0F0F_0F0F_0F0F_0F0F
    shelf.photo(phash=alike, words=HOSTILE, page_url="javascript:alert(1)")
    shelf.photo(phash=alike ^ 1, page_url=f"https://example.org/{HOSTILE}")
    text = page(desk)
    assert "<script>document" not in text
    assert "<img src=x" not in text
    assert "javascript:" not in text


@pytest.mark.parametrize(
    "query", ["batch=404", "batch=0", "batch=x", "batch=99999999999999999999", "bits=13", "bits=-1", "page=0", "page=x"]
)
def test_there_is_no_page_of_what_is_not(desk: Door, query: str) -> None:
    assert desk("rita").get(f"/duplicates?{query}").status_code in {404, 422}
    assert desk("rita").get(f"/duplicates?{query}", Accept="text/html").status_code == 404


def test_an_empty_catalog_says_so(desk: Door) -> None:
    assert "There is no photo to compare yet." in page(desk)


def test_what_has_changed_is_compared_anew(shelf: Shelf) -> None:
    duplicates = Duplicates(shelf.catalog, shelf.blobs)
    shelf.alike(1)
    first = duplicates.view(None)
    again = duplicates.view(None)
    shelf.alike(1)
    assert first is not None
    assert again is not None
    assert again.at == first.at, "nothing had changed"


def test_what_was_erased_since_is_not_shown_any_more(shelf: Shelf) -> None:
    kept, erased, other = shelf.alike(1, 2, same=True)
    old = Duplicates(shelf.catalog, shelf.blobs, worth=1e9)  # as where comparing takes long
    old.view(None)
    shelf.catalog.erasures.add(erased, by="olga", why="asked")
    view = old.view(None)
    assert view is not None
    assert [card.photo for card in view.clusters[0].cards] == [kept, other]
    shelf.catalog.erasures.add(kept, by="olga", why="asked")
    view = old.view(None)
    assert view is not None
    assert view.clusters == ()


def test_the_address_of_a_copy_that_was_taken_down_since_is_not_shown_any_more(shelf: Shelf) -> None:
    kept, _ = shelf.alike(1, same=True)
    shelf.copy(kept, page_url="https://photos.example.org/copied")
    old = Duplicates(shelf.catalog, shelf.blobs, worth=1e9)
    assert links(old) == ["https://photos.example.org/copied"]
    mark = (TombstoneKind.PAGE_URL, "https://photos.example.org/copied")
    shelf.catalog.erasures.add_about([mark], by="olga", why="asked")
    assert links(old) == [None]


def links(duplicates: Duplicates) -> list[str | None]:
    view = duplicates.view(None)
    assert view is not None
    return [copy.page_link for cluster in view.clusters for card in cluster.cards for copy in card.copies]


def test_a_page_does_not_wait_for_long(shelf: Shelf) -> None:
    shelf.alike(1)
    hurried = Duplicates(shelf.catalog, shelf.blobs, patience=0)
    patient = Duplicates(shelf.catalog, shelf.blobs)
    assert hurried.view(None) is None
    assert patient.view(None) is not None


def test_while_photos_are_compared_the_page_says_so_and_comes_again(shelf: Shelf) -> None:
    shelf.alike(1)
    slow = Desk(shelf.catalog, shelf.blobs)
    slow.duplicates = Duplicates(shelf.catalog, shelf.blobs, patience=0)

    def vic() -> Person:
        return Person(id="vic", name="Vic", may_decide=False)

    answer = TestClient(create_app(open_desk=lambda: slow, access=Access(vic, vic))).get("/duplicates")
    assert "Photos are being compared." in answer.text
    assert answer.headers["refresh"] == "3"
