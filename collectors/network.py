"""How every client reaches the network: the proxy and its CA come from the settings.

``requests`` lets REQUESTS_CA_BUNDLE and HTTPS_PROXY override what a session was told, so sessions made here are told
not to look at the environment; only where the settings name no CA does REQUESTS_CA_BUNDLE still count.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from catalog import Settings

if TYPE_CHECKING:
    import requests

#: Our product token: the name that robots.txt and X-Robots-Tag may call us by.
PRODUCT = "faceloop"


def proxies(settings: Settings) -> dict[str, str]:
    """The proxy for each scheme; empty when none is set."""
    return {"http": settings.proxy, "https": settings.proxy} if settings.proxy else {}


def trust(settings: Settings) -> str | bool:
    """The CA bundle that servers are checked against: the proxy's, REQUESTS_CA_BUNDLE, or certifi's."""
    return settings.proxy_ca or os.environ.get("REQUESTS_CA_BUNDLE") or True


def user_agent(settings: Settings) -> str:
    """Our real name, and how to reach us when the settings say."""
    try:
        number = version(PRODUCT)
    except PackageNotFoundError:
        number = "0"
    return f"{PRODUCT}/{number} (+{settings.contact})" if settings.contact else f"{PRODUCT}/{number}"


def session(
    settings: Settings, *, timeout: tuple[float, float] | None = None, before: Callable[[], None] | None = None
) -> requests.Session:
    """A session bound to the settings; with ``timeout`` (connect, read; seconds) every request of it has one.

    ``before`` is called before each request that leaves, redirects included; what it raises, the caller gets.
    """
    import requests  # here: a fetch does without it

    made = requests.Session()
    made.trust_env = False
    made.proxies = proxies(settings)
    made.verify = trust(settings)
    if timeout:
        bound: Any = partial(made.request, timeout=timeout)
        made.request = bound  # type: ignore[method-assign]
    if before:
        send = made.send

        def told(request: requests.PreparedRequest, **how: Any) -> requests.Response:
            before()
            return send(request, **how)

        made.send = told  # type: ignore[method-assign]
    return made
