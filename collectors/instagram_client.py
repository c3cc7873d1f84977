"""The only file that touches instaloader: one page of posts for each request, as JSON text; a session kept and reused.

Instaloader would sleep for half an hour on a rate limit and retry on what cannot get better; here it never sleeps,
and each of its failures becomes one of ours. It makes its HTTP sessions in six places with ``requests.Session()`` and
takes none from outside, so while a client is open the name ``requests`` inside that module gives sessions bound to our
settings (proxy, CA) that tell us of each request before it leaves: one page may take a dozen, and all of them count.
One client at a time per process, then.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any

import instaloader
import requests
from instaloader import instaloadercontext

from catalog import Settings
from collectors import network, second_factor
from collectors.base import Answer, Request
from collectors.errors import Drift, LoginNeeded, NotConfigured, RateLimited, SearchEnded
from collectors.instagram_failures import outcome_of
from collectors.instagram_page import WAIT
from collectors.session_file import SessionFile

_log = logging.getLogger(__name__)
_instagram: Any = instaloadercontext
_TIMEOUT = 30.0
_TAG_INFO = "api/v1/tags/web_info/"
#: How Instaloader 4.16 reads a profile's posts, signed in and as a visitor: by the number of the query that it sends.
_READERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "29104886249145907": (
        lambda told: told["data"]["xdt_api__v1__feed__user_timeline_graphql_connection"],
        instaloader.Post.from_iphone_struct,
    ),
    "28904005159232689": (
        lambda told: told["data"]["node"]["polaris_ordered_timeline_connection"],
        lambda context, node: instaloader.Post.from_shortcode(context, node["code"]),
    ),
}


class InstagramClient:
    """A context manager. With an account in the settings it signs in once and keeps the session; without, it reads
    public profiles as a visitor.

    ``before_request`` is called before each HTTP request that leaves; the engine counts and paces them there.
    ``ask_code`` gives the second factor's code; without it, the configured command does.
    """

    def __init__(self, settings: Settings, *, ask_code: Callable[[], str] | None = None) -> None:
        self.before_request: Callable[[], None] = lambda: None
        self._settings = settings
        self._ask_code = ask_code or partial(second_factor.code, settings)
        self._user = settings.instagram_user
        self._file = SessionFile(settings.home / "sessions", f"instagram-{self._user}")
        self._loader: Any = None
        self._ended = False  # the session, by Instagram's word
        self._open: tuple[str, str, Any] = ("", "", None)  # the profile being read: its name, cursor and posts

    def __enter__(self) -> InstagramClient:
        self._original = _instagram.requests
        _instagram.requests = _Requests(self._settings, lambda: self.before_request())
        try:
            self._loader = instaloader.Instaloader(
                sleep=False,
                quiet=True,
                user_agent=None,
                request_timeout=_TIMEOUT,
                max_connection_attempts=2,
                fatal_status_codes=[401, 403, 429],
                rate_controller=_NeverSleeping,
            )
            self._loader.context.error = _note
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._loader.context.is_logged_in and not self._ended:
                self._file.keep(self._loader.save_session())
        finally:
            self._close()

    def ask(self, request: Request) -> Answer:
        """One page of a profile or a hashtag (``request.what``), signing in first where need be.

        The body is ``{"posts": [...], "next": cursor}`` for a profile, its posts as Instagram told of them, and
        Instagram's own JSON for a hashtag. A cursor that has expired or is another's starts over, and the log says so.
        """
        asked = dict(request.parameters)
        name, after = asked["name"], asked.get("after", "")
        with self._outcomes():
            if self._user and not self._loader.context.is_logged_in:
                self.sign_in()
            told = self._profile(name, after) if request.what == "profile" else self._hashtag(name, after)
            return Answer(body=json.dumps(told), url=f"https://www.instagram.com/{name}/")

    def sign_in(self, *, anew: bool = False) -> None:
        """Take up the kept session, or sign in and keep the new one; ``anew`` does not look at the kept one.

        Raises NotConfigured without a password, LoginNeeded when Instagram refuses it or wants a code that nobody
        gives, Blocked when it wants a challenge passed by hand.
        """
        with self._outcomes():
            if not anew and self._take_up():
                return
            password = self._settings.instagram_password.get_secret_value()
            if not self._user or not password:
                raise NotConfigured("FACELOOP_INSTAGRAM_USER or FACELOOP_INSTAGRAM_PASSWORD is not set")
            try:
                self._loader.login(self._user, password)
            except instaloader.TwoFactorAuthRequiredException:
                self._second_factor()
            self._ended = False
            self._file.keep(self._loader.save_session())

    def _second_factor(self) -> None:
        code = self._ask_code()
        try:
            self._loader.two_factor_login(code)
        except instaloader.BadCredentialsException as error:
            raise LoginNeeded("Instagram did not take the second factor's code") from error

    def _take_up(self) -> bool:
        """Go on with the kept session, if there is one; that takes no request."""
        kept = self._file.read()
        if "csrftoken" not in kept:
            return False
        self._loader.load_session(self._user, kept)
        return True

    def _profile(self, name: str, after: str) -> dict[str, Any]:
        """One page of a profile's posts, and the frozen iterator that gives the next one."""
        # The iterator that gave the page before is gone on with; another process's is thawed, without a request.
        posts = self._open[2] if after and self._open[:2] == (name, after) else self._thawed(name, after)
        self._open = ("", "", None)
        if posts is not None:
            try:
                return self._page(name, posts)
            except instaloader.QueryReturnedBadRequestException as error:
                _log.warning("Instagram does not know the place in @%s any more, starting over: %s", name, error)
        profile = self._profile_named(name)
        told = self._page(name, profile.get_posts())
        return told if told["posts"] else told | {"count": profile.mediacount}

    def _profile_named(self, name: str) -> Any:
        context = self._loader.context
        answered: list[bool] = []
        ask = context.get_page_data

        def watched(path: str) -> Any:
            page = ask(path)
            answered.append(any("xig_user_by_username" in data for data in page))
            return page

        context.get_page_data = watched
        try:
            return instaloader.Profile.from_username(context, name)
        except instaloader.ProfileNotExistsException as error:
            # Instaloader says so too of a page on which it finds nothing that it knows.
            if answered == [False]:
                raise Drift(f"the page of @{name} holds nothing of a profile, nor says that there is none") from error
            raise
        finally:
            context.get_page_data = ask

    def _page(self, name: str, posts: Any) -> dict[str, Any]:
        listed, frozen = one_page(posts)
        following = freeze(frozen) if listed and frozen.remaining_data["page_info"]["has_next_page"] else ""
        self._open = (name, following, posts)
        return {"posts": listed, "next": following}

    def _thawed(self, name: str, after: str) -> Any:
        """The iterator that a cursor freezes, or None to start over."""
        try:
            return thaw(after, self._loader.context, name=name) if after else None
        except (ValueError, TypeError, KeyError, instaloader.InvalidArgumentException) as error:
            _log.warning("the cursor of @%s cannot be used, starting over: %s", name, error)
            return None

    def _hashtag(self, tag: str, after: str) -> dict[str, Any]:
        if not self._user:
            raise NotConfigured("hashtags need an account: set FACELOOP_INSTAGRAM_USER and FACELOOP_INSTAGRAM_PASSWORD")
        context = self._loader.context
        if after:
            try:
                told = context.get_json(f"explore/tags/{tag}/", {"__a": 1, "__d": "dis", "max_id": after})
                return dict(told)
            except instaloader.QueryReturnedBadRequestException:
                _log.warning("Instagram does not know the place in #%s any more; starting over", tag)
        return dict(context.get_iphone_json(_TAG_INFO, {"__a": 1, "__d": "dis", "tag_name": tag}))

    @contextmanager
    def _outcomes(self) -> Iterator[None]:
        """Turn whatever Instaloader raises into a SearchEnded; a session that Instagram has ended is forgotten."""
        try:
            yield
        except Exception as error:
            outcome = error if isinstance(error, SearchEnded) else outcome_of(error)
            if isinstance(outcome, LoginNeeded):
                self._ended = True
                self._file.forget()
            if outcome is error:
                raise
            raise outcome from error

    def _close(self) -> None:
        _instagram.requests = self._original
        if self._loader is not None:
            self._loader.close()


class _Requests:
    """Stands for the module ``requests`` inside Instaloader: the same, but for the sessions it gives."""

    def __init__(self, settings: Settings, before: Callable[[], None]) -> None:
        self.Session = partial(network.session, settings, before=before)  # named by requests

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)


class _NeverSleeping(instaloader.RateController):
    """No waiting inside the library: the catalog keeps the pace, before each request, across restarts."""

    def wait_before_query(self, query_type: str) -> None:
        """Nothing: ``before_request`` has been asked."""

    def handle_429(self, query_type: str) -> None:  # noqa: ARG002
        """End the search at once."""
        raise RateLimited("Instagram asks us to wait", until=datetime.now(UTC) + WAIT)

    def sleep(self, secs: float) -> None:  # noqa: ARG002
        """Never."""
        raise RateLimited("Instagram asks us to wait", until=datetime.now(UTC) + WAIT)


def _note(message: object, repeat_at_end: bool = True) -> None:  # noqa: ARG001  Instaloader's own signature
    _log.info("instaloader: %s", message)


def one_page(posts: Any) -> tuple[list[dict[str, Any]], Any]:
    """What Instagram tells of the posts of an iterator's page, and the iterator frozen at the page's end.

    A visitor's posts are asked for one by one: one that has gone meanwhile is left out, all of them are a failure.
    """
    listed: list[dict[str, Any]] = []
    gone: Exception | None = None
    while True:
        try:
            post = next(posts, None)
            if post is None:
                break
            listed.append(raw(post))
        except (instaloader.QueryReturnedNotFoundException, instaloader.BadResponseException) as error:
            if not posts.total_index:
                raise
            gone = error
        if len(posts.freeze().remaining_data["edges"]) <= 1:  # it keeps the last one given
            break
    if gone is not None and not listed:
        raise gone
    return listed, posts.freeze()


def raw(post: Any) -> dict[str, Any]:
    """What Instagram tells of an ``instaloader.Post``, without asking it for more."""
    node: dict[str, Any] = post._asdict()
    return node.get("iphone_struct") or node


def freeze(frozen: Any) -> str:
    """The cursor of the page after the one that an iterator has given whole."""
    info = frozen.remaining_data["page_info"]
    place = {"has_next_page": info["has_next_page"], "end_cursor": info["end_cursor"]}
    parts = frozen._asdict() | {"remaining_data": {"edges": [], "page_info": place}, "first_node": None}
    return json.dumps(parts, separators=(",", ":"))


def thaw(cursor: str, context: Any, *, name: str) -> Any:
    """The iterator that gives the page at a cursor; making it asks nobody.

    Raises ValueError, TypeError, KeyError or InvalidArgumentException for a cursor that is broken, has expired, or is
    another profile's, account's or Instaloader's.
    """
    frozen: Any = instaloader.FrozenNodeIterator(**json.loads(cursor))
    if frozen.best_before <= datetime.now(UTC).timestamp():
        raise ValueError("it has expired")
    if frozen.query_referer != f"https://www.instagram.com/{name}/":
        raise ValueError("it is another profile's")
    if not isinstance(frozen.remaining_data["page_info"]["end_cursor"], str) or frozen.remaining_data["edges"]:
        raise ValueError("it names no place")
    extract, wrap = _READERS[frozen.doc_id]
    posts = instaloader.NodeIterator(
        context,
        query_hash=frozen.query_hash,
        edge_extractor=extract,
        node_wrapper=lambda node: wrap(context, node),
        query_variables=frozen.query_variables,
        query_referer=frozen.query_referer,
        first_data={"edges": [], "page_info": {}},
        doc_id=frozen.doc_id,
        web_api=True,
    )
    posts.thaw(frozen)
    return posts
