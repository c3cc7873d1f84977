"""Photos in posts on X, through the recent search of its API v2 (a bearer token; each post read is billed)."""

from __future__ import annotations

import json
from typing import Any

from catalog.records import Candidate, Query
from collectors.base import Answer, Page, Request, Source
from collectors.errors import Drift, Empty


class Twitter(Source):
    """Every photo of every post that the search finds, at its original size."""

    door = "twitter"
    terms = "X Developer Agreement: no training of foundation or frontier models on X content; check before use"
    paging = "up to 100 posts a page; the cursor is X's next_token"
    cost_per_item = 5_000  # $0.005 for each post read

    def request(self, query: Query, cursor: str) -> Request:
        """The page at the token."""
        size = min(100, max(10, query.limit))
        parameters = (("size", str(size)), ("token", cursor))
        return Request(what=f"{query.text} has:images -is:retweet", parameters=parameters, items=size)

    def parse(self, answer: Answer, query: Query) -> Page:
        """The photos of one page."""
        try:
            page = json.loads(answer.body)
            candidates = tuple(read_page(page, licence=query.licence))
            meta = page["meta"]
            if not page.get("data") and meta["result_count"] == 0 and not meta.get("next_token"):
                raise Empty("X finds no post")
            return Page(candidates=candidates, next=meta.get("next_token", ""), items=len(page.get("data", ())))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Drift(f"a page of X's search has another shape ({type(error).__name__}: {error})") from error


def read_page(page: dict[str, Any], *, licence: str = "unknown") -> list[Candidate]:
    """Every photo of one page of the recent search."""
    included = page.get("includes", {})
    media = {item["media_key"]: item for item in included.get("media", ())}
    authors = {user["id"]: user["username"] for user in included.get("users", ())}
    found = []
    for post in page.get("data", ()):
        author = authors.get(post.get("author_id", ""), "")
        for key in post.get("attachments", {}).get("media_keys", ()):
            item = media.get(key, {})
            if item.get("type") == "photo" and item.get("url"):
                found.append(_candidate(post, item, author=author, licence=licence))
    return found


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
