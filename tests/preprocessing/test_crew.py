"""A crew of processes: whatever becomes of one of them, every photo is done once or refused with a reason."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from catalog import Blobs
from catalog.errors import BlobMissing
from catalog.records import Photo
from preprocessing.crew import spread, usable_cores
from preprocessing.decode import Pixels, encode_jpeg
from preprocessing.detect import landmarks_model
from preprocessing.errors import CrewFailed, Undecodable
from preprocessing.one_photo import Done, Finder, cut_faces


def by_its_bytes(photo: Photo, blobs: Blobs, finder: Finder) -> Sequence[int]:
    """Work that does what the photo's bytes say, as a picture that breaks a codec would."""
    match blobs.get("photos", photo.sha256).split():
        case [b"crash", *_]:
            os.kill(os.getpid(), signal.SIGSEGV)
        case [b"hang", *_]:
            time.sleep(600)
        case [b"once", path, *_]:
            try:
                Path(path.decode()).touch(exist_ok=False)
            except FileExistsError:
                return [photo.id]
            os.kill(os.getpid(), signal.SIGKILL)
        case [b"refuse", *_]:
            raise Undecodable("no picture")
        case [b"wrong", *_]:
            raise BlobMissing("the store is not there")
    return [photo.id]


@pytest.fixture
def done(blobs: Blobs, slight_model: Path) -> Callable[..., dict[int, Done[int]]]:
    """What two processes make of photos, by their numbers. None is looked at, so a slight model will do."""

    def by_number(photos: Sequence[Photo], **options: float) -> dict[int, Done[int]]:
        answers = list(spread(by_its_bytes, photos, blobs=blobs, model=slight_model, processes=2, **options))
        assert len({answer.photo.id for answer in answers}) == len(answers)
        return {answer.photo.id: answer for answer in answers}

    return by_number


def test_every_photo_is_done_once(add, done) -> None:
    photos = [add(b"fine %d" % n) for n in range(9)]
    assert {number: answer.made for number, answer in done(photos).items()} == {p.id: (p.id,) for p in photos}


def test_a_photo_that_ends_every_process_is_refused_and_the_others_are_done(add, done) -> None:
    photos = [add(text) for text in (b"fine 1", b"crash 1", b"refuse 1", b"fine 2", b"crash 2", b"fine 3")]
    answers = done(photos)
    assert [answers[photo.id].refused for photo in photos] == ["", "crashed", "undecodable", "", "crashed", ""]
    assert "SIGSEGV" in answers[photos[1].id].detail


def test_a_process_that_is_killed_costs_no_photo(add, done, tmp_path: Path) -> None:
    photos = [add(b"fine 1"), add(b"once %b" % bytes(tmp_path / "killed")), add(b"fine 2")]
    assert {number for number, answer in done(photos).items() if answer.made} == {p.id for p in photos}


def test_a_photo_that_hangs_is_refused(add, done) -> None:
    hanging, fine = add(b"hang"), add(b"fine")
    answers = done([hanging, fine], patience=5.0)
    assert (answers[hanging.id].refused, answers[fine.id].refused) == ("crashed", "")
    assert "5 s" in answers[hanging.id].detail


def test_what_is_wrong_with_us_is_no_refusal(add, done) -> None:
    with pytest.raises(BlobMissing, match="not there"):
        done([add(b"wrong")])


@dataclass(frozen=True)
class Stalling:
    """A store that never answers for photos whose bytes begin with a word; for others it does."""

    blobs: Blobs
    word: bytes

    def get(self, kind: str, name: str) -> bytes:
        data = self.blobs.get(kind, name)
        if data.startswith(self.word):
            time.sleep(600)
        return data


@pytest.fixture
def stalling(blobs: Blobs, slight_model: Path) -> Callable[[Sequence[Photo]], Iterator[Done[int]]]:
    store = Stalling(blobs, b"lost")
    return partial(spread, by_its_bytes, blobs=store, model=slight_model, processes=2, patience=5.0)


def test_a_photo_that_the_store_does_not_give_is_left_and_the_others_are_done(add, stalling) -> None:
    photos = [add(text) for text in (b"fine 1", b"lost", b"crash", b"fine 2")]
    answers: dict[int, str] = {}

    def work() -> None:
        for answer in stalling(photos):
            answers[answer.photo.id] = answer.refused

    with pytest.raises(CrewFailed, match=r"did not answer \(no answer within 5 s\); photos left for the next run: 1"):
        work()
    assert answers == {photos[0].id: "", photos[2].id: "crashed", photos[3].id: ""}


def test_a_store_that_answers_nothing_is_told_soon(add, stalling) -> None:
    with pytest.raises(CrewFailed, match="the store does not answer"):
        list(stalling([add(b"lost %d" % number) for number in range(40)]))


def test_processes_that_cannot_start_are_told(add, blobs, tmp_path: Path) -> None:
    broken = tmp_path / "broken.dat"
    broken.write_bytes(b"no model")
    with pytest.raises(CrewFailed):
        list(spread(by_its_bytes, [add(b"fine")], blobs=blobs, model=broken, processes=1))


def test_when_no_photo_can_be_read_none_is_refused(add, done) -> None:
    with pytest.raises(CrewFailed, match="no photo could be read"):
        done([add(b"crash %d" % number) for number in range(3)])


def test_a_process_that_hangs_ends_with_whoever_started_it(add, blobs, slight_model: Path) -> None:
    photo = add(b"hang")
    started = os.fork()
    if not started:  # a parent that is killed while its process is at a photo
        list(spread(by_its_bytes, [photo], blobs=blobs, model=slight_model, processes=1))
        os._exit(0)
    children = Path(f"/proc/{started}/task/{started}/children")
    within(30, lambda: children.read_text().split())
    (worker,) = children.read_text().split()
    os.kill(started, signal.SIGKILL)
    os.waitpid(started, 0)
    within(10, lambda: not Path(f"/proc/{worker}").exists() or " Z " in Path(f"/proc/{worker}/stat").read_text())


def within(seconds: float, holds: Callable[[], object]) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.05)


def test_a_process_finds_the_faces_that_this_one_finds(add, blobs, finder, astronaut: Pixels) -> None:
    photo = add(encode_jpeg(astronaut))
    (answer,) = spread(cut_faces, [photo], blobs=blobs, model=landmarks_model(), processes=1)
    assert answer.made == tuple(cut_faces(photo, blobs, finder))


def test_as_many_processes_as_there_are_cores_for_us() -> None:
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
