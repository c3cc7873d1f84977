"""Whatever is killed, and whenever a face is erased: no page that shows it outlives the next sweep.

A page is a few bytes here that say whether it shows pictures; the verbs, the catalog and the store are the real ones.
Time passes only between them: before each verb of the catalog, before and after each of the store.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest

from catalog import Blobs, Catalog, settings
from catalog import steps as upkeep
from catalog.blobs import FolderBlobs
from catalog.evaluations import has_erased
from catalog.part import Part
from catalog.records import Evaluation, NewFace, Stage
from rows import Rows, sha256_of
from training.errors import Unknown
from training.pages import Measured, bring, keep, page_of

SNAPSHOT = sha256_of("a snapshot")


class Killed(BaseException):
    """Stands for a kill at a moment that a test chooses; nobody catches it."""


class Between:
    """Something of ours that says when time passes: between its verbs."""

    def __init__(self, real: object, moment: Callable[[], None]) -> None:
        self._real, self._moment = real, moment

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if isinstance(found, Part):
            return Between(found, self._moment)
        if not callable(found):
            return found

        def verb(*args: Any, **named: Any) -> Any:
            self._moment()
            given = found(*args, **named)
            if isinstance(self._real, FolderBlobs):  # then a file beside a run is written or removed
                self._moment()
            return given

        return verb


class Moments:
    """Counts them, and does something at some."""

    def __init__(self, **at: int) -> None:
        self.count, self._at = 0, at
        self._does: dict[str, Callable[[], object]] = {"killed": self._kill}

    def on(self, name: str, do: Callable[[], object]) -> Moments:
        self._does[name] = do
        return self

    def __call__(self) -> None:
        now, self.count = self.count, self.count + 1
        for name, when in self._at.items():
            if when == now:
                self._does[name]()

    @staticmethod
    def _kill() -> None:
        raise Killed


class Home:
    """A catalog with a run on one approved face, and a store for the page of the run's evaluation."""

    def __init__(self, catalog: Catalog, folder: Path, *, photo: int) -> None:
        self.catalog, self.blobs = catalog, FolderBlobs(folder)
        (self.run,) = self.catalog.models.runs()
        self.photo = photo

    def measure(self, words: str, moments: Moments | None = None) -> Evaluation:
        """Keep what was measured; the same place is measured anew with other words."""
        catalog, blobs = self._watched(moments or Moments())
        measured = Measured(1, "code-faces-judge", {"m": 1.0}, SNAPSHOT, sha256_of("judge"), f"pairs {words}".encode())
        return keep(
            measured,
            self.run,
            render=lambda pictures: f"<!-- beside --><!-- /beside -->{words}{'<img>' if pictures else ''}".encode(),
            catalog=catalog,
            blobs=blobs,
            settings=settings(),
        )

    def bring(self, moments: Moments | None = None) -> Path:
        """Bring the page, as to a machine that has none."""
        for path in settings().home.glob("runs/*/reports/*"):
            path.unlink()
        catalog, blobs = self._watched(moments or Moments())
        return bring(1, catalog=catalog, blobs=blobs, settings=settings())

    def erase(self, moments: Moments | None = None) -> None:
        catalog, blobs = self._watched(moments or Moments())
        upkeep.erase(photo_id=self.photo, by="rita", catalog=catalog, blobs=blobs)

    def erased(self) -> bool:
        with self.catalog.reading() as connection:
            return has_erased(connection, SNAPSHOT)

    def sweep(self) -> None:
        """As every night: with a day of grace."""
        upkeep.sweep(delete=True, catalog=self.catalog, blobs=self.blobs)

    def shown(self) -> list[bytes]:
        """Every page with pictures that there is: in the store, and beside the runs."""
        stored = [self.blobs.get("reports", name) for name in self.blobs.names("reports")]
        here = [path.read_bytes() for path in settings().home.glob("runs/*/reports/*")]
        return [page for page in [*stored, *here] if b"<img>" in page]

    def _watched(self, moments: Moments) -> tuple[Catalog, Blobs]:
        return cast(Catalog, Between(self.catalog, moments)), cast(Blobs, Between(self.blobs, moments))


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[Home]:
    """One after the other, each as new."""
    catalog = Catalog(memory=True)
    rows = Rows(catalog)
    photo = rows.photo()
    catalog.batches.open(key="batch")
    rows.approve(photo, Stage.RAW)
    new = rows.new_face()
    catalog.faces.store(photo.id, [NewFace(**{name: getattr(new, name) for name in NewFace.__slots__})])
    (face,) = catalog.faces.of_photo(photo.id)
    rows.approve(face, Stage.CROP)
    rows.approve(face, Stage.FINAL)
    catalog.snapshots.add(SNAPSHOT, manifest=SNAPSHOT, faces=catalog.faces.trainable())
    catalog.models.open_run(SNAPSHOT, preset="tiny-64", seed=1, total_steps=9)

    def fresh() -> Iterator[Home]:
        for number in count():
            shutil.rmtree(settings().home / "runs", ignore_errors=True)
            copy = Catalog(memory=True, migrate=False)
            with closing(catalog.engine.raw_connection()) as source, closing(copy.engine.raw_connection()) as target:
                cast(Any, source.driver_connection).backup(target.driver_connection)
            yield Home(copy, tmp_path / f"{number}", photo=photo.id)

    return fresh()


def writes(home: Home, moments: Moments) -> None:
    home.measure("one", moments)


def writes_anew(home: Home, moments: Moments) -> None:
    home.measure("two", moments)


def brings(home: Home, moments: Moments) -> None:
    with suppress(Unknown):
        home.bring(moments)


#: What may be at work on a page, and whether there is one before.
WRITERS = [(writes, False), (writes_anew, True), (brings, True)]


def begun(homes: Iterator[Home], *, measured: bool) -> Home:
    home = next(homes)
    if measured:
        home.measure("one")
    return home


@pytest.mark.slow
@pytest.mark.parametrize(("at_work", "measured"), WRITERS, ids=lambda one: getattr(one, "__name__", ""))
def test_killed_anywhere_and_erased_anywhere_no_page_shows_the_face_after_a_sweep(
    homes: Iterator[Home], at_work: Callable[[Home, Moments], None], measured: bool
) -> None:
    at_work(begun(homes, measured=measured), whole := Moments())
    assert whole.count >= 5
    left = 0
    for erased in range(whole.count + 1):  # the last: after it has ended, or was killed
        for killed in count(erased):
            home = begun(homes, measured=measured)
            moments = Moments(erased=erased, killed=killed).on("erased", home.erase)
            with suppress(Killed):
                at_work(home, moments)
            if moments.count <= erased:
                home.erase()
            left += len(home.shown())
            if moments.count > killed:
                home.sweep()
            assert home.shown() == [], (erased, killed)
            if moments.count <= killed:  # it came to its end, without a sweep
                break
    assert left, "some of these leave a page about, which only the sweep removes"


@pytest.mark.slow
@pytest.mark.parametrize(("at_work", "measured"), WRITERS[1:], ids=lambda one: getattr(one, "__name__", ""))
def test_an_erasure_that_is_killed_anywhere_is_ended_by_the_sweep(
    homes: Iterator[Home], at_work: Callable[[Home, Moments], None], measured: bool
) -> None:
    begun(homes, measured=True).erase(whole := Moments())
    for erased in range(0, 14, 2):
        for killed in range(whole.count):
            home = begun(homes, measured=measured)

            def erase(home: Home = home, killed: int = killed) -> None:
                with suppress(Killed):
                    home.erase(Moments(killed=killed))

            moments = Moments(erased=erased).on("erased", erase)
            at_work(home, moments)
            if moments.count <= erased:
                erase()
            if not home.erased():
                continue  # killed before anything was
            home.sweep()
            assert home.shown() == [], (erased, killed)


@pytest.mark.parametrize("measured", [False, True])
def test_killed_anywhere_and_measured_again_the_page_and_its_pairs_are_there(
    homes: Iterator[Home], measured: bool
) -> None:
    begun(homes, measured=measured).measure("two", whole := Moments())
    for killed in range(whole.count):
        home = begun(homes, measured=measured)
        with pytest.raises(Killed):
            home.measure("two", Moments(killed=killed))
        home.sweep()
        found = home.measure("two")
        home.sweep()
        assert set(home.blobs.names("reports")) == {found.report, found.pairs}
        assert home.blobs.get("reports", found.pairs) == b"pairs two"
        (copy,) = settings().home.glob("runs/*/reports/*")
        assert copy.read_bytes() == page_of(found, blobs=home.blobs)
        assert b"<img>" in copy.read_bytes()
        copy.unlink()


def test_who_measures_the_same_meanwhile_and_is_later_keeps_the_page(homes: Iterator[Home]) -> None:
    home = next(homes)
    later = Moments(measured=6).on("measured", lambda: home.measure("two"))
    assert home.measure("one", later).id == 1
    found = home.catalog.models.evaluation(1)
    assert set(home.blobs.names("reports")) == {found.report, found.pairs}
    assert page_of(found, blobs=home.blobs).endswith(b"two<img>")


def test_two_evaluations_with_the_same_pairs_keep_them_until_both_are_gone(homes: Iterator[Home]) -> None:
    home = next(homes)
    first = home.measure("one")
    home.catalog.models.add_evaluation(
        home.run.id, step=2, metrics={}, version="v", snapshot_id=SNAPSHOT, report=sha256_of("x"), pairs=first.pairs
    )
    home.measure("two")
    assert home.blobs.has("reports", first.pairs)
    assert not home.blobs.has("reports", first.report)
    home.erase()
    assert list(home.blobs.names("reports")) == []
