"""The Instagram stand-in, as a real Instaloader sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import instaloader
import pytest
import requests

from demo.internet import Internet, World
from demo.internet.instagram import ACCOUNT, PASSWORD
from demo.internet.world import PRIVATE_PROFILE


@pytest.fixture
def visitor(inside: Internet, tmp_path: Path) -> Iterator[instaloader.Instaloader]:
    loader = instaloader.Instaloader(
        sleep=False,
        quiet=True,
        request_timeout=20,
        max_connection_attempts=1,
        fatal_status_codes=[401, 403, 429],
        dirname_pattern=str(tmp_path),
    )
    yield loader
    loader.close()


@pytest.fixture
def member(visitor: instaloader.Instaloader) -> instaloader.Instaloader:
    visitor.login(ACCOUNT, PASSWORD)
    return visitor


def urls(post: instaloader.Post) -> list[str]:
    if post.typename == "GraphSidecar":
        return [node.display_url for node in post.get_sidecar_nodes()]
    return [post.url]


def test_login_is_remembered_in_a_session_file(member: instaloader.Instaloader, inside: Internet, tmp_path: Path):
    assert member.test_login() == ACCOUNT
    member.save_session_to_file(str(tmp_path / "session"))
    again = instaloader.Instaloader(sleep=False, quiet=True, max_connection_attempts=1)
    again.load_session_from_file(ACCOUNT, str(tmp_path / "session"))
    assert again.test_login() == ACCOUNT


def test_nobody_is_signed_in_without_login(visitor: instaloader.Instaloader):
    assert visitor.test_login() is None


def test_a_wrong_password_and_a_wrong_name_are_told_apart(visitor: instaloader.Instaloader):
    with pytest.raises(instaloader.exceptions.BadCredentialsException):
        visitor.login(ACCOUNT, "guess")
    with pytest.raises(instaloader.exceptions.LoginException, match="does not exist"):
        visitor.login("nobody", PASSWORD)


def test_a_member_lists_all_posts_of_a_profile(member: instaloader.Instaloader, world: World):
    profile = instaloader.Profile.from_username(member.context, "glam.portraits")
    found = {post.shortcode: urls(post) for post in profile.get_posts()}
    expected = {post.code: [p.url for p in post.pictures] for post in world.posts_of("glam.portraits")}
    assert len(expected) >= 6
    assert found == expected
    assert profile.mediacount == len(expected)


def test_posts_page_on_beyond_the_first_twelve(inside: Internet, member: instaloader.Instaloader):
    big = World(people=8, photos_per_source=160, seed=1)
    with Internet(big) as other, pytest.MonkeyPatch.context() as patch:
        for name, value in other.environment().items():
            patch.setenv(name, value)
        member.login(ACCOUNT, PASSWORD)
        profile = instaloader.Profile.from_username(member.context, "barefaced.daily")
        codes = [post.shortcode for post in profile.get_posts()]
    assert codes == [post.code for post in big.posts_of("barefaced.daily")]
    assert len(codes) > 24


def test_a_visitor_sees_a_public_profile_too(visitor: instaloader.Instaloader, world: World):
    profile = instaloader.Profile.from_username(visitor.context, "morning.portraits")
    found = {post.shortcode: urls(post) for post in profile.get_posts()}
    assert found == {post.code: [p.url for p in post.pictures] for post in world.posts_of("morning.portraits")}


def test_a_private_profile_and_an_absent_one_are_refused(member: instaloader.Instaloader):
    private = instaloader.Profile.from_username(member.context, PRIVATE_PROFILE)
    with pytest.raises(instaloader.exceptions.PrivateProfileNotFollowedException):
        private.get_posts()
    with pytest.raises(instaloader.exceptions.ProfileNotExistsException):
        instaloader.Profile.from_username(member.context, "nobody.here")


@pytest.mark.parametrize("way", ["get_posts_resumable", "get_posts"])
def test_a_member_lists_all_posts_of_a_hashtag(member: instaloader.Instaloader, world: World, way: str):
    tag = instaloader.Hashtag.from_name(member.context, "makeup")
    found = {post.shortcode: urls(post) for post in getattr(tag, way)()}
    expected = {post.code: [p.url for p in post.pictures] for post in world.posts_tagged("makeup")}
    assert len(expected) > 12
    assert found == expected
    assert tag.mediacount == len(expected)


def test_an_unknown_hashtag_does_not_exist(member: instaloader.Instaloader):
    with pytest.raises(instaloader.exceptions.QueryReturnedNotFoundException):
        instaloader.Hashtag.from_name(member.context, "zzzz")


def test_a_post_has_its_picture_caption_owner_and_time(member: instaloader.Instaloader, world: World):
    expected = next(post for post in world.posts if len(post.pictures) == 1 and not post.video)
    post = instaloader.Post.from_shortcode(member.context, expected.code)
    assert (post.owner_username, post.caption) == (expected.owner, expected.caption)
    assert post.date_utc.timestamp() == pytest.approx(expected.taken_at, abs=90_000)
    assert requests.get(post.url, timeout=20).content == world.jpeg(expected.pictures[0])


@pytest.mark.parametrize(
    "fault", ["instagram-challenge", "instagram-checkpoint", "instagram-too-many", "instagram-wait"]
)
def test_refusals_stop_the_client(member: instaloader.Instaloader, inside: Internet, fault: str):
    inside.fault("i.instagram.com", fault)
    with pytest.raises(instaloader.exceptions.AbortDownloadException):
        instaloader.Hashtag.from_name(member.context, "makeup")


def test_a_member_who_was_signed_out_is_told_so(member: instaloader.Instaloader, inside: Internet):
    inside.fault("i.instagram.com", "instagram-login")
    with pytest.raises(instaloader.exceptions.AbortDownloadException, match="logged out"):
        instaloader.Hashtag.from_name(member.context, "makeup")
