"""Every step is a command: words for people, one JSON object for programs, no traceback for a wrong request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sketches import picture

from catalog.settings import settings
from collectors import registry
from collectors.__main__ import main

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "cv2", "dlib", "selenium", "instaloader", "tweepy", "boto3", "great_expectations", "airflow", "wandb")


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    main([*arguments, "--json"])
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert isinstance(answer, dict)
    return answer


def test_a_folder_is_planned_searched_and_fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(picture(number))
    (folder / "readme.md").write_text("not a photo")
    command = ("search", "--source", "folder", "--path", str(folder), "--domain", "makeup", "--licence", "test")
    first, again = told(capsys, *command), told(capsys, *command)
    assert (first["found"], first["new"], first["ok"]) == (4, 4, True)
    assert (again["found"], again["queries"], again["query_was"]) == (0, [], "used")
    fetched = told(capsys, "fetch")
    assert (fetched["stored"], fetched["refused"]) == (3, {"not_an_image": 1})
    (query,) = told(capsys, "queries", "list", "--state", "used")["queries"]  # type: ignore[misc]
    assert (query["domain"], query["licence"], query["text"]) == ("makeup", "test", str(folder))


def test_queries_are_added_listed_and_reopened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queries", "add", "portrait", "--source", "google", "--limit", "5"]) == 0
    assert main(["queries", "list"]) == 0
    assert "portrait" in capsys.readouterr().out
    assert main(["queries", "reopen", "1"]) == 2
    assert "neither used nor blocked" in capsys.readouterr().err
    (tmp_path / "photos").mkdir()
    main(["search", "--source", "folder", "--path", str(tmp_path / "photos")])
    assert main(["queries", "reopen", "2"]) == 0


def test_every_source_is_planned_and_shown_with_its_rest(capsys: pytest.CaptureFixture[str]) -> None:
    plans = told(capsys, "plan")["plans"]
    assert isinstance(plans, list)
    assert [plan["source"] for plan in plans] == registry.names()
    sources = told(capsys, "sources", "list")["sources"]
    assert isinstance(sources, list)
    assert [(one["source"], one["state"], one["until"]) for one in sources] == [
        (name, "closed", None) for name in registry.names()
    ]
    assert main(["sources", "wake", "google"]) == 0


def test_a_source_without_its_setting_says_so_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    main(["queries", "add", "portrait", "--source", "twitter"])
    assert main(["search", "--source", "twitter"]) == 1
    assert "FACELOOP_TWITTER_BEARER_TOKEN" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["search", "--source", "nowhere"],
        ["plan", "--source", "../registry"],
        ["fetch", "--source", "nowhere"],
        ["search", "--source", "folder", "--path", "/nowhere/at/all"],
        ["search", "--source", "google", "--path", "."],
        ["plan", "--source", "google", "--seeds", "/nowhere.yaml"],
        ["queries", "reopen", "77"],
        ["queries", "add", " ", "--source", "google"],
        ["sources", "wake", "nowhere"],
    ],
)
def test_a_wrong_request_gets_one_line_and_no_traceback(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_a_setting_that_makes_no_sense_is_named_for_people_and_programs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FACELOOP_LEASE_SECONDS", "0")
    settings.cache_clear()
    assert main(["fetch", "--json"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: FACELOOP_LEASE_SECONDS: ")
    assert json.loads(said.out) == {"ok": False, "error": said.err.strip().removeprefix("error: ")}


def test_names_are_listed_without_importing_and_steps_open_no_heavy_door() -> None:
    code = (
        "import sys; from collectors import registry; names = registry.names();"
        "assert not any(m.startswith('collectors.sources.') for m in sys.modules), 'sources imported';"
        "[registry.load(name) for name in names]; import collectors.steps;"
        f"heavy = [m for m in {HEAVY!r} if m in sys.modules]; assert not heavy, heavy; print(*names)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [
        *("commons", "folder", "google", "instagram", "manifest", "openverse", "tweets", "twitter")
    ]


def test_a_verb_loads_what_it_needs_and_numpy_only_once_its_threads_are_settled() -> None:
    code = (
        "import sys; from collectors.commands import running; running.parser_for(['fetch', '--urls', 'x']);"
        "print(*[m for m in ('numpy', 'yaml', 'urllib3', 'tqdm', 'collectors.engine') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=dict(os.environ), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_a_source_file_is_short_and_documented() -> None:
    page = (REPOSITORY / "docs" / "adding-a-source.md").read_text()
    for name in registry.names():
        text = (REPOSITORY / "collectors" / "sources" / f"{name}.py").read_text()
        assert len(text.splitlines()) <= 100
        assert f"`{name}`" in page
        assert registry.load(name).terms
