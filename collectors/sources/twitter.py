"""Photos in posts on X, through the recent search of its API v2 (a bearer token; each post read is billed)."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from catalog.records import Candidate, Query, Window
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Empty, Unanswerable
from collectors.twitter_page import Post, read

_ONLY = ("has:images", "-is:retweet")
_LEAST, _MOST = 10, 100  # posts on one page, as X allows
_LONGEST = 512  # characters of a query


class Twitter(Source):
    """Every photo of every post that the search finds, at its original size."""

    door = "twitter"
    terms = (
        "X Developer Agreement (June 2025): no training of foundation or frontier models on X content, no inferring of "
        "health or origin; whether a make-up model falls under that is yours to decide"
    )
    paging = "next_token; as many posts as are still wanted, 10 to 100 a page; since_id when asked again"
    pace = Pace(interval=1.0, windows=(Window(60, 15 * 60),))
    cost_per_item = 5_000  # $0.005 for each post read; an author's name counts as two
    again_after = timedelta(days=6)  # the recent search reaches back seven days
    filters: ClassVar[dict[str, tuple[str, ...]]] = {"authors": ("yes",)}
    canary = "makeup selfie"  # ten posts a day: 1.50 dollars a month

    def request(self, query: Query, cursor: str) -> Request:
        """One page; ``cursor``: X's next_token, the oldest post seen so far, the newest one of an earlier search."""
        token, oldest, since = (*cursor.split(" "), "", "")[:3] if cursor else ("", "", query.since)
        authors = dict(query.filters).get("authors") == "yes"
        size = min(_MOST, max(_LEAST, query.limit))
        asked = [
            ("query", _words(query.text)),
            ("max_results", str(size)),
            ("next_token", token),
            ("until_id", oldest),  # where to go on when X does not know the token any more
            ("since_id", since),
            ("authors", "yes" if authors else ""),
        ]
        parameters = tuple((name, value) for name, value in asked if value)
        return Request(what="search", parameters=parameters, items=size * (3 if authors else 1))

    def parse(self, answer: Answer, query: Query) -> Page:
        """The photos of one page."""
        page, asked = read(answer.body), dict(parse_qsl(urlsplit(answer.url).query))
        first = "next_token" not in asked and "until_id" not in asked
        if not page.posts and first:
            raise Empty("X finds no post with a photo for these words")
        found = [candidate for post in page.posts for candidate in _candidates(post, licence=query.licence)]
        onward = f"{page.next_token} {page.oldest_id} {asked.get('since_id', '')}".rstrip()
        return Page(
            candidates=tuple(found),
            next=onward if page.next_token else "",
            since=page.newest_id if first else "",
            items=len(page.posts) + 2 * page.users,
        )


def _words(text: str) -> str:
    """The query in X's words: our two conditions hold for all of it, and are said once."""
    words = [word for word in text.split() if word not in _ONLY]
    said = " ".join(words)
    whole = " ".join([f"({said})" if "OR" in words else said, *_ONLY])
    if not words or len(whole) > _LONGEST:
        raise Unanswerable(f"X takes queries of 1 to {_LONGEST} characters, ours included; this one has {len(whole)}")
    return whole


def _candidates(post: Post, *, licence: str) -> list[Candidate]:
    return [
        Candidate(
            source="twitter",
            foreign_id=photo.key,
            page_url=f"https://x.com/i/web/status/{post.id}",
            image_url=f"{photo.url}?name=orig",
            licence=licence,
            title=" ".join(post.text.split())[:300],
            author=post.author,
            width=photo.width,
            height=photo.height,
        )
        for photo in post.photos
    ]
