"""Photos in posts of X that are known by number or address, through X's public embeds: no key, no cost, no search."""

from __future__ import annotations

from urllib.parse import urlencode

from catalog.records import Candidate, Query, Window
from collectors.base import Answer, Pace, Page, Request, Source
from collectors.errors import Unanswerable, Unreachable
from collectors.tweet_embed import number, read, token

_ENDPOINT = "https://cdn.syndication.twimg.com/tweet-result?"


class Tweets(Source):
    """Every photo of one post, at its original size. A query's text is the post's number or its address."""

    door = "http"
    terms = (
        "X's terms forbid crawling without its consent; this endpoint is the one that embedded posts use, and X "
        "documents it nowhere; the photos are their owners'"
    )
    paging = "none: one request for each post"
    pace = Pace(interval=1.0, windows=(Window(300, 15 * 60),))
    limit = 4  # photos that a post may have
    canary = "440322224407314432"  # a post that everybody knows, there since 2014

    def request(self, query: Query, cursor: str) -> Request:  # noqa: ARG002
        """The post's embed."""
        tweet_id = number(query.text)
        asked = {"id": tweet_id, "lang": "en", "token": token(tweet_id)}
        return Request(what=_ENDPOINT + urlencode(asked), headers=(("Accept", "application/json"),))

    def parse(self, answer: Answer, query: Query) -> Page:
        """The post's photos."""
        tweet_id = number(query.text)
        if answer.status == 404:
            raise Unanswerable(f"X does not know post {tweet_id}: it was deleted, or its author hides it")
        if answer.status != 200:
            raise Unreachable(f"X's embeds answered {answer.status}")
        tweet = read(answer.body, tweet_id=tweet_id)
        return Page(
            candidates=tuple(
                Candidate(
                    source=self.name,
                    foreign_id=photo.name,
                    page_url=f"https://x.com/i/web/status/{tweet.id}",
                    image_url=photo.url,
                    licence=query.licence,
                    title=" ".join(tweet.text.split())[:300],
                    author=tweet.author,
                    width=photo.width,
                    height=photo.height,
                )
                for photo in tweet.photos
            )
        )
