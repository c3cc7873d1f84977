"""Rules that end a training early, as the text that `--stop-when` and FACELOOP_STOP_WHEN hold.

    copy_rate > 0.05 for 3; no gain of 0.01 in makeup_distance for 4

    NAME > NUMBER [for N]           so in N reports in a row (also <, >=, <=; without "for": once)
    NAME rises for N                N times in a row above the report before (also falls)
    no gain [of AMOUNT] in NAME for N
                                    N reports since the best one, none of them better (by AMOUNT)

A semicolon parts rules; the first that holds, in the order in which they are written, ends the run. A report that does
not tell NAME neither counts nor breaks a row: losses are told every `log_every` steps, what a probe finds every
`probe_every`. A pure function of the numbers reported: all that is remembered of them is one row of numbers per rule,
which a checkpoint holds, so a run that was stopped and resumed decides as one that never stopped.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from training.errors import BadRule
from training.presets import Preset

PROBED = {
    "copy_rate": "share of repainted faces nearer to the reference's person than to the source's",
    "copy_index": "0: the source's face, 1: the reference's (mean)",
    "identity_kept": "share of repainted faces that are still the source's person",
    "no_face": "share of repainted pictures in which no face is found",
    "background_change": "mean difference outside the face, in 8-bit units",
    "makeup_distance": "0: the reference's make-up is taken whole, 1: nothing happened",
    "overfit": "1: the discriminator takes real faces that it has not seen for painted ones, 0: for real ones",
}
"""What a probe finds (probing.py), of several directions the worst; reported as probe/NAME."""

TOLD = {
    "images_per_second": "speed since the last report",
    "gpu_memory_gb": "most memory of the GPU held so far (only where there is one)",
    "peak_memory_gb": "most memory of the process so far",
    "G/lambda_ds": "weight of the diversity loss",
}
"""What else is reported beside the losses."""

HIGHER_IS_BETTER = frozenset({"identity_kept", "images_per_second"})

MOST_REPORTS = 10_000

_COMPARED = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}
_NUMBER = r"(?P<number>[^\s<>=]+)"
_NAME = r"(?P<name>[^\s<>=]+)"
_COUNT = r"(?P<count>\S+)"
_FORMS = (
    re.compile(rf"no gain( of {_NUMBER})? in {_NAME} for {_COUNT}"),
    re.compile(rf"{_NAME} (?P<kind>rises|falls) for {_COUNT}"),
    re.compile(rf"{_NAME} ?(?P<kind>>=|<=|>|<) ?{_NUMBER}( for {_COUNT})?"),
)
_LOSS = re.compile(r"[DG]/\w+")
_PASSES = ("latent", "reference")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `kind` is a comparison, rises, falls, or "no gain"; `number` is its limit or the least gain."""

    kind: str
    name: str
    number: float
    count: int

    def __str__(self) -> str:
        if self.kind == "no gain":
            least = f" of {_plain(self.number)}" if self.number else ""
            return f"no gain{least} in {self.name} for {self.count}"
        if self.kind in _COMPARED:
            row = f" for {self.count}" if self.count > 1 else ""
            return f"{self.name} {self.kind} {_plain(self.number)}{row}"
        return f"{self.name} {self.kind} for {self.count}"

    @property
    def probed(self) -> bool:
        """Whether only a probe tells its number."""
        return self.name in PROBED or self.name.startswith("probe/")

    def extend(self, row: Sequence[float], value: float) -> tuple[float, ...]:
        """The row of numbers that speaks for the rule, after one number more; as long as `needed` when it holds.

        For a comparison it is those in a row for which it is true; else it begins with the one compared with.
        """
        if self.kind in _COMPARED:
            return (*row, value)[-self.needed :] if _COMPARED[self.kind](value, self.number) else ()
        if not row:
            return (value,)
        if self.kind == "no gain":
            gain = value - row[0] if self.name.split("/")[-1] in HIGHER_IS_BETTER else row[0] - value
            better = gain > 0 and gain >= self.number
            return (value,) if better else (row[0], *(*row[1:], value)[-self.count :])
        further = value > row[-1] if self.kind == "rises" else value < row[-1]
        return (*row, value)[-self.needed :] if further else (value,)

    @property
    def needed(self) -> int:
        """How long a row must be for the rule to hold."""
        return self.count if self.kind in _COMPARED else self.count + 1


@dataclass(frozen=True, slots=True)
class Stop:
    """A rule that holds: at which step it was seen to, and the numbers that made it, the oldest first."""

    rule: str
    step: int
    values: tuple[float, ...]

    @property
    def reason(self) -> str:
        """For a person: the rule and its numbers."""
        return f"{ended_by(self.rule)}: {', '.join(f'{v:.4g}' for v in self.values)} at step {self.step:,}"


def ended_by(rule: Rule | str) -> str:
    """How the reason of a run begins that a rule has ended."""
    return f"stopped early because {rule}"


def parse(text: str) -> tuple[Rule, ...]:
    """The rules of a text; none for an empty one. Raises BadRule, which says what is wrong with which."""
    return tuple(_rule(part) for piece in text.split(";") if (part := " ".join(piece.split())))


def rules_for(text: str, preset: Preset) -> tuple[Rule, ...]:
    """The rules of a text. Raises BadRule, also for one that this preset would never tell its number."""
    rules = parse(text)
    if preset.probe_every == 0:
        for rule in rules:
            if rule.probed:
                raise BadRule(f"'{rule}' would never hold: preset {preset.name} has probe_every 0")
    return rules


def is_loss(name: str) -> bool:
    """Whether a name is that of a loss, with its pass or without."""
    return _LOSS.fullmatch(name) is not None and name not in TOLD


def value_of(name: str, values: Mapping[str, float]) -> float | None:
    """The number that a report tells under a rule's name, or None.

    A probe's names go without "probe/"; a loss's name without its pass (D/real for D/latent_real) is their mean.
    """
    for full in (name, f"probe/{name}"):
        if full in values:
            return values[full]
    net, slash, part = name.partition("/")
    passes = [values[full] for way in _PASSES if slash and (full := f"{net}/{way}_{part}") in values]
    return sum(passes) / len(passes) if passes else None


def follow(
    rules: Iterable[Rule], rows: Mapping[str, Sequence[float]], values: Mapping[str, float]
) -> dict[str, tuple[float, ...]]:
    """The rows of the rules after one report more, by each rule's text."""
    after = {}
    for rule in rules:
        row, value = tuple(rows.get(str(rule), ())), value_of(rule.name, values)
        after[str(rule)] = row if value is None else rule.extend(row, value)
    return after


def holds(rule: Rule, row: Sequence[float]) -> bool:
    """Whether a rule's row is long enough."""
    return len(row) >= rule.needed


def judge(rules: Sequence[Rule], history: Iterable[tuple[int, Mapping[str, float]]]) -> Stop | None:
    """The first stop in a history of (step, numbers), or None."""
    rows: dict[str, tuple[float, ...]] = {}
    for step, values in history:
        rows = follow(rules, rows, values)
        for rule in rules:
            if holds(rule, rows[str(rule)]):
                return Stop(str(rule), step, rows[str(rule)])
    return None


def _plain(number: float) -> str:
    return repr(number).removesuffix(".0")


def _rule(text: str) -> Rule:
    found = next((match for form in _FORMS if (match := form.fullmatch(text))), None)
    if found is None:
        raise BadRule(f"{text!r} is no rule; one is: copy_rate > 0.05 for 3, or: no gain in makeup_distance for 4")
    parts = found.groupdict()
    kind = parts.get("kind") or "no gain"
    number = _number(parts.get("number") or "0", text)
    if kind == "no gain" and number < 0:
        raise BadRule(f"{number:g} in {text!r} is no gain: it must be 0 or more")
    return Rule(kind, _name(parts["name"], text), number, _count(parts.get("count") or "1", text))


def _name(name: str, text: str) -> str:
    if name in PROBED or name in TOLD or name.startswith("probe/") or _LOSS.fullmatch(name):
        return name
    near = difflib.get_close_matches(name, [*PROBED, *TOLD], n=1)
    known = f"did you mean {near[0]}?" if near else f"known are {', '.join([*PROBED, *TOLD])}, and losses as D/real"
    raise BadRule(f"{name!r} in {text!r} is no number that is reported: {known}")


def _number(number: str, text: str) -> float:
    try:
        value = float(number)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadRule(f"{number!r} in {text!r} is not a number")
    return value


def _count(count: str, text: str) -> int:
    if not count.isascii() or not count.isdigit() or not 1 <= int(count) <= MOST_REPORTS:
        raise BadRule(f"{count!r} in {text!r} is no count of reports from 1 to {MOST_REPORTS:,}")
    return int(count)
