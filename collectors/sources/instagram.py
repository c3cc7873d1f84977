"""Photos on Instagram: ``@name`` is a profile (the dependable way), ``#tag`` a hashtag (needs an account)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from catalog.records import Candidate, Query
from collectors.base import Source
from collectors.errors import Unanswerable


class Post(Protocol):
    """What is read of one post."""

    @property
    def shortcode(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def caption(self) -> str: ...
    @property
    def pictures(self) -> tuple[str, ...]: ...


class Client(Protocol):
    """What the door hands over."""

    def profile_posts(self, name: str) -> Iterator[Post]:
        """Yield a profile's posts."""

    def hashtag_posts(self, tag: str) -> Iterator[Post]:
        """Yield a hashtag's posts."""


class Instagram(Source):
    """Every picture of every post, carousels included, videos left out."""

    door = "instagram"
    terms = "Instagram's terms forbid collecting by machine without its permission; the photos are their owners'"

    def search(self, query: Query, client: Client) -> Iterator[Candidate]:
        """Yield the pictures of the profile's or the hashtag's posts."""
        kind, name = query.text[:1], query.text[1:].strip()
        if kind == "@" and name:
            posts = client.profile_posts(name)
        elif kind == "#" and name:
            posts = client.hashtag_posts(name)
        else:
            raise Unanswerable(f"a query for Instagram is @name or #tag, not {query.text!r}")
        for post in posts:
            yield from read_post(post, licence=query.licence)


def read_post(post: Post, *, licence: str = "unknown") -> Iterator[Candidate]:
    """Yield a candidate for each picture of a post."""
    for number, url in enumerate(post.pictures, 1):
        yield Candidate(
            source="instagram",
            foreign_id=f"{post.shortcode}/{number}",
            page_url=f"https://www.instagram.com/p/{post.shortcode}/",
            image_url=url,
            licence=licence,
            title=" ".join(post.caption.split())[:300],
            author=post.author,
        )
