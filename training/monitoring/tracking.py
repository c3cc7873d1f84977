"""Follows a training: losses, speed, memory and sample pictures to a journal, TensorBoard and Weights & Biases.

W&B writes under the run's folder and needs no network: without WANDB_API_KEY, or when its server does not answer, it
records offline, to be sent later with `wandb sync`; WANDB_MODE=disabled switches it off. Of the faces it gets the
sample grids (unless told not to) and never the snapshot: that is named by its id. The only file that imports wandb.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from catalog.records import GateRule
from training.monitoring.journal import Journal
from training.monitoring.watching import Alert

log = logging.getLogger(__name__)

STEP = "step"
"""The number that W&B draws everything against: its own counts reports, and begins anew with a resume."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a run comes from, for whoever reads its page. `gate` is the decision that let it train, in words, and
    `rules` are all that it asked and found; empty where the gate was not asked."""

    snapshot: str
    manifest: str  # name of the blob that lists the snapshot's faces
    faces: Mapping[str, int]  # per domain
    sources: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # per domain, the faces of each source
    code: str = ""
    decision: int | None = None
    gate: tuple[str, ...] = ()
    gate_numbers: Mapping[str, float] = field(default_factory=dict)
    rules: tuple[GateRule, ...] = ()

    def text(self) -> str:
        """As Markdown."""
        lines = [f"snapshot `{self.snapshot}`"]
        for domain, count in self.faces.items():
            told = [f"{source} {faces:,} ({faces / count:.1%})" for source, faces in self._largest_first(domain)]
            share = count / max(1, sum(self.faces.values()))
            lines.append(f"{count:,} faces {domain} ({share:.1%}){': ' if told else ''}{', '.join(told)}")
        lines += [f"gate{f' (decision {self.decision})' if self.decision else ''}: {reason}" for reason in self.gate]
        text = "\n".join(f"- {line}" for line in lines)
        if not self.rules:
            return text
        rows = [
            f"| {rule.name} | {'lifted' if rule.lifted else 'yes' if rule.holds else 'no'} "
            f"| {_number(rule.number)} | {_number(rule.threshold)} |"
            for rule in self.rules
        ]
        return "\n".join([text, "", "| rule | holds | found | asked |", "|---|---|---|---|", *rows])

    def plain(self) -> dict[str, Any]:
        """As W&B's configuration can hold it."""
        total = max(1, sum(self.faces.values()))
        return {
            "snapshot": self.snapshot,
            "manifest": self.manifest,
            "code": self.code,
            "faces": dict(self.faces),
            "shares": {domain: round(count / total, 6) for domain, count in self.faces.items()},
            "sources": {domain: dict(self._largest_first(domain)) for domain in self.sources},
            "gate": {
                "decision": self.decision,
                "reasons": list(self.gate),
                "numbers": dict(self.gate_numbers),
                "rules": {
                    rule.name: {
                        "holds": rule.holds,
                        "lifted": rule.lifted,
                        "found": rule.number,
                        "asked": rule.threshold,
                        "says": rule.says,
                    }
                    for rule in self.rules
                },
            },
        }

    def _largest_first(self, domain: str) -> list[tuple[str, int]]:
        return sorted(self.sources.get(domain, {}).items(), key=lambda one: (-one[1], one[0]))


class Tracker(Protocol):
    """Where a training reports to."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Report named numbers at a step."""

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        """Report named pictures [H,W,3] uint8 at a step."""

    def alert(self, step: int, alert: Alert) -> None:
        """Report what somebody should hear of."""


class Tracking:
    """A run's journal, TensorBoard and W&B behind one face; use as a context manager so that all are closed.

    `patience` is how many seconds W&B's server has to answer before a training goes on without it; `step` is the one
    that a training goes on from: what was written after it was lost with the process that wrote it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        config: Mapping[str, Any],
        project: str,
        step: int,
        lineage: Lineage | None = None,
        show_pictures: bool = True,
        patience: float = 30.0,
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self.step = step  # the newest that was told
        self._name, self._show_pictures = name, show_pictures
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1)
        told = {**config, **({"lineage": lineage.plain()} if lineage else {})}
        self._wandb = _start_wandb(folder, name=name, config=told, project=project, patience=patience)
        self._journal = Journal(folder, step=step)
        if lineage is not None:
            self._board.add_text("lineage", lineage.text(), step)
            self._use_snapshot(lineage)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Report named numbers at a step."""
        self.step = step
        self._journal.numbers(step, values)
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        self._wandb.log({**values, STEP: step})

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        """Report named pictures [H,W,3] uint8 at a step."""
        for name, grid in grids.items():
            self._board.add_image(f"samples/{name}", grid, step, dataformats="HWC")
        if not self._show_pictures:
            return
        import wandb

        shown = {f"samples/{name}": wandb.Image(grid) for name, grid in grids.items()}
        self._wandb.log({**shown, STEP: step})

    def alert(self, step: int, alert: Alert) -> None:
        """Report what somebody should hear of: W&B sends it on as its user has set (e-mail, Slack)."""
        log.error("%s: %s", alert.title, alert.text)
        self._journal.note(step, alert.kind, f"{alert.title}. {alert.text}")
        self._board.add_text(f"alerts/{alert.kind}", f"**{alert.title}.** {alert.text}", step)
        level = "ERROR" if alert.fatal else "WARN"
        self._wandb.alert(title=alert.title, text=f"{self._name}: {alert.text}", level=level)

    def ended(self, step: int, how: str, *, files: Mapping[str, str]) -> None:
        """Say how the run came to its end, and which files (name → sha256) it leaves; W&B is told of them by name."""
        self._journal.note(step, "ended", how)
        self._board.add_text("ended", how, step)
        self._wandb.summary["ended"] = how
        import wandb

        model = wandb.Artifact(f"model-{self._name}", type="model", metadata={STEP: step, "ended": how, **files})
        for name, sha256 in files.items():
            model.add_reference(f"faceloop://checkpoints/{sha256}", name=name, checksum=False)
        self._wandb.log_artifact(model, aliases=["latest", f"step-{step}"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._journal.close()
        self._board.close()
        self._wandb.finish(exit_code=0 if kind is None else 1)

    def _use_snapshot(self, lineage: Lineage) -> None:
        import wandb

        snapshot = wandb.Artifact(
            f"snapshot-{lineage.snapshot[:12]}",
            type="snapshot",
            metadata={"id": lineage.snapshot, **{f"faces_{domain}": n for domain, n in lineage.faces.items()}},
        )
        # By name: whoever has the store finds it there, and nobody else sees whose faces they are.
        snapshot.add_reference(f"faceloop://snapshots/{lineage.manifest}", name="manifest.jsonl", checksum=False)
        if self._wandb.offline:  # W&B takes no input artifact then; among the outputs its name says the same
            self._wandb.log_artifact(snapshot)
        else:
            self._wandb.use_artifact(snapshot)


def report_later(
    folder: Path, *, name: str, project: str, step: int, what: str, numbers: Mapping[str, float], lines: tuple[str, ...]
) -> None:
    """Add what is known of a run only after it has ended (an evaluation, a promotion) to where it reported to.

    W&B goes on with the run by its id; offline that is one more folder of the same id, and `wandb sync` joins them.
    Whatever W&B answers, nothing is raised: the numbers are in the catalog.
    """
    from torch.utils.tensorboard import SummaryWriter

    told = {f"{what}/{key}": value for key, value in numbers.items()}
    text = "\n".join(f"- {line}" for line in lines)
    board = SummaryWriter(str(folder / "tensorboard"))
    for key, value in told.items():
        board.add_scalar(key, value, step)
    if text:
        board.add_text(what, text, step)
    board.close()
    import wandb

    try:
        run = _start_wandb(folder, name=name, config={}, project=project, patience=30.0)
        run.log({**told, STEP: step})
        run.summary.update({**told, **({what: text} if text else {})})
        run.finish()
    except (wandb.Error, OSError) as error:
        log.warning("W&B was not told of the %s: %s", what, str(error).splitlines()[0])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.6g}"


def _start_wandb(folder: Path, *, name: str, config: Mapping[str, Any], project: str, patience: float) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    mode: Any = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "wandb-cache"))
    os.environ.setdefault("WANDB_CONFIG_DIR", str(folder / "wandb-config"))
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "wandb-data"))
    import wandb

    def begin(mode: Any) -> Any:
        # The folder of an offline run is named by the second: two in one second would write one file.
        while list((folder / "wandb").glob(f"*-run-{datetime.now():%Y%m%d_%H%M%S}-{name}")):
            time.sleep(0.1)
        return wandb.init(
            project=project,
            name=name,
            id=name,
            resume="allow" if mode == "online" else None,
            dir=str(folder),
            config=dict(config),
            mode=mode,
            settings=wandb.Settings(
                console="off", disable_git=True, save_code=False, x_disable_stats=True, init_timeout=patience
            ),
        )

    try:
        run = begin(mode)
    except wandb.Error as error:
        if mode != "online":
            raise
        log.warning("W&B cannot be reached, recording offline: %s", str(error).splitlines()[0])
        wandb.teardown()  # the failed try still holds the run's id
        run = begin("offline")
    run.define_metric("*", step_metric=STEP)
    return run
