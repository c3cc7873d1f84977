"""The only file that touches instaloader: one sign-in, a session file kept and reused, posts as plain records.

Instaloader would sleep for half an hour on a rate limit and retry on what cannot get better; here it never sleeps,
and each of its failures becomes one of ours. It makes its HTTP sessions in six places with ``requests.Session()``
and takes none from outside, so while a client is open the name ``requests`` inside that module gives sessions bound
to our settings (proxy, CA). One client at a time per process, then.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, islice
from types import TracebackType
from typing import Any
from urllib.parse import quote

import instaloader
import requests
from instaloader import instaloadercontext

from catalog import Settings
from collectors import network
from collectors.base import Answer, Request
from collectors.errors import (
    Blocked,
    Drift,
    LoginNeeded,
    NotConfigured,
    RateLimited,
    SearchEnded,
    Unanswerable,
    Unreachable,
)

_log = logging.getLogger(__name__)
_instagram: Any = instaloadercontext
_TIMEOUT = 30.0
_WAIT = timedelta(minutes=30)  # the longest of Instagram's windows that Instaloader knows
_STOP = re.compile(r"challenge_required|checkpoint_required|feedback_required", re.IGNORECASE)
_SOON = re.compile(r"wait a few minutes", re.IGNORECASE)
_STATUS = re.compile(r"(?:responded with \"|: |^)(\d{3}) ")


@dataclass(frozen=True, slots=True)
class InstagramPost:
    """One post; ``pictures`` are the addresses of its photos in order, none for a video."""

    shortcode: str
    author: str
    caption: str
    pictures: tuple[str, ...]


class InstagramClient:
    """A context manager. With an account in the settings it signs in once and keeps the session; without, it reads
    public profiles as a visitor."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._user = settings.instagram_user
        self._file = settings.home / "sessions" / f"instagram-{quote(self._user, safe='')}.json"
        self._loader: Any = None
        self._ended = False  # the session, by Instagram's word
        self._what, self._after = "", 0
        self._posts: Iterator[InstagramPost] = iter(())

    def __enter__(self) -> InstagramClient:
        self._original = _instagram.requests
        _instagram.requests = _Requests(self._settings)
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
            if self._user:
                self._sign_in()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._loader.context.is_logged_in and not self._ended:
                self._keep_session()
        finally:
            self._close()

    def ask(self, request: Request) -> Answer:
        """The next posts of a profile (``@name``) or a hashtag (``#tag``), as JSON; raises a SearchEnded."""
        said = dict(request.parameters)
        after, count = int(said.get("after", "0")), int(said.get("count", "12"))
        if request.what != self._what or after != self._after or not after:
            kind, name = request.what[:1], request.what[1:]
            found = self.profile_posts(name) if kind == "@" else self.hashtag_posts(name)
            self._what, self._posts = request.what, islice(found, after, None)
        posts = [asdict(post) for post in islice(self._posts, count)]
        self._after = after + len(posts)
        body = json.dumps({"posts": posts, "next": str(self._after)})
        return Answer(body=body, url="https://www.instagram.com/", ended=len(posts) < count)

    def profile_posts(self, name: str) -> Iterator[InstagramPost]:
        """Yield a profile's posts, newest first; raises a SearchEnded."""
        context = self._loader.context
        return self._read(lambda: instaloader.Profile.from_username(context, name).get_posts(), author=name)

    def hashtag_posts(self, tag: str) -> Iterator[InstagramPost]:
        """Yield a hashtag's posts, top ones first; needs an account; raises a SearchEnded."""
        if not self._user:
            raise NotConfigured("hashtags need an account: set FACELOOP_INSTAGRAM_USER and FACELOOP_INSTAGRAM_PASSWORD")

        def posts() -> Iterator[Any]:
            found = instaloader.Hashtag.from_name(self._loader.context, tag)
            return chain(found.get_top_posts(), found.get_posts())

        return self._read(posts)

    def _read(self, posts: Callable[[], Iterator[Any]], *, author: str = "") -> Iterator[InstagramPost]:
        iterator: Iterator[Any] | None = None
        seen: set[str] = set()
        while True:
            with self._outcomes():
                iterator = iterator or iter(posts())
                post = next(iterator, None)
                if post is None:
                    return
                read = None if post.shortcode in seen else read_post(post, author=author)
            if read:
                seen.add(read.shortcode)
                yield read

    def _sign_in(self) -> None:
        if self._file.exists():
            try:
                self._loader.load_session(self._user, json.loads(self._file.read_text()))
            except (ValueError, KeyError, AttributeError, TypeError):
                _log.warning("the session file of Instagram is unreadable; signing in anew")
                self._file.unlink()
            else:
                return
        password = self._settings.instagram_password.get_secret_value()
        if not password:
            raise NotConfigured("FACELOOP_INSTAGRAM_PASSWORD is not set")
        with self._outcomes():
            self._loader.login(self._user, password)
        self._keep_session()

    def _keep_session(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = self._file.with_suffix(f".{os.getpid()}.part")
        with open(aside, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            json.dump(self._loader.save_session(), handle)
        aside.replace(self._file)

    @contextmanager
    def _outcomes(self) -> Iterator[None]:
        """Turn whatever Instaloader raises into a SearchEnded; a session that Instagram has ended is forgotten."""
        try:
            yield
        except (SearchEnded, GeneratorExit):
            raise
        except Exception as error:
            outcome = outcome_of(error)
            if isinstance(outcome, LoginNeeded):
                self._ended = True
                self._file.unlink(missing_ok=True)
            raise outcome from error

    def _close(self) -> None:
        _instagram.requests = self._original
        if self._loader is not None:
            self._loader.close()


class _Requests:
    """Stands for the module ``requests`` inside Instaloader: the same, but for the sessions it gives."""

    def __init__(self, settings: Settings) -> None:
        self.Session = partial(network.session, settings)  # named by requests

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)


class _NeverSleeping(instaloader.RateController):
    """Instaloader's own budget of requests; where it would sleep, the search ends until then."""

    def sleep(self, secs: float) -> None:
        """Never."""
        raise RateLimited("Instagram's budget of requests is spent", until=datetime.now(UTC) + timedelta(seconds=secs))


def read_post(post: Any, *, author: str = "") -> InstagramPost:
    """Read one ``instaloader.Post``; may ask Instagram for the pictures of a carousel."""
    known = post._asdict()  # owner_username would cost a request per post where only the owner's id is listed
    return InstagramPost(
        shortcode=post.shortcode,
        author=author or str((known.get("owner") or {}).get("username") or ""),
        caption=post.caption or "",
        pictures=_pictures(post),
    )


def _pictures(post: Any) -> tuple[str, ...]:
    if post.typename == "GraphVideo":
        return ()
    if post.typename != "GraphSidecar":
        return (post.url,)
    # post.url fails on a carousel without a cover of its own, so its parts are read.
    try:
        return tuple(node.display_url for node in post.get_sidecar_nodes() if not node.is_video)
    except (instaloader.QueryReturnedNotFoundException, instaloader.BadResponseException):
        # Listed, but its page is gone or hidden: the cover is what there is.
        return (post.url,)


def outcome_of(error: Exception) -> SearchEnded:
    """Which of our outcomes a failure of Instaloader is."""
    text = str(error)
    if isinstance(error, instaloader.AbortDownloadException):
        return _aborted(text)
    if isinstance(error, instaloader.LoginException):
        if "checkpoint" in text.lower():
            return Blocked("Instagram wants a checkpoint passed by hand before it lets us sign in")
        return LoginNeeded(f"Instagram refused the sign-in: {text[:200]}")
    if isinstance(error, instaloader.PrivateProfileNotFollowedException) or "private profile" in text:
        return Unanswerable("the profile is private")
    if isinstance(error, instaloader.LoginRequiredException):
        return LoginNeeded("Instagram wants a sign-in")
    if isinstance(error, instaloader.ProfileNotExistsException | instaloader.QueryReturnedNotFoundException):
        return Unanswerable(f"Instagram does not know it: {text[:200]}")
    if isinstance(error, instaloader.ConnectionException):
        return _connection(error, text)
    if isinstance(error, requests.RequestException):
        return Unreachable(f"Instagram cannot be reached ({type(error).__name__})")
    return Drift(f"Instagram's answer cannot be read ({type(error).__name__}: {text[:200]})")


def _aborted(text: str) -> SearchEnded:
    status = _status(text)
    if _STOP.search(text):
        return Blocked("Instagram wants a challenge passed by hand")
    if status == 429 or _SOON.search(text):
        return RateLimited("Instagram asks us to wait", until=datetime.now(UTC) + _WAIT)
    if status in (401, 403) or "login page" in text:
        return LoginNeeded("Instagram has ended the session or wants one")
    return Blocked(f"Instagram stopped us: {text[:200]}")


def _connection(error: Exception, text: str) -> SearchEnded:
    if isinstance(error.__cause__, instaloader.TooManyRequestsException) or _status(text) == 429:
        return RateLimited("Instagram asks us to wait", until=datetime.now(UTC) + _WAIT)
    if isinstance(error.__cause__, ValueError) and not isinstance(error.__cause__, requests.ConnectionError):
        return Drift("Instagram answered with something that is not JSON")
    if _status(text) in (401, 403):
        return LoginNeeded("Instagram wants a sign-in")
    return Unreachable(f"Instagram cannot be reached: {text[:200]}")


def _status(text: str) -> int:
    found = _STATUS.search(text)
    return int(found.group(1)) if found else 0


def _note(message: object, repeat_at_end: bool = True) -> None:  # noqa: ARG001  Instaloader's own signature
    _log.info("instaloader: %s", message)
