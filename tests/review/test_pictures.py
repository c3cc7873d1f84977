"""Pictures reach the browser as what they really are, small when asked, and nothing else reaches it at all."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from desks import Visitor
from PIL import Image
from shelf import Shelf, drawn

Door = Callable[[str], Visitor]


def seen(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_photo_is_shown_in_every_pixel(shelf: Shelf, desk: Door, kind: str, media_type: str) -> None:
    data = drawn(1, kind=kind)
    photo = shelf.photo(data=data)

    answer = desk("rita").get(f"/image/photo/{photo.id}")

    assert answer.headers["content-type"] == media_type
    assert answer.content == data


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_written_anew(shelf: Shelf, desk: Door, kind: str) -> None:
    photo = shelf.photo(data=drawn(2, kind=kind))

    answer = desk("rita").get(f"/image/photo/{photo.id}")

    assert answer.headers["content-type"] == "image/jpeg"
    assert seen(answer.content).size == (320, 400)


def test_a_small_picture_leaves_metadata_behind(shelf: Shelf, desk: Door) -> None:
    image, exif, out = seen(drawn(3, size=(900, 1200))), Image.Exif(), io.BytesIO()
    exif[0x010E] = "taken at a secret place"
    image.save(out, "JPEG", exif=exif)
    photo = shelf.photo(data=out.getvalue())

    small = desk("rita").get(f"/image/photo/{photo.id}?side=480").content

    assert b"secret" in out.getvalue()
    assert b"secret" not in small
    assert seen(small).size == (360, 480)


def test_a_face_is_its_512_pixel_crop(shelf: Shelf, desk: Door) -> None:
    (face,) = shelf.faces(shelf.batch(1))

    assert seen(desk("rita").get(f"/image/face/{face}").content).size == (512, 512)


@pytest.mark.parametrize(
    "data",
    [b"<script>alert(1)</script>", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\xff\xd8\xff\xe0 cut off"],
)
def test_what_is_no_picture_is_never_shown_small(shelf: Shelf, desk: Door, data: bytes) -> None:
    photo = shelf.photo(data=data)

    answer = desk("rita").get(f"/image/photo/{photo.id}?side=480")

    assert answer.status_code == 415
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("data", [b"<html>GIF89a", b"GIF89a<script>alert(1)</script>"])
def test_what_is_no_picture_is_never_sent_as_it_is(shelf: Shelf, desk: Door, data: bytes) -> None:
    photo = shelf.photo(data=data)

    assert desk("rita").get(f"/image/photo/{photo.id}").status_code == 415


def test_a_picture_opened_by_itself_can_do_nothing(shelf: Shelf, desk: Door) -> None:
    headers = desk("rita").get(f"/image/photo/{shelf.photo().id}").headers

    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"].startswith("private")
    assert headers["content-disposition"] == "inline"
    assert headers["x-robots-tag"] == "noindex, noimageindex, noai"


def test_a_picture_that_the_browser_has_is_not_sent_again(shelf: Shelf, desk: Door) -> None:
    path = f"/image/photo/{shelf.photo().id}?side=480"
    tag = desk("rita").get(path).headers["etag"]

    assert desk("rita").get(path, **{"If-None-Match": tag}).status_code == 304


def test_lost_bytes_are_said_to_be_lost(shelf: Shelf, desk: Door) -> None:
    photo = shelf.photo()
    shelf.blobs.delete("photos", photo.sha256)

    answer = desk("rita").get(f"/image/photo/{photo.id}")

    assert answer.status_code == 404
    assert "not in the store" in answer.json()["detail"]


def test_only_the_sizes_that_pages_use_are_made(shelf: Shelf, desk: Door) -> None:
    assert desk("rita").get(f"/image/photo/{shelf.photo().id}?side=9999").status_code == 422


def test_a_picture_whose_bytes_were_erased_is_not_shown_from_memory(shelf: Shelf, desk: Door) -> None:
    photo = shelf.photo()
    address = f"/image/photo/{photo.id}?side=480"
    assert desk("rita").get(address).status_code == 200

    shelf.blobs.delete("photos", photo.sha256)

    assert desk("rita").get(address).status_code == 404
