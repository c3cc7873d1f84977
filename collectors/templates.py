"""Templates: subjects, styles and shots in several languages, of which the planner makes its queries.

An arm is a subject, a style and a language (``woman/no-makeup/en``) at one source. Its queries differ by their shot
alone, so what one of them brought says something of the next.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import Settings
from catalog.records import Domain
from collectors import registry
from collectors.errors import BadInput
from collectors.yaml_file import read_yaml

_BUILT_IN = Path(__file__).with_name("templates.yaml")
_FIELDS = ("language", "sources", "text", "subjects", "styles", "shots")
_PLACES = frozenset({"subject", "style", "shot"})
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_BRACES = re.compile(r"\{(\w+)\}|[{}]")
_MOST_TEMPLATES, _MOST_WORDS, _LONGEST_WORDS = 200, 100, 100
_MOST_QUERIES = 100_000  # of a whole file


@dataclass(frozen=True, slots=True)
class Arm:
    """One subject, style and language at one source, and the queries that can be made of it, in their order."""

    name: str
    domain: Domain
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One entry of a template file. ``styles`` gives each style's domain and words by its name."""

    language: str
    sources: tuple[str, ...]
    text: str
    subjects: Mapping[str, str]
    styles: Mapping[str, tuple[Domain, str]]
    shots: tuple[str, ...]

    def arms(self) -> Sequence[Arm]:
        """Every subject with every style."""
        return [
            Arm(f"{subject}/{style}/{self.language}", domain, tuple(self._say(who, how, shot) for shot in self.shots))
            for (subject, who), (style, (domain, how)) in itertools.product(self.subjects.items(), self.styles.items())
        ]

    def _say(self, subject: str, style: str, shot: str) -> str:
        words = {"subject": subject, "style": style, "shot": shot}
        return " ".join(_BRACES.sub(lambda found: words[found[1]], self.text).split())


def arms_of(source: str, settings: Settings) -> Sequence[Arm]:
    """The arms of a source, by name; raises BadInput for a template file that cannot be read.

    Templates that make the same arm for one source add to each other's queries.
    """
    made: dict[str, Arm] = {}
    file = Path(settings.templates) if settings.templates else _BUILT_IN
    for template in read_templates(file):
        if source not in template.sources:
            continue
        for arm in template.arms():
            known = made.get(arm.name)
            if known and known.domain is not arm.domain:
                raise BadInput(f"{file}: {arm.name} is {known.domain} in one template and {arm.domain} in another")
            made[arm.name] = Arm(arm.name, arm.domain, tuple(dict.fromkeys((known.texts if known else ()) + arm.texts)))
    return [made[name] for name in sorted(made)]


def read_templates(file: Path) -> Sequence[Template]:
    """Every template of a file; raises BadInput with the place of what is wrong."""
    entries = read_yaml(file, about="template file")
    if not isinstance(entries, list):
        raise BadInput(f"the template file {file} is not a list")
    if len(entries) > _MOST_TEMPLATES:
        raise BadInput(f"the template file {file} has {len(entries)} templates; {_MOST_TEMPLATES} is the most")
    templates = [_template(entry, where=f"{file}, template {number}") for number, entry in enumerate(entries, 1)]
    queries = sum(len(t.sources) * len(t.subjects) * len(t.styles) * len(t.shots) for t in templates)
    if queries > _MOST_QUERIES:  # before any is made
        raise BadInput(f"the template file {file} makes {queries} queries; {_MOST_QUERIES} is the most")
    for number, template in enumerate(templates, 1):
        for arm in template.arms():
            if not all(text.strip("#@ ") for text in arm.texts):
                raise BadInput(f"{file}, template {number}: {arm.name} makes a query without words")
    return templates


def _template(entry: Any, *, where: str) -> Template:
    if not isinstance(entry, dict) or set(entry) != set(_FIELDS):
        raise BadInput(f"{where}: a template has exactly {', '.join(_FIELDS)}")
    return Template(
        language=_name(entry["language"], where=f"{where}, language"),
        sources=_sources(entry["sources"], where=f"{where}, sources"),
        text=_text(entry["text"], where=f"{where}, text"),
        subjects=_named(entry["subjects"], where=f"{where}, subjects"),
        styles=_styles(entry["styles"], where=f"{where}, styles"),
        shots=_shots(entry["shots"], where=f"{where}, shots"),
    )


def _sources(held: Any, *, where: str) -> tuple[str, ...]:
    if not isinstance(held, list) or not held:
        raise BadInput(f"{where}: a list of sources")
    for source in held:
        if source not in registry.names():
            raise BadInput(f"{where}: no source {source!r}")
    return tuple(dict.fromkeys(held))


def _text(held: Any, *, where: str) -> str:
    text = _words(held, where=where)
    places = [found[1] for found in _BRACES.finditer(text)]
    if not places or not set(places) <= _PLACES:
        raise BadInput(f"{where}: words around {{subject}}, {{style}} and {{shot}}, and no other braces")
    return text


def _styles(held: Any, *, where: str) -> Mapping[str, tuple[Domain, str]]:
    if not isinstance(held, dict) or not held or not set(held) <= set(Domain):
        raise BadInput(f"{where}: under {' and '.join(Domain)}, each with name: words")
    styles: dict[str, tuple[Domain, str]] = {}
    for domain, named in held.items():
        for name, words in _named(named, where=f"{where}, {domain}").items():
            if name in styles:
                raise BadInput(f"{where}: {name} cannot be of both domains")
            styles[name] = Domain(domain), words
    return styles


def _named(held: Any, *, where: str) -> Mapping[str, str]:
    if not isinstance(held, dict) or not held:
        raise BadInput(f"{where}: at least one name: words")
    if len(held) > _MOST_WORDS:
        raise BadInput(f"{where}: {len(held)} of them; {_MOST_WORDS} is the most")
    return {_name(name, where=where): _words(words, where=f"{where}, {name}") for name, words in held.items()}


def _shots(held: Any, *, where: str) -> tuple[str, ...]:
    if not isinstance(held, list) or not 1 <= len(held) <= _MOST_WORDS:
        raise BadInput(f"{where}: a list of 1 to {_MOST_WORDS} words")
    return tuple(_words(words, where=f"{where}, entry {number}") for number, words in enumerate(held, 1))


def _name(held: Any, *, where: str) -> str:
    if not isinstance(held, str) or not _NAME.fullmatch(held):
        raise BadInput(f"{where}: a name of small letters, digits and hyphens (in quotes if need be), not {held!r:.60}")
    return held


def _words(held: Any, *, where: str) -> str:
    if not isinstance(held, str):
        raise BadInput(f"{where}: words (in quotes if need be), not {held!r:.60}")
    if len(held) > _LONGEST_WORDS:
        raise BadInput(f"{where}: {len(held)} characters; {_LONGEST_WORDS} is the most")
    if any(unicodedata.category(sign) in ("Cc", "Cs", "Co", "Cn") for sign in held):
        raise BadInput(f"{where}: a character that cannot be shown")
    return held
