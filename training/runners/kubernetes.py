"""The runner `kubernetes`: a training as a Job of batch/v1, named by its key, so that a second one cannot be made.

Its pod runs the trainer's image, reads and writes our catalog and store (a secret of yours names them), and keeps
nothing. Moved to another node it saves, exits with 75, and begins again there: neither that nor a node that is drained
counts as a failure. The cluster never runs two pods of one job at a time.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from catalog import Settings
from catalog.records import Submission, SubmissionState
from training.errors import RunnerError, Unreachable
from training.runners.jobs import Job, Seen, ending
from training.runners.keeper import last_words

if TYPE_CHECKING:
    from kubernetes.client import ApiException

_SECONDS = 30
_HOME, _CONTAINER = "/var/lib/faceloop", "training"


def name_of(submission: Submission) -> str:
    """A job's name: one for each attempt."""
    return f"faceloop-{submission.key[:24]}-{submission.attempt}"


def manifest(submission: Submission, settings: Settings) -> dict[str, Any]:
    """The Job as the API takes it."""
    labels = {
        "app.kubernetes.io/name": "faceloop",
        "app.kubernetes.io/component": "training",
        "faceloop/key": submission.key[:40],
        "faceloop/attempt": str(submission.attempt),
        "faceloop/run": submission.run[:63],
    }
    gpus = {"nvidia.com/gpu": str(settings.kubernetes_gpus)} if settings.kubernetes_gpus else {}
    amounts = {"cpu": settings.kubernetes_cpu, "memory": settings.kubernetes_memory, **gpus}
    volumes = {
        "home": (_HOME, {"sizeLimit": settings.kubernetes_disk}),
        "memory": ("/dev/shm", {"medium": "Memory"}),
        "scratch": ("/tmp", {}),
    }
    container = {
        "name": _CONTAINER,
        "image": settings.kubernetes_image,
        "command": ["dumb-init", "--", *Job.of(submission).command("python")],
        "env": [{"name": "FACELOOP_HOME", "value": _HOME}, {"name": "HOME", "value": "/tmp"}],
        "envFrom": [{"secretRef": {"name": settings.kubernetes_secret}}],
        "resources": {"limits": {"memory": settings.kubernetes_memory, **gpus}, "requests": amounts},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": name, "mountPath": path} for name, (path, _) in volumes.items()],
    }
    pod = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": settings.kubernetes_grace_seconds,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 1000,
            "fsGroup": 1000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "nodeSelector": json.loads(settings.kubernetes_nodes),
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}] if gpus else [],
        "containers": [container],
        "volumes": [{"name": name, "emptyDir": kind} for name, (_, kind) in volumes.items()],
    }
    ignored = [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {"action": "Ignore", "onExitCodes": {"containerName": _CONTAINER, "operator": "In", "values": [75]}},
    ]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name_of(submission),
            "namespace": settings.kubernetes_namespace,
            "labels": labels,
            "annotations": {"faceloop/run": submission.run, "faceloop/snapshot": submission.snapshot_id},
        },
        "spec": {
            "parallelism": 1,
            "completions": 1,
            "backoffLimit": 6,  # with its growing pauses longer than a lease that a killed pod may have left
            "activeDeadlineSeconds": round(3600 * settings.kubernetes_hours),
            "ttlSecondsAfterFinished": 7 * 24 * 3600,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": {"rules": ignored},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


class Kubernetes:
    """Trains on the cluster that this process is in, or that the kubeconfig names."""

    apart = False

    def __init__(self, settings: Settings) -> None:
        if not settings.kubernetes_image:
            raise RunnerError("no image to train with: set FACELOOP_KUBERNETES_IMAGE")
        self._settings, self._space = settings, settings.kubernetes_namespace

    def start(self, submission: Submission, *, keep: Callable[[], None]) -> Mapping[str, Any]:  # noqa: ARG002
        """Make the job if there is none of its name; whatever else still trains its run must have ended before."""
        self._end_others(submission)
        body = manifest(submission, self._settings)
        made = self._asked(lambda api: api.create_namespaced_job(self._space, body, _request_timeout=_SECONDS), 409)
        return {"namespace": self._space, "job": name_of(submission), "made": made is not None}

    def look(self, submission: Submission) -> Seen:
        """How it stands; as long as it waits, for a node or its image, why."""
        job = self._job(name_of(submission))
        if job is None:
            return Seen(SubmissionState.SUBMITTED)
        held = {each.type: each for each in job.status.conditions or [] if each.status == "True"}
        if "Complete" in held:
            return Seen(SubmissionState.SUCCEEDED, 0)
        if "Failed" not in held:
            return Seen(SubmissionState.RUNNING, reason=self._why_it_waits(submission))
        failed = held["Failed"]
        if failed.reason == "DeadlineExceeded":
            return Seen(SubmissionState.STOPPED, 75, f"its {self._settings.kubernetes_hours:g} hours were over")
        ended = self._ended(submission)
        if ended is None:
            return Seen(SubmissionState.LOST, reason=f"{failed.reason}: {failed.message}")
        said = last_words((ended.message or "").splitlines()).get("error", "")
        code = -9 if ended.exit_code == 137 else ended.exit_code  # for want of memory, most often
        return ending(code, str(said) or f"{ended.reason}, exit {ended.exit_code}")

    def logs(self, submission: Submission, *, lines: int) -> str:
        """The end of what its newest pod has said."""
        pods = self._pods(submission)
        if not pods:
            return ""
        name = pods[-1].metadata.name
        said = self._asked(
            lambda _: self._core.read_namespaced_pod_log(
                name, self._space, container=_CONTAINER, tail_lines=lines, _request_timeout=_SECONDS
            ),
            400,  # its container has not started yet
            404,
        )
        return str(said or "").rstrip("\n")

    def stop(self, submission: Submission) -> None:
        """Delete the job: its pod is asked to save, and given the time for it; until then the job is there."""
        self._delete(name_of(submission))

    def fetch(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Nothing to bring: it writes to our catalog and blob store."""

    def teardown(self, submission: Submission, *, keep: Callable[[], None]) -> None:
        """Nothing to stop: the cluster takes the pod's node back by itself, and the job after a week."""

    def _end_others(self, submission: Submission) -> None:
        """Earlier attempts that were given up, and other submissions of the same run."""
        selector = f"faceloop/run={submission.run[:63]}"
        end = time.monotonic() + self._settings.kubernetes_grace_seconds + 60
        while True:
            listed = self._asked(
                lambda api: api.list_namespaced_job(self._space, label_selector=selector, _request_timeout=_SECONDS)
            )
            running = {job.metadata.name for job in listed.items if not _is_over(job)} - {name_of(submission)}
            if not running:
                return
            if time.monotonic() > end:
                raise RunnerError(f"{min(running)} trained this run before, and does not end")
            for name in running:
                self._delete(name)
            time.sleep(1)

    def _delete(self, name: str) -> None:
        self._asked(
            lambda api: api.delete_namespaced_job(
                name, self._space, propagation_policy="Foreground", _request_timeout=_SECONDS
            ),
            404,
        )

    def _job(self, name: str) -> Any:
        return self._asked(lambda api: api.read_namespaced_job(name, self._space, _request_timeout=_SECONDS), 404)

    def _pods(self, submission: Submission) -> list[Any]:
        selector = f"job-name={name_of(submission)}"
        found = self._asked(
            lambda _: self._core.list_namespaced_pod(self._space, label_selector=selector, _request_timeout=_SECONDS)
        )
        return sorted(found.items, key=lambda pod: str(pod.metadata.creation_timestamp))

    def _why_it_waits(self, submission: Submission) -> str:
        for pod in self._pods(submission)[-1:]:
            for condition in pod.status.conditions or []:
                if condition.type == "PodScheduled" and condition.status == "False":
                    return f"{condition.reason}: {condition.message}"
            for container in pod.status.container_statuses or []:
                if container.state.waiting:
                    return f"{container.state.waiting.reason}: {container.state.waiting.message or ''}".rstrip(": ")
        return ""

    def _ended(self, submission: Submission) -> Any:
        for pod in reversed(self._pods(submission)):
            for container in pod.status.container_statuses or []:
                if container.state.terminated:
                    return container.state.terminated
        return None

    def _asked(self, ask: Any, *expected: int) -> Any:
        """What the API answers; None for an expected refusal. Raises Unreachable, RunnerError."""
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        try:
            return ask(self._batch)
        except ApiException as error:
            if error.status in expected:
                return None
            kind = Unreachable if error.status in (0, 408, 429) or error.status >= 500 else RunnerError
            raise kind(f"the cluster says {error.status}: {_message(error)}") from None
        except HTTPError as error:
            raise Unreachable(f"the cluster does not answer: {type(error).__name__}") from None

    @cached_property
    def _batch(self) -> Any:
        from kubernetes import client

        return client.BatchV1Api(self._client)

    @cached_property
    def _core(self) -> Any:
        from kubernetes import client

        return client.CoreV1Api(self._client)

    @cached_property
    def _client(self) -> Any:
        from kubernetes import client, config

        configured = client.Configuration()
        try:
            config.load_incluster_config(client_configuration=configured)
        except config.ConfigException:
            try:
                config.load_kube_config(
                    os.environ.get("KUBECONFIG"),  # else as it was when the library was imported
                    context=self._settings.kubernetes_context or None,
                    client_configuration=configured,
                )
            except config.ConfigException as error:
                raise RunnerError(f"no cluster to train on: {error}") from None
        configured.retries = 2
        return client.ApiClient(configured)


def _is_over(job: Any) -> bool:
    return any(each.type in ("Complete", "Failed") and each.status == "True" for each in job.status.conditions or [])


def _message(error: ApiException) -> str:
    try:
        return str(json.loads(error.body or "{}").get("message") or error.reason)
    except ValueError:
        return str(error.reason)
