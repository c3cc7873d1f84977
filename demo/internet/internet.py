"""The internet in a box: the proxy, the sites behind it, and what a client needs to be inside."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

from demo.internet.authority import Authority
from demo.internet.commons import CommonsApi
from demo.internet.errors import InternetError
from demo.internet.faults import Fault, FaultQueue, named, parse
from demo.internet.google import Consent, Google, Thumbnails
from demo.internet.instagram import Instagram
from demo.internet.messages import NOT_FOUND, Answer, Request, Site, data
from demo.internet.openverse import OpenverseApi
from demo.internet.pictures import Pictures
from demo.internet.proxy import Entry, Ledger, Proxy
from demo.internet.twitter import Bill, Embeds, TwitterApi
from demo.internet.world import (
    FLICKR_CDN,
    INSTAGRAM_CDN,
    MIRROR_HOST,
    PICTURE_HOSTS,
    TWITTER_CDN,
    WIKIMEDIA_CDN,
    World,
)


class Internet:
    """A context manager: inside it, the proxy answers on loopback.

    `state` is a folder for the certificate and the ledger; without it a temporary one is made and removed.
    """

    def __init__(self, world: World | None = None, *, port: int = 0, state: Path | None = None) -> None:
        self.world = world or World()
        self._temporary = state is None
        self._state = state or Path(tempfile.mkdtemp(prefix="internet-"))
        self._state.mkdir(parents=True, exist_ok=True)
        self.authority = Authority(self._state)
        self._faults = FaultQueue()
        self._ledger = Ledger(None if self._temporary else self._state / "ledger.jsonl")
        self._sites = self._build()
        self._proxy = Proxy(
            port=port,
            authority=self.authority,
            find=self.find,
            control=Control(self),
            faults=self._faults,
            ledger=self._ledger,
        )
        self._thread = threading.Thread(
            target=self._proxy.serve_forever, kwargs={"poll_interval": 0.05}, name="internet", daemon=True
        )

    def _build(self) -> dict[str, Site]:
        instagram, pictures, thumbnails = Instagram(self.world), Pictures(self.world), Thumbnails(self.world)
        self._twitter = TwitterApi(self.world)
        sites: dict[str, Site] = {
            "www.google.com": Google(self.world),
            "consent.google.com": Consent(),
            "www.instagram.com": instagram,
            "i.instagram.com": instagram,
            "api.twitter.com": self._twitter,
            "cdn.syndication.twimg.com": Embeds(self.world),
        }
        sites |= {
            "api.openverse.org": OpenverseApi(self.world),
            "commons.wikimedia.org": CommonsApi(self.world),
            FLICKR_CDN: pictures,
            WIKIMEDIA_CDN: pictures,
        }
        sites |= {f"encrypted-tbn{n}.gstatic.com": thumbnails for n in range(4)}
        for host in (INSTAGRAM_CDN, TWITTER_CDN):
            sites[host] = pictures
        for host in (*PICTURE_HOSTS, MIRROR_HOST):
            sites[host] = sites[f"www.{host}"] = pictures
        return sites

    def __enter__(self) -> Internet:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop answering, and remove what was temporary."""
        self._proxy.shutdown()
        self._proxy.server_close()
        self._thread.join(timeout=5)
        self._ledger.close()
        if self._temporary:
            shutil.rmtree(self._state, ignore_errors=True)

    def find(self, host: str) -> Site | None:
        """Name the site that answers for a host."""
        return self._sites.get(host)

    @property
    def hosts(self) -> list[str]:
        return sorted(self._sites)

    @property
    def port(self) -> int:
        return self._proxy.port

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ca_path(self) -> Path:
        return self.authority.path

    @property
    def spki(self) -> str:
        return self.authority.spki

    def environment(self) -> dict[str, str]:
        """Give the variables that lead a process's clients here; they must override what is set."""
        bundle = str(self.ca_path)
        direct = "127.0.0.1,localhost"
        return {
            "HTTP_PROXY": self.proxy_url,
            "HTTPS_PROXY": self.proxy_url,
            "http_proxy": self.proxy_url,
            "https_proxy": self.proxy_url,
            "FACELOOP_PROXY": self.proxy_url,
            "FACELOOP_PROXY_CA": bundle,
            "NO_PROXY": direct,
            "no_proxy": direct,
            "REQUESTS_CA_BUNDLE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
        }

    def chromium_arguments(self) -> list[str]:
        """Give the switches that lead a Chromium here without touching its NSS database."""
        return [f"--proxy-server={self.proxy_url}", f"--ignore-certificate-errors-spki-list={self.spki}"]

    def nss_home(self, home: Path) -> Path:
        """Make a HOME whose NSS database trusts this internet; raises TrustNotInstalled."""
        return self.authority.nss_home(home)

    def fault(self, host: str, fault: Fault | str, *, times: int | None = 1) -> None:
        """Queue a fault, or one of the named ones, for a host; raises UnknownFault."""
        self._faults.add(host, named(fault, times=times) if isinstance(fault, str) else fault)

    def clear_faults(self, host: str | None = None) -> None:
        """Let a host, or all, work again."""
        self._faults.clear(host)

    def ledger(self, host: str | None = None) -> list[Entry]:
        """List the requests that came, in order."""
        return [entry for entry in self._ledger.entries() if host is None or entry.host == host]

    @property
    def billed(self) -> Bill:
        """What X has billed."""
        return self._twitter.bill

    def ready(self) -> dict[str, object]:
        """Tell another process how to get in."""
        return {
            "port": self.port,
            "proxy_url": self.proxy_url,
            "ca_path": str(self.ca_path.resolve()),
            "spki": self.spki,
            "environment": {
                name: str(self.ca_path.resolve()) if value == str(self.ca_path) else value
                for name, value in self.environment().items()
            },
        }


class Control:
    """Answers what is asked of the proxy itself: GET /health, /ledger, /billed, /truth?url=; POST and DELETE /fault."""

    def __init__(self, internet: Internet) -> None:
        self._internet = internet

    def answer(self, request: Request) -> Answer:
        match request.method, request.path:
            case "GET", "/health":
                return data({"status": "ok", **self._internet.ready()})
            case "GET", "/ledger":
                return data([asdict(entry) for entry in self._internet.ledger(request.query("host") or None)])
            case "GET", "/billed":
                bill = self._internet.billed
                return data(asdict(bill) | {"cost": bill.cost})
            case "GET", "/truth":
                truth = self._internet.world.truth(request.query("url"))
                return data(asdict(truth)) if truth else data({"error": "no photo there"}, status=404)
            case "POST", "/fault":
                return self._add(request)
            case "DELETE", "/fault":
                self._internet.clear_faults(request.query("host") or None)
                return data({"cleared": True})
        return NOT_FOUND

    def _add(self, request: Request) -> Answer:
        # A page in a browser cannot send this type elsewhere without asking first.
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            return data({"error": "send application/json"}, status=415)
        try:
            wish = json.loads(request.body)
            host = str(wish.pop("host"))
            fault = parse(wish)
        except (ValueError, KeyError, TypeError, AttributeError, InternetError) as error:
            return data({"error": str(error)}, status=400)
        if self._internet.find(host) is None:
            return data({"error": f"{host} does not exist here"}, status=400)
        self._internet.fault(host, fault)
        return data({"queued": True})
