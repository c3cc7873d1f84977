"""The queries that people have written down: those of the seed files, and the configured folder. They come first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog import Settings
from catalog.query_keys import MOST_WANTED
from catalog.records import Domain
from collectors import registry
from collectors.errors import BadInput
from collectors.yaml_file import read_yaml

_SEEDS = Path(__file__).with_name("queries.yaml")
_KNOWN = {"source", "domain", "text", "limit", "licence", "filters"}


@dataclass(frozen=True, slots=True)
class Seed:
    """One query to plan. ``limit`` None: as the source or the settings say. ``filters``: in the source's own words."""

    source: str
    domain: Domain
    text: str
    limit: int | None = None
    licence: str = "unknown"
    filters: tuple[tuple[str, str], ...] = ()


def seeds_of(source: str, settings: Settings, *, extra: Path | None = None) -> Sequence[Seed]:
    """The queries to plan for a source, in order; raises BadInput for a seed file that cannot be read."""
    files = [_SEEDS]
    if settings.seeds:
        files.append(Path(settings.seeds))
    if extra:
        files.append(extra)
    found = [seed for file in files for seed in read_seeds(file) if seed.source == source]
    if source == "folder" and settings.folder_path:
        found.append(folder_seed(settings.folder_path, settings.folder_domain, settings.folder_licence))
    return found


def folder_seed(path: str, domain: str, licence: str) -> Seed:
    """The query that a folder is; its text is the folder's real path, so that it is known by whatever name."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise BadInput(f"no folder {path}")
    return Seed("folder", _domain(domain, where=path), str(folder.resolve()), licence=licence or "unknown")


def manifest_seed(path: str, domain: str, licence: str) -> Seed:
    """The query that a manifest is; its text is the file's real path."""
    file = Path(path).expanduser()
    if not file.is_file():
        raise BadInput(f"no file {path}")
    return Seed("manifest", _domain(domain, where=path), str(file.resolve()), licence=licence or "unknown")


def path_seed(source: str, path: str, domain: str, licence: str) -> Seed:
    """The query that a path is, for a source of paths; BadInput for another source."""
    if source not in ("folder", "manifest"):
        raise BadInput(f"{source} is searched by words, not by a path")
    return (folder_seed if source == "folder" else manifest_seed)(path, domain, licence)


def read_seeds(file: Path) -> Sequence[Seed]:
    """Every seed of a file; raises BadInput with the place of what is wrong."""
    entries = read_yaml(file, about="seed file")
    if not isinstance(entries, list):
        raise BadInput(f"the seed file {file} is not a list")
    return [seed_from(entry, where=f"{file}, entry {number}") for number, entry in enumerate(entries, 1)]


def seed_from(entry: Any, *, where: str) -> Seed:
    """The seed that an entry of a file is; raises BadInput, which begins with ``where``, for one that is none."""
    if not isinstance(entry, dict) or not {"source", "domain", "text"} <= set(entry):
        raise BadInput(f"{where}: a query has a source, a domain and a text")
    if unknown := set(entry) - _KNOWN:
        raise BadInput(f"{where}: unknown {', '.join(sorted(map(str, unknown)))}")
    source, text, limit = str(entry["source"]), _words(entry["text"], where=where), entry.get("limit")
    if source not in registry.names():
        raise BadInput(f"{where}: no source {source!r}")
    if not text.strip():
        raise BadInput(f"{where}: an empty text")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or not 1 <= limit <= MOST_WANTED):
        raise BadInput(f"{where}: limit is a number from 1 to {MOST_WANTED}, not {limit!r:.60}")
    domain = _domain(str(entry["domain"]), where=where)
    filters = entry.get("filters") or {}
    if not isinstance(filters, dict):
        raise BadInput(f"{where}: filters are names and values, not {filters!r}")
    asked = tuple((str(name), str(value)) for name, value in filters.items())
    licence = _words(entry.get("licence") or "unknown", where=where)
    return Seed(source, domain, text, limit=limit, licence=licence, filters=asked)


def _words(held: Any, *, where: str) -> str:
    """Words, or a number that somebody wrote without quotes; YAML reads ``yes``, ``~`` and a date as something else."""
    if isinstance(held, bool) or not isinstance(held, str | int):
        raise BadInput(f"{where}: words (in quotes if need be), not {held!r:.60}")
    return str(held)


def _domain(word: str, *, where: str) -> Domain:
    try:
        return Domain(word)
    except ValueError:
        raise BadInput(f"{where}: a domain is {' or '.join(Domain)}, not {word!r}") from None
