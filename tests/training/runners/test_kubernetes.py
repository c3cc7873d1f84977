"""A training as a Job: valid for the API, made once, found again, asked to save; by the real client."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import kubernetes_validate
import pytest

from catalog import Catalog, Settings, settings
from catalog.records import Submission, SubmissionState
from cluster import Cluster
from training.errors import RunnerError, Unreachable
from training.runners.jobs import Job, Seen, job_of
from training.runners.kubernetes import Kubernetes, manifest, name_of
from training.runners.submitting import Submissions


@pytest.fixture
def submissions(here: Cluster, catalog: Catalog) -> Submissions:
    return Submissions(catalog=catalog)


def job(catalog: Catalog) -> Job:
    return job_of(preset="tiny-64", catalog=catalog, settings=settings())


def given(catalog: Catalog) -> Submission:
    made = job(catalog)
    return catalog.submissions.open(
        made.key,
        run=made.run,
        snapshot_id=made.snapshot,
        runner="kubernetes",
        job={name: getattr(made, name) for name in Job.__slots__},
    )


def submitted(submissions: Submissions, catalog: Catalog) -> tuple[Submission, str]:
    row = submissions.submit(job(catalog))
    return row, name_of(row)


@pytest.mark.parametrize("version", ["1.31", "1.37"])
@pytest.mark.parametrize("gpus", [0, 1])
def test_the_job_is_one_that_the_api_takes(catalog: Catalog, version: str, gpus: int) -> None:
    config = Settings(kubernetes_image="trainer:1", kubernetes_gpus=gpus, kubernetes_nodes='{"gpu": "l4"}')
    kubernetes_validate.validate(manifest(given(catalog), config), version, strict=True)


def test_a_job_that_the_api_would_not_take_is_found_out(catalog: Catalog) -> None:
    made = manifest(given(catalog), Settings(kubernetes_image="trainer:1"))
    made["spec"]["backofLimit"] = 1
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(made, "1.31", strict=True)


def test_the_pod_has_a_gpu_no_privilege_no_secret_in_its_text_and_time_to_save(catalog: Catalog) -> None:
    spec = manifest(given(catalog), Settings(kubernetes_image="trainer:1"))["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert container["command"][:5] == ["dumb-init", "--", "python", "-m", "training"]
    assert "5" * 64 in container["command"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert [each["name"] for each in container["env"]] == ["FACELOOP_HOME", "HOME"]
    assert container["envFrom"] == [{"secretRef": {"name": "faceloop"}}]
    assert pod["terminationGracePeriodSeconds"] == 600
    assert spec["activeDeadlineSeconds"] == 72 * 3600


def test_a_pod_that_saved_and_left_or_was_moved_is_replaced_and_never_joined(catalog: Catalog) -> None:
    spec = manifest(given(catalog), Settings(kubernetes_image="trainer:1"))["spec"]
    assert {rule["action"] for rule in spec["podFailurePolicy"]["rules"]} == {"Ignore"}
    assert [rule["onExitCodes"]["values"] for rule in spec["podFailurePolicy"]["rules"] if "onExitCodes" in rule] == [
        [75]
    ]
    assert (spec["podReplacementPolicy"], spec["parallelism"]) == ("Failed", 1)


def test_submitting_twice_or_at_once_makes_one_job(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    rows: list[Submission] = []
    threads = [threading.Thread(target=lambda: rows.append(submissions.submit(job(catalog)))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row.state for row in rows} == {SubmissionState.RUNNING}
    assert list(here.jobs) == [name_of(rows[0])]
    assert submissions.submit(job(catalog)).attempt == 1
    assert len(here.jobs) == 1


def test_a_submitter_that_died_after_the_job_was_made_finds_it(
    here: Cluster, submissions: Submissions, catalog: Catalog
) -> None:
    left = given(catalog)
    Kubernetes(settings()).start(left, keep=lambda: None)  # and dies
    row, name = submitted(submissions, catalog)
    assert (row.attempt, row.handle) == (1, {"namespace": "default", "job": name, "made": False})
    assert list(here.jobs) == [name]


def test_how_it_ended_is_told(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, name = submitted(submissions, catalog)
    assert submissions.status(row.key).state is SubmissionState.RUNNING
    here.condition(name, "Complete")
    ended = submissions.status(row.key)
    assert (ended.state, ended.exit_code) == (SubmissionState.SUCCEEDED, 0)
    assert submissions.submit(job(catalog)) == ended


def test_a_failure_tells_the_training_s_last_words(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, name = submitted(submissions, catalog)
    last = 'error: NaN\n{"ok": false, "error": "loss g is nan at step 9", "kind": "Diverged"}'
    here.pod(name, terminated={"exitCode": 1, "reason": "Error", "message": last})
    here.condition(name, "Failed", reason="BackoffLimitExceeded")
    ended = submissions.status(row.key)
    assert (ended.state, ended.exit_code, ended.reason) == (SubmissionState.FAILED, 1, "loss g is nan at step 9")


@pytest.mark.parametrize(
    ("reason", "exit_code", "state"),
    [
        ("BackoffLimitExceeded", 137, SubmissionState.LOST),  # killed, for want of memory say
        ("BackoffLimitExceeded", None, SubmissionState.LOST),  # its pods are gone with their node
        ("DeadlineExceeded", 75, SubmissionState.STOPPED),
    ],
)
def test_what_was_ended_from_outside_may_go_on(
    here: Cluster,
    submissions: Submissions,
    catalog: Catalog,
    reason: str,
    exit_code: int | None,
    state: SubmissionState,
) -> None:
    row, name = submitted(submissions, catalog)
    if exit_code is not None:
        here.pod(name, terminated={"exitCode": exit_code, "reason": "OOMKilled"})
    here.condition(name, "Failed", reason=reason, message="so it went")
    assert submissions.status(row.key).state is state
    again, next_name = submitted(submissions, catalog)
    assert (again.key, again.attempt) == (row.key, 2)
    assert set(here.jobs) == {name, next_name}


def test_cancelled_it_has_ended_when_its_pod_has(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, name = submitted(submissions, catalog)
    here.ends_at_once = False
    assert submissions.cancel(row.key).state is SubmissionState.RUNNING  # its pod is saving
    assert here.ending == {name}
    assert submissions.status(row.key).state is SubmissionState.RUNNING
    here.end(name)
    assert submissions.status(row.key).state is SubmissionState.CANCELLED


def test_an_attempt_waits_for_the_end_of_the_one_before(
    here: Cluster, submissions: Submissions, catalog: Catalog
) -> None:
    row, name = submitted(submissions, catalog)
    catalog.submissions.note(row, state=SubmissionState.LOST)  # the cluster did not answer for long; its pod runs
    _, next_name = submitted(submissions, catalog)
    assert here.ending == {name}
    assert list(here.jobs) == [next_name]


def test_so_does_a_training_of_the_same_run_by_newer_code(
    here: Cluster, submissions: Submissions, catalog: Catalog
) -> None:
    row, name = submitted(submissions, catalog)
    catalog.submissions.note(row, state=SubmissionState.LOST)
    newer = submissions.submit(replace(job(catalog), code="newer"))
    assert (newer.run, newer.attempt) == (row.run, 1)
    assert newer.key != row.key
    assert here.ending == {name}
    assert list(here.jobs) == [name_of(newer)]


def test_a_job_that_somebody_removed_is_lost(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, name = submitted(submissions, catalog)
    here.end(name)
    assert submissions.status(row.key).state is SubmissionState.LOST


def test_as_long_as_it_waits_it_says_why(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, name = submitted(submissions, catalog)
    here.pod(name, waiting={"reason": "ImagePullBackOff", "message": "no such image"})
    assert submissions.status(row.key).reason == "ImagePullBackOff: no such image"


def test_the_newest_pod_s_log(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, name = submitted(submissions, catalog)
    assert submissions.logs(row.key) == ""
    here.pod(name, name="pod-1", terminated={"exitCode": 75})
    here.pod(name, name="pod-2", running={})
    assert submissions.logs(row.key) == ""  # its container is being made
    here.logs = {"pod-1": "old", "pod-2": "step 10\nstep 20\n"}
    assert submissions.logs(row.key) == "step 10\nstep 20"


def test_a_cluster_that_is_down_is_asked_again_and_one_that_refuses_is_not(
    here: Cluster, submissions: Submissions, catalog: Catalog
) -> None:
    here.refuses = (503, "etcd is away")
    with pytest.raises(Unreachable, match="503: etcd is away"):
        submissions.submit(job(catalog))
    assert catalog.submissions.list()[0].state is SubmissionState.SUBMITTED
    here.refuses = (403, "no jobs for you")
    with pytest.raises(RunnerError, match="no jobs for you"):
        submissions.submit(job(catalog))
    assert catalog.submissions.list()[0].state is SubmissionState.FAILED


def test_without_an_image_or_a_cluster_it_says_what_is_missing(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunnerError, match="FACELOOP_KUBERNETES_IMAGE"):
        Kubernetes(Settings())
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nothing"))
    with pytest.raises(RunnerError, match="no cluster"):
        Kubernetes(Settings(kubernetes_image="trainer:1")).look(given(catalog))


def test_nothing_is_brought_and_nothing_need_be_stopped(
    here: Cluster, submissions: Submissions, catalog: Catalog
) -> None:
    row, name = submitted(submissions, catalog)
    here.condition(name, "Complete")
    submissions.status(row.key)
    run = catalog.models.open_run("5" * 64, preset="tiny-64", seed=777, total_steps=9)
    assert submissions.fetch(row.key) == run
    assert catalog.submissions.standing() == []
    assert Kubernetes(settings()).look(row) == Seen(SubmissionState.SUCCEEDED, 0)


def test_whoever_waits_asks_over_the_same_connection(here: Cluster, submissions: Submissions, catalog: Catalog) -> None:
    row, _ = submitted(submissions, catalog)
    before = here.connections
    for _ in range(5):
        submissions.status(row.key)
    assert here.connections <= before + 1
