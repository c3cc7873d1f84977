"""Runs, their checkpoints and evaluations, and the models that come of them; one model is champion."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from catalog.errors import Conflict, NotFound
from catalog.evaluations import evaluation_of, has_erased
from catalog.part import Part, must_be_finite, now
from catalog.records import Checkpoint, Evaluation, Lease, Model, ModelState, Run, RunState
from catalog.tables import checkpoints, evaluations, models, runs


class Models(Part):
    """What was trained, how good it is, and which one is served."""

    def open_run(
        self,
        snapshot_id: str,
        *,
        preset: str,
        seed: int,
        total_steps: int,
        origin: str = "",
        code: str = "",
        started_at: datetime | None = None,
    ) -> Run:
        """The run of this snapshot, preset and seed: begun now, or gone on with.

        ``origin`` is the sha256 of the weights that a new one begins from, ``code`` the version of the code that trains
        it, ``started_at`` when it began elsewhere; a run that is there keeps its own.
        """
        with self._catalog.writing() as connection:
            connection.execute(
                self._insert(runs)
                .values(
                    snapshot_id=snapshot_id,
                    preset=preset,
                    seed=seed,
                    state=RunState.RUNNING.value,
                    total_steps=total_steps,
                    started_at=started_at or now(),
                    origin=origin,
                    code=code,
                )
                .on_conflict_do_nothing(index_elements=["snapshot_id", "preset", "seed"])
            )
            row = connection.execute(
                select(runs).where(runs.c.snapshot_id == snapshot_id, runs.c.preset == preset, runs.c.seed == seed)
            ).one()
        return _run(row)

    def run(self, run_id: int) -> Run:
        """One run; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id)).first()
        if row is None:
            raise NotFound(f"no run {run_id}")
        return _run(row)

    def runs(self, *, state: RunState | None = None) -> Sequence[Run]:
        """Runs, newest first."""
        statement = select(runs).order_by(runs.c.id.desc())
        if state:
            statement = statement.where(runs.c.state == state.value)
        with self._catalog.reading() as connection:
            return [_run(row) for row in connection.execute(statement)]

    def add_checkpoint(
        self, run_id: int, *, step: int, files: Sequence[Checkpoint], lease: Lease | None = None
    ) -> None:
        """Record the files of one save; the run's step follows. The same step again replaces its files.

        Whoever trains by a lease says it: Superseded, and nothing recorded, when a newer one was given.
        """
        with self._catalog.writing() as connection:
            self._guard(connection, lease)
            for file in files:
                values = {"path": file.path, "sha256": file.sha256, "at": now()}
                connection.execute(
                    self._insert(checkpoints)
                    .values(run_id=run_id, step=step, kind=file.kind, **values)
                    .on_conflict_do_update(index_elements=["run_id", "step", "kind"], set_=values)
                )
            connection.execute(update(runs).where(runs.c.id == run_id).values(step=step))

    def checkpoints(self, run_id: int, *, step: int | None = None) -> Sequence[Checkpoint]:
        """The files of a run's newest save, or of the named step."""
        with self._catalog.reading() as connection:
            rows = connection.execute(
                select(checkpoints)
                .where(checkpoints.c.run_id == run_id)
                .order_by(checkpoints.c.step, checkpoints.c.kind)
            ).all()
        wanted = step if step is not None else max((row.step for row in rows), default=0)
        return [Checkpoint(r.run_id, r.step, r.kind, r.path, r.sha256) for r in rows if r.step == wanted]

    def finish_run(
        self,
        run_id: int,
        *,
        state: RunState,
        reason: str = "",
        lease: Lease | None = None,
        finished_at: datetime | None = None,
    ) -> None:
        """Record that a run has come to its end, or failed and why; now, or when it did so elsewhere. Superseded as
        with a save."""
        with self._catalog.writing() as connection:
            self._guard(connection, lease)
            changed = connection.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(
                    state=state.value,
                    reason=reason,
                    finished_at=None if state is RunState.RUNNING else finished_at or now(),
                )
            ).rowcount
        if not changed:
            raise NotFound(f"no run {run_id}")

    def begin_again(self, run_id: int, *, code: str, lease: Lease | None = None) -> None:
        """Note that a run is going on, after a failure too, and by which code. Superseded as with a save."""
        with self._catalog.writing() as connection:
            self._guard(connection, lease)
            changed = connection.execute(
                update(runs)
                .where(runs.c.id == run_id)
                .values(state=RunState.RUNNING.value, reason="", finished_at=None, code=code)
            ).rowcount
        if not changed:
            raise NotFound(f"no run {run_id}")

    def add_evaluation(
        self,
        run_id: int,
        *,
        step: int,
        metrics: dict[str, float],
        version: str,
        snapshot_id: str = "",
        classifier: str = "",
        report: str = "",
        pairs: str = "",
        pictures: bool = True,
    ) -> Evaluation:
        """Record the metrics of a run at a step; the same code on the same step replaces its numbers.

        `snapshot_id` is whose held-out faces were measured; `classifier`, `report` and `pairs` are blobs, of which the
        last two are better named here first and written then: an erasure finds what is named. Conflict when the page
        shows `pictures` and a face of the snapshot was erased.
        """
        must_be_finite(metrics)
        values = {"metrics": metrics, "at": now(), "snapshot_id": snapshot_id, "classifier": classifier}
        values |= {"report": report, "pairs": pairs, "beside": {}}
        with self._catalog.writing() as connection:
            self._serialise(connection, "decisions", shared=True)  # erased before this, or after it: never during
            if report and pictures and has_erased(connection, snapshot_id):
                raise Conflict(f"a face of snapshot {snapshot_id[:12]} was erased: its page shows no pictures any more")
            row = connection.execute(
                self._insert(evaluations)
                .values(run_id=run_id, step=step, version=version, **values)
                .on_conflict_do_update(index_elements=["run_id", "step", "version"], set_=values)
                .returning(evaluations)
            ).one()
        return evaluation_of(row)

    def evaluation(self, evaluation_id: int) -> Evaluation:
        """One evaluation; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(evaluations).where(evaluations.c.id == evaluation_id)).first()
        if row is None:
            raise NotFound(f"no evaluation {evaluation_id}")
        return evaluation_of(row)

    def champion(self) -> Model | None:
        """The model that is served, or None."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(models).where(models.c.state == ModelState.CHAMPION.value)).first()
        return _model(row) if row else None

    def get(self, model_id: int) -> Model:
        """One model; NotFound when there is none."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(models).where(models.c.id == model_id)).first()
        if row is None:
            raise NotFound(f"no model {model_id}")
        return _model(row)

    def of_evaluation(self, evaluation_id: int) -> Model | None:
        """The model that an evaluation was judged as, or None."""
        with self._catalog.reading() as connection:
            row = connection.execute(select(models).where(models.c.evaluation_id == evaluation_id)).first()
        return _model(row) if row else None

    def add(
        self, evaluation: Evaluation, *, promote: bool, reasons: Sequence[str], over: int | None, again: bool = False
    ) -> Model:
        """Record a model as champion or as candidate, with the reasons; the champion before it retires.

        ``over`` is the champion that the judgement compared with (None: there was none); Conflict when another
        has become champion meanwhile. An evaluation is judged once: the second time gives the first judgement, unless
        a candidate is judged ``again``, which keeps the reasons of before behind those of now.
        """
        with self._catalog.writing() as connection:
            self._serialise(connection, "models")
            known = connection.execute(select(models).where(models.c.evaluation_id == evaluation.id)).first()
            if known and not (again and known.state == ModelState.CANDIDATE.value):
                return _model(known)
            reigning = connection.execute(select(models).where(models.c.state == ModelState.CHAMPION.value)).first()
            if promote:
                if (reigning.id if reigning else None) != over:
                    raise Conflict("another model has become champion meanwhile; judge again")
                connection.execute(
                    update(models)
                    .where(models.c.state == ModelState.CHAMPION.value)
                    .values(state=ModelState.RETIRED.value)
                )
            state, moment = ModelState.CHAMPION if promote else ModelState.CANDIDATE, now()
            told = {"state": state.value, "reasons": [*reasons, *_before(known)], "decided_at": moment}
            if known:
                change = update(models).where(models.c.id == known.id).values(**told)
                row = connection.execute(change.returning(models)).one()
            else:
                fresh = models.insert().values(run_id=evaluation.run_id, evaluation_id=evaluation.id, **told)
                row = connection.execute(fresh.returning(models)).one()
            if promote:
                why = "; ".join(reasons)
                self._catalog.reigns.begin(connection, row.id, over=over, why=why, at=moment)
        return _model(row)

    def list(self) -> Sequence[Model]:
        """Models, newest first."""
        with self._catalog.reading() as connection:
            return [_model(row) for row in connection.execute(select(models).order_by(models.c.id.desc()))]

    def _guard(self, connection: Connection, lease: Lease | None) -> None:
        if lease is not None:
            self._catalog.training_leases.guard(connection, lease.name, lease.token)


def _before(known: Any) -> Sequence[str]:
    """The reasons of the judgement before, if there is one, each with its time."""
    if not known:
        return ()
    when = f"judged before, {known.decided_at:%Y-%m-%d %H:%M} UTC: "
    return [reason if reason.startswith("judged before, ") else when + reason for reason in known.reasons]


def _run(row: Any) -> Run:
    return Run(
        id=row.id,
        snapshot_id=row.snapshot_id,
        preset=row.preset,
        seed=row.seed,
        state=RunState(row.state),
        step=row.step,
        total_steps=row.total_steps,
        reason=row.reason,
        started_at=row.started_at,
        finished_at=row.finished_at,
        origin=row.origin,
        code=row.code,
    )


def _model(row: Any) -> Model:
    return Model(row.id, row.run_id, row.evaluation_id, ModelState(row.state), tuple(row.reasons), row.decided_at)
