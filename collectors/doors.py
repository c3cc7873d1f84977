"""The doors: each opens one client, imported only when its door is opened. What a source asks goes through its door."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Protocol, runtime_checkable

from catalog import Settings
from collectors.base import Answer, Request
from collectors.errors import BadInput


class Door(Protocol):
    """A client that answers requests; a context manager. It never retries for long, and never waits for a limit."""

    def ask(self, request: Request) -> Answer:
        """The answer; raises a SearchEnded when there is none (blocked, asked too often, not reached, ...)."""


@runtime_checkable
class CountingDoor(Door, Protocol):
    """A door whose one ``ask`` takes several requests: it says so before each of them leaves."""

    before_request: Callable[[], None]


#: Opens the door that a source names; the seam through which tests hand in their own.
OpenDoor = Callable[[str, Settings], AbstractContextManager[Door]]


def open_door(name: str, settings: Settings) -> AbstractContextManager[Door]:
    """The client of that name; entering it raises what the client raises when it cannot open."""
    if name == "browser":
        from collectors.browser import Browser

        return Browser(settings)
    if name == "http":
        from collectors.http_client import HttpClient

        return HttpClient(settings)
    if name == "instagram":
        from collectors.instagram_client import InstagramClient

        return InstagramClient(settings)
    if name == "twitter":
        from collectors.twitter_client import TwitterClient

        return TwitterClient(settings)
    if name == "folder":
        from collectors.folder_client import FolderClient

        return FolderClient()
    if name == "manifest":
        from collectors.manifest_client import ManifestClient

        return ManifestClient()
    raise BadInput(f"no door {name!r}")


class LazyDoor:
    """A door that opens when it is first asked, and closes at the end of the run that opened it.

    ``ready`` is asked before it opens; ``leave`` for leave before each request that goes out, with the most billed
    items that it may bring, and when it is open: opening may take seconds, and a request must leave when its turn
    begins, else the next one would follow it too closely. What they raise, whoever asks gets.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        open_it: OpenDoor,
        *,
        ready: Callable[[], None],
        leave: Callable[[int], None],
    ) -> None:
        self._name, self._settings, self._open, self._ready, self._leave = name, settings, open_it, ready, leave
        self._stack = ExitStack()
        self._door: Door | None = None

    def __enter__(self) -> LazyDoor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def ask(self, request: Request) -> Answer:
        """Ask, with leave, opening the door first where need be."""
        if self._door is None:
            self._ready()
            self._door = self._stack.enter_context(self._open(self._name, self._settings))
        if isinstance(self._door, CountingDoor):
            self._door.before_request = lambda: self._leave(request.items)
        else:
            self._leave(request.items)
        return self._door.ask(request)
