"""The gate's verb: read what it decides by from the catalog, decide, keep the decision, and keep the GPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from catalog import Catalog, Settings
from catalog import settings as configured
from catalog.records import GateDecision, GateRule, RuleKind, Run, RunState, Snapshot
from training import gpu
from training.beginning import begun
from training.errors import Unknown
from training.freezing import snapshot_named
from training.gate.deciding import AT_MOST, decide
from training.gate.facts import Facts, History, Kappa, Largest, Past, Policy, Training
from training.presets import preset as preset_named
from training.version import code_version


def gate(
    snapshot_id: str = "",
    *,
    preset: str = "",
    seed: int | None = None,
    lease: bool = True,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    catalog: Catalog | None = None,
    settings: Settings | None = None,
) -> bool:
    """Whether to train a snapshot (default: the newest); the decision is kept in the catalog with its reasons.

    A yes takes the GPU's lease for that training, and the lease's token is among the decision's numbers; with `lease`
    off it is kept all the same, and holds nothing.
    """
    catalog, settings = catalog or Catalog(), settings or configured()
    row = snapshot_named(catalog, snapshot_id)
    preset = preset_named(preset or settings.train_preset).name
    seed = settings.train_seed if seed is None else seed

    training = Training(row.id, preset, seed, code_version())
    policy, now = policy_of(settings), clock()
    facts, history = facts_of(catalog, row, training, policy), history_of(catalog, training)
    decision = decide(facts, history, policy, now)
    if decision.train and lease:
        token, holder = gpu.grant(catalog, row.id, seconds=settings.gpu_lease_minutes * 60)
        if token:
            decision = replace(decision, numbers=decision.numbers | {"token": float(token)})
        else:
            decision = decide(replace(facts, gpu_holder=holder), history, policy, now)
    return catalog.snapshots.add_gate_decision(decision).train


def decision_on(catalog: Catalog, *, snapshot_id: str = "", decision_id: int | None = None) -> GateDecision:
    """A decision by its number, the last on a snapshot, or the last of all. Raises Unknown, NotFound."""
    if decision_id is not None:
        return catalog.snapshots.gate_decision(decision_id)
    row = snapshot_named(catalog, snapshot_id) if snapshot_id else None
    found = catalog.snapshots.gate_decisions(limit=1, snapshot_id=row.id if row else "")
    if not found:
        on, asked = (f" on snapshot {row.id[:12]}", f" --snapshot {row.id[:12]}") if row else ("", "")
        raise Unknown(f"the gate has not decided{on} yet: run `python -m training gate{asked}` first")
    return found[0]


def told(decision: GateDecision) -> dict[str, Any]:
    """A decision as JSON can hold it."""
    return {
        "decision": decision.id,
        "snapshot": decision.snapshot_id,
        "at": decision.at.isoformat() if decision.at else None,
        "train": decision.train,
        "reasons": list(decision.reasons),
        "numbers": decision.numbers,
        "rules": [asdict(rule) for rule in decision.rules],
    }


def explained(decision: GateDecision) -> list[str]:
    """A decision, rule by rule: one line each under its headings, the ones that decided marked."""
    first = f"{'train' if decision.train else 'do not train'}: snapshot {decision.snapshot_id[:12]}"
    if not decision.rules:
        return [first, *(f"  {reason}" for reason in decision.reasons)]
    lines = [first, f"  {'rule':13} {'kind':6} {'verdict':7} {'found':>9} {'needed':>9}  in words"]
    for rule in decision.rules:
        mark = "!" if rule.stands_in_the_way else ">" if rule.kind is RuleKind.FORCES and rule.holds else " "
        number = "-" if rule.number is None else f"{rule.number:g}"
        needed = "-" if rule.threshold is None else f"{rule.threshold:g}"
        needed = f"<= {needed}" if rule.name in AT_MOST else needed
        lines.append(f"{mark} {rule.name:13} {rule.kind:6} {_verdict(rule):7} {number:>9} {needed:>9}  {rule.says}")
    return lines


def _verdict(rule: GateRule) -> str:
    if rule.kind is RuleKind.NOTES:
        return "noted"
    if rule.kind is RuleKind.FORCES:
        return "yes" if rule.holds else "no"
    return "lifted" if rule.lifted else "holds" if rule.holds else "fails"


def policy_of(settings: Settings) -> Policy:
    """The policy as it is configured."""
    return Policy(
        min_faces=settings.retrain_min_faces,
        domain_share=settings.retrain_domain_share,
        fresh_faces=settings.retrain_fresh_faces,
        fresh_share=settings.retrain_fresh_share,
        source_share=settings.retrain_source_share,
        query_share=settings.retrain_query_share,
        account_share=settings.retrain_account_share,
        cool_down=timedelta(hours=settings.retrain_cooldown_hours),
        waiting=settings.retrain_waiting,
        kappa=settings.retrain_kappa,
        kappa_pairs=settings.retrain_kappa_pairs,
        paused=settings.retrain_paused,
    )


def facts_of(catalog: Catalog, row: Snapshot, training: Training, policy: Policy) -> Facts:
    """A snapshot's facts, and what is around it now."""
    finished = _last_done(catalog)
    origins, held = catalog.nights.origins(row.id), catalog.nights.held(row.id)
    return Facts(
        training=training,
        faces={"bare": row.bare, "makeup": row.makeup},
        held_out=catalog.snapshots.split(row.id),
        source=_largest(origins.sources),
        query=_largest(origins.queries),
        account=_largest(origins.accounts),
        fresh=catalog.nights.fresh(row.id, since=finished.snapshot_id) if finished else row.faces,
        failed_batches=held.failed,
        failed_faces=held.faces_of_failed,
        unvalidated_faces=held.faces_unvalidated,
        waiting=catalog.nights.waiting().subjects,
        agreement=_least(catalog, pairs=policy.kappa_pairs),
        gpu_holder=gpu.trainer(catalog),
    )


def history_of(catalog: Catalog, training: Training) -> History:
    """What was trained before."""
    runs = catalog.models.runs()
    done = [run for run in runs if run.state is RunState.DONE]
    finished = _last_done(catalog)
    champion, newest = catalog.models.champion(), catalog.snapshots.newest()
    ours = next((run for run in runs if _is(run, training)), None)
    since = finished.finished_at if finished else None
    failed = [run for run in runs if run.state is RunState.FAILED]
    erased = catalog.nights.erased(catalog.models.run(champion.run_id).snapshot_id) if champion else 0
    return History(
        finished=_past(catalog, finished) if finished else None,
        done=frozenset(_training(run) for run in done),
        failures=tuple(
            _past(catalog, run)
            for run in failed
            # This very training is named however long ago it failed; others count as failures in a row.
            if _is(run, training) or since is None or (run.finished_at is not None and run.finished_at > since)
        ),
        unfinished=ours is not None and ours.state is RunState.RUNNING,
        newer=newest.id if newest is not None and newest.id != training.snapshot else "",
        dropped=_dropped(catalog, training),
        last_start=max((run.started_at for run in runs), default=None),
        erased=erased,
        answered=erased > 0 and finished is not None and catalog.nights.erased(finished.snapshot_id) == 0,
    )


def _dropped(catalog: Catalog, training: Training) -> str:
    """Which training that has begun gives way to this one, and why; empty for none."""
    found = begun(catalog, preset=training.preset, seed=training.seed)
    if found is None or found.run.snapshot_id == training.snapshot:
        return ""
    run = found.run
    why = found.dropped or "this snapshot was asked for"
    return f"that of snapshot {run.snapshot_id[:12]}, at step {run.step} of {run.total_steps}, is dropped: {why}"


def _last_done(catalog: Catalog) -> Run | None:
    return max(catalog.models.runs(state=RunState.DONE), key=lambda run: (run.finished_at, run.id), default=None)


def _is(run: Run, training: Training) -> bool:
    return (run.snapshot_id, run.preset, run.seed) == (training.snapshot, training.preset, training.seed)


def _training(run: Run) -> Training:
    return Training(run.snapshot_id, run.preset, run.seed, run.code)


def _past(catalog: Catalog, run: Run) -> Past:
    return Past(_training(run), faces=catalog.snapshots.get(run.snapshot_id).faces, reason=run.reason)


def _largest(counted: Counter[str]) -> Largest:
    name, faces = min(counted.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    return Largest(name, faces)


def _least(catalog: Catalog, *, pairs: int) -> Kappa:
    """The stage where people agree least, of those with so many pairs; else the one with the most pairs."""
    told = [one for one in catalog.nights.agreement() if one.kappa is not None]
    enough = [one for one in told if one.pairs >= pairs]
    if enough:
        least = min(enough, key=lambda one: one.kappa or 0.0)
        return Kappa(least.stage.value, least.kappa, least.pairs)
    most = max(told, key=lambda one: one.pairs, default=None)
    return Kappa(most.stage.value, most.kappa, most.pairs) if most else Kappa()
