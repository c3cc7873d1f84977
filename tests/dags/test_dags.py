"""The DAG files: they parse without any heavy library, say what they do, and run things in the right order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from collectors import registry

ROOT = Path(__file__).resolve().parents[2]
SOURCES = registry.names()
EXPECTED = {*(f"collect_{source}" for source in SOURCES), "watch_sources", "curate_photos", "retrain_model"}
EXPECTED |= {"maintain_catalog"}

#: Runs in a process of its own: parses dags/ and loads plugins/ while the heavy libraries cannot be imported.
PARSE = """
import importlib.abc, json, sys

HEAVY = {"torch", "cv2", "dlib", "selenium", "instaloader", "tweepy", "great_expectations", "wandb", "boto3", "pycurl"}
HEAVY |= {"kubernetes"}


class Ban(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise ImportError(f"{name} is heavy and was imported while parsing")


sys.meta_path.insert(0, Ban())
from airflow.dag_processing.dagbag import DagBag
from airflow.plugins_manager import get_plugin_info  # loads plugins/
from airflow.sdk.definitions.context import Context
import inspect

bag = DagBag(dag_folder=sys.argv[1])
told = {
    "errors": dict(bag.import_errors),
    "plugins": [plugin["name"] for plugin in get_plugin_info()],
    "dags": {
        dag.dag_id: {
            "doc": dag.doc_md or "",
            "tags": sorted(dag.tags),
            "owner": dag.owner,
            "max_active_runs": dag.max_active_runs,
            "catchup": dag.catchup,
            "tasks": {
                task.task_id: {
                    "down": sorted(task.downstream_task_ids),
                    "queue": task.queue,
                    "pool": task.pool,
                    "outlets": [asset.name for asset in task.outlets],
                    "deferrable": getattr(task, "deferrable", None),
                    "retry_policy": type(task.retry_policy).__name__,
                    "map_index_template": getattr(task, "map_index_template", None) or "",
                    "rule": task.trigger_rule.value,
                    "operator": task.task_type,
                    "retries": task.retries,
                    "defaults": getattr(task, "defaults", None),
                    "kept_by": [each.__name__ for each in task.on_success_callback],
                    "answered_within": str(getattr(task, "response_timeout", None)),
                    "reserved": sorted(
                        Context.__annotations__.keys() & inspect.signature(task.python_callable).parameters.keys()
                        if hasattr(task, "python_callable")
                        else ()
                    ),
                }
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    },
}
print("TOLD " + json.dumps(told))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict:
    home = tmp_path_factory.mktemp("airflow")
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "FACELOOP_HOME": str(home / "faceloop"),
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(ROOT / "dags")], env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr[-2000:]
    line = next(line for line in done.stdout.splitlines() if line.startswith("TOLD "))
    return json.loads(line.removeprefix("TOLD "))


def test_every_dag_parses_without_a_heavy_library(parsed: dict) -> None:
    assert parsed["errors"] == {}
    assert set(parsed["dags"]) == EXPECTED


def test_the_plugins_load_without_a_heavy_library(parsed: dict) -> None:
    assert "faceloop" in parsed["plugins"]


@pytest.mark.parametrize("dag", sorted(EXPECTED))
def test_a_dag_says_what_it_does_and_whose_it_is(parsed: dict, dag: str) -> None:
    told = parsed["dags"][dag]
    assert len(told["doc"]) > 200
    assert told["tags"]
    assert told["owner"] == "faceloop"
    assert told["catchup"] is False


@pytest.mark.parametrize("source", SOURCES)
def test_collecting_goes_from_plan_to_search_to_fetch_in_the_sources_own_pool(parsed: dict, source: str) -> None:
    tasks = parsed["dags"][f"collect_{source}"]["tasks"]
    assert {"awake", "search"} <= set(tasks["plan"]["down"])
    assert tasks["awake"]["down"] == ["search"]
    assert tasks["search"]["down"] == ["done", "fetch"]
    assert {tasks["search"]["pool"], tasks["fetch"]["pool"]} == {source}
    assert tasks["fetch"]["outlets"] == ["photos"]


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_that_rests_is_waited_for_without_a_worker(parsed: dict, source: str) -> None:
    assert parsed["dags"][f"collect_{source}"]["tasks"]["awake"]["deferrable"] is True


@pytest.mark.parametrize("source", SOURCES)
def test_a_search_is_named_after_its_query_and_retried_by_what_went_wrong(parsed: dict, source: str) -> None:
    search = parsed["dags"][f"collect_{source}"]["tasks"]["search"]
    assert search["retry_policy"] == "LaterOrNever"
    assert "name" in search["map_index_template"]


def test_what_was_found_is_fetched_when_a_search_failed_and_the_run_fails_all_the_same(parsed: dict) -> None:
    for source in SOURCES:
        tasks = parsed["dags"][f"collect_{source}"]["tasks"]
        assert (tasks["fetch"]["rule"], tasks["done"]["rule"]) == ("all_done", "none_failed")
        assert [name for name, task in tasks.items() if not task["down"]] == ["done"]  # a run is what its last task is


def test_every_source_is_watched_in_its_own_pool(parsed: dict) -> None:
    tasks = parsed["dags"]["watch_sources"]["tasks"]
    assert {name: task["pool"] for name, task in tasks.items()} == {source: source for source in SOURCES}
    assert {task["retry_policy"] for task in tasks.values()} == {"LaterOrNever"}


#: What starts the next batch when one run could not take every photo; beside the chain.
ASIDE = ("more", "next_batch")


def test_a_run_that_cannot_take_every_photo_starts_another(parsed: dict) -> None:
    tasks = parsed["dags"]["curate_photos"]["tasks"]
    assert "more" in tasks["open_batch"]["down"]
    assert (tasks["more"]["down"], tasks["next_batch"]["outlets"]) == (["next_batch"], ["photos"])


def test_curating_waits_for_people_three_times_and_holds_no_worker_meanwhile(parsed: dict) -> None:
    tasks = {name: told for name, told in parsed["dags"]["curate_photos"]["tasks"].items() if name not in ASIDE}
    order, left = [], {name: {up for up, task in tasks.items() if name in task["down"]} for name in tasks}
    while left:
        (free,) = (name for name, above in left.items() if not above & left.keys())  # a chain: one at a time
        order.append(free)
        del left[free]
    assert order == [
        "open_batch",
        "screen",
        "review_raw",
        "crop",
        "check",
        "validate",
        "review_crop",
        "review_final",
        "close_batch",
    ]
    assert tasks["close_batch"]["outlets"] == ["approved_faces"]
    assert all(tasks[name]["deferrable"] is True for name in ("review_raw", "review_crop", "review_final"))


def test_retraining_runs_one_at_a_time_on_the_gpu_queue_and_pool(parsed: dict) -> None:
    dag = parsed["dags"]["retrain_model"]
    assert dag["max_active_runs"] == 1
    for name in ("train", "evaluate", "ask", "promote"):  # the only workers that have torch
        assert (dag["tasks"][name]["queue"], dag["tasks"][name]["pool"]) == ("gpu", "gpu")
    assert "train" in dag["tasks"]["gate"]["down"]
    # What is trained is what was asked about: a training that has begun, or else the new snapshot.
    assert "due" in dag["tasks"]["snapshot"]["down"]
    assert {"gate", "train"} <= set(dag["tasks"]["due"]["down"])


def test_a_training_is_submitted_and_whatever_machine_it_had_is_stopped_in_any_case(parsed: dict) -> None:
    tasks = parsed["dags"]["retrain_model"]["tasks"]
    assert (tasks["train"]["operator"], tasks["train"]["retries"]) == ("TrainOperator", 5)
    assert {"evaluate", "tidy"} <= set(tasks["train"]["down"])
    assert (tasks["tidy"]["rule"], tasks["tidy"]["down"]) == ("all_done", [])
    assert tasks["tidy"]["retries"] == 20


def test_a_machine_that_was_left_over_is_stopped_also_on_a_night_on_which_the_gate_says_no(parsed: dict) -> None:
    tasks = parsed["dags"]["retrain_model"]["tasks"]
    assert all("tidy_before" not in task["down"] for task in tasks.values())  # nothing that is skipped skips it
    assert (tasks["tidy_before"]["down"], tasks["tidy_before"]["retries"]) == ([], 20)
    assert (tasks["tidy_before"]["queue"], tasks["tidy_before"]["pool"]) == ("gpu", "gpu")


def test_a_person_is_asked_by_airflows_own_operator_and_silence_approves_nothing(parsed: dict) -> None:
    asked = parsed["dags"]["retrain_model"]["tasks"]["sign_off"]
    assert asked["operator"] == "ApprovalOperator"
    assert asked["defaults"] is None  # with one, the timeout would answer in a person's stead
    assert asked["answered_within"] == "3 days, 0:00:00"
    assert asked["retries"] == 0
    assert asked["kept_by"] == ["keep_answer"]  # a refusal gives no result of its own


def test_promoting_goes_on_when_nobody_was_asked_and_records_a_refusal(parsed: dict) -> None:
    tasks = parsed["dags"]["retrain_model"]["tasks"]
    assert "ask" in tasks["evaluate"]["down"]
    assert tasks["ask"]["down"] == ["sign_off"]  # what is skipped when nobody need be asked
    assert tasks["sign_off"]["down"] == ["signed"]  # what a refusal skips: not the task that records it
    assert tasks["signed"]["down"] == ["promote"]
    assert tasks["signed"]["rule"] == "all_success"
    assert tasks["promote"]["rule"] == "none_failed"  # so that a question that nobody answered promotes nothing


def test_every_source_and_every_task_has_its_pool(parsed: dict) -> None:
    declared = set(json.loads((ROOT / "dags" / "pools.json").read_text())) | {"default_pool"}
    assert set(SOURCES) <= declared
    asked = {task["pool"] for dag in parsed["dags"].values() for task in dag["tasks"].values()}
    assert asked <= declared


def test_no_step_takes_an_argument_that_airflow_keeps_for_itself(parsed: dict) -> None:
    taken = {name: task["reserved"] for dag in parsed["dags"].values() for name, task in dag["tasks"].items()}
    assert {name: words for name, words in taken.items() if words} == {}
