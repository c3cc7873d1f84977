"""A small client of Airflow's REST API: sign in, wait for health, trigger DAGs and follow their runs."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

ENDED = frozenset({"success", "failed"})
_TRIES = 5


@dataclass(frozen=True, slots=True)
class DagRun:
    """One run of one DAG; ``seconds`` is 0 until it has ended."""

    dag: str
    id: str
    state: str
    seconds: float


class Airflow:
    """Airflow at a URL, as one of its users."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = requests.Session()
        self._http.trust_env = False  # the machine's proxy settings are not for loopback

    def answers(self) -> bool:
        """Whether the API server does, however the other components are."""
        return bool(self._states())

    def healthy(self) -> bool:
        """Whether all four components say so; the API server's banner alone says nothing of the others."""
        states = self._states()
        return all(
            states.get(name) == "healthy" for name in ("metadatabase", "scheduler", "triggerer", "dag_processor")
        )

    def sign_in(self, user: str, password: str) -> None:
        """Get a token; it lasts a day."""
        answer = self._http.post(f"{self.url}/auth/token", json={"username": user, "password": password}, timeout=30)
        answer.raise_for_status()
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def dags(self) -> set[str]:
        """The DAGs that Airflow has parsed."""
        return {dag["dag_id"] for dag in self._ask("GET", "/dags?limit=100").json()["dags"]}

    def import_errors(self) -> list[str]:
        """What kept a DAG file from being parsed."""
        return [error["stack_trace"] for error in self._ask("GET", "/importErrors").json()["import_errors"]]

    def trigger(self, dag: str) -> str:
        """Start a run; give its id. It has a name of its own, so asking again does not start another."""
        name = f"demo__{uuid.uuid4().hex[:12]}"
        body = {"logical_date": None, "dag_run_id": name}
        for _ in range(_TRIES):
            answer = self._ask("POST", f"/dags/{dag}/dagRuns", body, allow=(409, 500, 503))
            if answer.status_code in (200, 201, 409):
                return name
            time.sleep(2)
        raise RuntimeError(f"Airflow does not start {dag}: {answer.status_code} {answer.text[:200]}")

    def runs(self, dag: str) -> list[DagRun]:
        """The runs of a DAG, oldest first."""
        answer = self._ask("GET", f"/dags/{dag}/dagRuns?limit=100&order_by=run_after").json()
        return [_dag_run(dag, row) for row in answer["dag_runs"]]

    def failed_tasks(self, run: DagRun) -> list[str]:
        """The tasks of a run that failed."""
        rows = self._ask("GET", f"/dags/{run.dag}/dagRuns/{run.id}/taskInstances?limit=200").json()
        return [f"{row['task_id']} [{row['map_index']}]" for row in rows["task_instances"] if row["state"] == "failed"]

    def task_seconds(self, run: DagRun) -> dict[str, float]:
        """How long each task of a run worked; mapped ones are added up."""
        rows = self._ask("GET", f"/dags/{run.dag}/dagRuns/{run.id}/taskInstances?limit=200").json()
        seconds: dict[str, float] = {}
        for row in rows["task_instances"]:
            seconds[row["task_id"]] = seconds.get(row["task_id"], 0.0) + (row["duration"] or 0.0)
        return seconds

    def _states(self) -> dict[str, str | None]:
        """What each component says of itself; empty while the API server does not answer."""
        try:
            answer = self._http.get(f"{self.url}/api/v2/monitor/health", timeout=10)
        except requests.RequestException:
            return {}
        if answer.status_code != 200:
            return {}
        return {name: part.get("status") for name, part in answer.json().items()}

    def _ask(self, method: str, path: str, body: Any = None, *, allow: Sequence[int] = ()) -> requests.Response:
        answer = self._http.request(method, f"{self.url}/api/v2{path}", json=body, timeout=180)
        if answer.status_code not in allow:
            answer.raise_for_status()
        return answer


def wait_until(
    holds: Callable[[], bool], *, seconds: float, what: str, every: float = 1.0, check: Callable[[], None] | None = None
) -> None:
    """Look until it holds; RuntimeError when it does not in time. ``check`` raises when waiting has become useless."""
    deadline = time.monotonic() + seconds
    while not holds():
        if check:
            check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(every)


def _dag_run(dag: str, row: dict[str, Any]) -> DagRun:
    begun, ended = row.get("start_date"), row.get("end_date")
    seconds = 0.0
    if begun and ended:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
    return DagRun(dag, row["dag_run_id"], row["state"], seconds)
