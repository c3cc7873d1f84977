"""Answers as they might look after the site has changed: each mutation is the answer with one thing done to it.

``of_html`` and ``of_json`` make them; ``judge`` lets a source read them all and says what it got wrong. Nothing is
random: the same answer gives the same mutations, in order.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from itertools import chain, pairwise
from typing import Any, TypeVar

from catalog.records import Candidate, Query
from collectors.base import Answer, Source
from collectors.errors import SearchEnded

_T = TypeVar("_T")
#: What stands in for a value: other types, and an address that nobody named.
_VALUES: tuple[Any, ...] = (None, 12345, -1.5, True, "", "changed", [], {}, [[]], {"a": {}})
_TAG = re.compile(r"<[a-zA-Z][^<>]*>")
_ATTRIBUTE = re.compile(r"""\s([a-zA-Z_:][-\w:.]*)=("[^"]*"|'[^']*')""")
_SCRIPT = re.compile(r"(<script\b[^>]*>)(.*?)(</script>)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mutation:
    """A changed body. ``harmless``: it says just the same, and so must what is read from it."""

    name: str
    body: str
    harmless: bool = False


def of_html(page: str, *, each: int = 60) -> Iterator[Mutation]:
    """Mutations of a page; at most ``each`` of every kind that could be had at every place."""
    kinds = (
        _renamed(page, each),
        _attributes(page, each),
        _elements(page, each),
        _escaped(page),
        _translated(page),
        _truncated(page, each),
        _in_scripts(page, each),
    )
    return (mutation for mutation in chain(*kinds) if mutation.body != page)


def of_json(text: str, *, each: int = 60) -> Iterator[Mutation]:
    """Mutations of an answer in JSON: at each place dropped, renamed, of another type; reordered, cut off, escaped."""
    value = json.loads(text)
    whole = (
        Mutation("spaced", json.dumps(value, indent=2), harmless=True),
        Mutation("every sign escaped", json.dumps(value, ensure_ascii=True), harmless=True),
        Mutation("escaped for HTML", html.escape(text)),
        Mutation("quoted", json.dumps(text)),
        Mutation("listed", f"[{text}]"),
        Mutation("a page", "<!doctype html><title>Sign in</title>"),
        *(
            Mutation(f"only {body!r}", body)
            for body in ("", "null", "{}", "[]", "0", '""', "[null]", '{"status":"ok"}')
        ),
    )
    inside = (Mutation(name, json.dumps(changed), harmless) for name, changed, harmless in _values(value, each))
    return (mutation for mutation in chain(whole, inside, _truncated(text, each)) if mutation.body != text)


def judge(
    site: Source,
    answer: Answer,
    query: Query,
    mutations: Iterable[Mutation],
    *,
    key: Callable[[Candidate], object] = lambda one: (one.image_url, one.page_url),
    also: Iterable[Candidate] = (),
) -> list[str]:
    """What the source got wrong, a line each: a changed reading of what says the same; a silent empty; a candidate
    that the answer does not hold (by ``key``; ``also`` are right too); an exception that is no outcome."""
    right = site.parse(answer, query)
    keys = {key(candidate) for candidate in (*right.candidates, *also)}
    assert right.candidates, "an answer without candidates cannot be judged by"
    wrong = []
    for mutation in mutations:
        try:
            page = site.parse(replace(answer, body=mutation.body), query)
        except SearchEnded as end:
            if mutation.harmless:
                wrong.append(f"{mutation.name}: {end.outcome} ({end}), though nothing has changed")
        except Exception as error:  # noqa: BLE001  whatever it is, it is no outcome
            wrong.append(f"{mutation.name}: {type(error).__name__}: {error}")
        else:
            if mutation.harmless and page != right:
                wrong.append(f"{mutation.name}: read otherwise, though nothing has changed")
            if not page.candidates and not page.skipped:
                wrong.append(f"{mutation.name}: a silent empty")
            if strange := {key(candidate) for candidate in page.candidates} - keys:
                wrong.append(f"{mutation.name}: {sorted(map(str, strange))[:3]} were never there")
            if not isinstance(page.next, str):
                wrong.append(f"{mutation.name}: a cursor that is {page.next!r}")
    return wrong


def _spread(things: Sequence[_T], most: int) -> Sequence[_T]:
    """At most so many of them, evenly spread."""
    if len(things) <= most:
        return things
    return [things[number * len(things) // most] for number in range(most)]


def _truncated(text: str, each: int) -> Iterator[Mutation]:
    for place in _spread(range(1, len(text)), each):
        yield Mutation(f"truncated at {place}", text[:place])


def _in_tags(page: str, change: Callable[[str], str]) -> str:
    """The page with every tag changed, its scripts left alone."""
    parts = _SCRIPT.split(page)
    for number in range(0, len(parts), 4):
        parts[number] = _TAG.sub(lambda tag: change(tag[0]), parts[number])
    return "".join(parts)


def _renamed(page: str, each: int) -> Iterator[Mutation]:
    """Names that mean nothing: classes, ids, jsname and their like."""
    for name in ("class", "jsname", "jsmodel", "jsaction", "jscontroller", "style", "id", "data-attrid", "tabindex"):
        marked = re.compile(rf"""(\s{name}=["'])([^"']*)""")
        renamed = _in_tags(page, lambda tag, marked=marked: marked.sub(lambda m: f"{m[1]}x{m[2][::-1]}", tag))
        dropped = _in_tags(page, lambda tag, name=name: re.sub(rf"""\s{name}=("[^"]*"|'[^']*')""", "", tag))
        yield Mutation(f"every {name} renamed", renamed, harmless=True)
        yield Mutation(f"every {name} dropped", dropped, harmless=True)
    words = {word for value in re.findall(r'\sclass="([^"]*)"', page) for word in value.split()}
    for word in _spread(sorted(words), each):
        one = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
        in_class = re.compile(r'(\sclass=")([^"]*)')
        body = _in_tags(page, lambda t, one=one, c=in_class: c.sub(lambda m: m[1] + one.sub("zz9", m[2]), t))
        yield Mutation(f"class {word} renamed", body, harmless=True)


def _attributes(page: str, each: int) -> Iterator[Mutation]:
    names = sorted({found[0] for tag in _TAG.findall(page) for found in _ATTRIBUTE.findall(tag)})
    for name in _spread(names, each):
        pattern = re.compile(rf"""\s{re.escape(name)}=("[^"]*"|'[^']*')""")
        yield Mutation(f"every {name} dropped", _in_tags(page, lambda tag, p=pattern: p.sub("", tag)))
        yield Mutation(f"every {name} renamed", _in_tags(page, lambda t, p=pattern: p.sub(r" data-x=\1", t)))
        yield Mutation(f"every {name} emptied", _in_tags(page, lambda t, p=pattern, n=name: p.sub(f' {n}=""', t)))
    places = [match.span() for tag in _TAG.finditer(page) for match in _ATTRIBUTE.finditer(page, *tag.span())]
    for start, end in _spread(places, each):
        yield Mutation(f"the attribute at {start} dropped", page[:start] + page[end:])
    turned = _in_tags(page, _turned)
    yield Mutation("attributes in another order", turned, harmless=True)


def _turned(tag: str) -> str:
    """The tag with its attributes in reverse order; one with other parts than name="value" stays."""
    head = re.match(r"<[a-zA-Z][\w-]*", tag)
    assert head
    found = [match[0] for match in _ATTRIBUTE.finditer(tag)]
    whole = head[0] + "".join(found) + ">"
    return head[0] + "".join(reversed(found)) + ">" if whole == tag else tag


class _Spans(HTMLParser):
    """Where each element begins and ends."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=False)
        self._starts = [0]
        for line in page.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._open: list[tuple[str, int]] = []
        self.found: list[tuple[int, int]] = []
        self.feed(page)

    def _here(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column

    def handle_starttag(self, tag: str, _: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "br", "meta", "link", "input", "hr", "source"):
            self.found.append((self._here(), self._here() + len(self.get_starttag_text() or "")))
        else:
            self._open.append((tag, self._here()))

    def handle_endtag(self, tag: str) -> None:
        for number in range(len(self._open) - 1, -1, -1):
            if self._open[number][0] == tag:
                self.found.append((self._open[number][1], self._here() + len(tag) + 3))
                del self._open[number:]
                return


def _elements(page: str, each: int) -> Iterator[Mutation]:
    spans = sorted(_Spans(page).found)
    for start, end in _spread(spans, 2 * each):
        yield Mutation(f"the element at {start} dropped", page[:start] + page[end:])
        yield Mutation(f"the tag at {start} dropped", page[:start] + page[page.find(">", start) + 1 :])
    pairs = [(a, b) for a, b in pairwise(spans) if a[1] <= b[0]]
    for (a, b), (c, d) in _spread(pairs, each):
        turned = page[:a] + page[c:d] + page[b:c] + page[a:b] + page[d:]
        yield Mutation(f"the elements at {a} and {c} changed places", turned)


def _escaped(page: str) -> Iterator[Mutation]:
    yield Mutation("the whole page escaped", html.escape(page))
    yield Mutation("entities escaped once more", page.replace("&amp;", "&amp;amp;"))
    yield Mutation("entities as numbers", page.replace("&amp;", "&#38;"), harmless=True)
    yield Mutation("ampersands bare", page.replace("&amp;", "&"))
    yield Mutation("scripts escaped", _SCRIPT.sub(lambda m: m[1] + html.escape(m[2]) + m[3], page))
    yield Mutation("scripts dropped", _SCRIPT.sub("", page))
    yield Mutation("JSON's escapes written out", page.replace("\\u003d", "=").replace("\\u0026", "&amp;"))
    yield Mutation("tags in capitals", _in_tags(page, lambda tag: tag[:2].upper() + tag[2:]))
    yield Mutation("the page twice", page + page)
    yield Mutation("a body without anything", "<!doctype html><html><body></body></html>")
    yield Mutation("no body", "")


def _translated(page: str) -> Iterator[Mutation]:
    """What people read, in other letters; addresses and attributes stay."""
    for name, letters in (("Greek", "αβγδε"), ("Hangul", "가나다라마"), ("Arabic", "ابتثج")):
        parts = _SCRIPT.split(page)
        for number in range(0, len(parts), 4):
            parts[number] = re.sub(r">([^<>]+)<", lambda m, ls=letters: f">{_spelt(m[1], ls)}<", parts[number])
        yield Mutation(f"in {name}", "".join(parts))


def _spelt(text: str, letters: str) -> str:
    return re.sub(r"(?<![&#\w])[a-zA-Z]+(?!;)", lambda word: (letters * len(word[0]))[: len(word[0])], text)


def _in_scripts(page: str, each: int) -> Iterator[Mutation]:
    """Mutations of every larger JSON object inside a script."""
    decoder = json.JSONDecoder()
    for script in _SCRIPT.finditer(page):
        place = page.find("{", script.start(2), script.end(2))
        while place >= 0:
            try:
                value, end = decoder.raw_decode(page, place)
            except ValueError:
                place = page.find("{", place + 1, script.end(2))
                continue
            if end - place > 200:
                for name, changed, _ in _values(value, 3 * each):
                    yield Mutation(f"script: {name}", page[:place] + _as_google_writes(changed) + page[end:])
            place = page.find("{", end, script.end(2))


def _as_google_writes(value: Any) -> str:
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for sign in "=&<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _values(value: Any, each: int) -> Iterator[tuple[str, Any, bool]]:
    """Mutations of a JSON value: name, value, whether it says the same."""
    paths = list(_paths(value))
    for number, path in enumerate(_spread(paths, 4 * each)):
        yield f"{_said(path)} dropped", _with(value, path, drop=True), False
        stand_in = _VALUES[number % len(_VALUES)]
        yield f"{_said(path)} became {stand_in!r}", _with(value, path, put=stand_in), False
    keys = sorted({key for path in paths for key in path if isinstance(key, str)})
    for key in _spread(keys, each):
        yield f"every {key} renamed", _renamed_keys(value, key), False
    yield "keys in another order", _turned_keys(value), True


def _paths(value: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inside:
        yield (*above, key)
        yield from _paths(part, (*above, key))


def _with(value: Any, path: tuple[str | int, ...], *, drop: bool = False, put: Any = None) -> Any:
    changed = deepcopy(value)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    if drop:
        del inside[path[-1]]
    else:
        inside[path[-1]] = deepcopy(put)
    return changed


def _renamed_keys(value: Any, key: str) -> Any:
    if isinstance(value, dict):
        return {(f"{k}_2" if k == key else k): _renamed_keys(part, key) for k, part in value.items()}
    return [_renamed_keys(part, key) for part in value] if isinstance(value, list) else value


def _turned_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _turned_keys(part) for key, part in reversed(value.items())}
    return [_turned_keys(part) for part in value] if isinstance(value, list) else value


def _said(path: tuple[str | int, ...]) -> str:
    return "/".join(map(str, path))
