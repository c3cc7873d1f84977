"""``python -m collectors queries``: a person lists, adds, imports, reopens and retires queries from the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from killing import environment_for, kill_when, run, start

from catalog import Catalog
from catalog.records import Domain, QueryState
from collectors.__main__ import main

pytestmark = pytest.mark.usefixtures("migrated_home")

GOOD = """source,domain,text,limit,licence,filters
google,bare,portrait of a man,20,,size=LARGE
google,makeup,"red lips, close",,CC BY,
twitter,bare,x,,,
"""


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def written(folder: Path, name: str, text: str | bytes) -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_the_list_is_a_table_of_what_each_query_brought(capsys: pytest.CaptureFixture[str]) -> None:
    main(["queries", "add", "portrait", "--source", "google", "--filter", "size=Large"])
    main(["queries", "add", "red lips", "--source", "twitter", "--domain", "makeup"])
    capsys.readouterr()
    assert main(["queries", "list"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert " ".join(head.split()) == "id state source domain found new stored approved last asked filters text"
    assert " ".join(first.split()) == "1 planned google bare 0 0 0 0 never size=large portrait"
    assert " ".join(second.split()) == "2 planned twitter makeup 0 0 0 0 never - red lips"
    assert head.index("text") == first.index("portrait") == second.index("red")


def test_programs_get_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    main(["queries", "add", "portrait", "--source", "google", "--filter", "size=large"])
    main(["queries", "add", "portrait", "--source", "twitter"])
    capsys.readouterr()
    (query,) = told(capsys, "queries", "list", "--source", "google")["queries"]
    assert (query["filters"], query["yield"]["found"], query["yield"]["refused"]) == ({"size": "large"}, 0, {})
    assert told(capsys, "queries", "list", "--state", "used")["queries"] == []


def test_the_same_words_with_another_filter_are_another_query(capsys: pytest.CaptureFixture[str]) -> None:
    for extra in ([], ["--filter", "size=large"], ["--filter", "SIZE=Large"]):
        main(["queries", "add", "portrait", "--source", "google", *extra])
    assert [query.id for query in Catalog().queries.list()] == [1, 2]


@pytest.mark.parametrize(
    ("word", "says"),
    [("size", "name=value"), ("colour=red", "no filter 'colour'"), ("size=huge", "size is"), ("size=", "name=value")],
)
def test_a_filter_that_the_source_has_not_is_refused(capsys: pytest.CaptureFixture[str], word: str, says: str) -> None:
    assert main(["queries", "add", "portrait", "--source", "google", "--filter", word]) == 2
    assert says in capsys.readouterr().err
    assert Catalog().queries.list() == []


def test_a_query_is_retired_with_who_and_why_and_reopened(capsys: pytest.CaptureFixture[str]) -> None:
    main(["queries", "add", "portrait", "--source", "google"])
    assert main(["queries", "retire", "1", "--by", "rita", "--why", "brings cats"]) == 0
    assert "rita: brings cats" in capsys.readouterr().out
    assert Catalog().queries.get(1).state is QueryState.RETIRED
    assert main(["queries", "reopen", "1"]) == 0
    assert Catalog().queries.get(1).state is QueryState.PLANNED


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_csv_is_planned_and_again_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bom: bytes, end: bytes
) -> None:
    file = written(tmp_path, "queries.csv", bom + GOOD.encode().replace(b"\n", end))
    assert told(capsys, "queries", "import", file) == {"planned": [1, 2, 3], "known": []}
    first, second, third = Catalog().queries.list()
    assert (first.text, first.limit, first.licence, first.filters) == (
        "portrait of a man",
        20,
        "unknown",
        (("size", "large"),),
    )
    assert (second.text, second.domain, second.licence) == ("red lips, close", Domain.MAKEUP, "CC BY")
    assert third.source == "twitter"
    again = told(capsys, "queries", "import", file)
    assert again["planned"] == []
    assert again["known"] == [[2, "query 1, planned"], [3, "query 2, planned"], [4, "query 3, planned"]]


def test_a_yaml_list_is_planned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(
        tmp_path,
        "queries.yaml",
        "# mine\n- {source: google, domain: bare, text: portrait, filters: {size: large}}\n"
        "- source: google\n  domain: makeup\n  text: red lips\n- {source: google, domain: bare, text: RED  lips}\n",
    )
    assert told(capsys, "queries", "import", file) == {"planned": [1, 2], "known": [[6, "the same as line 3"]]}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "q.csv",
            "source,domain,text\ngoogle,bare,ok\nnowhere,bare,x\ngoogle,clown,x\n",
            ("line 3: no s", "line 4: a d"),
        ),
        ("q.csv", "source,domain,text\ngoogle,bare\n", ("line 2: 2 cells",)),
        ("q.csv", 'source,domain,text\ngoogle,bare,"a\nb"\ngoogle,bare, \n', ("line 4: an empty text",)),
        ("q.csv", 'source,domain,text\ngoogle,bare,"a\n', ("line", "cannot be read")),
        ("q.csv", "source,domain,text,limit\ngoogle,bare,x,-1\n", ("line 2: limit",)),
        ("q.csv", "source,domain,text,filters\ngoogle,bare,x,size=huge\n", ("line 2: google's filter size",)),
        ("q.csv", "source,domain,text,filters\ngoogle,bare,x,size=large;size=large\n", ("line 2: a filter stands",)),
        ("q.csv", "source,domain,text,command\ngoogle,bare,x,rm\n", ("unknown column 'command'",)),
        ("q.csv", "source,domain\ngoogle,bare\n", ("needs the columns",)),
        ("q.csv", f"source,domain,text\ngoogle,bare,{'x' * 501}\n", ("line 2: a query of 501",)),
        ("q.csv", "source,domain,text\nfolder,bare,/nowhere/at/all\n", ("line 2: no folder",)),
        ("q.csv", "", ("is empty",)),
        ("q.csv", b"source,domain,text\ngoogle,bare,\xff\n", ("cannot be read",)),
        ("q.csv", b"x" * 1_000_001, ("the most",)),
        (
            "q.yaml",
            "- {source: google, domain: bare, text: ok}\n- {source: google, text: x}\n",
            ("line 2: a query has",),
        ),
        ("q.yaml", "- !!python/object/apply:os.system [id]\n", ("line 1", "cannot be read")),
        ("q.yaml", "- !!int ''\n", ("cannot be read",)),
        ("q.yaml", "- !!bool abc\n", ("cannot be read",)),
        ("q.yaml", "- !!timestamp abc\n", ("cannot be read",)),
        ("q.yaml", f"- 1{':1' * 300_000}\n", ("line 1", "characters")),
        ("q.yaml", f"- 0x{'f' * 900_000}\n", ("line 1", "characters")),
        ("q.yaml", "- {source: google, domain: bare, text: ~}\n", ("line 1: words",)),
        ("q.yaml", "- {source: google, domain: bare, text: yes}\n", ("line 1: words", "True")),
        ("q.yaml", "- {source: google, domain: bare, text: [a]}\n", ("line 1: words",)),
        (
            "q.yaml",
            "- {source: google, domain: bare, text: a}\n"
            f"- {{source: google, domain: bare, text: b, limit: 1{'0' * 30}}}\n",
            ("line 2: limit",),
        ),
        ("q.yaml", "a: 1\n", ("list",)),
        ("q.yaml", "- &a {source: google, domain: bare, text: x}\n- *a\n", ("aliases",)),
        ("q.yaml", "{", ("cannot be read",)),
        ("q.yaml", "[" * 3000, ("cannot be read",)),
        ("q.yaml", "", ("list",)),
        ("q.txt", "x", ("neither",)),
    ],
)
def test_a_file_with_anything_wrong_plans_nothing_and_names_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str | bytes, says: tuple[str, ...]
) -> None:
    assert main(["queries", "import", written(tmp_path, name, text)]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    for words in says:
        assert words in said
    assert Catalog().queries.list() == []


def test_a_licence_that_is_left_empty_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "- {source: google, domain: bare, text: 1984, licence: }\n"
    assert told(capsys, "queries", "import", written(tmp_path, "q.yaml", text))["planned"] == [1]
    (query,) = Catalog().queries.list()
    assert (query.text, query.licence) == ("1984", "unknown")


def test_a_number_that_no_database_holds_is_an_error_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queries", "add", "portrait", "--source", "google", "--limit", "9" * 30]) == 2
    assert main(["queries", "reopen", "9" * 30]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_a_file_that_is_not_there_or_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "folder.csv").mkdir()
    for path in (tmp_path / "nowhere.csv", tmp_path / "folder.csv", Path("/dev/zero")):
        assert main(["queries", "import", str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_what_a_file_holds_cannot_command_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'source,domain,text\ngoogle,bare,"\x1b]0;owned\x07=1+1\u202e"\n'
    assert main(["queries", "import", written(tmp_path, "q.csv", text)]) == 0
    assert main(["queries", "list"]) == 0
    assert all(sign.isprintable() or sign == "\n" for sign in capsys.readouterr().out)


def test_a_file_is_planned_whole_or_not_at_all_whenever_it_is_killed(tmp_path: Path, catalog: Catalog) -> None:
    rows = "".join(f"google,bare,portrait {number},,,\n" for number in range(9000))
    file = written(tmp_path, "queries.csv", f"source,domain,text,limit,licence,filters\n{rows}")
    environment = environment_for(catalog, tmp_path)
    process = start(environment, "queries", "import", file)
    kill_when(process, lambda: bool(catalog.queries.list()))
    assert len(catalog.queries.list()) in (0, 9000)
    run(environment, "queries", "import", file)
    assert len(catalog.queries.list()) == 9000
