"""Measuring keeps numbers, the judge and a page; the same judge judges again, and an old page does not stay about."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from recorded import Board

from catalog import Catalog, open_blobs, settings
from catalog.blobs import FolderBlobs
from catalog.steps import erase
from training import steps
from training.errors import BadPolicy, Unknown
from training.evaluation.classifier import load


def backdrop(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


@pytest.fixture(scope="module")
def homes(approved_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, Path, int]:
    """A home in which the approved faces were trained for a step, and its run; a copy where that was measured, and its
    evaluation."""
    trained, measured = (tmp_path_factory.mktemp(name) / "home" for name in ("trained", "measured"))
    with pytest.MonkeyPatch.context() as there:
        there.setenv("WANDB_MODE", "disabled")
        there.setenv("FACELOOP_TRAIN_PRESET", "tiny-64")
        there.setenv("FACELOOP_HOME", str(trained))
        settings.cache_clear()
        shutil.copytree(approved_home, trained)
        steps.snapshot()
        run = steps.train(slice_steps=1, threads=1).run_id
        there.setenv("FACELOOP_HOME", str(measured))
        settings.cache_clear()
        shutil.copytree(trained, measured)
        evaluation = steps.evaluate(run, describe=backdrop)
    settings.cache_clear()
    return trained, run, measured, evaluation


@pytest.fixture
def trained(approved: Catalog, homes: tuple[Path, int, Path, int]) -> int:
    """The run, in a home of one's own."""
    approved.close()
    shutil.copytree(homes[0], settings().home, dirs_exist_ok=True)
    return homes[1]


@pytest.fixture
def measured(approved: Catalog, homes: tuple[Path, int, Path, int]) -> int:
    """The evaluation, in a home of one's own."""
    approved.close()
    shutil.copytree(homes[2], settings().home, dirs_exist_ok=True)
    return homes[3]


def test_an_evaluation_has_a_page_beside_the_run_and_in_the_store(approved: Catalog, measured: int) -> None:
    found, blobs = approved.models.evaluation(measured), open_blobs()
    page = steps.report(measured)
    assert page.read_bytes() == blobs.get("reports", found.report)
    assert page.parent.parent.name == steps.run_name(found.snapshot_id, preset="tiny-64", seed=777)
    text = page.read_text()
    assert load(blobs.get("classifiers", found.classifier)).version in text
    assert found.snapshot_id in text
    assert "G/latent_cyc by step" in text
    page.unlink()
    assert steps.report(measured).read_text() == text  # brought from the store, as on another machine


def test_who_follows_the_run_is_told_where_its_page_is_in_words_that_stay_true(
    approved: Catalog, measured: int
) -> None:
    """Not by its blob, which another measurement replaces; nor is the page itself shown there."""
    found = approved.models.evaluation(measured)
    (folder,) = settings().home.glob("runs/*")
    (told,) = Board(folder).texts("evaluation").values()
    assert f"review-desk/evaluation/{measured} in Airflow" in told
    assert f"`python -m training report --evaluation {measured}`" in told
    assert not any(name[:12] in told for name in (found.report, found.pairs))


def test_the_page_holds_each_number_against_what_promotion_asks(
    approved: Catalog, trained: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = '{"floors": {"target_rate": 0.71, "bare_to_makeup/target_rate": 0.72, "copy_rate": null}}'
    monkeypatch.setenv("FACELOOP_PROMOTION_POLICY", policy)
    settings.cache_clear()
    text = steps.report(steps.evaluate(trained, describe=backdrop)).read_text()
    lines = [line for line in text.splitlines() if ">target_rate<small>" in line]
    wanted = [line.split('<td class="n">')[2].split("<")[0] for line in lines]
    assert wanted == ["≥ 0.72", "≥ 0.71"]
    monkeypatch.setenv("FACELOOP_PROMOTION_POLICY", '{"floors": {"beauty": 1}}')
    settings.cache_clear()
    with pytest.raises(BadPolicy, match="beauty"):
        steps.evaluate(trained, describe=backdrop)


def test_measured_again_it_is_judged_by_the_same_judge_and_leaves_one_page(approved: Catalog, measured: int) -> None:
    first = approved.models.evaluation(measured)

    def blind(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray | None:
        return None

    again = approved.models.evaluation(steps.evaluate(first.run_id, describe=blind))
    assert (again.id, again.version, again.classifier) == (first.id, first.version, first.classifier)
    assert again.metrics != first.metrics
    assert set(open_blobs().names("reports")) == {again.report, again.pairs}
    assert len(list(steps.report(again.id).parent.iterdir())) == 1


def test_an_evaluation_without_a_page_is_named(approved: Catalog, trained: int) -> None:
    old = approved.models.add_evaluation(trained, step=1, metrics={}, version="before there were pages")
    with pytest.raises(Unknown, match="evaluate again"):
        steps.report(old.id)


class Erasing(FolderBlobs):
    """A store during whose first use of a page, `put` or `get`, a face of the snapshot is erased from start to end."""

    def __init__(self, catalog: Catalog, *, during: str) -> None:
        super().__init__(settings().home / "blobs")
        self.catalog, self.during, self.page = catalog, during, b""

    def put(self, kind: str, data: bytes) -> str:
        name = super().put(kind, data)
        if kind == "reports":
            self._erase("put", data)
        return name

    def get(self, kind: str, name: str) -> bytes:
        data = super().get(kind, name)
        if kind == "reports":
            self._erase("get", data)
        return data

    def _erase(self, now: str, page: bytes) -> None:
        if self.during != now or self.page:
            return
        self.page = page
        face = self.catalog.faces.get(self.catalog.faces.approved()[0].face_id)
        erase(photo_id=face.photo_id, by="rita", catalog=self.catalog, blobs=FolderBlobs(settings().home / "blobs"))


def pages() -> list[bytes]:
    """Every page that there is: in the store, and beside the runs."""
    blobs = open_blobs()
    stored = [blobs.get("reports", name) for name in blobs.names("reports")]
    here = [path.read_bytes() for path in settings().home.glob("runs/*/reports/*")]
    return [page for page in [*stored, *here] if b"<html" in page]  # and no numbers of pairs


def test_a_page_that_is_written_while_a_face_is_erased_is_written_again_without_pictures(
    approved: Catalog, trained: int
) -> None:
    blobs = Erasing(approved, during="put")
    number = steps.evaluate(trained, describe=backdrop, blobs=blobs)
    assert b"<img" in blobs.page
    assert len(pages()) == 2
    assert {page.count(b"<img") for page in pages()} == {0}
    assert steps.report(number).read_bytes() == pages()[0]
    assert approved.models.evaluation(number).metrics


def test_a_page_that_is_brought_while_a_face_is_erased_does_not_stay(approved: Catalog, measured: int) -> None:
    steps.report(measured).unlink()
    blobs = Erasing(approved, during="get")
    with pytest.raises(Unknown, match="was erased"):
        steps.report(measured, blobs=blobs)
    assert b"<img" in blobs.page
    assert pages() == []


def test_other_faces_have_another_judge(approved: Catalog, measured: int, approve_more: Callable[[int], None]) -> None:
    first = approved.models.evaluation(measured)
    for number in range(16, 30):
        approve_more(number)
    other = approved.models.evaluation(steps.evaluate(first.run_id, on=steps.snapshot(), describe=backdrop))
    assert other.snapshot_id != first.snapshot_id
    assert other.version != first.version
    assert other.classifier != first.classifier
