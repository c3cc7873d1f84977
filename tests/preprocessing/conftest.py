"""A portrait that anybody may use, dlib itself, and a catalog to put photos into."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from catalog import Blobs, Catalog, open_blobs
from catalog.records import Candidate, Domain, NewPhoto, Photo
from preprocessing.decode import Pixels
from preprocessing.detect import Detector, landmarks_model
from preprocessing.geometry import FoundFace

Add = Callable[..., Photo]


def add_photo(
    catalog: Catalog, blobs: Blobs, data: bytes, *, stored: bytes | None = None, generated: bool = False
) -> Photo:
    """Take bytes through query, candidate and fetch as the collectors do; `stored` are other bytes in the blob."""
    text = "portraits"
    catalog.queries.plan(source="folder", text=text, domain=Domain.BARE, licence="CC0-1.0")
    query = catalog.queries.find(source="folder", text=text)
    name = hashlib.sha256(data).hexdigest()
    url = f"https://photos.example/{name}"
    made = Candidate("folder", name, url, url, licence="CC0-1.0", generated=generated)
    catalog.candidates.add(made, query_id=query.id)
    found = catalog.candidates.claim(count=1, lease_seconds=60)[0]
    blobs.put("photos", data if stored is None else stored)
    # Any number does for a perceptual hash here, as long as no two photos share it.
    photo = NewPhoto(name, "image/jpeg", len(data), 512, 512, int(name[:16], 16))
    kept = catalog.photos.store(photo, candidate_id=found.id, bits=0)
    assert kept is not None
    return kept


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    opened = Catalog(catalog_url)
    yield opened
    opened.close()


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs((tmp_path / "blobs").as_uri())


@pytest.fixture
def add(catalog: Catalog, blobs: Blobs) -> Add:
    return partial(add_photo, catalog, blobs)


@pytest.fixture(scope="session")
def finder() -> Detector:
    return Detector(landmarks_model())


@pytest.fixture(scope="session")
def slight_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A landmarks model of one tree, which a process has read at once: the real one takes it half a second."""
    import dlib

    options = dlib.shape_predictor_training_options()
    options.cascade_depth = options.num_trees_per_cascade_level = options.tree_depth = 1
    options.oversampling_amount = options.num_test_splits = options.num_threads = 1
    grey = np.zeros((64, 64), np.uint8)
    points = dlib.points([dlib.point(number, number) for number in range(68)])
    seen = dlib.full_object_detection(dlib.rectangle(0, 0, 63, 63), points)
    path = tmp_path_factory.mktemp("slight") / "68_points.dat"
    dlib.train_shape_predictor([grey, grey], [[seen], [seen]], options).save(str(path))
    return path


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """Eileen Collins, photographed by NASA: public domain, 512 x 512, ships with scikit-image."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope="session")
def astronaut_face(astronaut: Pixels, finder: Detector) -> FoundFace:
    return finder.find(astronaut)[0]
