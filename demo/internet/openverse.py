"""api.openverse.org: the image search of its API v1, as somebody without a key may ask it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from demo.internet.messages import Answer, Request, data
from demo.internet.world import Work, World

ANONYMOUS, PAGES = 20, 12
_DEEDS = {"cc0": "publicdomain/zero", "pdm": "publicdomain/mark"}
_NAMES = {"cc0": "CC0", "pdm": "Public Domain Mark"}


class OpenverseApi:
    """Answers for api.openverse.org."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        if request.path != "/v1/images/":
            return data({"detail": "Not found."}, status=404)
        number, size = request.query("page", "1"), request.query("page_size", "20")
        if not number.isdigit() or not 1 <= int(number) <= PAGES:
            return data({"detail": {"page": [f"Ensure this value is less than or equal to {PAGES}."]}}, status=400)
        if not size.isdigit() or int(size) > ANONYMOUS:
            return data({"detail": f"Ensure this value is less than or equal to {ANONYMOUS}."}, status=401)
        codes = tuple(filter(None, request.query("license").split(",")))
        if strange := set(codes) - {"cc0", "pdm", "by", "by-sa", "by-nc", "by-nd", "by-nc-sa", "by-nc-nd"}:
            return data({"detail": {"license": [f"License '{min(strange)}' does not exist."]}}, status=400)
        found = self._world.works_about("openverse", request.query("q"), licences=codes)
        start = (int(number) - 1) * int(size)
        shown = [_result(work) for work in found[start : start + int(size)]]
        pages = min(PAGES, -(-len(found) // int(size)))
        told = {"result_count": len(found), "page_count": pages, "page_size": int(size), "page": int(number)}
        return data({**told, "results": shown})


def _result(work: Work) -> dict[str, Any]:
    mark = str(UUID(int=work.number))
    name = _NAMES.get(work.licence, f"CC {work.licence.upper()}") + f" {work.version}"
    deed = f"https://creativecommons.org/{_DEEDS.get(work.licence, f'licenses/{work.licence}')}/{work.version}/"
    return {
        "id": mark,
        "title": work.title,
        "indexed_on": "2026-01-02T03:04:05.000000Z",
        "foreign_landing_url": f"https://www.flickr.com/photos/{work.author.replace(' ', '').lower()}/{work.number}",
        "url": work.picture.url,
        "creator": work.author,
        "creator_url": f"https://www.flickr.com/photos/{work.author.replace(' ', '').lower()}",
        "license": work.licence,
        "license_version": work.version,
        "license_url": deed,
        "provider": "flickr",
        "source": "flickr",
        "category": "photograph",
        "filesize": None,
        "filetype": "jpg",
        "tags": [{"name": "portrait", "accuracy": None, "unstable__provider": "flickr"}],
        "attribution": f'"{work.title}" by {work.author} is licensed under {name}. '
        f"To view a copy of this license, visit {deed}.",
        "fields_matched": ["title"],
        "mature": False,
        "height": work.picture.truth.height,
        "width": work.picture.truth.width,
        "thumbnail": f"https://api.openverse.org/v1/images/{mark}/thumb/",
        "detail_url": f"https://api.openverse.org/v1/images/{mark}/",
        "related_url": f"https://api.openverse.org/v1/images/{mark}/related/",
        "unstable__sensitivity": [],
    }
