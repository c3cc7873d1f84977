"""commons.wikimedia.org: MediaWiki's search for files, and robots turned away that do not say who they are."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import unquote

from demo.internet.messages import Answer, Request, data, page
from demo.internet.world import Work, World

_DEEDS = {"cc0": "publicdomain/zero", "pdm": "publicdomain/mark"}
_NAMES = {"cc0": "CC0", "pdm": "Public domain"}
ANONYMOUS = "<!doctype html><title>Wikimedia Error</title><p>Please set a user-agent and respect our robot policy."


class CommonsApi:
    """Answers for commons.wikimedia.org."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        agent = request.headers.get("user-agent", "")
        if "@" not in agent and "http" not in agent:
            return page(ANONYMOUS, status=403)
        if request.path != "/w/api.php":
            return page("<!doctype html><title>A file</title>")
        if request.query("action") != "query" or request.query("generator") != "search":
            return _wrong("badvalue", 'Unrecognized value for parameter "action".')
        size, offset = request.query("gsrlimit", "10"), request.query("gsroffset", "0")
        if not size.isdigit() or not offset.isdigit() or bool(request.query("continue")) != (offset != "0"):
            return _wrong("badcontinue", "Invalid continue param. You should pass the original value.")
        text = " ".join(word for word in request.query("gsrsearch").split() if ":" not in word)
        found = self._world.works_about("commons", text)
        start, end = int(offset), int(offset) + int(size)
        if not found[start:end]:
            return data({"batchcomplete": True})
        told: dict[str, Any] = {"batchcomplete": True}
        if len(found) > end:
            told["continue"] = {"gsroffset": end, "continue": "gsroffset||"}
        # MediaWiki lists them by their numbers; "index" tells the order that they were found in.
        pages = [_file(work, place) for place, work in enumerate(found[start:end], start + 1)]
        told["query"] = {"pages": sorted(pages, key=lambda file: int(file["pageid"]))}
        return data(told)


def _wrong(code: str, info: str) -> Answer:
    told = {"error": {"code": code, "info": info, "docref": "See https://commons.wikimedia.org/w/api.php"}}
    return data({**told, "servedby": "mw1"}, headers=(("MediaWiki-API-Error", code),))


def _file(work: Work, index: int) -> dict[str, Any]:
    name = unquote(work.picture.url.rpartition("/")[2])
    short = _NAMES.get(work.licence, f"CC {work.licence.upper()} {work.version}")
    deed = f"https://creativecommons.org/{_DEEDS.get(work.licence, f'licenses/{work.licence}')}/{work.version}"
    artist = f'<a href="//commons.wikimedia.org/wiki/User:{work.number}" title="User">{html.escape(work.author)}</a>'
    told = {"LicenseShortName": short, "LicenseUrl": deed, "Artist": artist, "ObjectName": html.escape(work.title)}
    told |= {"AttributionRequired": str(work.licence.startswith("by")).lower(), "Restrictions": ""}
    if index % 4 == 0:
        told["Restrictions"] = "personality"
    where = f"https://commons.wikimedia.org/wiki/File:{name.replace(',', '%2C')}"
    info = {
        "user": f"User{work.number % 7}",
        "size": 150_000,
        "width": work.picture.truth.width,
        "height": work.picture.truth.height,
        "url": work.picture.url,
        "descriptionurl": where,
        "descriptionshorturl": f"https://commons.wikimedia.org/w/index.php?curid={work.number}",
        "sha1": f"{work.number:040x}",
        "mime": "image/jpeg",
        "extmetadata": {key: {"value": value, "source": "commons-desc-page"} for key, value in told.items()},
    }
    return {
        "pageid": work.number,
        "ns": 6,
        "title": f"File:{name.replace('_', ' ')}",
        "index": index,
        "imagerepository": "local",
        "imageinfo": [info],
    }
