"""What the training page shows: each night's decision of the gate, what it lacks, the trainings, and the champions.

No face is shown here, nor anything of one; where faces are, a link leads there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog import Catalog
from catalog.records import (
    Evaluation,
    GateDecision,
    GateRule,
    Model,
    Reign,
    RuleKind,
    Run,
    Submission,
)
from training.gate.missing import OF_FACES, Need, needs
from training.holding import lease_name
from training.standing import TrainingState, last_submissions, state_of
from training.store import run_name

#: Nights on a page, and as many of the others as are shown.
NIGHTS, TRAININGS, REIGNS = 14, 6, 10


@dataclass(frozen=True, slots=True)
class Training:
    """One training. ``run`` is None before it has begun, ``submission`` when it was started by hand or long ago."""

    name: str
    snapshot_id: str
    state: TrainingState
    why: str
    at: datetime  # when it was last taken up
    run: Run | None
    submission: Submission | None
    evaluations: tuple[Evaluation, ...] = ()  # newest first
    models: tuple[Model, ...] = ()


@dataclass(frozen=True, slots=True)
class Trainings:
    """One page: nights newest first, and the newest of the rest. ``newest`` is the last night, on whichever page."""

    nights: tuple[GateDecision, ...]
    page: int
    pages: int
    newest: GateDecision | None
    needs: tuple[Need, ...]  # faces, as the newest night counted them
    others: tuple[GateRule, ...]  # what else stood in its way
    trainings: tuple[Training, ...]
    champion: Model | None
    reigns: tuple[Reign, ...]  # newest first
    evaluation_of: dict[int, int]  # by model

    @property
    def running(self) -> Training | None:
        """The training that runs now, if one does."""
        return next((one for one in self.trainings if one.state is TrainingState.RUNNING), None)


def trainings(catalog: Catalog, *, page: int = 1) -> Trainings:
    """A page of nights with everything beside them. A page beyond the last is the last."""
    pages = max(1, -(-catalog.snapshots.gate_count() // NIGHTS))
    page = min(page, pages)
    newest = next(iter(catalog.snapshots.gate_decisions(limit=1)), None)
    models = catalog.models.list()
    reigns = tuple(reversed(catalog.reigns.history()))[:REIGNS]
    return Trainings(
        nights=tuple(catalog.snapshots.gate_decisions(limit=NIGHTS, skip=(page - 1) * NIGHTS)),
        page=page,
        pages=pages,
        newest=newest,
        needs=needs(newest) if newest else (),
        others=tuple(rule for rule in newest.rules if rule.stands_in_the_way and rule.name not in OF_FACES)
        if newest
        else (),
        trainings=tuple(_newest(catalog, models)),
        champion=catalog.models.champion(),
        reigns=reigns,
        evaluation_of={model.id: model.evaluation_id for model in models},
    )


def rules_of(decision: GateDecision) -> Sequence[GateRule]:
    """A decision's rules in the order in which they matter to a reader: what stood in the way, then what forced."""
    return sorted(decision.rules, key=lambda rule: (not rule.stands_in_the_way, not _forced(rule)))


def _forced(rule: GateRule) -> bool:
    return rule.kind is RuleKind.FORCES and rule.holds


def _newest(catalog: Catalog, models: Sequence[Model]) -> Iterator[Training]:
    """The trainings that were taken up last, the newest first."""
    runs = {run_name(run.snapshot_id, preset=run.preset, seed=run.seed): run for run in catalog.models.runs()}
    submissions = last_submissions(catalog)
    moments = {name: run.started_at for name, run in runs.items()}
    for name, one in submissions.items():
        moments[name] = max(moments.get(name, one.attempted_at), one.attempted_at)
    for name in sorted(moments, key=lambda name: moments[name], reverse=True)[:TRAININGS]:
        run, submission = runs.get(name), submissions.get(name)
        held = catalog.training_leases.held(lease_name(name)) is not None
        state, why = state_of(run, submission, held=held)
        yield Training(
            name=name,
            snapshot_id=run.snapshot_id if run else submission.snapshot_id if submission else "",
            state=state,
            why=why,
            at=moments[name],
            run=run,
            submission=submission,
            evaluations=tuple(reversed(catalog.evaluations.of_run(run.id))) if run else (),
            models=tuple(model for model in models if run is not None and model.run_id == run.id),
        )
