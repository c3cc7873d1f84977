"""A headless Chromium over one DevTools websocket: tabs in profiles of their own, keys that are real input.

Not through chromedriver: a key is one message that nobody waits for, so that twenty a second come at their moments,
and what a page tells (``Runtime.addBinding``) is here before its tab is killed.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import websocket

BINARY = "/usr/bin/chromium"

#: None of these makes a page faster: they keep tabs that nobody looks at from being slowed down.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-component-update",
    "--disable-background-networking",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--disable-background-timer-throttling",
    "--hide-crash-restore-bubble",
    "--remote-debugging-port=0",
    "--window-size=1280,900",
)

Told = Callable[[dict[str, Any]], None]


class Gone(Exception):
    """The tab, or the browser, is no longer there; or it did not answer in time."""


class Browser:
    """One Chromium with an empty profile in ``folder``; ended with everything it started."""

    def __init__(self, folder: Path) -> None:
        self._numbers = itertools.count(1)
        self._answers: dict[int, queue.SimpleQueue[dict[str, Any]]] = {}
        self._listeners: dict[str, Told] = {}
        self._sending = threading.Lock()
        with (folder / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                [BINARY, *_FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        port, path = self._address(folder / "profile" / "DevToolsActivePort")
        self._socket = websocket.create_connection(
            f"ws://127.0.0.1:{port}{path}", timeout=None, suppress_origin=True, http_no_proxy=["*"]
        )
        threading.Thread(target=self._listen, daemon=True).start()
        self.version = str(self.call("Browser.getVersion")["product"])

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and its own processes."""
        for how in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, how)
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                pass
            break

    def profile(self) -> str:
        """A profile of its own: cookies, cache and local storage of nobody else."""
        return str(self.call("Target.createBrowserContext")["browserContextId"])

    def forget(self, profile: str) -> None:
        """Remove a profile with its tabs."""
        self.call("Target.disposeBrowserContext", browserContextId=profile)

    def sign_in(self, profile: str, url: str, token: str) -> None:
        """Put Airflow's session into a profile, as its login page does it."""
        cookie = {"name": "_token", "value": token, "url": url}
        self.call("Storage.setCookies", cookies=[cookie], browserContextId=profile)

    def tab(self, profile: str, *, script: str, on_told: Told | None = None) -> Tab:
        """A new tab in which ``script`` runs before every page's own; ``on_told`` gets what it tells."""
        target = self.call("Target.createTarget", url="about:blank", browserContextId=profile)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, str(target), str(session))
        self._listeners[tab.session] = on_told or (lambda _: None)
        for domain in ("Page", "Runtime", "Network"):
            tab.call(f"{domain}.enable")
        tab.call("Emulation.setFocusEmulationEnabled", enabled=True)
        tab.call("Runtime.addBinding", name="benchTold")
        tab.call("Page.addScriptToEvaluateOnNewDocument", source=script)
        return tab

    def call(self, method: str, *, session: str = "", seconds: float = 30, **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer. Gone when there is none, or it is an error."""
        number, answer = next(self._numbers), queue.SimpleQueue[dict[str, Any]]()
        self._answers[number] = answer
        self._send(number, method, session, params)
        try:
            said = answer.get(timeout=seconds)
        except queue.Empty:
            raise Gone(f"{method}: no answer in {seconds} s") from None
        finally:
            self._answers.pop(number, None)
        if "error" in said:
            raise Gone(f"{method}: {said['error'].get('message')}")
        result: dict[str, Any] = said["result"]
        return result

    def post(self, method: str, *, session: str, **params: Any) -> None:
        """Send a command and wait for nothing."""
        self._send(next(self._numbers), method, session, params)

    def _send(self, number: int, method: str, session: str, params: dict[str, Any]) -> None:
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        with self._sending:
            try:
                self._socket.send(json.dumps(message))
            except (OSError, websocket.WebSocketException) as error:
                raise Gone(f"{method}: the browser is gone") from error

    def _listen(self) -> None:
        while True:
            try:
                said = json.loads(self._socket.recv())
            except (OSError, ValueError, websocket.WebSocketException):
                return
            if answer := self._answers.get(said.get("id", 0)):
                answer.put(said)
            elif said.get("method") == "Runtime.bindingCalled" and said["params"]["name"] == "benchTold":
                self._listeners[said["sessionId"]](json.loads(said["params"]["payload"]))

    def _address(self, note: Path) -> tuple[str, str]:
        until = time.monotonic() + 60
        while time.monotonic() < until and self._process.poll() is None:
            lines = note.read_text().split() if note.exists() else []
            if len(lines) == 2:
                return lines[0], lines[1]
            time.sleep(0.05)
        self.close()
        raise Gone("Chromium did not start")


class Tab:
    """One tab of the browser."""

    def __init__(self, browser: Browser, target: str, session: str) -> None:
        self._browser, self._target, self.session = browser, target, session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """A command to this tab, and its answer."""
        return self._browser.call(method, session=self.session, **params)

    def go(self, url: str) -> None:
        """Begin to open a page. Gone when it cannot be reached."""
        failed = self.call("Page.navigate", url=url).get("errorText")
        if failed:
            raise Gone(f"{url}: {failed}")

    def run(self, expression: str) -> Any:
        """A JavaScript expression's value."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise Gone(f"{expression}: {answer['exceptionDetails'].get('text')}")
        return answer["result"].get("value")

    def until(self, condition: str, *, seconds: float = 30) -> None:
        """Wait until an expression holds. Gone when it does not in time."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            if self.run(f"Boolean({condition})"):
                return
            time.sleep(0.05)
        raise Gone(f"never true: {condition}")

    def press(self, key: str) -> None:
        """Press and let go of a letter or digit; nothing is waited for."""
        code = f"Digit{key}" if key.isdigit() else f"Key{key.upper()}"
        known = {"key": key, "code": code, "windowsVirtualKeyCode": ord(key.upper())}
        self._browser.post("Input.dispatchKeyEvent", session=self.session, type="keyDown", text=key, **known)
        self._browser.post("Input.dispatchKeyEvent", session=self.session, type="keyUp", **known)

    def press_at_pace(self, keys: Sequence[str], *, per_second: float) -> float:
        """Press these keys at exactly so many a second; the seconds from the first to the last one."""
        began = time.perf_counter()
        for number, key in enumerate(keys):
            while (wait := began + number / per_second - time.perf_counter()) > 0:
                time.sleep(wait if wait > 0.002 else 0.0002)
            self.press(key)
        return time.perf_counter() - began

    def delay(self, milliseconds: float) -> None:
        """Add so much to every answer of the network."""
        self.call(
            "Network.emulateNetworkConditions",
            offline=False,
            latency=milliseconds,
            downloadThroughput=-1,
            uploadThroughput=-1,
        )

    def crash(self) -> None:
        """Kill the process that shows the page, then close what is left of the tab."""
        self._browser.post("Page.crash", session=self.session)
        time.sleep(0.3)
        self.close()

    def close(self) -> None:
        """Close the tab at once, as a window that is closed."""
        self._browser.call("Target.closeTarget", targetId=self._target)
