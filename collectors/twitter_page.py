"""Reads one page of X's recent search (API v2): pure, from JSON text to posts with their photos.

The page says most things twice, and that is how a change is noticed: ``meta.result_count`` counts the posts, each
post names its media, and each photo that is included belongs to a post. Where the two disagree, it is Drift.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from collectors.errors import Drift

_KINDS = frozenset({"photo", "video", "animated_gif"})


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a post; ``key`` is X's own name for it."""

    key: str
    url: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Post:
    """One post; ``author`` is empty where X was not asked for names."""

    id: str
    text: str
    author: str
    photos: tuple[Photo, ...]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One page; ``users`` is how many users it includes (they are billed too)."""

    posts: tuple[Post, ...]
    users: int
    next_token: str
    newest_id: str
    oldest_id: str


def read(body: str) -> SearchPage:
    """Read a page; raises Drift when it is not one, or not whole."""
    try:
        return _page(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise Drift("X answered with something that is not JSON") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise Drift(f"a page of X's search has another shape ({type(error).__name__}: {error})"[:300]) from error


def _page(told: Any) -> SearchPage:
    meta, found, included = told["meta"], told.get("data", []), told.get("includes", {})
    if meta["result_count"] != len(found):
        raise Drift(f"X counts {meta['result_count']!r} posts and lists {len(found)}")
    media = {item["media_key"]: _photo(item) for item in included.get("media", [])}
    named = {user["id"]: user["username"] for user in included.get("users", [])}
    posts = tuple(_post(item, media=media, named=named) for item in found)
    shown = {key for item in found for key in _keys(item)}
    # What a post refers to may be withheld, and ``errors`` then names it; a photo that no post refers to cannot be.
    withheld = {str(error.get(name)) for error in told.get("errors", []) for name in ("value", "resource_id")}
    if shown - media.keys() - withheld or media.keys() - shown:
        raise Drift("the posts of X's page and its media do not belong together")
    if posts and not shown:
        raise Drift("X was asked for posts with photos, and none of these has one")
    return SearchPage(
        posts=posts,
        users=len(named),
        next_token=_word(meta.get("next_token", "")),
        newest_id=_word(meta["newest_id"]) if posts else "",
        oldest_id=_word(meta["oldest_id"]) if posts else "",
    )


def _post(item: Any, *, media: dict[str, Photo | None], named: dict[str, str]) -> Post:
    if not _word(item["id"]).isdigit():
        raise Drift(f"a post of X's page has no number: {item['id']!r}"[:200])
    photos = [media[key] for key in _keys(item) if key in media]
    author = named[item["author_id"]] if named else ""
    return Post(
        id=item["id"], text=_word(item["text"]), author=_word(author), photos=tuple(photo for photo in photos if photo)
    )


def _keys(item: Any) -> list[str]:
    return list(item.get("attachments", {}).get("media_keys", []))


def _photo(item: Any) -> Photo | None:
    if item["type"] not in _KINDS:
        raise Drift(f"X's page holds a medium of an unknown kind: {item['type']!r}"[:200])
    if item["type"] != "photo":
        return None
    url = _word(item["url"])
    if not url.startswith("https://"):
        raise Drift(f"a photo of X's page has no address: {url!r}"[:200])
    return Photo(_word(item["media_key"]), url.partition("?")[0], _pixels(item, "width"), _pixels(item, "height"))


def _pixels(item: Any, name: str) -> int | None:
    value = item.get(name)
    return value if isinstance(value, int) and value > 0 else None


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise Drift(f"X's page says {value!r} where a word belongs"[:200])
    return value
