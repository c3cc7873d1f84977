"""The only file that touches selenium: one headless Chromium with a profile of its own, gone when we are.

Chromium's processes carry a mark in their environment; a small reaper process waits for our end (orderly or not) and
kills what still carries it, so that not even a kill -9 of the collector leaves a browser behind.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

import urllib3
from selenium import webdriver
from selenium.common.exceptions import (
    InvalidSessionIdException,
    NoSuchWindowException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig

from catalog import Settings
from collectors import browser_scripts as scripts
from collectors.base import Answer, Request
from collectors.errors import NotConfigured, Unreachable
from collectors.reaper import reap

_log = logging.getLogger(__name__)
_REAPER = Path(__file__).with_name("reaper.py")
_LOAD_SECONDS = 30
_GROW_SECONDS = 4.0
_COMMAND_SECONDS = 60
_HOVER_SECONDS = 0.5
_MOST_PANELS = 10  # side panels opened for one answer
_RESTARTS = 2
#: What chromedriver says when there is no browser any more, or its page has crashed.
_DEAD = re.compile(r"invalid session|session deleted|not reachable|disconnected|crashed|no such window", re.IGNORECASE)
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-breakpad",
    "--window-size=1280,800",
    "--lang=en-US",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
)


class Browser:
    """A context manager. A request is an address; one that goes on with the session shown scrolls the page on."""

    def __init__(self, settings: Settings) -> None:
        for program in (settings.chromium, settings.chromedriver):
            if not os.access(program, os.X_OK):
                raise NotConfigured(f"no program {program}: set FACELOOP_CHROMIUM and FACELOOP_CHROMEDRIVER")
        self._settings = settings
        self._mark = f"FACELOOP_BROWSER={secrets.token_hex(16)}"
        self._driver: webdriver.Remote | None = None
        self._service: Service | None = None
        self._session, self._shown, self._restarts, self._panels = "", "", 0, ""

    def __enter__(self) -> Browser:
        self._folder = Path(tempfile.mkdtemp(prefix="faceloop-browser-"))
        self._reaper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_REAPER), self._mark, str(self._folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._start()
        except (WebDriverException, urllib3.exceptions.HTTPError, OSError) as error:
            self._end()
            raise Unreachable(f"Chromium does not start: {_line(error)}") from error
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, request: Request) -> Answer:
        """The page as it stands: loaded, or scrolled on when this session's is shown; ``ended`` when it grows no more.

        A browser that has died is started anew, twice within a session, and loads the page at the request's own place.
        Raises Unreachable when Chromium, the proxy or the site does not answer in time.
        """
        if not request.session or request.session != self._session:
            self._session, self._shown, self._restarts = request.session, "", 0
        while True:
            try:
                if self._driver is None:
                    self._start()
                return self._asked(request)
            except TimeoutException as error:
                self._shown = ""
                raise Unreachable(f"the page did not load within {_LOAD_SECONDS} s") from error
            except (WebDriverException, urllib3.exceptions.HTTPError, OSError) as error:
                self._shown = ""
                if not _is_dead(error):
                    raise Unreachable(f"the browser could not read the page: {_line(error)}") from error
                self._stop()
                self._restarts += 1
                if self._restarts > _RESTARTS:
                    raise Unreachable(f"the browser died {self._restarts} times: {_line(error)}") from error
                _log.warning("the browser died (%s); it is started anew", _line(error))

    def _asked(self, request: Request) -> Answer:
        assert self._driver is not None
        if self._shown and self._shown != request.what:
            return self._answer(ended=not self._grown())
        self._panels = ""
        self._driver.get(request.what)
        if self._driver.execute_script(scripts.REJECT):
            self._pass_consent(request.what)
        # The first page's own address: what another cursor asks for is further down on it.
        self._shown = request.what
        return self._answer(ended=False)

    def _pass_consent(self, url: str) -> None:
        """Wait until the wall has taken our no, and load what it kept from us unless it leads there by itself."""
        assert self._driver is not None
        end = time.monotonic() + _GROW_SECONDS
        while (walled := self._driver.execute_script(scripts.WALL)) and time.monotonic() < end:
            time.sleep(0.1)
        here = parse_qsl(urlsplit(self._driver.current_url).query)
        if not walled and not set(parse_qsl(urlsplit(url).query)) <= set(here):
            self._driver.get(url)

    def _answer(self, *, ended: bool) -> Answer:
        """The page, once what it keeps back until somebody points at it is there too."""
        assert self._driver is not None
        if self._driver.execute_script(scripts.HOVER):
            time.sleep(_HOVER_SECONDS)
            self._panels += str(self._driver.execute_async_script(scripts.PANELS, _MOST_PANELS) or "")
        body = f"{self._driver.page_source}\n{self._panels}"
        return Answer(body=body, url=self._driver.current_url, ended=ended)

    def _grown(self) -> bool:
        """Scroll to the end; whether more has come within a few seconds."""
        assert self._driver is not None
        before = self._driver.execute_script(scripts.COUNT)
        self._driver.execute_script(scripts.DOWN)
        end = time.monotonic() + _GROW_SECONDS
        while self._driver.execute_script(scripts.COUNT) <= before:
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        # Let the part that has begun to come, come whole.
        size = None
        while time.monotonic() < end and size != (size := self._driver.execute_script(scripts.SIZE)):
            time.sleep(0.1)
        return True

    def _start(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = self._settings.chromium
        for flag in (*_FLAGS, f"--user-data-dir={tempfile.mkdtemp(prefix='profile-', dir=self._folder)}"):
            options.add_argument(flag)
        if self._settings.proxy:
            options.add_argument(f"--proxy-server={self._settings.proxy}")
        else:
            options.add_argument("--no-proxy-server")
        self._service = Service(
            self._settings.chromedriver, env=self._environment(), popen_kw={"start_new_session": True}
        )
        self._service.start()
        direct = Proxy(raw={"proxyType": ProxyType.DIRECT})
        connection = ChromeRemoteConnection(
            remote_server_addr=self._service.service_url,
            client_config=ClientConfig(
                remote_server_addr=self._service.service_url, proxy=direct, timeout=_COMMAND_SECONDS
            ),
        )
        self._driver = webdriver.Remote(command_executor=connection, options=options)
        self._driver.set_page_load_timeout(_LOAD_SECONDS)
        self._driver.set_script_timeout(10)

    def _environment(self) -> dict[str, str]:
        """Chromium's environment: the mark, a HOME whose NSS database trusts the proxy's CA, no proxy variables."""
        kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        name, _, value = self._mark.partition("=")
        return kept | {name: value, "HOME": self._home(), "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}

    def _home(self) -> str:
        if self._settings.chromium_home:
            return self._settings.chromium_home
        home = self._folder / "home"
        database = home / ".pki" / "nssdb"
        if database.is_dir():
            return str(home)  # this one was started before
        database.mkdir(parents=True)
        if self._settings.proxy_ca:
            _trust(database, self._settings.proxy_ca)
        return str(home)

    def _stop(self) -> None:
        """End Chromium and its driver, by force where they do not listen."""
        if self._driver is not None:
            with suppress(WebDriverException, urllib3.exceptions.HTTPError, OSError):
                self._driver.quit()
        if self._service is not None:
            with suppress(WebDriverException, urllib3.exceptions.HTTPError, OSError):
                self._service.stop()
        self._driver = self._service = None
        reap(self._mark)

    def _end(self) -> None:
        self._stop()
        assert self._reaper.stdin is not None
        self._reaper.stdin.close()
        self._reaper.wait(timeout=30)
        shutil.rmtree(self._folder, ignore_errors=True)


def _trust(database: Path, authority: str) -> None:
    """Make an NSS database that trusts one CA; certutil is in Debian's libnss3-tools."""
    for arguments in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "faceloop-proxy", "-i", authority],
    ):
        try:
            done = subprocess.run(
                ["certutil", "-d", f"sql:{database}", *arguments], capture_output=True, text=True, timeout=30
            )
        except FileNotFoundError:
            raise NotConfigured("certutil is missing (Debian: libnss3-tools); Chromium needs it for the CA") from None
        if done.returncode:
            raise NotConfigured(f"certutil does not take the CA {authority}: {done.stderr.strip()[:200]}")


def _is_dead(error: Exception) -> bool:
    """Whether the browser or its driver is gone, and not only the page."""
    gone = (urllib3.exceptions.HTTPError, OSError, InvalidSessionIdException, NoSuchWindowException)
    return isinstance(error, gone) or bool(_DEAD.search(str(error)))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
