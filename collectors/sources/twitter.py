"""Photos in posts on X, through the recent search of its API v2 (a bearer token; each post read is billed)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from catalog.records import Candidate, Query
from collectors.base import Source
from collectors.errors import Drift


class Pages(Protocol):
    """What the door hands over: the recent search, page by page."""

    def pages(self, query: str, *, size: int) -> Iterator[dict[str, Any]]:
        """Yield each page's JSON."""


class Twitter(Source):
    """Every photo of every post that the search finds, at its original size."""

    door = "twitter"
    terms = "X Developer Agreement: no training of foundation or frontier models on X content; check before use"

    def search(self, query: Query, client: Pages) -> Iterator[Candidate]:
        """Yield the photos of each page."""
        for page in client.pages(f"{query.text} has:images -is:retweet", size=query.limit):
            yield from read_page(page, licence=query.licence)


def read_page(page: dict[str, Any], *, licence: str = "unknown") -> Iterator[Candidate]:
    """Yield every photo of one page of the recent search; raises Drift when the page has another shape."""
    try:
        included = page.get("includes", {})
        media = {item["media_key"]: item for item in included.get("media", ())}
        authors = {user["id"]: user["username"] for user in included.get("users", ())}
        for post in page.get("data", ()):
            author = authors.get(post.get("author_id", ""), "")
            for key in post.get("attachments", {}).get("media_keys", ()):
                item = media.get(key, {})
                if item.get("type") == "photo" and item.get("url"):
                    yield _candidate(post, item, author=author, licence=licence)
    except (KeyError, TypeError, AttributeError) as error:
        raise Drift(f"a page of X's search has another shape ({type(error).__name__}: {error})") from error


def _candidate(post: dict[str, Any], item: dict[str, Any], *, author: str, licence: str) -> Candidate:
    return Candidate(
        source="twitter",
        foreign_id=str(item["media_key"]),
        page_url=f"https://x.com/{author or 'i/web'}/status/{post['id']}",
        image_url=f"{item['url']}?name=orig",
        licence=licence,
        title=" ".join(str(post.get("text", "")).split())[:300],
        author=author,
        width=item.get("width"),
        height=item.get("height"),
    )
