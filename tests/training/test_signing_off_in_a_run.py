"""The sign-off inside runs of a DAG: Airflow's own operator asks, and what is answered decides what is promoted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from catalog import Catalog

pytestmark = [pytest.mark.airflow, pytest.mark.slow]

REPOSITORY = Path(__file__).resolve().parents[2]

#: The end of dags/retrain.py, whose own shape tests/dags looks at, behind an evaluation that is there already.
DAG = textwrap.dedent(
    """
    from datetime import datetime, timedelta
    import signing
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.providers.standard.operators.hitl import ApprovalOperator
    from airflow.sdk import Param, dag, task
    from training import steps

    @dag(schedule=None, start_date=datetime(2024, 1, 1), catchup=False)
    def signs():
        @task
        def evaluate() -> int:
            return {evaluation}

        evaluation = evaluate()
        question = task.short_circuit(signing.ask, ignore_downstream_trigger_rules=False)(evaluation)
        sign_off = ApprovalOperator(
            task_id=signing.SIGN_OFF,
            subject="Promote?",
            body=question,
            params={"why": Param("", type="string")},
            on_success_callback=signing.keep_answer,
        )
        signed = EmptyOperator(task_id="signed")
        model = task(signing.promote, trigger_rule="none_failed")(evaluation)
        crowned = task.short_circuit(steps.is_champion)(model)
        evaluation >> question >> sign_off >> signed >> model >> crowned >> EmptyOperator(task_id="champion")

    signs()
    """
)

#: One process for all the runs, for Airflow takes long to start; each run has a home of its own, and an answer. The
#: answer is given as Airflow's API gives it.
RUNS = textwrap.dedent(
    """
    import json, os, sys, threading, time
    from airflow.utils.db import initdb
    initdb()
    from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
    from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
    from airflow.dag_processing.dagbag import DagBag
    from airflow.models.hitl import HITLDetail
    from airflow.utils.session import create_session
    from catalog.settings import settings

    class Rita:
        def get_id(self): return "4"
        def get_name(self): return "rita"

    def answer(option, done):
        while not done.is_set():
            time.sleep(0.5)
            with create_session() as session:
                for asked in session.query(HITLDetail).filter(HITLDetail.responded_at.is_(None)):
                    ti = asked.task_instance
                    if str(ti.state) == "awaiting_input":
                        print("ASKED", json.dumps([asked.body, asked.defaults]), flush=True)
                        said = UpdateHITLDetailPayload(chosen_options=[option], params_input={"why": "looked at them"})
                        update_hitl_detail(ti.dag_id, ti.run_id, ti.task_id, said, Rita(), session)

    for home, option, share in json.loads(sys.argv[1]):
        os.environ |= {"FACELOOP_HOME": home, "FACELOOP_SIGN_OFF_FRESH_FACES": share, "FACELOOP_EXPORT_FORMATS": ""}
        os.environ["FACELOOP_PROMOTION_POLICY"] = '{"floors": {"*": null}}'  # what one step paints keeps none
        settings.cache_clear()
        done = threading.Event()
        answering = threading.Thread(target=answer, args=(option, done))
        answering.start()
        run = DagBag(dag_folder="dags").dags["signs"].test()
        done.set()
        answering.join()
        print("STATES", json.dumps({ti.task_id: str(ti.state) for ti in run.get_task_instances()}), flush=True)
    """
)


def test_a_yes_promotes_a_no_is_recorded_and_a_usual_change_asks_nobody(
    challenged_home: tuple[Path, int], tmp_path: Path
) -> None:
    home, evaluation = challenged_home
    homes = {name: tmp_path / name for name in ("approved", "refused", "usual")}
    for copy in homes.values():
        shutil.copytree(home, copy)
        models = Catalog(f"sqlite:///{copy / 'catalog.db'}").models
        found = models.evaluation(evaluation)  # made to look better than any champion
        best = {name: 1e6 if name.endswith("identity_kept") else -1e6 for name in found.metrics}
        models.add_evaluation(found.run_id, step=found.step, metrics=best, version=found.version)
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "signs.py").write_text(DAG.replace("{evaluation}", str(evaluation)))
    runs = [("approved", "Approve", "0.3"), ("refused", "Reject", "0.3"), ("usual", "Reject", "0.9")]

    said = told([(str(homes[name]), option, share) for name, option, share in runs], folder=tmp_path)

    asked = [line for line in said.splitlines() if line.startswith("ASKED")]
    assert len(asked) == 2  # not about a usual change
    assert all("10 of 26 faces are new (38.5%)" in line and "review-desk/image/face/" in line for line in asked)
    assert all(line.endswith(", null]") for line in asked)  # no default that a timeout could answer with
    approved, refused, usual = (line for line in said.splitlines() if line.startswith("STATES"))
    assert '"sign_off": "success"' in approved
    assert '"champion": "success"' in approved
    assert '"signed": "skipped"' in refused
    assert '"promote": "success"' in refused  # it records who refused
    assert '"champion": "skipped"' in refused
    assert '"sign_off": "skipped"' in usual
    assert '"champion": "success"' in usual

    newest = {name: Catalog(f"sqlite:///{home / 'catalog.db'}").models.list()[0] for name, home in homes.items()}
    assert {name: model.state.value for name, model in newest.items()} == {
        "approved": "champion",
        "refused": "candidate",
        "usual": "champion",
    }
    assert any(reason.startswith("signed off by rita, ") for reason in newest["approved"].reasons)
    assert newest["refused"].reasons[0].startswith("refused by rita, ")
    assert newest["refused"].reasons[0].endswith(": looked at them")
    assert not any("rita" in reason for reason in newest["usual"].reasons)


def told(runs: list[tuple[str, str, str]], *, folder: Path) -> str:
    """What the process with the runs printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "FACELOOP"))} | {
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder / 'airflow.db'}",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPOSITORY / "plugins"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "WANDB_MODE": "disabled",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(REPOSITORY / "plugins")]),
    }
    done = subprocess.run(
        [sys.executable, "-u", "-c", RUNS, json.dumps(runs)],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr
