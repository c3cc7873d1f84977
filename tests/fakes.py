"""Stand-ins for what lies outside the code under test, handed in through its seams."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from catalog import Settings


@dataclass
class FakePage:
    """A page as a browser would show it."""

    html: str
    url: str = "https://www.google.com/search?q=x&udm=2"


@dataclass
class FakeBrowser:
    """Shows pages in order, and an error after the last when there is one. Remembers what it was asked for."""

    pages: list[FakePage]
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)
    shown: int = 0

    def scroll(self, url: str) -> Iterator[FakePage]:
        self.asked.append(url)
        for page in self.pages:
            self.shown += 1
            yield page
        if self.error:
            raise self.error


@dataclass
class FakeDoor:
    """Opens onto one client, whatever it is asked for; counts how often."""

    client: Any
    opened: int = 0
    on_open: Callable[[], None] = lambda: None

    @contextmanager
    def __call__(self, _: str, __: Settings) -> Iterator[Any]:
        self.opened += 1
        self.on_open()
        yield self.client
