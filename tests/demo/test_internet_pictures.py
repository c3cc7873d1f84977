"""The picture hosts: photos with known truth, copies, and addresses that yield no photo."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest
import requests

from demo.internet import World
from demo.internet.world import BAD, Picture


def of_kind(world: World, kind: str) -> Picture:
    return next(r.picture for r in world.results if r.picture.kind == kind)


def decode(jpeg: bytes) -> np.ndarray | None:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def test_every_kind_of_picture_exists(world: World):
    kinds = {r.picture.kind for r in world.results}
    assert {"photo", "exact_duplicate", "near_duplicate", "truncated", "html", "huge"} <= kinds


def test_a_photo_comes_with_its_size_and_truth(web: requests.Session, world: World):
    picture = next(r.picture for r in world.results if r.picture.truth.defect is None and r.picture.kind == "photo")
    answer = web.get(picture.url, timeout=20)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert decode(answer.content).shape == (picture.truth.height, picture.truth.width, 3)
    assert world.truth(picture.url) == picture.truth


def test_an_exact_copy_has_the_same_bytes_at_another_address(web: requests.Session, world: World):
    copy = of_kind(world, "exact_duplicate")
    first, second = (web.get(url, timeout=20).content for url in (copy.original, copy.url))
    assert copy.url != copy.original
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_a_near_copy_has_other_bytes_but_looks_the_same(web: requests.Session, world: World):
    copy = of_kind(world, "near_duplicate")
    first, second = (web.get(url, timeout=20).content for url in (copy.original, copy.url))
    small = [cv2.resize(decode(jpeg), (32, 32), interpolation=cv2.INTER_AREA).astype(float) for jpeg in (first, second)]
    assert first != second
    assert np.abs(small[0] - small[1]).mean() < 3


def test_bad_addresses_yield_no_photo_and_have_no_truth(web: requests.Session, world: World):
    for result in world.results:
        picture = result.picture
        if picture.kind not in BAD:
            continue
        assert world.truth(picture.url) is None
        answer = web.get(picture.url, timeout=20, stream=True, allow_redirects=False)
        match picture.kind:
            case "missing":
                assert answer.status_code == 404
            case "html":
                assert "text/html" in answer.headers["Content-Type"]
            case "huge":
                assert int(answer.headers["Content-Length"]) > 90_000_000
            case "private_redirect":
                assert answer.headers["Location"].startswith("http://169.254.")
            case "truncated":
                assert len(answer.content) < len(world.jpeg(picture)) / 2
        answer.close()


def test_an_address_nobody_lists_is_not_found(web: requests.Session):
    assert web.get("https://photos.example/2020/none.jpg", timeout=10).status_code == 404


def test_page_and_thumbnail_of_a_result_exist(web: requests.Session, world: World):
    result = next(r for r in world.results if r.picture.kind == "photo")
    thumb = web.get(f"https://encrypted-tbn0.gstatic.com/images?q=tbn:{result.picture.key}&s", timeout=20)
    assert max(decode(thumb.content).shape[:2]) == 225
    assert web.get(result.page_url, timeout=10).status_code == 200


def test_the_size_of_the_world_is_an_argument():
    small = World(people=2, photos_per_source=4)
    assert len({p.url for p in small.pictures.values() if "cdninstagram" in p.url}) == 4
    assert len({p.url for p in small.pictures.values() if "twimg" in p.url}) == 4
    assert len([r for r in small.results if r.picture.kind == "photo"]) == 4
    assert {r.picture.truth.person for r in small.results} <= {0, 1}


def test_the_same_numbers_make_the_same_world_and_others_another():
    assert World(people=5, photos_per_source=9, seed=4).results == World(people=5, photos_per_source=9, seed=4).results
    assert World(people=5, photos_per_source=9, seed=4).results != World(people=5, photos_per_source=9, seed=5).results


@pytest.mark.parametrize("source", ["google", "instagram", "twitter"])
def test_addresses_are_distinct(source: str):
    big = World(people=50, photos_per_source=500)
    addresses = [r.picture.url for r in big.results]
    assert len(set(addresses)) == len(addresses)
    assert len({post.pk for post in big.posts}) == len(big.posts)
    assert len({tweet.id for tweet in big.tweets}) == len(big.tweets)
    assert len(big.truths(source)) == 500
