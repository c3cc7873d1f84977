"""Watches the numbers of a training: their means between two reports, rules that end it, and what raises an alert.

All that a `Watch` remembers is in `state`, which each checkpoint holds: a run that was stopped and resumed reports,
warns and ends as one that never stopped.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.errors import BadRule
from training.monitoring import stopping
from training.monitoring.stopping import Rule, Stop, parse


@dataclass(frozen=True, slots=True)
class Alert:
    """What somebody should hear of while a training runs. `kind` names it in files; `fatal`: the training has ended."""

    kind: str
    title: str
    text: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Alarm:
    """A rule that raises an alert instead of ending the run, and what to do about it."""

    kind: str
    rule: Rule
    title: str
    advice: str


def _alarm(kind: str, rule: str, title: str, advice: str) -> Alarm:
    (one,) = parse(rule)
    return Alarm(kind, one, title, advice)


ALARMS = (
    _alarm(
        "overfit",
        "overfit > 0.5 for 2",
        "The discriminator knows its faces by heart",
        "Of real faces that it has not seen it says more nearly what it says of painted ones. More steps will not help "
        "much: collect more faces, train with its pictures augmented, or take an earlier save.",
    ),
    _alarm(
        "copy_rate_rising",
        "copy_rate rises for 2",
        "The copy rate is rising",
        "More and more results are nearer to the reference's person than to the source's. See the reference grid; a "
        "rule like 'copy_rate > 0.05 for 3' would end the run.",
    ),
    _alarm(
        "copies",
        "copy_rate > 0.05 for 2",
        "The model copies the reference's face",
        "More than one result in twenty is nearer to the reference's person than to the source's: such a model is not "
        "to be served.",
    ),
)
"""What raises an alert by itself; a loss that is no finite number does too, and ends the run as failed."""

AGAIN_AFTER = 10
"""Of so many reports that would raise an alert, the first does; then nobody is told again until as many more."""

# What the rows of numbers in a checkpoint are called.
_OWN = "watch: "
_ROW, _DUE, _SUM, _STOP = (f"{_OWN}{word} " for word in ("row of", "times due of", "sum of", "stop by"))


class Watch:
    """The numbers of one run, seen in the order of its steps."""

    def __init__(self, rules: Sequence[Rule] = (), *, alarms: Sequence[Alarm] = ALARMS) -> None:
        self._rules, self._alarms = tuple(rules), tuple(alarms)
        self._rows: dict[str, tuple[float, ...]] = {}
        self._due: dict[str, int] = {}  # how often an alarm has been due since it was last raised
        self._sums: dict[str, tuple[float, int]] = {}
        self._stop: Stop | None = None
        self._first = True

    def step(self, losses: Mapping[str, float]) -> None:
        """One step's losses, for the means of the next report."""
        for name, value in losses.items():
            total, steps = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, steps + 1

    def means(self) -> dict[str, float]:
        """The mean of each loss over the steps that told it since the last report that was seen."""
        return {name: total / steps for name, (total, steps) in self._sums.items()}

    def see(self, step: int, values: Mapping[str, float]) -> tuple[Alert, ...]:
        """One report; gives the alerts that it raises. `stop` says whether a rule holds now; means begin anew.

        Raises BadRule when a rule speaks of a loss that this training has not.
        """
        if self._first:
            self._all_told(values)
        self._sums, self._first = {}, False
        self._rows = stopping.follow([*self._rules, *(alarm.rule for alarm in self._alarms)], self._rows, values)
        holding = (rule for rule in self._rules if stopping.holds(rule, self._rows[str(rule)]))
        if (rule := next(holding, None)) is not None:
            self._stop = Stop(str(rule), step, self._rows[str(rule)])
        return tuple(alert for alarm in self._alarms if (alert := self._raised(alarm, step, values)))

    @property
    def stop(self) -> Stop | None:
        """The stop that a rule has led to, if it has."""
        return self._stop

    def state(self) -> dict[str, list[float]]:
        """All that it remembers: rows of numbers by name, for a checkpoint to hold."""
        kept = {f"{_ROW}{text}": list(row) for text, row in self._rows.items()}
        kept |= {f"{_DUE}{kind}": [float(times)] for kind, times in self._due.items()}
        kept |= {f"{_SUM}{name}": [total, float(steps)] for name, (total, steps) in self._sums.items()}
        if self._stop is not None:
            kept[f"{_STOP}{self._stop.rule}"] = [float(self._stop.step), *self._stop.values]
        return kept

    def restore(self, state: Mapping[str, Sequence[float]]) -> dict[str, list[float]]:
        """Go on from a state, and give back the rows in it that are not a watch's.

        Of rules that are no longer asked for nothing is kept; new ones begin now.
        """
        asked = {str(rule) for rule in self._rules}
        known = asked | {str(alarm.rule) for alarm in self._alarms}
        self._rows = {text: tuple(row) for text, row in _named(state, _ROW) if text in known}
        self._due = {kind: int(times) for kind, (times,) in _named(state, _DUE)}
        self._sums = {name: (total, int(steps)) for name, (total, steps) in _named(state, _SUM)}
        for text, (step, *values) in _named(state, _STOP):
            if text in asked:
                self._stop = Stop(text, int(step), tuple(values))
        others = {name: list(row) for name, row in state.items() if not name.startswith(_OWN)}
        self._first = len(others) == len(state)
        return others

    def _all_told(self, values: Mapping[str, float]) -> None:
        losses = sorted(name for name in values if stopping.is_loss(name))
        for rule in self._rules:
            if stopping.is_loss(rule.name) and stopping.value_of(rule.name, values) is None:
                raise BadRule(f"{rule.name!r} in '{rule}' is no loss of this training, which has {', '.join(losses)}")

    def _raised(self, alarm: Alarm, step: int, values: Mapping[str, float]) -> Alert | None:
        row = self._rows[str(alarm.rule)]
        if stopping.value_of(alarm.rule.name, values) is None or not stopping.holds(alarm.rule, row):
            return None
        due = self._due.get(alarm.kind, 0)
        self._due[alarm.kind] = (due + 1) % AGAIN_AFTER
        if due:
            return None
        numbers = ", ".join(f"{value:.4g}" for value in row)
        return Alert(alarm.kind, alarm.title, f"{alarm.rule}: {numbers} at step {step:,}. {alarm.advice}")


def _named(state: Mapping[str, Sequence[float]], prefix: str) -> list[tuple[str, Sequence[float]]]:
    return [(name.removeprefix(prefix), row) for name, row in state.items() if name.startswith(prefix)]


def memory_in_use(device: str) -> dict[str, float]:
    """The most memory held so far in GB: of the process, and of the GPU where it trains on one."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {"peak_memory_gb": most / 1e9 if sys.platform == "darwin" else most * 1024 / 1e9}
    if device.startswith("cuda"):
        import torch

        found["gpu_memory_gb"] = torch.cuda.max_memory_allocated(device) / 1e9
    return found
