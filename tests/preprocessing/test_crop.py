"""crop: every face of a photo becomes a row with its two crops, once, whatever happens on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from catalog import Blobs, Catalog
from catalog.records import Stage, Subject, SubjectKind, Verdict
from preprocessing import steps
from preprocessing.align import shrink
from preprocessing.decode import Pixels, decode, encode_jpeg
from preprocessing.detect import Detector
from preprocessing.geometry import FaceBox, FoundFace
from preprocessing.one_photo import cut_faces

REPOSITORY = Path(__file__).resolve().parents[2]


def crop(catalog: Catalog, blobs: Blobs, finder: Detector, batch: int | None = None) -> steps.Tally:
    return steps.crop(batch, catalog=catalog, blobs=blobs, finder=finder)


def test_a_portrait_becomes_a_face_with_two_crops(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    photo = add(encode_jpeg(astronaut))
    assert crop(catalog, blobs, finder) == steps.Tally(seen=1, made=1)
    (face,) = catalog.faces.of_photo(photo.id)
    assert decode(blobs.get("faces", face.face.sha256)).shape == (256, 256, 3)
    assert decode(blobs.get("faces", face.face.sha256_512)).shape == (512, 512, 3)
    assert face.face.detector == finder.version
    assert len(face.face.landmarks) == len(face.face.crop_landmarks) == 68
    eyes = np.array(face.face.crop_landmarks)[36:48]
    assert 90 < eyes[:, 1].mean() < 130


def test_two_people_become_two_faces(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    head = np.ascontiguousarray(astronaut[:300, 90:390])
    photo = np.full((400, 800, 3), 255, np.uint8)
    photo[20:320, 60:360] = head
    photo[60:330, 440:710] = shrink(head, width=270, height=270)
    stored = add(encode_jpeg(photo))
    assert crop(catalog, blobs, finder).made == 2
    assert [face.face.index for face in catalog.faces.of_photo(stored.id)] == [0, 1]


def test_a_photo_without_a_face_is_refused_and_not_tried_again(catalog, blobs, add, finder) -> None:
    photo = add(encode_jpeg(np.full((300, 300, 3), 90, np.uint8)))
    assert crop(catalog, blobs, finder).refused == {"no_face": 1}
    assert crop(catalog, blobs, finder) == steps.Tally()
    (refusal,) = catalog.candidates.refusals()
    assert (refusal.step, refusal.photo_id) == ("crop", photo.id)


def test_bytes_that_lie_are_refused_and_the_others_go_on(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    add(b"\xff\xd8\xff not a jpeg")
    add(encode_jpeg(astronaut))
    tally = crop(catalog, blobs, finder)
    assert (tally.seen, tally.made, tally.refused) == (2, 1, {"undecodable": 1})


def test_of_a_batch_only_approved_photos_are_cropped(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    approved, _ = add(encode_jpeg(astronaut)), add(encode_jpeg(astronaut, quality=60))
    batch = catalog.batches.open(key="today")
    subject = Subject(SubjectKind.PHOTO, approved.id)
    catalog.decisions.decide(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="ada")
    assert crop(catalog, blobs, finder, batch.id).seen == 1
    assert [face.photo_id for face in catalog.faces.of_batch(batch.id)] == [approved.id]


def test_without_a_batch_photos_in_review_are_left_alone(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    add(encode_jpeg(astronaut))
    catalog.batches.open(key="today")
    assert crop(catalog, blobs, finder) == steps.Tally()


def test_the_same_photo_gives_the_same_bytes(blobs, finder, astronaut: Pixels, tmp_path: Path, add, catalog) -> None:
    photo = add(encode_jpeg(astronaut))
    crop(catalog, blobs, finder)
    (face,) = catalog.faces.of_photo(photo.id)
    before = set(blobs.names("faces"))
    (again,) = cut_faces(photo, blobs, finder)
    assert again == face.face
    assert set(blobs.names("faces")) == before


@pytest.mark.parametrize("after", [1, 3])
def test_killed_in_the_middle_and_run_again_nothing_is_lost_or_doubled(
    catalog, blobs, add, finder, astronaut: Pixels, tmp_path: Path, after: int
) -> None:
    bytes_of = [encode_jpeg(astronaut, quality=70 + n) for n in range(8)]
    expected = [len(finder.find(decode(data))) for data in bytes_of]
    photos = [add(data) for data in bytes_of]
    environment = os.environ | {
        "FACELOOP_DATABASE": catalog.url,
        "FACELOOP_STORE": (tmp_path / "blobs").as_uri(),
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "preprocessing", "crop", "--json"]

    killed = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while catalog.faces.count() < after and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(30) == -signal.SIGKILL
    assert after <= catalog.faces.count() < sum(expected)

    finished = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, timeout=120, check=False)

    assert finished.returncode == 0, finished.stderr
    assert [len(catalog.faces.of_photo(photo.id)) for photo in photos] == expected
    # Exactly the blobs that the rows name, each whole (get() checks the bytes against their name).
    assert set(blobs.names("faces")) == catalog.faces.blobs()
    assert all(blobs.get("faces", name) for name in catalog.faces.blobs())


class Counting:
    """dlib's detector, which counts how often it has to look for faces."""

    def __init__(self, detector: Detector, version: str = "") -> None:
        self._detector = detector
        self.version = version or detector.version
        self.looked = 0

    def find(self, photo: Pixels) -> tuple[FoundFace, ...]:
        self.looked += 1
        return self._detector.find(photo)

    def faces_in(self, photo: Pixels, boxes: Sequence[FaceBox]) -> tuple[FoundFace, ...]:
        return self._detector.faces_in(photo, boxes)


def screened_and_approved(catalog: Catalog, blobs: Blobs, finder: Counting) -> int:
    batch = catalog.batches.open(key="today")
    steps.screen(batch.id, catalog=catalog, blobs=blobs, finder=finder)
    for photo in catalog.photos.of_batch(batch.id):
        subject = Subject(SubjectKind.PHOTO, photo.id)
        catalog.decisions.decide(subject, stage=Stage.RAW, verdict=Verdict.APPROVE, by="ada")
    return batch.id


def test_a_crop_takes_the_faces_that_the_screen_saw(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    photo = add(encode_jpeg(astronaut))
    counting = Counting(finder)
    batch = screened_and_approved(catalog, blobs, counting)
    assert steps.crop(batch, catalog=catalog, blobs=blobs, finder=counting).made == 1
    assert counting.looked == 1
    (face,), (found,) = catalog.faces.of_photo(photo.id), finder.find(decode(encode_jpeg(astronaut)))
    assert face.face.box == (found.box.left, found.box.top, found.box.right, found.box.bottom)
    assert face.face.landmarks == found.landmarks.points


def test_another_detector_than_the_screens_looks_again(catalog, blobs, add, finder, astronaut: Pixels) -> None:
    photo = add(encode_jpeg(astronaut))
    batch = screened_and_approved(catalog, blobs, Counting(finder, "an older one"))
    newer = Counting(finder)
    assert steps.crop(batch, catalog=catalog, blobs=blobs, finder=newer).made == 1
    assert newer.looked == 1
    assert catalog.faces.of_photo(photo.id)[0].face.detector == finder.version
