"""What exists on the stand-in internet: people, their photos, where each is shown, and the truth about it.

Everything follows from the three numbers given to `World`; a photo is drawn when somebody first asks for it.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from demo.portraits import DEFECTS, DOMAINS, Defect, Domain, Truth, draw, encode, imagine, re_encode, thumbnail

Kind = Literal[
    "photo",
    "exact_duplicate",
    "near_duplicate",
    "truncated",
    "html",
    "huge",
    "private_redirect",
    "missing",
]
BAD: tuple[Kind, ...] = ("truncated", "html", "huge", "private_redirect", "missing")
PICTURE_HOSTS = ("photos.example", "pictures.example.net", "img.portraits.example.org", "cdn.faces-weekly.example.com")
MIRROR_HOST = "mirror.example.net"
INSTAGRAM_CDN = "scontent-fra3-1.cdninstagram.com"
TWITTER_CDN = "pbs.twimg.com"
FLICKR_CDN = "live.staticflickr.com"
WIKIMEDIA_CDN = "upload.wikimedia.org"
#: What the open works are under: a licence's code and version.
LICENCES = (("by-sa", "4.0"), ("cc0", "1.0"), ("by", "2.0"), ("by-nc-nd", "2.0"), ("pdm", "1.0"), ("by-sa", "3.0"))
PROFILES: dict[str, Domain] = {
    "barefaced.daily": "bare",
    "morning.portraits": "bare",
    "glam.portraits": "makeup",
    "lipstick.diaries": "makeup",
}
PRIVATE_PROFILE = "private.person"
OWN_PROFILE = "instagram"
TAGS: dict[str, Domain] = {
    "nomakeup": "bare",
    "barefaced": "bare",
    "naturalface": "bare",
    "makeup": "makeup",
    "makeuplook": "makeup",
    "glam": "makeup",
}
ABOUT_FACES = re.compile(
    r"face|portrait|selfie|make.?up|skin|lip|eye|wom[ae]n|\bm[ae]n\b|person|people|head.?shot|beauty|glam|bare|natural|blush",
    re.IGNORECASE,
)
WORN = re.compile(r"make.?up|lipstick|eye.?shadow|eye.?liner|glam|blush|cosmetic|mascara", re.IGNORECASE)
NOT_WORN = re.compile(
    r"\b(no|without|zero|sans)[ -]?(make.?up|cosmetic|glam)|before make.?up|bare|nomakeup", re.IGNORECASE
)


def domain_of(query: str) -> Domain | None:
    """Read from a query which domain its photos belong to; None when it is about something else."""
    if NOT_WORN.search(query):
        return "bare"
    if WORN.search(query):
        return "makeup"
    return "bare" if ABOUT_FACES.search(query) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One address at which a picture is (or is said to be)."""

    url: str
    kind: Kind
    truth: Truth
    original: str | None = None

    @property
    def key(self) -> str:
        """Give the look of a search engine's thumbnail id."""
        return base64.urlsafe_b64encode(hashlib.sha256(self.url.encode()).digest()).decode()[:44]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One cell of an image search."""

    picture: Picture
    page_url: str
    title: str

    @property
    def host(self) -> str:
        return self.page_url.split("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One Instagram post; `pk` is its number, several pictures make it a carousel."""

    pk: int
    owner: str
    caption: str
    taken_at: int
    pictures: tuple[Picture, ...]
    video: bool = False

    @property
    def code(self) -> str:
        """Give the shortcode: the number in URL-safe base64."""
        return base64.urlsafe_b64encode(self.pk.to_bytes(9, "big")).decode().lstrip("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    """One post on X."""

    id: int
    author: str
    text: str
    created_at: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One openly licensed photo; ``licence`` and ``version`` as Creative Commons' codes."""

    number: int
    title: str
    author: str
    licence: str
    version: str
    picture: Picture


class World:
    """People and their photos: `photos_per_source` different photos on each of google, instagram and twitter.

    About one in five is flawed. Google also lists, for every eight photos, one exact copy and one re-encoded copy
    of a photo found elsewhere, and one address that yields no photo at all.
    """

    def __init__(self, *, people: int = 40, photos_per_source: int = 24, seed: int = 0, flawed: float = 0.2) -> None:
        self.people, self.photos_per_source, self.seed, self.flawed = people, photos_per_source, seed, flawed
        self._drawn: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}

    def truths(self, source: str) -> list[Truth]:
        """Imagine the photos of one source: the domains take turns, a person may come back with another photo."""
        rng = np.random.default_rng([self.seed, *source.encode()])
        order = rng.permutation(self.people)
        made = []
        for place in range(self.photos_per_source):
            defect: Defect | None = None
            if rng.random() < self.flawed:
                defect = DEFECTS[int(rng.integers(len(DEFECTS)))]
            made.append(
                imagine(
                    person=int(order[(place // 2) % self.people]),
                    seed=int(rng.integers(1 << 30)),
                    domain=DOMAINS[place % 2],
                    defect=defect,
                )
            )
        return made

    @cached_property
    def posts(self) -> tuple[Post, ...]:
        """List Instagram's posts, newest first; every sixth is a carousel, every eleventh a video."""
        truths = iter(self.truths("instagram"))
        posts: list[Post] = []
        owners: dict[Domain, list[str]] = {d: [n for n, of in PROFILES.items() if of == d] for d in DOMAINS}
        held: dict[Domain, list[Picture]] = {"bare": [], "makeup": []}
        for number, truth in enumerate(truths):
            name = f"v/t51.2885-15/{self._number('ig', number)}_n.jpg"
            url = f"https://{INSTAGRAM_CDN}/{name}?stp=dst-jpg_e35&_nc_ht={INSTAGRAM_CDN}"
            waiting = held[truth.domain]
            waiting.append(Picture(url=url, kind="photo", truth=truth))
            if number % 6 in (4, 5) and len(waiting) < 2 and number < self.photos_per_source - 2:
                continue
            tags = " ".join(f"#{tag}" for tag, of in TAGS.items() if of == truth.domain)
            posts.append(
                Post(
                    pk=3_300_000_000_000_000_000 + self._number("post", number) % 10**17,
                    owner=owners[truth.domain][number // 2 % 2],
                    caption=f"A portrait of the day {tags}",
                    taken_at=1_767_225_600 - 3_600 * number,
                    pictures=tuple(waiting),
                    video=number % 11 == 10 and len(waiting) == 1,
                )
            )
            waiting.clear()
        return tuple(posts)

    @cached_property
    def tweets(self) -> tuple[Tweet, ...]:
        """List X's posts, newest first; some have two photos, some none."""
        tweets: list[Tweet] = []
        held: dict[Domain, list[Picture]] = {"bare": [], "makeup": []}
        for number, truth in enumerate(self.truths("twitter")):
            name = base64.urlsafe_b64encode(hashlib.sha256(f"tw{self.seed}{number}".encode()).digest()).decode()[:15]
            waiting = held[truth.domain]
            waiting.append(Picture(url=f"https://{TWITTER_CDN}/media/{name}.jpg", kind="photo", truth=truth))
            if number % 5 in (3, 4) and len(waiting) < 2 and number < self.photos_per_source - 2:
                continue
            words = "full make-up today" if truth.domain == "makeup" else "no makeup, just me"
            tweets.append(self._tweet(number, f"Portrait: {words} https://t.co/{name[:10]}", tuple(waiting)))
            waiting.clear()
            if number % 7 == 3:
                tweets.append(self._tweet(number + 100_000, f"Thinking about {words}", ()))
        return tuple(tweets)

    def _tweet(self, number: int, text: str, pictures: tuple[Picture, ...]) -> Tweet:
        minute = number % 1440
        return Tweet(
            id=1_900_000_000_000_000_000 - self._number("t", number) % 10**9 - number * 10**10,
            author=f"user{self._number('author', number) % 17}",
            text=text,
            created_at=f"2026-01-{1 + number // 1440 % 28:02d}T{minute // 60:02d}:{minute % 60:02d}:00.000Z",
            pictures=pictures,
        )

    @cached_property
    def results(self) -> tuple[Result, ...]:
        """List everything that Google knows, in no query's order."""
        results: list[Result] = []
        elsewhere = [p for post in self.posts if not post.video for p in post.pictures]
        elsewhere += [p for tweet in self.tweets for p in tweet.pictures]
        for number, truth in enumerate(self.truths("google")):
            own = self._picture(number, kind="photo", truth=truth)
            results.append(self._result(number, own))
            if number % 8 == 2:
                twin = own if number % 16 == 2 or not elsewhere else elsewhere[number % len(elsewhere)]
                copy = self._picture(number + 10_000, kind="exact_duplicate", truth=twin.truth, original=twin.url)
                results.append(self._result(number + 10_000, copy))
            elif number % 8 == 5:
                twin = own if number % 16 == 5 or not elsewhere else elsewhere[number % len(elsewhere)]
                copy = self._picture(number + 20_000, kind="near_duplicate", truth=twin.truth, original=twin.url)
                results.append(self._result(number + 20_000, copy))
            elif number % 8 == 7:
                nothing = self._picture(number + 30_000, kind=BAD[number // 8 % len(BAD)], truth=truth)
                results.append(self._result(number + 30_000, nothing))
        return tuple(results)

    def _picture(self, number: int, *, kind: Kind, truth: Truth, original: str | None = None) -> Picture:
        host = MIRROR_HOST if original else PICTURE_HOSTS[number % len(PICTURE_HOSTS)]
        # A site that says "image" in its address and serves something else says nothing of it.
        url = f"https://{host}/{2019 + number % 7}/portrait-{self._number('g', number) % 10**8}.jpg"
        return Picture(url=url, kind=kind, truth=truth, original=original)

    def _result(self, number: int, picture: Picture) -> Result:
        host = picture.url.split("/")[2]
        words = "Make-up portrait" if picture.truth.domain == "makeup" else "Portrait without make-up"
        return Result(
            picture=picture,
            page_url=f"https://www.{host}/stories/{self._number('p', number) % 10**6}",
            title=f"{words} & light, no. {number}",
        )

    def _number(self, kind: str, number: int) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.seed}/{kind}/{number}".encode()).digest()[:7], "big")

    def search(self, query: str) -> list[Result]:
        """Answer an image search; each query has an order of its own."""
        domain = domain_of(query)
        found = [r for r in self.results if r.picture.truth.domain == domain]
        return sorted(found, key=lambda r: hashlib.sha256(f"{query.lower()}|{r.picture.url}".encode()).digest())

    def posts_of(self, profile: str) -> list[Post]:
        """List a profile's posts, newest first; the site's own profile shows what others posted."""
        if profile == OWN_PROFILE:
            return [post for post in self.posts if not post.video][:3]
        return [post for post in self.posts if post.owner == profile]

    def posts_tagged(self, tag: str) -> list[Post]:
        """List the posts that carry a hashtag, newest first."""
        return [post for post in self.posts if f"#{tag.lower()}" in post.caption.split()]

    def tweets_about(self, query: str) -> list[Tweet]:
        """Answer a search on X, newest first."""
        domain = domain_of(query)
        return [t for t in self.tweets if domain is not None and domain_of(t.text) == domain]

    @cached_property
    def works(self) -> dict[str, tuple[Work, ...]]:
        """List the openly licensed photos of Openverse and of Commons: a third as many as of the other sites."""
        return {site: tuple(self._works(site)) for site in ("openverse", "commons")}

    def _works(self, site: str) -> Iterator[Work]:
        for number, truth in enumerate(self.truths(site)[: max(2, self.photos_per_source // 3)]):
            code, version = LICENCES[number // 2 % len(LICENCES)]  # the domains take turns
            mark, author = self._number(site, number) % 10**10, f"Author {self._number('author', number) % 9}"
            title = f"{'Make-up portrait' if truth.domain == 'makeup' else 'Portrait without make-up'}, no. {number}"
            digest = hashlib.md5(f"{mark}".encode(), usedforsecurity=False).hexdigest()
            url = f"https://{FLICKR_CDN}/{mark % 65536}/{mark}_o.jpg"
            if site == "commons":
                name = title.replace(" ", "_").replace(",", "%2C")
                url = f"https://{WIKIMEDIA_CDN}/wikipedia/commons/{digest[0]}/{digest[:2]}/{name}.jpg"
            made = Picture(url=url, kind="photo", truth=truth)
            yield Work(number=mark, title=title, author=author, licence=code, version=version, picture=made)

    def works_about(self, site: str, query: str, *, licences: tuple[str, ...] = ()) -> list[Work]:
        """Answer a search on Openverse or Commons, in one order for all."""
        domain = domain_of(query)
        found = [work for work in self.works[site] if domain is not None and work.picture.truth.domain == domain]
        return [work for work in found if not licences or work.licence in licences]

    @cached_property
    def pictures(self) -> dict[str, Picture]:
        """Give every picture by its address without query string."""
        return {plain(p.url): p for p in self._all_pictures()}

    def _all_pictures(self) -> Iterator[Picture]:
        for result in self.results:
            yield result.picture
        for post in self.posts:
            yield from post.pictures
        for tweet in self.tweets:
            yield from tweet.pictures
        for works in self.works.values():
            yield from (work.picture for work in works)

    @cached_property
    def by_key(self) -> dict[str, Picture]:
        """Give every picture by its thumbnail id."""
        return {p.key: p for p in self.pictures.values()}

    def picture(self, url: str) -> Picture | None:
        """Look a picture up by its address; the query string does not matter."""
        return self.pictures.get(plain(url))

    def truth(self, url: str) -> Truth | None:
        """Tell what the photo at an address shows; None when no photo can be had there."""
        found = self.picture(url)
        return None if found is None or found.kind in BAD else found.truth

    def jpeg(self, picture: Picture) -> bytes:
        """Give the picture's bytes, drawing it if nobody has asked before."""
        if picture.kind == "exact_duplicate" and picture.original:
            return self.jpeg(self.pictures[plain(picture.original)])
        with self._lock:
            busy = self._busy.setdefault(picture.url, threading.Lock())
        with busy:
            if picture.url not in self._drawn:
                if picture.kind == "near_duplicate" and picture.original:
                    made = re_encode(self.jpeg(self.pictures[plain(picture.original)]))
                else:
                    made = encode(draw(picture.truth))
                self._drawn[picture.url] = made
            return self._drawn[picture.url]

    def thumbnail(self, key: str) -> bytes | None:
        """Give the small picture that a search engine shows for a thumbnail id."""
        picture = self.by_key.get(key)
        return None if picture is None else thumbnail(self.jpeg(picture))


def plain(url: str) -> str:
    """Drop scheme and query string."""
    return url.split("://", 1)[-1].split("?", 1)[0]


def write_folder(
    path: Path,
    *,
    photos: int,
    domain: Domain = "bare",
    seed: int = 0,
    first_person: int = 5000,
    world: World | None = None,
) -> dict[Path, Truth]:
    """Write `photos` drawn photos as JPEGs and return what each shows; files that exist are left as they are.

    The people are none of the web's unless `first_person` says so. With a `world`, one photo that is on the web
    too is added, byte for byte: the folder source must notice.
    """
    path.mkdir(parents=True, exist_ok=True)
    written: dict[Path, Truth] = {}
    for number in range(photos):
        truth = imagine(person=first_person + number, seed=seed + number, domain=domain)
        file = path / f"{domain}-{number:04d}.jpg"
        if not file.exists():
            file.write_bytes(encode(draw(truth)))
        written[file] = truth
    if world is not None:
        known = next(p for p in world.pictures.values() if p.kind == "photo" and p.truth.domain == domain)
        file = path / f"{domain}-from-the-web.jpg"
        file.write_bytes(world.jpeg(known))
        written[file] = known.truth
    return written
