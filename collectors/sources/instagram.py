"""Photos on Instagram: ``@name`` is a profile (the dependable way), ``#tag`` a hashtag (needs an account)."""

from __future__ import annotations

import re

from catalog.records import Candidate, Query, Window
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Unanswerable
from collectors.instagram_page import Post, read

_PROFILE = re.compile(r"@([A-Za-z0-9_.]{1,30})")
_TAG = re.compile(r"#(\w{1,150})")


class Instagram(Source):
    """Every picture of every post, carousels included, videos left out."""

    door = "instagram"
    terms = "Instagram's terms forbid collecting by machine without its permission; the photos are their owners'"
    paging = (
        "12 posts a page; a profile's cursor is Instaloader's frozen iterator (good for 29 days), a tag's its max_id"
    )
    canary = "@instagram"
    # One page may take several requests, and each counts. Instaloader lets 75 of some kinds through in 11 minutes, 199
    # of others in 30, and 275 of all in 10: keeping to the strictest of these for all of them keeps to every one.
    pace = Pace(interval=6.0, windows=(Window(75, 11 * 60), Window(199, 30 * 60)))

    def request(self, query: Query, cursor: str) -> Request:
        """The next page of a profile or a hashtag."""
        for what, form in (("profile", _PROFILE), ("hashtag", _TAG)):
            if name := form.fullmatch(query.text.strip()):
                parameters = (("name", name.group(1).lower()), ("after", cursor))
                return Request(what=what, parameters=parameters, session=f"instagram/{query.id}")
        raise Unanswerable(f"a query for Instagram is @name or #tag, not {query.text!r}"[:200])

    def parse(self, answer: Answer, query: Query) -> Page:
        """The pictures of these posts."""
        page = read(answer.body)
        owner = query.text[1:].strip().lower() if query.text.startswith("@") else ""
        found = [candidate for post in page.posts for candidate in _candidates(post, owner, query.licence)]
        return Page(candidates=tuple(found), next=page.next)


def _candidates(post: Post, owner: str, licence: str) -> list[Candidate]:
    return [
        Candidate(
            source="instagram",
            foreign_id=f"{post.code}/{number}",
            page_url=f"https://www.instagram.com/p/{post.code}/",
            image_url=picture.url,
            licence=licence,
            title=" ".join(post.caption.split())[:300],
            author=post.author or owner,
            width=picture.width,
            height=picture.height,
        )
        for number, picture in enumerate(post.pictures, 1)
    ]
