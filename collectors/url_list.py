"""Photos from a plain list of URLs, outside any query: with full duty, and one outcome for each line.

A list is text, one URL a line; blank lines and what begins with ``#`` are passed over. What cannot be had within the
time of one download is refused for it here: whoever brings a list wants an answer now, and may bring it again.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from catalog import Blobs, Catalog, Settings, open_blobs, settings
from catalog.part import clean
from catalog.records import Domain, FoundCandidate
from catalog.url_lists import ListedUrl
from collectors.addresses import Place, read_places, read_url
from collectors.errors import BadInput, Refused
from collectors.fetching import Fetch, FetchRun, from_everywhere, lease_seconds
from collectors.line import Line

_BYTES = 64 * 2**20
_URLS = 200_000  # each line's outcome is held until the end: about 200 bytes
_LONGEST = 8000  # what the catalog keeps of a URL
_PIECE = 256  # URLs claimed at a time


@dataclass(frozen=True, slots=True)
class UrlOutcome:
    """What became of one line: ``stored``, with the sha256 and the number of the photo, and a detail when it was stored
    before as something else; or ``refused``, with a reason (a word) and a detail (a line for people)."""

    url: str
    outcome: str
    sha256: str = ""
    photo: int = 0
    reason: str = ""
    detail: str = ""

    def told(self) -> dict[str, Any]:
        """As a program is told it: only what this outcome has."""
        names: tuple[str, ...] = ("reason", "detail")
        if self.outcome == "stored":
            names = ("sha256", "photo", "detail") if self.detail else ("sha256", "photo")
        return {"url": self.url, "outcome": self.outcome} | {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class UrlReport:
    """One outcome for each line of the list, in its order; ``stopped`` when our own network or store gave out."""

    outcomes: tuple[UrlOutcome, ...]
    stopped: str = ""
    reason: str = ""

    @property
    def stored(self) -> int:
        """Lines that are photos now, or were before."""
        return sum(one.outcome == "stored" for one in self.outcomes)

    @property
    def refused(self) -> dict[str, int]:
        """How many lines were refused, by reason."""
        return dict(Counter(one.reason for one in self.outcomes if one.outcome == "refused"))

    def totals(self) -> dict[str, Any]:
        """As a program is told it, but for the outcomes."""
        refused = self.refused
        return {
            "ok": not self.stopped,
            "urls": len(self.outcomes),
            "stored": self.stored,
            "refused": sum(refused.values()),
            "reasons": refused,
            "stopped": self.stopped,
            "reason": self.reason,
        }

    def as_json(self) -> Iterator[str]:
        """One JSON object, of the totals and the ``outcomes``, in pieces: a long list's is never held whole."""
        yield f'{json.dumps(self.totals())[:-1]}, "outcomes": ['
        for number, one in enumerate(self.outcomes):
            yield f"{', ' if number else ''}{json.dumps(one.told())}"
        yield "]}"


def read_list(path: Path) -> list[str]:
    """The URLs of a list, in order, however often each; raises BadInput when it is none, or too long."""
    urls: list[str] = []
    size = 0
    try:
        with path.open("rb") as handle:
            while data := handle.readline(_BYTES + 1):
                if (size := size + len(data)) > _BYTES:
                    raise BadInput(f"a list of more than {_BYTES} bytes; bring it in parts")
                line = data.decode("utf-8", "replace").removeprefix("\ufeff").strip()
                if line and not line.startswith("#"):
                    urls.append(line)
                if len(urls) > _URLS:
                    raise BadInput(f"a list of more than {_URLS} URLs; bring it in parts")
    except OSError as error:
        raise BadInput(f"cannot read the list {str(path)!r}: {error.strerror}") from error
    return urls


def fetch_urls(
    urls: Sequence[str],
    *,
    name: str,
    domain: Domain = Domain.BARE,
    licence: str = "unknown",
    catalog: Catalog | None = None,
    blobs: Blobs | None = None,
    config: Settings | None = None,
    download: Fetch | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> UrlReport:
    """Fetch every URL of a list. One that is a photo already is not downloaded again, and keeps its domain and licence;
    one that was refused is."""
    config, catalog = config or settings(), catalog or Catalog()
    outcomes: dict[str, UrlOutcome] = {}
    run = FetchRun(
        catalog,
        blobs or open_blobs(config.store_url),
        config,
        download or from_everywhere(catalog, config),
        tries=1,
        told=lambda found, word, photo, detail: _note(outcomes, found, word, photo, detail),
    )
    allow = read_places(config.fetch_allow)
    wanted = [url for url in dict.fromkeys(urls) if _sound(url, outcomes, allow)]
    list_id = catalog.url_lists.open(f"{name} {_digest(wanted)}", wanted, domain=domain, licence=licence)
    left = iter(wanted)

    def claim(count: int) -> list[FoundCandidate]:
        while some := list(islice(left, count)):
            listed = catalog.url_lists.claim(some, list_id=list_id, lease_seconds=lease_seconds(config))
            claimed = [one.claimed for one in listed if one.claimed]
            for one in listed:
                if not one.claimed:
                    outcomes[one.url] = _known(one, domain, clean(licence) or "unknown")
            if claimed:
                return claimed
        return []

    line = Line(claim, limit=len(wanted), piece=_PIECE, per_host=config.fetch_per_host)
    run.work(line, progress=progress)
    stopped, reason = run.tally.stopped, run.tally.reason
    none = UrlOutcome("", "refused", reason=stopped or "lost", detail=reason or "another worker has it")
    told = (outcomes.get(url) or UrlOutcome(**asdict(none) | {"url": url}) for url in urls)
    return UrlReport(tuple(told), stopped, reason)


def _digest(urls: Sequence[str]) -> str:
    """What tells a list from another of its name."""
    digest = hashlib.sha256()
    for url in urls:
        digest.update(f"{url}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()[:16]


def _sound(url: str, outcomes: dict[str, UrlOutcome], allow: frozenset[Place]) -> bool:
    """Whether a line may become a row: it is a web address, and comes back from the catalog as it is."""
    detail = "" if clean(url, limit=_LONGEST) == url else "too long, or with control characters"
    try:
        read_url(url.replace(" ", "%20"), allow=allow)
    except Refused as refused:  # a private address is one: the downloader refuses it
        detail = detail or (refused.detail if refused.reason == "bad_url" else "")
    if detail:
        outcomes[url] = UrlOutcome(url, "refused", reason="bad_url", detail=detail)
    return not detail


def _note(outcomes: dict[str, UrlOutcome], found: FoundCandidate, word: str, photo: int, detail: str) -> None:
    url = found.candidate.image_url
    if word == "stored":
        outcomes[url] = UrlOutcome(url, "stored", sha256=detail, photo=photo)
    else:
        outcomes[url] = UrlOutcome(url, "refused", reason=word, detail=detail)


def _known(one: ListedUrl, domain: Domain, licence: str) -> UrlOutcome:
    if one.photo_id:
        other = (
            f"before, as {one.domain}, licence {one.licence}" if (one.domain, one.licence) != (domain, licence) else ""
        )
        return UrlOutcome(one.url, "stored", sha256=one.sha256, photo=one.photo_id, detail=other)
    if one.barred:
        return UrlOutcome(one.url, "refused", reason="tombstone", detail="it was taken down, or let go of for good")
    return UrlOutcome(one.url, "refused", reason="lost", detail="another worker has it")
