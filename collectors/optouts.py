"""What owners say about the use of their pictures, read from headers and from the files on their hosts. Pure.

Any one "no" counts, whatever the others say; what cannot be read says nothing. Read are

- X-Robots-Tag: noai, noimageai, noindex, noimageindex, noml and none, for everybody or for our name
- robots.txt (RFC 9309: the group of our name, else that of ``*``; the longest matching rule; ``*`` and ``$``)
- TDMRep: the header ``tdm-reservation`` and the rules of ``/.well-known/tdmrep.json``
- Content-Usage (draft-ietf-aipref-attach), a header or a rule in robots.txt: ``train-ai=n``, ``train-genai=n``; and
  its older cousin in robots.txt, Content-Signal: ``ai-train=no``

``urllib.robotparser`` is not used: it knows no wildcards and takes the first rule that matches, not the longest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_TAGS = frozenset({"noai", "noimageai", "noindex", "noimageindex", "noml", "none"})
_TAGS_WITH_VALUES = frozenset({"unavailable_after", "max-snippet", "max-image-preview", "max-video-preview"})
_AGENT = re.compile(r"[a-z*][\w*.-]*(/[\w.-]*)?", re.ASCII)
_TOKEN = re.compile(r"[a-z_-]+|\*")
_ODD = re.compile(r"[^\x21-\x7e]+")
_TRIPLET = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
_USAGE_NO = {"train-ai": "n", "train-genai": "n", "ai-train": "no"}
_USAGE_YES = ("y", "yes")


@dataclass(frozen=True, slots=True)
class PathRule:
    """A pattern of paths, normalised, and what is said of them: ``refusal`` is empty when they may be used."""

    pattern: str
    refusal: str


@dataclass(frozen=True, slots=True)
class HostRules:
    """What a host says of its paths: sets of rules, of each of which the longest matching rule counts."""

    sets: tuple[tuple[PathRule, ...], ...] = ()

    def refusal(self, url: str) -> str:
        """What speaks against using the URL; empty when nothing does."""
        if not any(self.sets):
            return ""
        parts = urlsplit(url)
        target = _normal((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        for rules in self.sets:
            matching = [rule for rule in rules if matches(rule.pattern, target)]
            if not matching:
                continue
            longest = max(len(rule.pattern) for rule in matching)
            best = [rule.refusal for rule in matching if len(rule.pattern) == longest]
            # Of two rules of one length, allowing wins in robots.txt (RFC 9309, 2.2.2).
            if all(best):
                return best[0]
        return ""


def read_robots(body: bytes, *, agent: str) -> HostRules:
    """The rules of a robots.txt for our product token; whatever it holds, it is read as far as it makes sense."""
    groups: dict[str, tuple[list[PathRule], list[PathRule]]] = {}
    names: set[str] = set()
    closed = False
    for line in body.decode("utf-8", "replace").removeprefix("\ufeff").splitlines():
        key, _, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            if closed:
                names, closed = set(), False
            if token := _TOKEN.match(value.lower()):
                names.add(token[0])
                groups.setdefault(token[0], ([], []))
            continue
        if key not in ("allow", "disallow", "content-usage", "content-signal"):
            continue
        closed = True
        for name in names:
            paths, usages = groups[name]
            if key in ("allow", "disallow"):
                if value:
                    refusal = f"robots.txt: Disallow: {value[:100]}" if key == "disallow" else ""
                    paths.append(PathRule(_pattern(value), refusal))
            elif rule := _usage_rule(key, value):
                usages.append(rule)
    paths, usages = groups.get(agent.lower()) or groups.get("*") or ([], [])
    return HostRules((tuple(paths), tuple(usages)))


def read_tdmrep(body: bytes) -> HostRules | None:
    """The rules of a tdmrep.json; None when it is none. Entries that make no sense are passed over."""
    try:
        entries = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entries, list):
        return None
    rules = []
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
            continue
        reserved = str(entry.get("tdm-reservation")).strip()
        if entry["location"] and reserved in ("0", "1"):
            refusal = f"tdmrep.json: {entry['location'][:100]} is reserved" if reserved == "1" else ""
            rules.append(PathRule(_pattern(entry["location"]), refusal))
    return HostRules((tuple(rules),))


def read_headers(*, robots_tags: Iterable[str], reservations: Iterable[str], usages: Iterable[str], agent: str) -> str:
    """What the values of X-Robots-Tag, TDM-Reservation and Content-Usage speak against; empty when nothing does.

    One value per header line: a name before a colon holds for the rest of its own line only.
    """
    for line in robots_tags:
        if word := _tag(line, agent.lower()):
            return f"X-Robots-Tag: {word}"
    for line in reservations:
        if "1" in (piece.strip() for piece in line.split(",")):
            return "tdm-reservation: 1"
    # Lines of one dictionary header are one dictionary.
    if usage := _usage(",".join(usages)):
        return f"Content-Usage: {usage}"
    return ""


def matches(pattern: str, target: str) -> bool:
    """Whether a pattern (``*``: anything, a last ``$``: the end) fits the beginning of a target; in linear time."""
    anchored = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not target.startswith(first):
        return False
    if not parts:
        return not anchored or target == first
    last = parts.pop() if anchored else ""
    at = len(first)
    for part in parts:
        at = target.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return len(target) - at >= len(last) and target.endswith(last)


def _tag(line: str, agent: str) -> str:
    ours = True
    for piece in line.lower().split(","):
        name, colon, word = piece.partition(":")
        name = name.strip()
        if colon:
            if name in _TAGS_WITH_VALUES or not _AGENT.fullmatch(name):
                continue  # such as a date
            ours = name.partition("/")[0] in ("*", agent)
        else:
            word = name
        if ours and word.strip() in _TAGS:
            return word.strip()
    return ""


def _usage(preferences: str) -> str | None:
    """The preference that speaks against training, empty when one speaks for it, None when none speaks of it."""
    said: dict[str, str] = {}
    for item in preferences.split(","):
        key, _, value = item.partition("=")
        said[key.strip().lower()] = value.partition(";")[0].strip().lower()
    for key, no in _USAGE_NO.items():
        if said.get(key) == no:
            return f"{key}={no}"
    return "" if any(said.get(key) in _USAGE_YES for key in _USAGE_NO) else None


def _usage_rule(key: str, value: str) -> PathRule | None:
    path = "/"
    if value.startswith(("/", "*")):
        path, _, value = value.partition(" ")
    usage = _usage(value)
    return None if usage is None else PathRule(_pattern(path), usage and f"robots.txt: {key.title()}: {usage}")


def _pattern(path: str) -> str:
    return _normal(path if path.startswith(("/", "*")) else f"/{path}")


def _normal(path: str) -> str:
    """The path in one spelling: odd characters percent-encoded, letters and digits not, hexadecimals upper case."""
    plain = _ODD.sub(lambda found: quote(found[0], safe="", errors="replace"), path)
    return _TRIPLET.sub(_triplet, plain)


def _triplet(found: re.Match[str]) -> str:
    sign = chr(int(found[0][1:], 16))
    return sign if sign in _UNRESERVED else found[0].upper()
