"""Three ways to the review desk: a client, a running Airflow, and somebody before a browser in that Airflow."""

from __future__ import annotations

import itertools
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
from shelf import Shelf
from starlette.testclient import TestClient


def direct() -> urllib.request.OpenerDirector:
    """Opens without a proxy: urlopen() keeps the proxies that it met first, in whichever test that was."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


#: No two acts of all visitors have the same token, as no two have of all pages.
_TOKENS = itertools.count(1)


class Visitor:
    """Somebody at the desk: the client's calls, signed with a name."""

    def __init__(self, client: TestClient, name: str) -> None:
        self._client = client
        self._headers = {"X-Person": name} if name else {}
        self.name = name

    def get(self, path: str, **headers: str) -> Any:
        return self._client.get(path, headers=self._headers | headers, follow_redirects=False)

    def post(self, path: str, body: Any, **headers: str) -> Any:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        typed = {"Content-Type": "application/json"} | self._headers | headers
        return self._client.post(path, content=content, headers=typed)

    def decide(self, batch: int, stage: str, *acts: dict[str, Any]) -> list[dict[str, Any]]:
        """Send acts as the page does, each with a token of its own unless it brings one."""
        signed = [{"token": f"{self.name}-token-{next(_TOKENS):08d}"} | act for act in acts]
        answer = self.post("/api/decisions", {"batch": batch, "stage": stage, "acts": signed})
        assert answer.status_code == 200, answer.text
        outcomes: list[dict[str, Any]] = answer.json()["outcomes"]
        return outcomes


@dataclass(frozen=True, eq=False)
class Airflow:
    """A running Airflow web server with our plugins, and the shelf that its desk shows."""

    url: str
    shelf: Shelf
    password: str

    @property
    def desk(self) -> str:
        return f"{self.url}/review-desk"

    @cache  # noqa: B019  # a server of a session; signing in hashes a password, which takes its time
    def token(self, name: str) -> str:
        """Sign in; the session's token."""
        body = json.dumps({"username": name, "password": self.password}).encode()
        with self._open(f"{self.url}/auth/token", body, {"Content-Type": "application/json"}) as answer:
            token: str = json.load(answer)["access_token"]
        return token

    def status(self, path: str, *, token: str = "", body: Any = None) -> int:
        """The status of one call to the desk, signed by a token or by nobody."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        try:
            with self._open(f"{self.desk}{path}", data, headers) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    def ask(self, path: str, *, token: str) -> Any:
        """What Airflow's own API says to somebody."""
        with self._open(f"{self.url}{path}", None, {"Authorization": f"Bearer {token}"}) as answer:
            return json.load(answer)

    def _open(self, url: str, body: bytes | None, headers: dict[str, str]) -> Any:
        return direct().open(urllib.request.Request(url, data=body, headers=headers), timeout=30)


class Sitting:
    """Somebody before a screen: Chromium, signed in to Airflow, with the desk open."""

    def __init__(self, driver: Any, airflow: Airflow) -> None:
        self.driver = driver
        self.airflow = airflow

    def sign_in(self, name: str) -> None:
        """As Airflow's login page does it: the session's token in a cookie."""
        self.driver.get(f"{self.airflow.url}/auth/login")
        self.driver.delete_all_cookies()
        self.driver.add_cookie({"name": "_token", "value": self.airflow.token(name), "path": "/"})

    def sign_out(self) -> None:
        self.driver.delete_all_cookies()

    def open(self, path: str) -> None:
        self.driver.get(f"{self.airflow.desk}{path}")
        self.until("document.body.dataset.ready === 'true'")

    def press(self, *keys: str) -> None:
        """Press keys one by one, each with its picture before one's eyes."""
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            self.look()
            ActionChains(self.driver).send_keys(key).perform()

    def look(self) -> None:
        """Wait until what a key would decide is on the screen: a key pressed earlier decides nothing."""
        self.until(
            "[...document.querySelectorAll('.mat')].every((mat) => !mat.checkVisibility() || mat.dataset.painted)"
            " && [...document.querySelectorAll('#cards > li')].every((card) => card.dataset.there === 'true')"
        )

    def press_shift(self, key: str) -> None:
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys

        self.look()
        ActionChains(self.driver).key_down(Keys.SHIFT).send_keys(key).key_up(Keys.SHIFT).perform()

    def run(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def until(self, condition: str, *, seconds: float = 20) -> None:
        """Wait until a JavaScript expression holds."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.run(f"return Boolean({condition})"):
                return
            time.sleep(0.05)
        pytest.fail(f"never true: {condition}\n{self.run('return document.body.innerText')}")

    def saved(self) -> None:
        """Wait until every decision has reached the server."""
        self.until("document.getElementById('saving').dataset.state === 'saved'")

    def text(self, element: str) -> str:
        return str(self.run(f"return document.getElementById('{element}').textContent.trim()"))

    def network(self, *, up: bool) -> None:
        """Pull the network plug out, or put it back."""
        self.driver.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": not up, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1},
        )
