"""``list:NAME`` stands for the accounts of a file: each becomes a query of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog import Catalog, Settings
from catalog.records import Domain
from collectors import steps
from collectors.__main__ import main
from collectors.account_lists import expanded
from collectors.errors import BadInput
from collectors.query_files import Row
from collectors.seeds import Seed


def seed(text: str, source: str = "instagram") -> Seed:
    return Seed(source, Domain.MAKEUP, text, limit=7, licence="with consent")


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    (tmp_path / "lists").mkdir()
    return Settings(home=tmp_path)


def written(config: Settings, content: bytes) -> None:
    (config.home / "lists" / "friends.txt").write_bytes(content)


def test_each_account_of_a_list_is_a_seed_like_the_lists_own(config: Settings) -> None:
    written(config, "\ufeff# who asked to be here\n@First.One\n\nsecond_one\r\n@first.one\n".encode())
    assert expanded(seed("list:friends"), config) == [seed("@first.one"), seed("@second_one")]


def test_a_file_of_queries_may_name_a_list(config: Settings, catalog: Catalog) -> None:
    written(config, b"@one\n@two\n")
    report = steps.import_queries([Row(2, seed("list:friends")), Row(3, seed("@two"))], catalog=catalog, config=config)
    assert [query.text for query in catalog.queries.list()] == ["@one", "@two"]
    assert (report.planned, [line for line, _ in report.known]) == ((1, 2), [3])
    with pytest.raises(BadInput):
        steps.import_queries([Row(2, seed("@three")), Row(3, seed("list:nobody"))], catalog=catalog, config=config)
    assert len(catalog.queries.list()) == 2


@pytest.mark.parametrize("one", [seed("@someone"), seed("#list"), seed("list:friends", "google")])
def test_other_seeds_are_themselves(config: Settings, one: Seed) -> None:
    assert expanded(one, config) == [one]


@pytest.mark.parametrize("name", ["", "../catalog", "a/b", "a.txt", "x" * 65, "nobody", "a\x00b"])
def test_a_list_that_is_not_there_is_bad_input(config: Settings, name: str) -> None:
    with pytest.raises(BadInput):
        expanded(seed(f"list:{name}"), config)


@pytest.mark.parametrize(
    "content",
    [
        b"@ok\nhttps://www.instagram.com/someone/\n",
        b"@" + b"x" * 31,
        b"\xff\xfe@\x00a\x00",
        b"@ok\n@not ok\n",
        b"#" * (2 << 20),
        b"\n".join(b"@a%d" % number for number in range(5001)),
    ],
    ids=["an address", "too long", "another encoding", "a space", "a huge file", "too many"],
)
def test_a_list_that_cannot_be_used_plans_nothing(config: Settings, content: bytes) -> None:
    written(config, content)
    with pytest.raises(BadInput):
        expanded(seed("list:friends"), config)


def test_a_list_is_planned_from_a_seed_file_and_from_the_shell(
    config: Settings,
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    written(config, b"@one\n@two\n")
    seeds = tmp_path / "mine.yaml"
    seeds.write_text("- {source: instagram, domain: makeup, text: 'list:friends'}\n")
    steps.plan("instagram", seeds=seeds, catalog=catalog, config=config)
    assert {"@one", "@two"} <= {query.text for query in catalog.queries.list(source="instagram")}
    monkeypatch.setenv("FACELOOP_HOME", str(config.home))
    monkeypatch.setenv("FACELOOP_DATABASE", catalog.url)
    assert main(["queries", "add", "list:friends", "--source", "instagram", "--json"]) == 0
    assert [query["text"] for query in json.loads(capsys.readouterr().out)["queries"]] == ["@one", "@two"]
