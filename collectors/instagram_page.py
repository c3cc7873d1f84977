"""Reads what Instagram tells of posts: pure, from JSON text to posts with their pictures.

Instagram tells of the same post in three shapes (the app's media, the web's nodes, and nodes that wrap a media), in
lists that change their names. So a post is known by what it holds, wherever it lies; then it must be whole: one that
cannot be read is Drift, never left out.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from collectors.errors import Blocked, Drift, Empty, LoginNeeded, RateLimited

STOP = re.compile(r"challenge_required|checkpoint_required|feedback_required", re.IGNORECASE)
SOON = re.compile(r"wait a few minutes", re.IGNORECASE)
#: The longest of Instagram's windows that Instaloader knows.
WAIT = timedelta(minutes=30)

_MARKS = frozenset(
    {"shortcode", "media_type", "image_versions2", "carousel_media", "display_url", "edge_media_to_caption"}
)
_LISTS = ("posts", "items", "edges", "sections", "medias")
_COUNTS = ("count", "media_count")
_CODE = re.compile(r"[\w-]{1,64}", re.ASCII)
_KINDS = {1: "photo", 2: "video", 8: "carousel"}
_TYPES = {"GraphImage": "photo", "GraphVideo": "video", "GraphSidecar": "carousel"}


@dataclass(frozen=True, slots=True)
class Picture:
    """One photo of a post, in its largest size."""

    url: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Post:
    """One post; a video has no picture, a carousel one for each of its photos. ``author`` may be unknown: empty."""

    code: str
    author: str
    caption: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class PostsPage:
    """The posts of one answer, each once, and where the next ones start (empty: there are none)."""

    posts: tuple[Post, ...]
    next: str


def read(body: str) -> PostsPage:
    """Read an answer; raises Blocked, RateLimited, LoginNeeded when it is a refusal, Empty when it says that there
    are no posts, Drift when it cannot be read."""
    try:
        told = json.loads(body)
        if not isinstance(told, dict):
            raise Drift("Instagram answered with something that is no object")
        _refused(told)
        posts = {post.code: post for post in map(_post, _posts(told))}
        following = _next(told)
        if not posts:
            _nothing(told, more=bool(following))
        return PostsPage(tuple(posts.values()), following)
    except (ValueError, RecursionError) as error:
        raise Drift("Instagram answered with something that is not JSON") from error
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise Drift(f"Instagram's posts have another shape ({type(error).__name__}: {error})"[:300]) from error


def _refused(told: dict[str, Any]) -> None:
    message = str(told.get("message") or "")
    if STOP.search(message):
        raise Blocked("Instagram wants a challenge passed by hand")
    if SOON.search(message):
        raise RateLimited("Instagram asks us to wait", until=datetime.now(UTC) + WAIT)
    if told.get("require_login") or "login_required" in message:
        raise LoginNeeded("Instagram wants a sign-in")


def _posts(told: Any, *, within: str = "") -> Iterator[dict[str, Any]]:
    """Every post, in order; what lies inside a post (its parts, its comments) belongs to it."""
    if isinstance(told, list):
        for part in told:
            found = list(_posts(part))
            if within in _LISTS and not found and not _is_person(part):
                raise Drift(f"Instagram lists something in its {within} that is no post")
            yield from found
    elif isinstance(told, dict):
        if told.keys() & _MARKS:
            yield told
            return
        for name in sorted(told):  # whatever order the page has: the newest, then the top ones
            yield from _posts(told[name], within=name)


def _is_person(part: Any) -> bool:
    node = part.get("node") if isinstance(part, dict) else None
    return isinstance(node, dict) and "username" in node


def _next(told: dict[str, Any]) -> str:
    """Where the next posts start, by the word of our door or of the page."""
    if "posts" in told:
        return _word(told["next"])
    if "items" in told:  # single posts
        return ""
    parts = list(_parts(told))
    if any(name in ("top", "recent") for name, _ in parts):
        recent = dict(parts)["recent"]
        if any(not isinstance(part["sections"], list) for name, part in parts if name in ("top", "recent")):
            raise Drift("Instagram's hashtag holds no sections")
        return _word(recent["next_max_id"]) if _flag(recent["more_available"]) else ""
    pages = [part for _, part in parts if "page_info" in part]
    for part in sorted(pages, key=lambda part: not part["edges"]):  # the list that holds the posts
        return _word(part["page_info"]["end_cursor"]) if _flag(part["page_info"]["has_next_page"]) else ""
    raise Drift("Instagram's page does not say whether there is more")


def _parts(told: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every named object outside the posts."""
    for name, part in told.items():
        if isinstance(part, dict) and not part.keys() & _MARKS:
            yield name, part
            yield from _parts(part)


def _nothing(told: dict[str, Any], *, more: bool) -> None:
    """Without a post: Empty when the page says so itself, else Drift."""
    parts = [told, *(part for _, part in _parts(told))]
    counts = [part[name] for part in parts for name in _COUNTS if name in part]
    lists = [part[name] for part in parts for name in _LISTS if name in part]
    if lists and not more and not any(lists) and not any(counts):
        raise Empty("Instagram lists no posts")
    raise Drift("Instagram's page holds no post that can be read, nor says that there is none")


def _post(item: dict[str, Any]) -> Post:
    code = _word(item["code"] if "code" in item else item["shortcode"])
    if not _CODE.fullmatch(code) or not _belongs(code, item):
        raise Drift(f"a post of Instagram's has no code: {code!r}"[:200])
    if "media_type" in item:
        kind = _KINDS[item["media_type"]]
    else:
        kind = _TYPES[item["__typename"].removeprefix("XDT")]
    owner = item.get("user") or item.get("owner") or {}
    return Post(code, str(owner.get("username") or ""), _caption(item), tuple(_pictures(item, kind)))


def _belongs(code: str, item: dict[str, Any]) -> bool:
    """Whether a code is that of the post's number, where the post tells its number: it is the number in base 64 (see
    Instaloader's ``Post.mediaid_to_shortcode``), and with a private post more."""
    number = str(item.get("pk") or item.get("id") or "").partition("_")[0]
    if not number:
        return True
    if not number.isascii() or not number.isdigit() or len(number) > 20:
        return False
    return code.startswith(base64.urlsafe_b64encode(int(number).to_bytes(9, "big")).decode().lstrip("A"))


def _pictures(item: dict[str, Any], kind: str) -> Iterator[Picture]:
    parts = [item] if kind == "photo" else []
    if kind == "carousel":
        parts = _carousel(item)
    yield from map(_picture, parts)


def _carousel(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The photos of a carousel; its cover where the page lists carousels without their parts."""
    if "carousel_media" in item:
        parts = list(item["carousel_media"])
        if not parts or len(parts) != (item.get("carousel_media_count") or len(parts)):
            raise Drift("a carousel of Instagram's is not whole")
        return [part for part in parts if _KINDS[part["media_type"]] == "photo"]
    if "edge_sidecar_to_children" in item:
        nodes = [edge["node"] for edge in item["edge_sidecar_to_children"]["edges"]]
        return [node for node in nodes if not _flag(node["is_video"])]
    if "media_type" in item:
        raise Drift("a carousel of Instagram's comes without its parts")
    return [item]


def _picture(part: dict[str, Any]) -> Picture:
    """The largest size of a photo."""
    if "image_versions2" not in part:
        size = part.get("dimensions") or {}
        return Picture(_address(part["display_url"]), _pixels(size, "width"), _pixels(size, "height"))
    sizes = part["image_versions2"]["candidates"]
    # The first is the largest, in all that was seen; where the sizes are told, they decide.
    areas = [(_pixels(size, "width") or 0) * (_pixels(size, "height") or 0) for size in sizes]
    best = sizes[areas.index(max(areas)) if all(areas) else 0]
    return Picture(_address(best["url"]), _pixels(best, "width"), _pixels(best, "height"))


def _caption(item: dict[str, Any]) -> str:
    caption = item.get("caption")
    if isinstance(caption, dict):
        return str(caption.get("text") or "")
    edges = (item.get("edge_media_to_caption") or {}).get("edges") or []
    return str(edges[0]["node"]["text"]) if edges else str(caption or "")


def _address(value: Any) -> str:
    if not _word(value).startswith("https://"):
        raise Drift(f"a photo of Instagram's has no address: {value!r}"[:200])
    return str(value)


def _word(value: Any) -> str:
    if not isinstance(value, str):
        raise Drift(f"Instagram says {value!r} where a word belongs"[:200])
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Drift(f"Instagram says {value!r} where yes or no belongs"[:200])
    return value


def _pixels(size: dict[str, Any], name: str) -> int | None:
    value = size.get(name)
    return value if isinstance(value, int) and value > 0 else None
