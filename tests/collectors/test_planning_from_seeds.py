"""Queries are planned from the seed files, each once; a seed file that is wrong is said so, with the place."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog import Catalog, Settings
from catalog.records import Domain, QueryState
from collectors import registry, steps
from collectors.errors import BadInput
from collectors.seeds import read_seeds, seeds_of


def test_every_source_has_seeds_but_those_of_paths_and_known_posts() -> None:
    for source in registry.names():
        seeds = seeds_of(source, Settings())
        assert bool(seeds) == (source not in ("folder", "manifest", "tweets"))
        assert {seed.domain for seed in seeds} == (set(Domain) if seeds else set())


def test_a_seed_is_planned_once_for_ever(catalog: Catalog) -> None:
    first = steps.plan("google", catalog=catalog)
    again = steps.plan("google", catalog=catalog)
    assert len(first.planned) == len(seeds_of("google", Settings()))
    assert (again.planned, again.known) == ((), len(first.planned))
    assert {query.state for query in catalog.queries.list()} == {QueryState.PLANNED}


def test_seeds_of_ones_own_are_planned_too(tmp_path: Path, catalog: Catalog) -> None:
    mine, more = tmp_path / "mine.yaml", tmp_path / "more.yaml"
    mine.write_text('- {source: instagram, domain: bare, text: "@someone", limit: 7, licence: with consent}\n')
    more.write_text('- {source: instagram, domain: makeup, text: "@another"}\n')
    config = Settings(seeds=str(mine), candidates_per_query=33)
    steps.plan("instagram", seeds=more, catalog=catalog, config=config)
    planned = {query.text: query for query in catalog.queries.list(source="instagram")}
    assert (planned["@someone"].limit, planned["@someone"].licence) == (7, "with consent")
    assert (planned["@another"].limit, planned["@another"].licence) == (33, "unknown")


def test_the_configured_folder_is_planned(tmp_path: Path, catalog: Catalog) -> None:
    config = Settings(folder_path=str(tmp_path), folder_domain="makeup", folder_licence="CC-BY-4.0")
    steps.plan("folder", catalog=catalog, config=config)
    (query,) = catalog.queries.list()
    assert (query.text, query.domain, query.licence) == (str(tmp_path.resolve()), Domain.MAKEUP, "CC-BY-4.0")


@pytest.mark.parametrize(
    "text",
    [
        "source: google",
        "- google",
        "- {source: google, domain: bare}",
        "- {source: nowhere, domain: bare, text: x}",
        "- {source: google, domain: naked, text: x}",
        "- {source: google, domain: bare, text: '  '}",
        "- {source: google, domain: bare, text: x, limit: 0}",
        "- {source: google, domain: bare, text: x, limit: many}",
        "- {source: google, domain: bare, text: x, colour: red}",
        "- {source: google",
        "!!python/object/apply:os.system ['true']",
    ],
)
def test_a_wrong_seed_file_is_said_so(tmp_path: Path, text: str) -> None:
    file = tmp_path / "seeds.yaml"
    file.write_text(text)
    with pytest.raises(BadInput, match=r"seeds\.yaml"):
        read_seeds(file)


def test_a_seed_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        read_seeds(tmp_path / "none.yaml")


def test_a_run_is_told_which_queries_wait_and_no_more_than_it_may_claim(catalog: Catalog) -> None:
    config = Settings(queries_per_run=3)
    waiting = steps.plan_waiting("google", catalog=catalog, config=config)
    assert waiting == catalog.queries.list(source="google")[:3]
    catalog.queries.claim(source="google", query_id=waiting[0].id, lease_seconds=60)
    assert waiting[0] not in steps.plan_waiting("google", catalog=catalog, config=config)
