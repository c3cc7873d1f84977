"""The doors: each opens one client library, imported only when its door is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from catalog import Settings
from collectors.errors import BadInput

#: Opens the client that a source's ``door`` names; the seam through which tests hand in their own.
Door = Callable[[str, Settings], AbstractContextManager[Any]]


@contextmanager
def open_door(name: str, settings: Settings) -> Iterator[Any]:
    """The client of that name, closed at the end; raises what the client raises when it cannot open."""
    if name == "browser":
        from collectors.browser import Browser

        with Browser(settings) as browser:
            yield browser
    elif name == "instagram":
        from collectors.instagram_client import InstagramClient

        with InstagramClient(settings) as instagram:
            yield instagram
    elif name == "twitter":
        from collectors.twitter_client import TwitterClient

        with TwitterClient(settings) as twitter:
            yield twitter
    elif name == "none":
        yield None
    else:
        raise BadInput(f"no door {name!r}")
