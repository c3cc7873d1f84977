"""What one training is followed by: the rules that may end it, the probe that looks at it, and where it reports to.

For `steps.train`, from settings, catalog and faces.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from catalog import Catalog, Settings
from catalog.lineages import made_of
from catalog.records import Evaluation, Model, ModelState, Run, RunState, Snapshot
from training.errors import DeadPenalty, Diverged
from training.monitoring.stopping import Rule, ended_by
from training.monitoring.tracking import Lineage, Tracking, report_later
from training.monitoring.watching import Alert
from training.presets import Preset
from training.store import run_name

if TYPE_CHECKING:
    import numpy as np

    from training.evaluation.examining import Describe
    from training.evaluation.metrics import Descriptor
    from training.faces.data import Faces
    from training.learning.loop import Trained
    from training.monitoring.probing import Probe


class Following:
    """Follows one call of a training to its end; use as a context manager. `begin` is the loop's `tracker`."""

    def __init__(
        self, folder: Path, preset: Preset, *, config: Mapping[str, Any], lineage: Lineage, settings: Settings
    ) -> None:
        self._folder, self._settings, self._lineage = folder, settings, lineage
        self._config = {**asdict(preset), **config}
        self._tracking: Tracking | None = None
        self._closing = ExitStack()

    def begin(self, step: int) -> Tracking:
        """Report from this step on."""
        self._tracking = self._closing.enter_context(
            Tracking(
                self._folder,
                name=self._folder.name,
                config=self._config,
                project=self._settings.wandb_project,
                step=step,
                lineage=self._lineage,
                show_pictures=self._settings.wandb_pictures,
            )
        )
        return self._tracking

    def failed(self, error: Diverged | DeadPenalty) -> None:
        """Say that the training has given up by itself."""
        if self._tracking is not None:
            self._tracking.alert(
                self._tracking.step, Alert("failed", "The training has failed", str(error), fatal=True)
            )

    def ended(self, trained: Trained) -> None:
        """Say that the run has come to its end, how, and which files it leaves."""
        if self._tracking is not None:
            files = {f"{trained.step:06d}_{kind}.ckpt": sha for kind, sha in trained.saved.state.sha256.items()}
            self._tracking.ended(trained.step, how_it_ended(trained), files=files)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, trace)


def how_it_ended(trained: Trained) -> str:
    """Why a finished run was finished: the rule that ended it early, or nothing but its preset."""
    return trained.early.reason if trained.early is not None else "trained to the preset's end"


def report_evaluation(found: Evaluation, *, catalog: Catalog, settings: Settings) -> None:
    """Show an evaluation's numbers beside the curves of the run that it measured; slices stay on its own page.

    How that page is found is told, which stays so when it is written anew; never the page, which shows faces.
    """
    numbers = {name: value for name, value in found.metrics.items() if "slice=" not in name}
    number = found.id
    lines = (
        f"evaluation {number}, measured by {found.version}",
        f"its page: review-desk/evaluation/{number} in Airflow, or `python -m training report --evaluation {number}`",
        f"judged by classifiers/{found.classifier}",
    )
    _report_later(found, "evaluation", numbers, lines, catalog=catalog, settings=settings)


def report_model(model: Model, *, catalog: Catalog, settings: Settings) -> None:
    """Show there too whether a run's result became champion, and why (not)."""
    found = catalog.models.evaluation(model.evaluation_id)
    numbers = {"champion": float(model.state is ModelState.CHAMPION)}
    lines = (f"model {model.id}: {model.state}", *model.reasons)
    _report_later(found, "promotion", numbers, lines, catalog=catalog, settings=settings)


def probe_for(
    training: Faces, held_out: Faces, *, preset: Preset, describe: Describe | None, settings: Settings, device: str
) -> Probe:
    """The probe of a run; dlib's face network, unless another is given, is loaded when it is first asked."""
    from training.monitoring.probing import Probe

    return Probe(
        training,
        held_out,
        describe=describe or _dlib(settings),
        masked_discriminator=preset.masked_discriminator,
        device=device,
    )


def goes_on(run: Run, rules: tuple[Rule, ...]) -> bool:
    """Whether a run that a rule has ended early is to go on, because nobody asks for that rule any more."""
    early = run.state is RunState.DONE and run.step < run.total_steps
    return early and not any(run.reason.startswith(f"{ended_by(rule)}:") for rule in rules)


def lineage_of(row: Snapshot, *, catalog: Catalog) -> Lineage:
    """What a training of this snapshot comes from, with the gate's newest word on it if it has been asked."""
    from training.learning.checkpoint import code_version

    decision = next(iter(catalog.snapshots.gate_decisions(limit=1, snapshot_id=row.id)), None)
    sources: dict[str, Counter[str]] = {}
    for share in made_of(catalog, row.id):
        sources.setdefault(share.domain.value, Counter())[share.source] += share.faces
    return Lineage(
        snapshot=row.id,
        manifest=row.manifest,
        faces={"bare": row.bare, "makeup": row.makeup},
        sources=sources,
        code=code_version(),
        decision=decision.id if decision else None,
        gate=(("train" if decision.train else "do not train"), *decision.reasons) if decision else (),
        gate_numbers=decision.numbers if decision else {},
        rules=decision.rules if decision else (),
    )


def _report_later(
    found: Evaluation,
    what: str,
    numbers: Mapping[str, float],
    lines: tuple[str, ...],
    *,
    catalog: Catalog,
    settings: Settings,
) -> None:
    run = catalog.models.run(found.run_id)
    name = run_name(run.snapshot_id, preset=run.preset, seed=run.seed)
    folder = settings.home / "runs" / name
    project = settings.wandb_project
    report_later(folder, name=name, project=project, step=found.step, what=what, numbers=numbers, lines=lines)


def _dlib(settings: Settings) -> Describe:
    @functools.cache
    def loaded() -> Callable[..., Descriptor]:
        from training.faces.descriptors import Describer

        return Describer(landmarks_model=settings.landmarks_model)

    def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> Descriptor:
        return loaded()(picture, landmarks)

    return describe
