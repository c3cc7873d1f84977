"""The only file that touches selenium: one headless Chromium with a profile of its own, gone when we are.

Chromium's processes carry a mark in their environment; a small reaper process waits for our end (orderly or not) and
kills what still carries it, so that not even a kill -9 of the collector leaves a browser behind.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import urllib3
from selenium import webdriver
from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver.chrome.remote_connection import ChromeRemoteConnection
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig

from catalog import Settings
from collectors.errors import NotConfigured, Unreachable
from collectors.reaper import reap

_REAPER = Path(__file__).with_name("reaper.py")
_LOAD_SECONDS = 30
_GROW_SECONDS = 4.0
_COMMAND_SECONDS = 60
_MAX_SCROLLS = 40
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-breakpad",
    "--window-size=1280,1600",
    "--lang=en-US",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as the browser shows it now: its address after redirects, and its document."""

    url: str
    html: str


class Browser:
    """A context manager; ``scroll`` gives a page and what scrolling down adds to it."""

    def __init__(self, settings: Settings) -> None:
        for program in (settings.chromium, settings.chromedriver):
            if not os.access(program, os.X_OK):
                raise NotConfigured(f"no program {program}: set FACELOOP_CHROMIUM and FACELOOP_CHROMEDRIVER")
        self._settings = settings
        self._mark = f"FACELOOP_BROWSER={secrets.token_hex(16)}"
        self._driver: webdriver.Remote | None = None
        self._service: Service | None = None

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

    def scroll(self, url: str) -> Iterator[Page]:
        """Open ``url`` and yield the page, then again each time scrolling down has made it longer.

        Raises Unreachable when Chromium, the proxy or the site does not answer in time.
        """
        try:
            assert self._driver is not None, "the browser is used outside its context"
            self._driver.get(url)
            yield self._page()
            for _ in range(_MAX_SCROLLS):
                if not self._grown():
                    return
                yield self._page()
        except TimeoutException as error:
            raise Unreachable(f"the page did not load within {_LOAD_SECONDS} s") from error
        except (WebDriverException, urllib3.exceptions.HTTPError) as error:
            raise Unreachable(f"the browser could not read the page: {_line(error)}") from error

    def _page(self) -> Page:
        assert self._driver is not None
        return Page(url=self._driver.current_url, html=self._driver.page_source)

    def _grown(self) -> bool:
        """Scroll to the end; whether more has come within a few seconds."""
        assert self._driver is not None
        measure = "return document.documentElement.innerHTML.length + document.querySelectorAll('*').length"
        count = "return document.querySelectorAll('[data-docid], a[href*=\"/imgres?\"], img').length"
        before = self._driver.execute_script(count)
        self._driver.execute_script("window.scrollTo(0, document.documentElement.scrollHeight)")
        end = time.monotonic() + _GROW_SECONDS
        while self._driver.execute_script(count) <= before:
            if time.monotonic() > end:
                return False
            time.sleep(0.1)
        # Let the part that has begun to come, come whole.
        size = None
        while time.monotonic() < end and size != (size := self._driver.execute_script(measure)):
            time.sleep(0.1)
        return True

    def _start(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = self._settings.chromium
        for flag in (*_FLAGS, f"--user-data-dir={self._folder / 'profile'}"):
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
        database.mkdir(parents=True)
        if self._settings.proxy_ca:
            _trust(database, self._settings.proxy_ca)
        return str(home)

    def _end(self) -> None:
        if self._driver is not None:
            with suppress(WebDriverException, urllib3.exceptions.HTTPError, OSError):
                self._driver.quit()
        if self._service is not None:
            with suppress(WebDriverException, urllib3.exceptions.HTTPError, OSError):
                self._service.stop()
        reap(self._mark)
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


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
