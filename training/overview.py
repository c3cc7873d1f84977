"""Which trainings there are, and how each of them goes: the catalog's rows beside the journals of this machine.

The commands: python -m training runs | journal.
"""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from catalog import Catalog, Settings
from catalog import settings as configured
from catalog.records import Run, Submission
from training.holding import lease_name
from training.monitoring import journal
from training.standing import TRAININGS, TrainingState, last_submissions, state_of
from training.store import run_name

HELPS = {
    "runs": "how trainings stand: step, speed, losses, alerts, and why one ended",
    "journal": "what one training has reported, step by step",
}


@dataclass(frozen=True, slots=True)
class RunView:
    """One run. `step` is the last one reported here, or saved; `numbers` are those of its newest report; `stands` is
    how its training stands, and `reason` why: in the desk's words."""

    id: int
    name: str
    state: str
    stands: TrainingState
    step: int
    total_steps: int
    reason: str
    told_at: str = ""
    numbers: dict[str, float] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For a terminal."""
        share = f"{100 * self.step / max(self.total_steps, 1):.0f} %"
        done = f"step {self.step:,} of {self.total_steps:,} ({share})"
        lines = [f"{self.id:4}  {self.name}  {TRAININGS[self.stands].lower()}, {done}"]
        if self.reason:
            lines.append(f"      {self.reason}")
        if self.told_at:
            speed = self.numbers.get("images_per_second")
            at = f"told at {self.told_at}"
            lines.append(f"      {speed:.3g} images/s, {at}" if speed is not None else f"      {at}")
            shown = [name for name in self.numbers if name[:2] in ("D/", "G/") or name.count("/") == 1]
            pieces = [f"{name} {self.numbers[name]:.4g}" for name in shown]
            lines += [f"      {'  '.join(pieces[i : i + 4])}" for i in range(0, len(pieces), 4)]
        return lines + [f"      ! {alert}" for alert in self.alerts]


def runs(*, limit: int = 20, catalog: Catalog | None = None, settings: Settings | None = None) -> Sequence[RunView]:
    """The newest runs, newest first."""
    catalog, settings = catalog or Catalog(), settings or configured()
    last = last_submissions(catalog)
    return [_view(run, _folder(run, settings), catalog, last) for run in list(catalog.models.runs())[:limit]]


def log(
    run_id: int, *, last: int = 20, catalog: Catalog | None = None, settings: Settings | None = None
) -> tuple[RunView, list[str]]:
    """A run and the last lines of its journal, as text. Raises NotFound."""
    catalog, settings = catalog or Catalog(), settings or configured()
    run = catalog.models.run(run_id)
    folder = _folder(run, settings)
    return _view(run, folder, catalog, last_submissions(catalog)), [
        _line(told) for told in deque(journal.read(folder), maxlen=last)
    ]


def _view(run: Run, folder: Path, catalog: Catalog, last: Mapping[str, Submission]) -> RunView:
    held = catalog.training_leases.held(lease_name(folder.name)) is not None
    stands, why = state_of(run, last.get(folder.name), held=held)
    numbers: dict[str, float] = {}
    step, told_at, alerts = run.step, "", []
    for line in journal.read(folder):
        if "numbers" in line:
            numbers |= line["numbers"]  # a probe is told less often than the losses: its last word stands
            step, told_at = line["step"], line["at"]
        elif line["kind"] != "ended":
            alerts.append(line["text"])
    return RunView(
        id=run.id,
        name=folder.name,
        state=run.state.value,
        stands=stands,
        step=step,
        total_steps=run.total_steps,
        reason=why,
        told_at=told_at,
        numbers=numbers,
        alerts=tuple(alerts[-3:]),
    )


def _line(told: dict[str, object]) -> str:
    numbers = told.get("numbers")
    if isinstance(numbers, dict):
        text = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    else:
        text = f"{told['kind']}: {told['text']}"
    return f"{told['at']}  step {told['step']:>7}  {text}"


def _folder(run: Run, settings: Settings) -> Path:
    return settings.home / "runs" / run_name(run.snapshot_id, preset=run.preset, seed=run.seed)


def add_arguments(commands: Mapping[str, argparse.ArgumentParser]) -> None:
    """What these commands are told."""
    commands["runs"].add_argument("--last", type=int, default=20, help="so many, the newest first (default: 20)")
    commands["journal"].add_argument("--run", type=int, required=True, help="number of the run")
    commands["journal"].add_argument("--lines", type=int, default=20, help="the last so many (default: 20)")


def _runs(given: argparse.Namespace) -> int:
    found = runs(limit=given.last)
    for view in found:
        print("\n".join(view.lines()))
    if not found:
        print("nothing has been trained yet")
    if given.json:
        print(json.dumps({"ok": True, "runs": [asdict(view) for view in found]}))
    return 0


def _journal(given: argparse.Namespace) -> int:
    view, lines = log(given.run, last=given.lines)
    print("\n".join([*view.lines(), *lines]))
    if not lines:
        print("      it has no journal on this machine")
    if given.json:
        print(json.dumps({"ok": True, "run": asdict(view), "lines": lines}))
    return 0


VERBS = {"runs": _runs, "journal": _journal}
