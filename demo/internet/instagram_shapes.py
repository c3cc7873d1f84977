"""The shapes in which Instagram tells of its users and posts: mobile media, web nodes, connections and sections."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from demo.internet.world import PRIVATE_PROFILE, Picture, Post

PAGE_SIZE = 12


def user_id(name: str) -> str:
    """Give a name's number."""
    return str(10**9 + int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big"))


def user(name: str) -> dict[str, Any]:
    """Tell of a user in few words."""
    return {
        "pk": user_id(name),
        "username": name,
        "full_name": name.replace(".", " ").title(),
        "is_private": name == PRIVATE_PROFILE,
        "profile_pic_url": "",
    }


def _image(picture: Picture) -> dict[str, Any]:
    truth = picture.truth
    return {"candidates": [{"url": picture.url, "width": truth.width, "height": truth.height}]}


def media(post: Post) -> dict[str, Any]:
    """Tell of a post as the mobile API does."""
    kind = 2 if post.video else 8 if len(post.pictures) > 1 else 1
    shown: dict[str, Any] = {
        "pk": str(post.pk),
        "id": f"{post.pk}_{user_id(post.owner)}",
        "code": post.code,
        "media_type": kind,
        "taken_at": post.taken_at,
        "caption": {"text": post.caption},
        "has_liked": False,
        "like_count": post.pk % 500,
        "comment_count": post.pk % 7,
        "image_versions2": _image(post.pictures[0]),
        "user": user(post.owner),
    }
    if post.video:
        shown["video_versions"] = [{"url": post.pictures[0].url.replace(".jpg", ".mp4"), "width": 640, "height": 640}]
    if kind == 8:
        shown["carousel_media_count"] = len(post.pictures)
        shown["carousel_media"] = [
            {"media_type": 1, "image_versions2": _image(p), "pk": str(post.pk + 1 + place)}
            for place, p in enumerate(post.pictures)
        ]
    return shown


def legacy_node(post: Post) -> dict[str, Any]:
    """Tell of a post as the old web GraphQL does, on hashtag pages."""
    kind = "GraphVideo" if post.video else "GraphSidecar" if len(post.pictures) > 1 else "GraphImage"
    truth = post.pictures[0].truth
    return {
        "__typename": kind,
        "id": str(post.pk),
        "shortcode": post.code,
        "display_url": post.pictures[0].url,
        "dimensions": {"height": truth.height, "width": truth.width},
        "is_video": post.video,
        "taken_at_timestamp": post.taken_at,
        "owner": {"id": user_id(post.owner)},
        "edge_media_to_caption": {"edges": [{"node": {"text": post.caption}}]},
        "edge_media_to_comment": {"count": post.pk % 7},
        "edge_media_preview_like": {"count": post.pk % 500},
    }


def public_node(post: Post) -> dict[str, Any]:
    """Tell of a post as a profile's public page does: hardly anything."""
    return {"code": post.code, "pk": str(post.pk), "id": str(post.pk)}


def connection(
    posts: list[Post], variables: Mapping[str, Any], shape: Callable[[Post], dict[str, Any]]
) -> dict[str, Any]:
    """Give one page of posts; the cursor is a position."""
    after = str(variables.get("after") or "")
    start = int(after) if after.isdigit() else 0
    part = posts[start : start + PAGE_SIZE]
    more = len(posts) > start + PAGE_SIZE
    return {
        "page_info": {"has_next_page": more, "end_cursor": str(start + PAGE_SIZE) if more else None},
        "edges": [{"node": shape(post), "cursor": post.code} for post in part],
    }


def sections(posts: list[Post], *, start: int) -> dict[str, Any]:
    """Give one page of a hashtag: rows of three posts."""
    part = posts[start : start + PAGE_SIZE]
    rows = [part[place : place + 3] for place in range(0, len(part), 3)]
    more = len(posts) > start + PAGE_SIZE
    return {
        "sections": [{"layout_content": {"medias": [{"media": media(post)} for post in row]}} for row in rows],
        "more_available": more,
        "next_max_id": str(start + PAGE_SIZE) if more else None,
    }
