"""The commands: python -m training snapshot | gate | train | submit | evaluate | promote | verify | presets | ..."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from catalog import Catalog
from catalog.errors import CatalogError
from catalog.records import ModelState
from training import gate_commands, measuring_commands, overview, release_commands, steps
from training.errors import TrainingError
from training.presets import PRESETS
from training.release.signoff import SignOff
from training.runners import commands as runners


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command: 0 when it went well, 1 with a one-line error when not, 75 when asked to stop and saved."""
    given = _parser().parse_args(arguments)
    logging.basicConfig(format="%(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("training").setLevel(logging.INFO)
    try:
        return _VERBS[given.verb](given)
    except (CatalogError, TrainingError, ValidationError, SQLAlchemyError, OSError) as error:
        first = _one_line(error)
        print(f"error: {first}", file=sys.stderr)
        if given.json:
            print(json.dumps({"ok": False, "error": first, "kind": type(error).__name__}))
        return 1


def _one_line(error: Exception) -> str:
    if isinstance(error, ValidationError):  # its own first line only counts what is wrong
        return "; ".join(f"setting {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    first, *_ = str(error).splitlines() or [type(error).__name__]
    return first


def _snapshot(given: argparse.Namespace) -> int:
    catalog = Catalog()
    row = catalog.snapshots.get(steps.snapshot(preset=given.preset))
    held_out = catalog.snapshots.split(row.id)
    print(f"snapshot {row.id}: {row.faces} faces ({row.bare} bare, {row.makeup} makeup)")
    print(f"  held out of training: {held_out['bare']} bare, {held_out['makeup']} makeup")
    _tell(given, snapshot=row.id, faces=row.faces, bare=row.bare, makeup=row.makeup, held_out=dict(held_out))
    return 0


def _train(given: argparse.Namespace) -> int:
    if os.environ.get("RANK", "0") != "0":
        return _assist(given)
    asked = False

    def ask(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's signature
        nonlocal asked
        asked = True
        if signum == signal.SIGINT:
            signal.signal(signum, before[signal.SIGINT])  # a second Ctrl-C ends at once

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        done = steps.train(
            given.snapshot,
            preset=given.preset,
            seed=given.seed,
            slice_steps=given.slice_steps,
            again=given.again,
            origin=given.origin,
            device=given.device,
            threads=given.threads,
            stop=lambda: asked,
            stop_when=given.stop_when,
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    state = "finished" if done.finished else "stopped on request" if done.stopped else "slice done"
    print(f"run {done.run_id} ({done.name}): step {done.step} of {done.total_steps}, {state}")
    if done.early:
        print(f"  {done.early}")
    print(f"  {done.trained} steps in this call, {done.seconds_per_step:.2f} s each")
    for path in (*done.checkpoints, done.page, *done.samples):
        print(f"  {path}")
    shown = {
        **asdict(done),
        "checkpoints": list(map(str, done.checkpoints)),
        "page": str(done.page),
        "samples": list(map(str, done.samples)),
    }
    _tell(given, run=shown.pop("run_id"), **shown)
    return os.EX_TEMPFAIL if done.stopped else 0


def _assist(given: argparse.Namespace) -> int:
    # torchrun asks everybody to stop: the leader saves, with everybody's help, and then says that it is over.
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        taken = steps.assist(
            given.snapshot, preset=given.preset, seed=given.seed, device=given.device, threads=given.threads
        )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    print(f"shared {taken} steps")
    return 0


def _promote(given: argparse.Namespace) -> int:
    signed = SignOff(True, given.signed_by, datetime.now(UTC), given.why) if given.signed_by else None
    models = Catalog().models
    judged = models.of_evaluation(given.evaluation)
    model = models.get(steps.promote(given.evaluation, signed=signed, again=given.again))
    if judged is not None and judged.decided_at == model.decided_at:
        hint = "; --again judges it by the policy and the champion of today" * (model.state is ModelState.CANDIDATE)
        print(f"judged already, {model.decided_at:%Y-%m-%d %H:%M} UTC, and not again{hint}")
    champion = models.champion()
    print(f"model {model.id} of run {model.run_id}: {model.state}")
    for reason in model.reasons:
        print(f"  {reason}")
    _tell(
        given,
        model=model.id,
        run=model.run_id,
        state=model.state,
        promoted=model.state is ModelState.CHAMPION,
        champion=champion.id if champion else None,
        reasons=model.reasons,
    )
    return 0


def _verify(given: argparse.Namespace) -> int:
    row, problems = steps.verify(given.snapshot)
    for problem in problems:
        print(problem)
    if not problems:
        print(f"snapshot {row.id}: every file is as it was written")
    _tell(given, ok=not problems, snapshot=row.id, problems=problems)
    return 1 if problems else 0


def _presets(given: argparse.Namespace) -> int:
    for preset in PRESETS.values():
        print(preset.name)
        for name, value in asdict(preset).items():
            print(f"  {name:14} {value}")
    _tell(given, presets=[asdict(preset) for preset in PRESETS.values()])
    return 0


_VERBS = {
    "snapshot": _snapshot,
    "train": _train,
    **measuring_commands.VERBS,
    "promote": _promote,
    "verify": _verify,
    **gate_commands.VERBS,
    "presets": _presets,
    **runners.VERBS,
    **overview.VERBS,
    **release_commands.VERBS,
}


def _tell(given: argparse.Namespace, *, ok: bool = True, **fields: Any) -> None:
    if given.json:
        print(json.dumps({"ok": ok, **fields}))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Approved faces -> snapshot -> model.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    helps = {
        "snapshot": "freeze the faces approved now",
        "train": "train, or go on training; SIGTERM or Ctrl-C saves and exits 75",
        **measuring_commands.HELPS,
        "promote": "make an evaluated model champion, or say why not",
        "verify": "look for flipped bytes in a snapshot",
        **gate_commands.HELPS,
        "presets": "list the presets",
        **runners.HELPS,
        **overview.HELPS,
        **release_commands.HELPS,
    }
    commands = {verb: verbs.add_parser(verb, help=line) for verb, line in helps.items()}
    for command in commands.values():
        command.add_argument("--json", action="store_true", help="print one JSON object on the last line")
    for verb in ("gate", "train", "submit", "verify"):
        commands[verb].add_argument("--snapshot", default="", help="id, or the beginning of it (default: the newest)")
    for verb in ("gate", "train", "submit"):
        commands[verb].add_argument("--preset", default="", choices=["", *PRESETS], help="default: as configured")
        commands[verb].add_argument("--seed", type=_not_negative, help="default: as configured")
    gate_commands.add_arguments(commands)
    commands["snapshot"].add_argument("--preset", default="", choices=["", *PRESETS], help="pack its pixels now")
    for verb in ("train", "submit"):
        commands[verb].add_argument("--slice-steps", type=_not_negative, help="train at most so many steps, then save")
        commands[verb].add_argument("--again", action="store_true", help="also when this very training failed before")
        commands[verb].add_argument("--device", default="", help="cpu, cuda, cuda:1 (default: cuda if there is one)")
        commands[verb].add_argument(
            "--stop-when",
            metavar="RULES",
            help="end the run early, e.g. 'copy_rate > 0.05 for 3; no gain in makeup_distance for 4' (default: as "
            "configured; '': never)",
        )
    commands["train"].add_argument(
        "--from",
        dest="origin",
        type=Path,
        metavar="CKPT",
        help="begin a new run with the averaged networks of this file (nets_ema, in the published format)",
    )
    commands["train"].add_argument("--threads", type=_not_negative, default=0, help="default: half the cores")
    runners.add_arguments(commands)
    overview.add_arguments(commands)
    measuring_commands.add_arguments(commands)
    release_commands.add_arguments(commands)
    commands["promote"].add_argument("--evaluation", type=int, required=True, help="number of the evaluation")
    commands["promote"].add_argument(
        "--signed-by",
        default="",
        metavar="NAME",
        help="who agrees to it, when what it learned from has changed unusually",
    )
    commands["promote"].add_argument("--why", default="", help="why they agree")
    commands["promote"].add_argument(
        "--again",
        action="store_true",
        help="judge a model anew that was refused, by the policy and the champion of today",
    )
    return parser


def _not_negative(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
