"""Freeze the approved faces, train on them when the gate agrees, and promote the model if it is better.

Runs every night at 02:00 UTC, and whenever a batch has been approved (asset `approved_faces`); one run at a time.

1. `people` tells apart whose the new faces are, once there are enough for a training; `snapshot` freezes the faces
   that people approved at all three stages, and holds some out: whole persons, who stay so. The same faces give the
   same snapshot. `due` chooses what is trained: a training that has begun, and was stopped by its night's end or its
   slice, comes to its end on its own snapshot before a newer one is begun, unless a face of it has been erased, or its
   last attempt failed or was lost after it had begun; the gate says which.
2. `gate` decides whether to train tonight: enough faces (`FACELOOP_RETRAIN_MIN_FACES`) of both domains and of more
   than one source, enough of them new since the last success, nothing that failed just so before, no other training
   on the GPU; an erased face that the champion learned from forces one. Every rule's answer is stored every time
   (`python -m training gate explain`); when it is no, the run ends here, skipped. A yes keeps the GPU's lease for
   `train`.
3. `train` gives the training to a runner (`FACELOOP_TRAIN_ON`: a process on the `gpu` queue's machine, another machine
   by ssh, a job of Kubernetes) and waits for it; on another machine it holds no worker meanwhile. The same snapshot,
   code, preset and seed are submitted once: a task that was killed, cleared or retried finds the training that runs.
   One that is marked failed or stopped makes the training save and end; the next try goes on from there.
   `tidy` then stops whatever machine was started for a training, however that ended. `tidy_before` does so at the
   beginning of every run, also of one in which the gate says no: it finds what an earlier night left over. By hand:
   `python -m training teardown`.
4. `evaluate` measures the result on faces that it was not trained on.
5. `ask` looks at how the faces have changed since the champion learned. As usual: `sign_off` is skipped. When a
   domain's share has moved by more than `FACELOOP_SIGN_OFF_BALANCE`, or more than `FACELOOP_SIGN_OFF_FRESH_FACES` of
   the faces are new, and the model is not worse than the champion, `sign_off` waits for a person, who sees some of the
   new faces (Airflow: *Required Actions*). It holds no worker meanwhile and approves nothing by itself: after
   `FACELOOP_SIGN_OFF_DAYS` it fails. Clear it to ask again.
6. `promote` makes the model champion if nothing got worse and nobody refused; who answered what, when and why stays
   with the model. Then the asset `champion` tells whoever serves the model.

The task of a training of many hours must survive a restart of the API server: set
`AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS` and `AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT` high, as
docker-compose.yaml and the demo do.
"""

from datetime import datetime, timedelta

import reporting
import signing
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Asset, AssetOrTimeSchedule, CronTriggerTimetable, Param, dag, task
from submitted import TrainOperator

from catalog.settings import settings
from training import steps
from training.runners import tidying

APPROVED_FACES, CHAMPION = Asset("approved_faces"), Asset("champion")
GPU = {"queue": "gpu", "pool": "gpu"}


@dag(
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("0 2 * * *", timezone="UTC"), assets=[APPROVED_FACES]),
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "faceloop", "retries": 1, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    tags=["train"],
)
def retrain_model():
    people = task(steps.people, queue="vision", pool="vision")()
    snapshot = task(steps.snapshot)()
    due = task(steps.due)(snapshot)
    gate = task.short_circuit(steps.gate)(due)

    training = TrainOperator(
        task_id="train",
        snapshot=due,
        **GPU,
        retries=5,  # a training that was asked to stop has saved; the retry goes on from its checkpoint
        execution_timeout=timedelta(days=3),
    )
    trained = training.output
    # Also after a failure, and until it succeeds: a machine that is forgotten costs money.
    until_it_succeeds = {"retries": 20, "retry_delay": timedelta(minutes=5), **GPU}
    task(tidying.tidy, task_id="tidy_before", **until_it_succeeds)()  # waits for no gate
    tidied = task(tidying.tidy, trigger_rule="all_done", **until_it_succeeds)()
    evaluation = task(steps.evaluate, **GPU)(trained)
    evaluation.operator.operator_extra_links = (reporting.ReportLink(),)
    question = task.short_circuit(signing.ask, ignore_downstream_trigger_rules=False, **GPU)(evaluation)
    sign_off = ApprovalOperator(
        task_id=signing.SIGN_OFF,
        subject="Promote a model that learned from unusually changed faces?",
        body=question,
        params={"why": Param("", type="string", title="Why", description="Kept with the model, whatever you decide.")},
        response_timeout=timedelta(days=settings().sign_off_days),
        on_success_callback=signing.keep_answer,
        retries=0,  # whoever did not answer in time is not asked again by itself
    )
    signed = EmptyOperator(task_id="signed")  # a refusal skips it, and it alone: `promote` records who refused
    # Measures the champion anew, beside the challenger.
    model = task(signing.promote, trigger_rule="none_failed", **GPU)(evaluation)
    crowned = task.short_circuit(steps.is_champion)(model)
    champion = EmptyOperator(task_id="champion", outlets=[CHAMPION])

    people >> snapshot
    training >> tidied
    gate >> training >> evaluation >> question >> sign_off >> signed >> model >> crowned >> champion


retrain_model()
