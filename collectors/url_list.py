"""Photos from a plain list of URLs, outside any query: with full duty, and one outcome for each line.

A list is text, one URL a line; blank lines and what begins with ``#`` are passed over. What cannot be had within the
time of one download is refused for it here: whoever brings a list wants an answer now, and may bring it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from catalog import Blobs, Catalog, Settings, open_blobs, settings
from catalog.part import clean
from catalog.records import Domain, FoundCandidate
from catalog.url_lists import ListedUrl
from collectors.errors import BadInput
from collectors.fetching import Fetch, FetchRun, from_everywhere, lease_seconds
from collectors.line import Line

_BYTES = 64 * 2**20
_URLS = 1_000_000
_LONGEST = 8000  # what the catalog keeps of a URL
_PIECE = 256  # URLs claimed at a time


@dataclass(frozen=True, slots=True)
class UrlOutcome:
    """What became of one line: ``stored``, with the sha256 and the number of the photo; or ``refused``, with a reason
    (a word) and a detail (a line for people)."""

    url: str
    outcome: str
    sha256: str = ""
    photo: int = 0
    reason: str = ""
    detail: str = ""

    def told(self) -> dict[str, Any]:
        """As a program is told it: only what this outcome has."""
        names = ("sha256", "photo") if self.outcome == "stored" else ("reason", "detail")
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

    def told(self) -> dict[str, Any]:
        """As a program is told it."""
        return {
            "ok": not self.stopped,
            "urls": len(self.outcomes),
            "stored": self.stored,
            "refused": sum(self.refused.values()),
            "reasons": self.refused,
            "stopped": self.stopped,
            "reason": self.reason,
            "outcomes": [one.told() for one in self.outcomes],
        }


def read_list(path: Path) -> list[str]:
    """The URLs of a list, in order, however often each; raises BadInput when it is none, or too long."""
    try:
        with path.open("rb") as handle:
            data = handle.read(_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot read the list {str(path)!r}: {error.strerror}") from error
    if len(data) > _BYTES:
        raise BadInput(f"a list of more than {_BYTES} bytes")
    lines = (line.strip() for line in data.decode("utf-8", "replace").removeprefix("\ufeff").split("\n"))
    urls = [line for line in lines if line and not line.startswith("#")]
    if len(urls) > _URLS:
        raise BadInput(f"a list of more than {_URLS} URLs")
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
    """Fetch every URL of a list. One that is a photo already is not downloaded again; one that was refused is."""
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
    wanted = [url for url in dict.fromkeys(urls) if _sound(url, outcomes)]
    digest = hashlib.sha256("\n".join(wanted).encode(errors="surrogatepass")).hexdigest()
    catalog.url_lists.open(f"{name} {digest[:16]}", wanted, domain=domain, licence=licence)
    left = iter(wanted)

    def claim(count: int) -> list[FoundCandidate]:
        while some := list(islice(left, count)):
            listed = catalog.url_lists.claim(some, lease_seconds=lease_seconds(config))
            claimed = [one.claimed for one in listed if one.claimed]
            for one in listed:
                if not one.claimed:
                    outcomes[one.url] = _known(one)
            if claimed:
                return claimed
        return []

    line = Line(claim, limit=len(wanted), piece=_PIECE, per_host=config.fetch_per_host)
    run.work(line, progress=progress)
    stopped, reason = run.tally.stopped, run.tally.reason
    none = UrlOutcome("", "refused", reason=stopped or "lost", detail=reason or "another worker has it")
    told = (outcomes.get(url) or UrlOutcome(**asdict(none) | {"url": url}) for url in urls)
    return UrlReport(tuple(told), stopped, reason)


def _sound(url: str, outcomes: dict[str, UrlOutcome]) -> bool:
    """Whether a line may become a row: it must come back from the catalog as it is."""
    if clean(url, limit=_LONGEST) == url:
        return True
    outcomes[url] = UrlOutcome(url, "refused", reason="bad_url", detail="too long, or with control characters")
    return False


def _note(outcomes: dict[str, UrlOutcome], found: FoundCandidate, word: str, photo: int, detail: str) -> None:
    url = found.candidate.image_url
    if word == "stored":
        outcomes[url] = UrlOutcome(url, "stored", sha256=detail, photo=photo)
    else:
        outcomes[url] = UrlOutcome(url, "refused", reason=word, detail=detail)


def _known(one: ListedUrl) -> UrlOutcome:
    if one.photo_id:
        return UrlOutcome(one.url, "stored", sha256=one.sha256, photo=one.photo_id)
    if one.barred:
        return UrlOutcome(one.url, "refused", reason="tombstone", detail="it was taken down, or let go of for good")
    return UrlOutcome(one.url, "refused", reason="lost", detail="another worker has it")
