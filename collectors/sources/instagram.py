"""Photos on Instagram: ``@name`` is a profile (the dependable way), ``#tag`` a hashtag (needs an account)."""

from __future__ import annotations

import json
from typing import Any

from catalog.records import Candidate, Query
from collectors.base import Answer, Page, Request, Source
from collectors.errors import Drift, Unanswerable


class Instagram(Source):
    """Every picture of every post, carousels included, videos left out."""

    door = "instagram"
    terms = "Instagram's terms forbid collecting by machine without its permission; the photos are their owners'"
    paging = "12 posts a page; the cursor is the number of posts passed"

    def request(self, query: Query, cursor: str) -> Request:
        """The posts after so many."""
        kind, name = query.text[:1], query.text[1:].strip()
        if kind not in ("@", "#") or not name:
            raise Unanswerable(f"a query for Instagram is @name or #tag, not {query.text!r}")
        parameters = (("after", cursor or "0"), ("count", "12"))
        return Request(what=kind + name, parameters=parameters, session=f"instagram/{query.id}")

    def parse(self, answer: Answer, query: Query) -> Page:
        """The pictures of these posts."""
        try:
            listed = json.loads(answer.body)
            candidates = tuple(c for post in listed["posts"] for c in read_post(post, licence=query.licence))
            return Page(candidates=candidates, next="" if answer.ended else listed["next"])
        except (ValueError, KeyError, TypeError) as error:
            raise Drift(f"posts of another shape ({type(error).__name__}: {error})") from error


def read_post(post: dict[str, Any], *, licence: str = "unknown") -> list[Candidate]:
    """A candidate for each picture of a post."""
    return [
        Candidate(
            source="instagram",
            foreign_id=f"{post['shortcode']}/{number}",
            page_url=f"https://www.instagram.com/p/{post['shortcode']}/",
            image_url=url,
            licence=licence,
            title=" ".join(post["caption"].split())[:300],
            author=post["author"],
        )
        for number, url in enumerate(post["pictures"], 1)
    ]
