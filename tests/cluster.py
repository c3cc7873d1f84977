"""A stand-in for the API server of a cluster: what the runner asks of jobs, pods and logs, over HTTP on loopback."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

JOBS = re.compile(r"^/apis/batch/v1/namespaces/([\w-]+)/jobs(?:/([\w-]+))?$")
PODS = re.compile(r"^/api/v1/namespaces/([\w-]+)/pods(?:/([\w-]+)/log)?$")


@dataclass
class Cluster:
    """What it holds, and what it was asked. ``silent``: answers 503; ``refuses``: answers that instead."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    pods: list[dict[str, Any]] = field(default_factory=list)
    logs: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    ending: set[str] = field(default_factory=set)
    ends_at_once: bool = True
    refuses: tuple[int, str] | None = None
    connections: int = 0

    def pod(self, job: str, *, name: str = "pod-1", **state: Any) -> None:
        """Let a job have a pod whose only container is in this state."""
        self.pods.append(
            {
                "metadata": {
                    "name": name,
                    "labels": {"job-name": job},
                    "creationTimestamp": f"2026-11-26T06:00:{len(self.pods):02}Z",
                },
                "spec": {"containers": []},
                "status": {
                    "containerStatuses": [
                        {
                            "name": "training",
                            "image": "",
                            "imageID": "",
                            "ready": False,
                            "restartCount": 0,
                            "state": state,
                        }
                    ]
                },
            }
        )

    def condition(self, job: str, kind: str, *, reason: str = "", message: str = "") -> None:
        """Say how a job has ended."""
        ended = {"type": kind, "status": "True", "reason": reason, "message": message}
        self.jobs[job]["status"] = {"conditions": [ended]}

    def answer(self, verb: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        """What the API server says."""
        self.asked.append((verb, path))
        if self.refuses:
            return self.refuses[0], _status(*self.refuses)
        if found := JOBS.match(path):
            return self._job(verb, found[2], query, body)
        if found := PODS.match(path):
            if found[2]:
                return (200, self.logs[found[2]]) if found[2] in self.logs else (400, _status(400, "ContainerCreating"))
            wanted = query["labelSelector"][0].partition("=")[2]
            pods = [pod for pod in self.pods if pod["metadata"]["labels"]["job-name"] == wanted]
            return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": pods}
        return 404, _status(404, path)

    def _job(self, verb: str, name: str | None, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        if verb == "POST":
            name = body["metadata"]["name"]
            if name in self.jobs:
                return 409, _status(409, f'jobs.batch "{name}" already exists')
            self.jobs[name] = {**body, "status": {"active": 1}}
            return 201, self.jobs[name]
        if name is None:
            items = [job for job in self.jobs.values() if _selected(job, query["labelSelector"][0])]
            return 200, {"kind": "JobList", "apiVersion": "batch/v1", "metadata": {}, "items": items}
        if name not in self.jobs:
            return 404, _status(404, f'jobs.batch "{name}" not found')
        if verb == "DELETE":
            assert query["propagationPolicy"] == ["Foreground"]  # else it is gone before its pod has saved
            self.ending.add(name)
            if self.ends_at_once:
                self.end(name)
            return 200, _status(200, "")
        return 200, self.jobs[name]

    def end(self, name: str) -> None:
        """The pod of a deleted job has saved and ended."""
        self.jobs.pop(name, None)


@contextmanager
def cluster(folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """A running one, and a kubeconfig that leads to it."""
    holds = Cluster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # a connection may be used again

        def setup(self) -> None:
            holds.connections += 1
            super().setup()

        def _serve(self) -> None:
            parts, length = urlsplit(self.path), int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            code, said = holds.answer(self.command, parts.path, parse_qs(parts.query), body)
            data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "text/plain" if isinstance(said, str) else "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    one = {"cluster": {"server": f"http://127.0.0.1:{server.server_port}"}, "name": "here"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [one],
        "users": [{"name": "us", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "us"}}],
        "current-context": "here",
    }
    (folder / "kubeconfig").write_text(json.dumps(config))
    try:
        yield holds, folder / "kubeconfig"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _selected(job: dict[str, Any], selector: str) -> bool:
    labels = job["metadata"]["labels"]
    for part in selector.split(","):
        name, _, value = part.partition("=")
        if name.endswith("!"):
            if labels.get(name[:-1]) == value:
                return False
        elif labels.get(name) != value:
            return False
    return True


def _status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": code, "message": message}
