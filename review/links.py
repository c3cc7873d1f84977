"""Addresses that strangers gave us, and which of them a page may link."""

from __future__ import annotations

from urllib.parse import urlsplit


def link(url: str) -> str | None:
    """The address, when it is one that a browser may follow."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return url if parts.scheme in {"http", "https"} and parts.netloc else None
