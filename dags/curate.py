"""Carry new photos through checks and three rounds of human review.

Starts whenever a collector has fetched (asset `photos`). One run carries one batch: the photos that are in none yet.

1. `open_batch` takes the waiting photos, up to `FACELOOP_PHOTOS_PER_BATCH`; when there are none, the run ends here,
   skipped. When `more` are left, `next_batch` starts another run for them.
2. `screen` refuses what cannot be used (undecodable, no face) and flags what looks wrong.
3. `review_raw` waits until people have decided on every photo in the review desk.
4. `crop` cuts the approved photos' faces, `check` scores them, `validate` holds the batch against its expectations;
   a failed critical expectation stops the batch with its reason. Clear `validate` once the cause is mended: the batch
   opens anew.
5. `review_crop` and `review_final` wait for people again.
6. `close_batch` ends the batch; the asset `approved_faces` starts `retrain_model`.

The waiting tasks are deferred: they hold no worker while people take days, and survive a restart of Airflow. Several
batches may wait side by side.
"""

from datetime import datetime, timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, dag, task
from human_review import HumanReviewSensor

from preprocessing import steps

PHOTOS, APPROVED_FACES = Asset("photos"), Asset("approved_faces")
VISION = {"queue": "vision", "pool": "vision"}


@dag(
    schedule=[PHOTOS],
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=16,
    default_args={"owner": "faceloop", "retries": 2, "retry_delay": timedelta(minutes=1)},
    doc_md=__doc__,
    tags=["curate", "review"],
)
def curate_photos():
    batch = task.short_circuit(steps.open_batch)("{{ run_id }}")
    more = task.short_circuit(steps.photos_wait, task_id="more")()
    next_batch = EmptyOperator(task_id="next_batch", outlets=[PHOTOS])
    screened = task(steps.screen, **VISION)(batch)
    review_raw = HumanReviewSensor(task_id="review_raw", batch=batch, stage="raw")
    cropped = task(steps.crop, **VISION)(batch)
    checked = task(steps.check, **VISION)(batch)
    validated = task(steps.validate, retries=0)(batch)
    review_crop = HumanReviewSensor(task_id="review_crop", batch=batch, stage="crop")
    review_final = HumanReviewSensor(task_id="review_final", batch=batch, stage="final")
    closed = task(steps.close_batch, outlets=[APPROVED_FACES])(batch)

    batch >> more >> next_batch
    screened >> review_raw >> cropped >> checked >> validated >> review_crop >> review_final >> closed


curate_photos()
