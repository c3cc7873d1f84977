"""The hosts that serve the pictures themselves, with all that goes wrong on real ones."""

from __future__ import annotations

from demo.internet.messages import NOT_FOUND, Answer, Request, moved, page, picture
from demo.internet.world import World

HUGE_MIB = 96


class Pictures:
    """Answers for publishers' hosts and for the picture hosts of Instagram and X."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:
        found = self._world.picture(f"{request.host}{request.path}")
        if found is None:
            return self._story(request)
        if found.kind == "missing":
            return NOT_FOUND
        if found.kind == "html":
            return page("<!doctype html><title>Members only</title><p>Sign in to see this picture.")
        if found.kind == "private_redirect":
            return moved("http://169.254.169.254/latest/meta-data/")
        if found.kind == "huge":
            head = (("Content-Type", "image/jpeg"),)
            return Answer(headers=head, body=b"\xff\xd8\xff\xe0" + bytes((1 << 20) - 4), repeat=HUGE_MIB)
        jpeg = self._world.jpeg(found)
        return picture(jpeg[: len(jpeg) // 3] if found.kind == "truncated" else jpeg)

    def _story(self, request: Request) -> Answer:
        if "/stories/" in request.path:
            return page("<!doctype html><title>Story</title><h1>A story with a portrait</h1>")
        return NOT_FOUND
