"""www.instagram.com and i.instagram.com, as Instaloader 4.16 asks them: login, profiles, posts, hashtags, media.

Two accounts exist, ACCOUNT and SECOND_FACTOR_ACCOUNT, both with PASSWORD; the second one is asked for CODE too.
Sessions live as long as the site.
"""

from __future__ import annotations

import base64
import html
import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from demo.internet import instagram_shapes as shapes
from demo.internet.messages import NOT_FOUND, Answer, Request, data, moved, page
from demo.internet.world import OWN_PROFILE, PRIVATE_PROFILE, PROFILES, TAGS, Post, World

ACCOUNT, PASSWORD = "faceloop.demo", "drawn-portraits"
SECOND_FACTOR_ACCOUNT, CODE = "faceloop.guarded", "246810"
ACCOUNT_ID = "5900000001"
WWW = "https://www.instagram.com"


class Instagram:
    """Answers for both of Instagram's hosts."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._sessions: set[str] = set()
        self._queries: dict[str, Callable[[Request, dict[str, Any]], Answer]] = {
            "d6f4427fbe92d846298cf93df0b937d3": self._whoami,
            "9b498c08113f1e09617a1703c22b2f32": self._tag_edges,
            "27937681195819736": self._profile,
            "29104886249145907": self._timeline,
            "28904005159232689": self._public_timeline,
            "27128499623469141": self._by_code,
        }

    def answer(self, request: Request) -> Answer:
        path = request.path
        if request.host == "i.instagram.com":
            return self._mobile(request)
        if path == "/":
            return self._start()
        if path == "/api/v1/web/accounts/login/ajax/":
            return self._login(request)
        if path == "/accounts/login/ajax/two_factor/":
            return self._second_factor(request)
        if path in ("/graphql/query", "/graphql/query/", "/api/graphql"):
            return self._graphql(request)
        if path == "/accounts/login/":
            return page("<!doctype html><title>Login • Instagram</title><form id='loginForm'></form>")
        if path.startswith("/explore/tags/"):
            return self._tag_sections(request)
        if path == "/api/v1/users/web_profile_info/":
            return self._web_profile(request)
        return self._profile_page(path.strip("/").lower())

    def _signed_in(self, request: Request) -> bool:
        # The web sends the cookie, the mobile API a token that wraps it.
        return bool({request.cookie("sessionid"), _bearer(request)} & self._sessions)

    def _start(self) -> Answer:
        tokens = '["DTSGInitialData",[],{"token":"NAcM-demo:17:1"},258],["LSD",[],{"token":"AVq-demo"},323]'
        body = (
            f'<!doctype html><title>Instagram</title><script>{{"x":[{tokens}],"IG_USER_EIMU":"{ACCOUNT_ID}"}}</script>'
        )
        token = secrets.token_urlsafe(24)
        return page(body, cookies=(_cookie("csrftoken", token), _cookie("mid", "demo"), _cookie("ig_did", "DEMO")))

    def _login(self, request: Request) -> Answer:
        if not request.headers.get("x-csrftoken"):
            return data({"message": "CSRF token missing or incorrect", "status": "fail"}, status=403)
        password = request.form("enc_password").split(":", 3)[-1]
        if request.form("username") not in (ACCOUNT, SECOND_FACTOR_ACCOUNT):
            return data({"user": False, "authenticated": False, "status": "ok"})
        if password != PASSWORD:
            return data({"user": True, "authenticated": False, "status": "ok"})
        if request.form("username") == SECOND_FACTOR_ACCOUNT:
            info = {"username": SECOND_FACTOR_ACCOUNT, "two_factor_identifier": "demo-identifier"}
            return data({"two_factor_required": True, "two_factor_info": info, "status": "fail"}, status=400)
        return self._welcome()

    def _second_factor(self, request: Request) -> Answer:
        if request.form("verificationCode") != CODE or request.form("identifier") != "demo-identifier":
            return data({"message": "Please check the security code and try again.", "status": "fail"}, status=400)
        return self._welcome()

    def _welcome(self) -> Answer:
        session = f"{ACCOUNT_ID}%3A{secrets.token_urlsafe(12)}%3A7"
        self._sessions.add(session)
        cookies = (
            _cookie("csrftoken", secrets.token_urlsafe(24)),
            _cookie("sessionid", session) + "; HttpOnly",
            _cookie("ds_user_id", ACCOUNT_ID),
        )
        return data({"user": True, "userId": ACCOUNT_ID, "authenticated": True, "status": "ok"}, cookies=cookies)

    def _graphql(self, request: Request) -> Answer:
        read = request.form if request.method == "POST" else request.query
        query = self._queries.get(read("query_hash") or read("doc_id"))
        if query is None:
            return data({"message": "feedback_required", "status": "fail"}, status=400)
        try:
            variables = json.loads(read("variables", "{}"))
        except json.JSONDecodeError:
            return data({"message": "bad variables", "status": "fail"}, status=400)
        return query(request, variables)

    def _whoami(self, request: Request, _: dict[str, Any]) -> Answer:
        user = {"username": ACCOUNT, "id": ACCOUNT_ID} if self._signed_in(request) else None
        return data({"data": {"user": user}, "status": "ok"})

    def _profile(self, request: Request, variables: dict[str, Any]) -> Answer:
        if not self._signed_in(request):
            return _login_first()
        names = [*PROFILES, OWN_PROFILE, PRIVATE_PROFILE]
        name = next((name for name in names if shapes.user_id(name) == str(variables.get("id"))), None)
        return data({"data": {"user": self._user(name) if name else None}, "status": "ok"})

    def _user(self, name: str) -> dict[str, Any]:
        user = shapes.user(name)
        return user | {
            "id": user["pk"],
            "media_count": len(self._world.posts_of(name)),
            "all_media_count": len(self._world.posts_of(name)),
            "follower_count": 1234,
            "following_count": 56,
            "biography": "Portraits.",
            "friendship_status": {"following": False, "followed_by": False, "blocking": False},
        }

    def _timeline(self, request: Request, variables: dict[str, Any]) -> Answer:
        if not self._signed_in(request):
            return _login_first()
        posts = self._world.posts_of(str(variables.get("username")))
        connection = shapes.connection(posts, variables, shapes.media)
        return data({"data": {"xdt_api__v1__feed__user_timeline_graphql_connection": connection}})

    def _public_timeline(self, _: Request, variables: dict[str, Any]) -> Answer:
        name = str(variables.get("id", "")).removeprefix("page-")
        connection = shapes.connection(self._world.posts_of(name), variables, shapes.public_node)
        return data({"data": {"node": {"polaris_ordered_timeline_connection": connection}}})

    def _by_code(self, _: Request, variables: dict[str, Any]) -> Answer:
        items = [shapes.media(post) for post in self._world.posts if post.code == variables.get("shortcode")]
        return data({"data": {"xdt_api__v1__media__shortcode__web_info": {"items": items}}, "status": "ok"})

    def _tag_edges(self, _: Request, variables: dict[str, Any]) -> Answer:
        name = str(variables.get("tag_name", "")).lower()
        posts = self._world.posts_tagged(name)
        connection = shapes.connection(posts, variables, shapes.legacy_node) | {"count": len(posts)}
        tag = {"id": shapes.user_id(name), "name": name, "edge_hashtag_to_media": connection} if posts else None
        return data({"data": {"hashtag": tag}, "status": "ok"})

    def _tag_sections(self, request: Request) -> Answer:
        if not self._signed_in(request):
            return moved(f"{WWW}/accounts/login/?" + urlencode({"next": request.path}))
        name = request.path.split("/")[3]
        return data({"data": {"recent": self._sections(self._world.posts_tagged(name), request.query("max_id"))}})

    def _sections(self, posts: list[Post], cursor: str) -> dict[str, Any]:
        return shapes.sections(posts, start=int(cursor) if cursor.isdigit() else 0)

    def _mobile(self, request: Request) -> Answer:
        if not self._signed_in(request):
            return _login_first()
        parts = request.path.strip("/").split("/")
        match parts:
            case ["api", "v1", "tags", "web_info"]:
                return self._tag_info(request.query("tag_name").lower())
            case ["api", "v1", "media", pk, "info"]:
                items = [shapes.media(post) for post in self._world.posts if str(post.pk) == pk]
                return data({"items": items, "status": "ok"}) if items else _missing()
            case ["api", "v1", "users", pk, "info"]:
                name = next((n for n in (*PROFILES, OWN_PROFILE, PRIVATE_PROFILE) if shapes.user_id(n) == pk), None)
                return data({"user": self._user(name), "status": "ok"}) if name else _missing()
        return _missing()

    def _tag_info(self, name: str) -> Answer:
        if name not in TAGS:
            return _missing()
        posts = self._world.posts_tagged(name)
        tag = {
            "id": shapes.user_id(name),
            "name": name,
            "media_count": len(posts),
            "profile_pic_url": "",
            "allow_following": True,
            "following": False,
            "top": self._sections(posts[:9], ""),
            "recent": self._sections(posts, ""),
        }
        return data({"data": tag, "status": "ok"})

    def _web_profile(self, request: Request) -> Answer:
        name = request.query("username").lower()
        known = name in (*PROFILES, OWN_PROFILE, PRIVATE_PROFILE)
        return data({"data": {"user": self._user(name)}, "status": "ok"}) if known else _missing()

    def _profile_page(self, name: str) -> Answer:
        if name not in (*PROFILES, OWN_PROFILE, PRIVATE_PROFILE):
            return NOT_FOUND
        user = self._user(name) | {"id": f"page-{name}"}
        posts = [] if name == PRIVATE_PROFILE else self._world.posts_of(name)
        timeline = {
            "id": f"page-{name}",
            "polaris_ordered_timeline_connection": shapes.connection(posts, {}, shapes.public_node),
        }
        scripts = "".join(
            '<script type="application/json" data-sjs>'
            + json.dumps(
                {
                    "require": [
                        [
                            "ScheduledServerJS",
                            "handle",
                            None,
                            [{"__bbox": {"complete": True, "result": {"data": {"xig_user_by_username": part}}}}],
                        ]
                    ]
                }
            ).replace("</", "<\\/")
            + "</script>"
            for part in (user, timeline)
        )
        return page(f"<!doctype html><title>{html.escape(name)} • Instagram</title>{scripts}")


def _bearer(request: Request) -> str:
    token = request.headers.get("authorization", "").removeprefix("Bearer IGT:2:")
    try:
        return str(json.loads(base64.b64decode(token, validate=True))["sessionid"])
    except (ValueError, KeyError, TypeError):
        return ""


def _cookie(name: str, value: str) -> str:
    return f"{name}={value}; Domain=.instagram.com; Path=/; Secure; Max-Age=31449600"


def _missing() -> Answer:
    return data({"message": "Not Found", "status": "fail"}, status=404)


def _login_first() -> Answer:
    return data({"message": "login_required", "status": "fail"}, status=403)
