"""What the deployment promises: no secret has a default, only loopback is published, one version of everything."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
AIRFLOW = [name for name, service in SERVICES.items() if str(service.get("image", "")).startswith("faceloop-")]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))
CREDENTIALS = {
    "FACELOOP_INSTAGRAM_USER",
    "FACELOOP_INSTAGRAM_PASSWORD",
    "FACELOOP_INSTAGRAM_2FA_COMMAND",
    "FACELOOP_TWITTER_BEARER_TOKEN",
    "FACELOOP_REVIEW_WEBHOOK",
}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY\b|FERNET")


def tool(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name(name)
    return subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def queue_of(service: str) -> str:
    command = SERVICES[service]["command"]
    return str(command[command.index("--queues") + 1])


def test_the_compose_file_is_one() -> None:
    said = tool("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yaml")
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_a_dockerfile_has_nothing_that_the_linter_knows_better(path: Path) -> None:
    said = tool("hadolint", str(path))
    assert said.returncode == 0, said.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "docker").glob("*.sh")), ids=lambda path: path.name)
def test_a_script_is_sound_and_stops_at_the_first_failure(path: Path) -> None:
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0
    assert "set -euo pipefail" in path.read_text()


def test_every_secret_is_asked_for_and_none_has_a_default() -> None:
    used = re.findall(r"(?<!\$)\$\{(\w+)([^}]*)\}", TEXT)
    secrets = {name for name, _ in used if SECRET.search(name)}
    assert secrets >= {
        "AIRFLOW_FERNET_KEY",
        "AIRFLOW_JWT_SECRET",
        "AIRFLOW_SECRET_KEY",
        "AIRFLOW_DB_PASSWORD",
        "CATALOG_DB_PASSWORD",
        "AIRFLOW_ADMIN_PASSWORD",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "S3_ACCESS_KEY",
        "S3_SECRET_KEY",
    }
    assert [(name, rest) for name, rest in used if name in secrets and not rest.startswith(":?")] == []


def test_a_secret_in_the_environment_comes_from_outside() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert value is None or str(value).startswith("${"), f"{name}: {variable}"


def test_only_the_web_page_is_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api-server": ["127.0.0.1:8080:8080"]}
    assert [
        name for name, service in SERVICES.items() if service.get("network_mode") or service.get("privileged")
    ] == []


def test_the_sources_credentials_are_given_to_the_collecting_worker_alone() -> None:
    for variable in CREDENTIALS:
        assert [name for name in SERVICES if variable in SERVICES[name].get("environment", {})] == ["worker"]


def test_every_setting_is_one() -> None:
    known = {f"FACELOOP_{name.upper()}" for name in Settings.model_fields}
    given = {
        variable
        for service in SERVICES.values()
        for variable in service.get("environment", {})
        if variable.startswith("FACELOOP_")
    }
    assert given - known == set()
    assert {"FACELOOP_DATABASE", "FACELOOP_STORE", "FACELOOP_HOME"} <= given


@pytest.mark.parametrize("name", AIRFLOW)
def test_what_the_operator_sets_reaches_every_service(name: str) -> None:
    known = {f"FACELOOP_{name.upper()}" for name in Settings.model_fields}
    environment = SERVICES[name]["environment"]
    assert known - CREDENTIALS - set(environment) == set()
    ours = {"FACELOOP_HOME", "FACELOOP_DATABASE", "FACELOOP_STORE"}
    for variable in (known & set(environment)) - ours:
        assert environment[variable] is None or f"{{{variable}:-" in environment[variable], variable


def test_the_threshold_is_twenty_thousand_unless_the_operator_says_otherwise() -> None:
    for name in AIRFLOW:
        assert SERVICES[name]["environment"]["FACELOOP_RETRAIN_MIN_FACES"] == "${FACELOOP_RETRAIN_MIN_FACES:-20000}"


def test_every_airflow_option_is_one_that_airflow_knows() -> None:
    from airflow.configuration import conf
    from airflow.providers_manager import ProvidersManager

    ProvidersManager().initialize_providers_configuration()
    for name in AIRFLOW:
        for variable in SERVICES[name]["environment"]:
            if variable.startswith("AIRFLOW__"):
                _, section, option = variable.lower().split("__")
                known = conf.configuration_description.get(section, {}).get("options", {})
                assert option in known, variable


def test_every_service_that_works_on_is_looked_after() -> None:
    for name, service in SERVICES.items():
        if name == "init":
            assert service["restart"].startswith("on-failure")
            continue
        assert service["restart"] == "unless-stopped", name
        assert service["healthcheck"]["test"], name


def test_services_wait_for_what_init_makes() -> None:
    for name in AIRFLOW:
        if name != "init":
            assert SERVICES[name]["depends_on"]["init"] == {"condition": "service_completed_successfully"}


def test_a_training_survives_a_restart_of_the_api_server_and_is_not_handed_out_twice() -> None:
    for name in AIRFLOW:
        environment = SERVICES[name]["environment"]
        assert environment["AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS"] == "60"
        assert environment["AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT"] == "1800"
        three_days = 3 * 24 * 3600
        assert int(environment["AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT"]) > three_days


def test_the_gpu_worker_reserves_a_gpu_and_trains_one_at_a_time() -> None:
    worker = SERVICES["worker-gpu"]
    assert worker["profiles"] == ["gpu"]
    assert worker["command"] == ["celery", "worker", "--queues", "gpu", "--concurrency", "1"]
    assert worker["deploy"]["resources"]["reservations"]["devices"] == [
        {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    ]
    assert worker["shm_size"] == "8gb"


def test_every_queue_and_pool_that_a_dag_names_is_there() -> None:
    named: dict[str, set[str]] = {"queue": set(), "pool": set()}
    for path in (ROOT / "dags").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            pairs: list[tuple[str | None, ast.expr]] = []
            if isinstance(node, ast.Call):
                pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
            elif isinstance(node, ast.Dict):
                pairs = [
                    (key.value if isinstance(key, ast.Constant) else None, value)
                    for key, value in zip(node.keys, node.values, strict=True)
                ]
            for word, value in pairs:
                if word in named and isinstance(value, ast.Constant):
                    named[word].add(str(value.value))
    from collectors import registry

    assert named["queue"] | {"default"} == {queue_of(name) for name in SERVICES if name.startswith("worker")}
    pools = json.loads((ROOT / "dags" / "pools.json").read_text())
    assert named["pool"] | set(registry.names()) == set(pools)
    assert all(set(pool) >= {"slots", "description"} and pool["slots"] > 0 for pool in pools.values())
    assert "pools import /opt/faceloop/dags/pools.json" in (ROOT / "docker" / "init.sh").read_text()


def test_every_image_is_pinned_and_never_the_latest() -> None:
    images = [service["image"] for service in SERVICES.values() if "build" not in service]
    images += re.findall(r"^FROM (\S+)", "\n".join(path.read_text() for path in DOCKERFILES), flags=re.MULTILINE)
    assert len(images) == 3 + len(DOCKERFILES)
    for image in images:
        _, _, tag = image.partition(":")
        assert re.search(r"\d", tag), image


def test_every_service_builds_with_a_dockerfile_that_is_there() -> None:
    built = {SERVICES[name]["build"]["dockerfile"] for name in AIRFLOW}
    assert {ROOT / name for name in built} == set(DOCKERFILES)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_runs_the_locked_versions_as_an_ordinary_user(path: Path) -> None:
    text = path.read_text()
    assert "pip install --no-deps --require-hashes" in text
    assert re.findall(r"^USER (\S+)$", text, flags=re.MULTILINE)[-1] == "1000"
    assert "apache-airflow" not in text
    assert re.search(r"^apache-airflow==3\.3\.2 ", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_what_an_image_leaves_out_is_in_the_lock(path: Path) -> None:
    (words,) = re.findall(r"/build/requirements\.lock ([^>]+?)>", path.read_text().replace("\\\n", " "))
    said = subprocess.run(
        [sys.executable, ROOT / "docker" / "without.py", ROOT / "requirements.lock", *words.split()],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    left = set(re.findall(r"^([A-Za-z0-9_.-]+)==", said.stdout, flags=re.MULTILINE))
    whole = set(re.findall(r"^([A-Za-z0-9_.-]+)==", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))
    assert whole - left == set(words.split())
    assert said.stdout.count("--hash=sha256:") > len(left)


@pytest.mark.parametrize(
    ("image", "package"), [("trainer", "training"), ("worker", "collectors"), ("worker", "preprocessing")]
)
def test_an_image_leaves_out_nothing_that_its_steps_import(image: str, package: str) -> None:
    (words,) = re.findall(
        r"/build/requirements\.lock ([^>]+?)>",
        (ROOT / "docker" / f"{image}.Dockerfile").read_text().replace("\\\n", " "),
    )
    left_out = {
        module
        for module, distributions in packages_distributions().items()
        if {name.lower().replace("_", "-") for name in distributions} & set(words.split())
    }
    named: set[str] = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                named.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "find_spec":
                named |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    assert "dlib" in named or package == "collectors"
    assert not named & left_out


def test_a_package_that_the_lock_does_not_have_is_named() -> None:
    said = subprocess.run(
        [sys.executable, ROOT / "docker" / "without.py", ROOT / "requirements.lock", "no-such-package"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert said.returncode != 0
    assert "no-such-package" in said.stderr


def test_the_trainer_has_the_same_torch_as_the_tests() -> None:
    (pinned,) = re.findall(r"^TORCH := (torch==\S+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert f"pip install {pinned}" in (ROOT / "docker" / "trainer.Dockerfile").read_text()


def test_the_control_plane_has_none_of_the_heavy_libraries() -> None:
    text = (ROOT / "docker" / "airflow.Dockerfile").read_text()
    heavy = "opencv-python dlib-bin selenium instaloader tweepy pycurl great-expectations wandb"
    for package in heavy.split():
        assert package in text.split("/build/control.lock")[0]
    assert "torch" not in text


def test_dags_plugins_and_the_desk_load_without_what_the_control_plane_leaves_out(tmp_path: Path) -> None:
    modules = (
        "torch cv2 dlib face_recognition_models skimage great_expectations selenium instaloader tweepy pycurl "
        "tensorboard wandb moto hypothesis pytest"
    )
    ask = """
import importlib.util, pathlib, sys
for name in sys.argv[1].split():
    sys.modules[name] = None  # importing it fails from here on
import review.app, catalog.steps, collectors.steps, preprocessing.steps, training.steps
from collectors import registry
for name in registry.names():  # as the desk does, to say how each source stands
    registry.load(name)
for path in [*sorted(pathlib.Path("plugins").glob("*.py")), *sorted(pathlib.Path("dags").glob("*.py"))]:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
"""
    said = subprocess.run(
        [sys.executable, "-c", ask, modules],
        cwd=ROOT,
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert said.returncode == 0, said.stderr[-2000:]
