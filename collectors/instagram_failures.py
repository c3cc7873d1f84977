"""Which of our outcomes a failure of Instaloader is. It goes by the names of its exceptions, so as not to import it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import requests

from collectors.errors import Blocked, Drift, LoginNeeded, RateLimited, SearchEnded, Unanswerable, Unreachable
from collectors.instagram_page import SOON, STOP, WAIT

_STATUS = re.compile(r"(?:responded with \"|: |^|, )(\d{3}) ")


def outcome_of(error: Exception) -> SearchEnded:
    """Which of our outcomes a failure of Instaloader is."""
    text, kinds = str(error), _kinds(error)
    if "AbortDownloadException" in kinds:
        return _aborted(text)
    if "LoginException" in kinds:
        return _sign_in_refused(text)
    if "PrivateProfileNotFollowedException" in kinds or "private profile" in text:
        return Unanswerable("the profile is private")
    if "LoginRequiredException" in kinds:
        return LoginNeeded("Instagram wants a sign-in")
    if kinds & {"ProfileNotExistsException", "QueryReturnedNotFoundException"}:
        return Unanswerable(f"Instagram does not know it: {text[:200]}")
    if "ConnectionException" in kinds:
        return _connection(error, text)
    if isinstance(error, requests.RequestException):
        return Unreachable(f"Instagram cannot be reached ({type(error).__name__})")
    return Drift(f"Instagram's answer cannot be read ({type(error).__name__}: {text[:200]})")


def _sign_in_refused(text: str) -> SearchEnded:
    if "checkpoint" in text.lower() or STOP.search(text):
        return Blocked("Instagram wants a challenge passed by hand before it lets us sign in")
    if SOON.search(text) or _status(text) == 429:
        return _wait()
    return LoginNeeded(f"Instagram refused the sign-in: {text[:200]}")


def _aborted(text: str) -> SearchEnded:
    status = _status(text)
    if STOP.search(text):
        return Blocked("Instagram wants a challenge passed by hand")
    if status == 429 or SOON.search(text):
        return _wait()
    if status in (401, 403) or "login page" in text:
        return LoginNeeded("Instagram has ended the session or wants one")
    return Blocked(f"Instagram stopped us: {text[:200]}")


def _connection(error: Exception, text: str) -> SearchEnded:
    if STOP.search(text):
        return Blocked("Instagram wants a challenge passed by hand")
    if "TooManyRequestsException" in _kinds(error.__cause__) or _status(text) == 429 or SOON.search(text):
        return _wait()
    if isinstance(error.__cause__, ValueError) and not isinstance(error.__cause__, requests.ConnectionError):
        return Drift("Instagram answered with something that is not JSON")
    if _status(text) in (401, 403) or "login_required" in text:
        return LoginNeeded("Instagram wants a sign-in")
    return Unreachable(f"Instagram cannot be reached: {text[:200]}")


def _wait() -> RateLimited:
    return RateLimited("Instagram asks us to wait", until=datetime.now(UTC) + WAIT)


def _status(text: str) -> int:
    found = _STATUS.search(text)
    return int(found.group(1)) if found else 0


def _kinds(error: BaseException | None) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}
