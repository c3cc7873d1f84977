"""The commands on submissions: python -m training submit | status | logs | fetch | cancel | teardown."""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from catalog import Catalog, settings
from catalog.records import Submission, SubmissionState
from training.errors import RunnerError
from training.runners.jobs import job_of
from training.runners.kinds import LEAVES_A_MACHINE, RUNNERS
from training.runners.submitting import Submissions

log = logging.getLogger(__name__)

HELPS = {
    "submit": "give a training to a runner, once: the same again gives the same submission",
    "status": "how submissions stand (default: all of them)",
    "logs": "the end of what a training has said",
    "fetch": "bring here what a training has saved elsewhere",
    "cancel": "ask a training to save and end",
    "teardown": "stop the machine of a submission that has ended (default: of all that have)",
}


def add_arguments(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """What these commands are told, beside what `submit` shares with `train`."""
    commands["submit"].add_argument("--on", default="", choices=["", *RUNNERS], help="default: as configured")
    commands["submit"].add_argument("--turn", default="", help="which slice of the run this is (with --slice-steps)")
    for verb in ("submit", "status"):
        commands[verb].add_argument("--wait", action="store_true", help="until it has ended")
    for verb in ("status", "teardown"):
        commands[verb].add_argument("key", nargs="?", default="", help="a submission's key, or the beginning of it")
    for verb in ("logs", "fetch", "cancel"):
        commands[verb].add_argument("key", help="a submission's key, or the beginning of it")
    commands["logs"].add_argument("--lines", type=int, default=50)


def _submit(given: argparse.Namespace) -> int:
    catalog = Catalog()
    job = job_of(
        given.snapshot,
        preset=given.preset,
        seed=given.seed,
        slice_steps=given.slice_steps,
        turn=given.turn,
        device=given.device,
        again=given.again,
        stop_when=given.stop_when,
        catalog=catalog,
        settings=settings(),
    )
    submissions = Submissions(runner=given.on, catalog=catalog)
    row = submissions.submit(job)
    return _shown(given, submissions.wait(row.key) if given.wait else row)


def _status(given: argparse.Namespace) -> int:
    catalog = Catalog()
    submissions = Submissions(catalog=catalog)
    if given.key:
        return _shown(given, submissions.wait(given.key) if given.wait else submissions.status(given.key))
    known = catalog.submissions.list()
    rows = [submissions.wait(row.key) if given.wait else _as_far_as_known(submissions, row) for row in known]
    for row in rows:
        print(_line(row))
    if given.json:
        print(json.dumps({"ok": True, "submissions": [_fields(row) for row in rows]}))
    return 0


def _logs(given: argparse.Namespace) -> int:
    said = Submissions().logs(given.key, lines=given.lines)
    print(json.dumps({"ok": True, "log": said}) if given.json else said)
    return 0


def _fetch(given: argparse.Namespace) -> int:
    run = Submissions().fetch(given.key)
    print(f"run {run.id}: step {run.step} of {run.total_steps} is here")
    if given.json:
        print(json.dumps({"ok": True, "run": run.id, "step": run.step, "total_steps": run.total_steps}))
    return 0


def _cancel(given: argparse.Namespace) -> int:
    row = Submissions().cancel(given.key)
    _shown(given, row)
    return 0


def _teardown(given: argparse.Namespace) -> int:
    catalog = Catalog()
    submissions = Submissions(catalog=catalog)
    rows = [catalog.submissions.get(given.key)] if given.key else submissions.tidy()
    for row in rows:
        if not submissions.teardown(row.key):
            raise RunnerError(f"{row.key[:12]} is {row.state}: cancel it first")
        print(f"{row.key[:12]}: nothing of it runs on {row.runner} any more")
    if given.json:
        print(json.dumps({"ok": True, "submissions": [row.key for row in rows]}))
    return 0


VERBS = {
    "submit": _submit,
    "status": _status,
    "logs": _logs,
    "fetch": _fetch,
    "cancel": _cancel,
    "teardown": _teardown,
}


def _as_far_as_known(submissions: Submissions, row: Submission) -> Submission:
    """How it stands, or stood when somebody could last be asked: the others are told all the same."""
    try:
        return submissions.watch(row.key).look()
    except RunnerError as error:
        log.warning("%s: %s", row.key[:12], error)
        return row


def _shown(given: argparse.Namespace, row: Submission) -> int:
    """0 while it runs or when it went well, 1 when it failed, 75 when the same command would go on."""
    print(_line(row))
    if given.json:
        print(json.dumps({"ok": row.state is not SubmissionState.FAILED, **_fields(row)}))
    if row.state.active or row.state is SubmissionState.SUCCEEDED:
        return 0
    return 1 if row.state is SubmissionState.FAILED else os.EX_TEMPFAIL


def _line(row: Submission) -> str:
    stopping = ", asked to stop" if row.stop_asked and row.state.active else ""
    left = row.runner in LEAVES_A_MACHINE and not row.state.active and row.torn_down_at is None
    up = ", not torn down" if left else ""
    told = f"{row.key[:12]} {row.run} on {row.runner}: {row.state}, attempt {row.attempt}{stopping}{up}"
    return f"{told} ({row.reason})" if row.reason else told


def _fields(row: Submission) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(row).items()}
