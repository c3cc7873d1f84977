"""Reads what X's public embed endpoint tells of one post, and makes the token that it wants. Pure.

The endpoint is the one that pages which embed posts ask (cdn.syndication.twimg.com/tweet-result): no key, no search,
only posts whose number is known. Its answer and the token's formula are known from vercel/react-tweet
(packages/react-tweet/src/api/fetch-tweet.ts); X documents neither.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from collectors.errors import Drift, Empty, Unanswerable

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NUMBER = re.compile(r"[1-9][0-9]{0,18}")
_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.|mobile\.)?(?:x|twitter)\.com/(?:i/web|\w{1,20})/status(?:es)?/([0-9]{1,19})(?:[/?#].*)?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo; ``url`` is its largest size, ``name`` what X calls it."""

    name: str
    url: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Tweet:
    """One post with its photos."""

    id: str
    author: str
    text: str
    photos: tuple[Photo, ...]


def number(text: str) -> str:
    """The number of the post that a text names: the number itself, or its address; raises Unanswerable."""
    found = _ADDRESS.fullmatch(text.strip())
    digits = found.group(1) if found else text.strip()
    if not _NUMBER.fullmatch(digits):
        raise Unanswerable(f"a post of X is a number or an address that ends in /status/NUMBER, not {text!r}"[:200])
    return digits


def token(tweet_id: str) -> str:
    """JavaScript's ``((Number(id) / 1e15) * Math.PI).toString(36).replace(/(0+|\\.)/g, "")``."""
    return re.sub(r"0+|\.", "", base36(float(int(tweet_id)) / 1e15 * math.pi))


def base36(value: float) -> str:
    """``value`` (0 or more) as JavaScript's ``Number.prototype.toString(36)`` writes it: as many digits as tell it from
    its neighbours, the last one rounded (V8's DoubleToRadixCString, src/numbers/conversions.cc)."""
    whole = math.floor(value)
    fraction = value - whole
    delta = max(0.5 * (math.nextafter(value, math.inf) - value), math.nextafter(0.0, 1.0))
    digits: list[int] = []
    while fraction >= delta:
        fraction, delta = fraction * 36, delta * 36
        digits.append(int(fraction))
        fraction -= digits[-1]
        if (fraction > 0.5 or (fraction == 0.5 and digits[-1] % 2)) and fraction + delta > 1:
            while digits and digits[-1] == 35:  # the carry goes up
                digits.pop()
            if digits:
                digits[-1] += 1
            else:
                whole += 1
            break
    tail = "".join(_DIGITS[digit] for digit in digits)
    return _integer(whole) + (f".{tail}" if tail else "")


def _integer(whole: int) -> str:
    text = ""
    while whole or not text:
        whole, digit = divmod(whole, 36)
        text = _DIGITS[digit] + text
    return text


def read(body: str, *, tweet_id: str) -> Tweet:
    """The post with its photos. Raises Unanswerable when X says that it is gone, hidden or for adults, Empty when it
    has no photo, Drift when the answer cannot be read."""
    try:
        told = json.loads(body)
        if told == {} or told is None:
            raise Unanswerable(f"X does not show post {tweet_id}: it was deleted, or its author hides it")
        if "tombstone" in told or told.get("__typename") == "TweetTombstone":
            raise Unanswerable(f"X does not show post {tweet_id}: {_epitaph(told)}")
        return _tweet(told, tweet_id)
    except (ValueError, RecursionError) as error:
        raise Drift("X's embed answered with something that is not JSON") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise Drift(f"X's embed has another shape ({type(error).__name__}: {error})"[:300]) from error


def _tweet(told: dict[str, Any], tweet_id: str) -> Tweet:
    if told["id_str"] != tweet_id:
        raise Drift(f"X's embed tells of another post than {tweet_id}")
    author, text = told["user"]["screen_name"], told["text"]
    if not isinstance(author, str) or not isinstance(text, str):
        raise Drift("X's embed names no author, or holds no text")
    details = told.get("mediaDetails", [])
    kinds = {item["type"] for item in details}
    photos = tuple(_detail(item) for item in details if item["type"] == "photo")
    # The same photos are listed twice, and the post's own links name its media: three witnesses.
    listed = tuple(_listed(item) for item in told.get("photos", []))
    if photos and listed and {photo.name for photo in photos} != {photo.name for photo in listed}:
        raise Drift("X's embed lists its photos in two ways that differ")
    photos = photos or listed
    if not kinds <= {"photo", "video", "animated_gif"}:
        raise Drift(f"X's embed holds media of an unknown kind: {sorted(kinds)}"[:200])
    if not photos and not kinds and "video" not in told and told["entities"].get("media"):
        raise Drift("X's embed has links to media and no media")
    if not photos:
        raise Empty(f"post {tweet_id} has no photo")
    return Tweet(tweet_id, author, text, photos)


def _detail(item: dict[str, Any]) -> Photo:
    size = item.get("original_info") or {}
    return _photo(item["media_url_https"], size)


def _listed(item: dict[str, Any]) -> Photo:
    return _photo(item["url"], item)


def _photo(url: Any, size: dict[str, Any]) -> Photo:
    found = re.fullmatch(r"https://pbs\.twimg\.com/media/([\w-]+)(?:\.(\w+))?(?:\?.*?\bformat=(\w+).*)?", str(url))
    if not found:
        raise Drift(f"a photo of X's embed has no address that is known: {url!r}"[:200])
    name, ending, form = found.groups()
    width, height = (value if isinstance(value, int) and value > 0 else None for value in _sides(size))
    return Photo(name, f"https://pbs.twimg.com/media/{name}?format={form or ending or 'jpg'}&name=orig", width, height)


def _sides(size: dict[str, Any]) -> tuple[Any, Any]:
    return size.get("width"), size.get("height")


def _epitaph(told: dict[str, Any]) -> str:
    said = told.get("tombstone") or {}
    text = said.get("text") if isinstance(said, dict) else ""
    return str(text.get("text", "") if isinstance(text, dict) else text)[:200] or "it is gone"
