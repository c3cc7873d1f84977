"""Once through the loop, unattended: collect, review in a browser, retrain; and the summary at its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from catalog import Catalog, settings
from demo.airflow_api import ENDED, Airflow, DagRun, wait_until
from demo.browser import browser
from demo.internet.world import World
from demo.reviewer import Reviewer, Truths, stop_when
from demo.stack import COLLECT, SOURCES, Stack


@dataclass(frozen=True, slots=True)
class GateSummary:
    """What the gate decided last, and why."""

    train: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """The demo's last line. Counts are of the catalog as it stands, ``seconds`` of this time through."""

    photos: dict[str, int]
    refused: dict[str, int]
    queries_used: int
    faces: int
    decisions: dict[str, int]
    approved: dict[str, int]
    snapshot: str
    gate: GateSummary
    steps: int
    checkpoints: tuple[str, ...]
    champion: int | None
    seconds: dict[str, float]
    ok: bool


def once(stack: Stack, airflow: Airflow, *, say: Callable[[str], None]) -> Summary:
    """Go through the loop; RuntimeError, naming the task and its log, when a part of it fails."""
    catalog = Catalog(stack.database_url)
    world = World(people=stack.size.people, photos_per_source=stack.size.photos_per_source)
    truths = Truths(catalog, world=world, folder=stack.folder)
    followed = (*COLLECT, "curate_photos", "retrain_model")
    seen = {dag: {run.id for run in airflow.runs(dag) if run.state in ENDED} for dag in followed}

    def fresh(dag: str) -> list[DagRun]:
        return [run for run in airflow.runs(dag) if run.id not in seen[dag]]

    def ended(dag: str) -> bool:
        runs = fresh(dag)
        _must_not_fail(airflow, runs)
        return bool(runs) and all(run.state in ENDED for run in runs)

    clock = _Clock()
    installed = settings()
    with browser(
        chromium=installed.chromium,
        chromedriver=installed.chromedriver,
        last_seen=stack.home / "logs" / "reviewer.png",
    ) as page:
        reviewer = Reviewer(page, url=stack.url, truths=truths, catalog=catalog, say=say)
        reviewer.sign_in("rita", stack.passwords["rita"])

        say(f"collecting: searching and fetching from {', '.join(SOURCES)}")
        stack.collect(airflow)
        wait_until(
            lambda: all(ended(dag) for dag in COLLECT),
            seconds=1200,
            what="the collectors",
            check=stack.processes.check,
            every=2,
        )
        clock.mark("collect")
        for source, count in sorted(catalog.photos.counts().items()):
            say(f"  {source}: {count} photos")

        say("curating: rita reviews in the browser what the platform puts before her")
        wait_until(
            lambda: bool(fresh("curate_photos")),
            seconds=120,
            what="curate_photos to start",
            check=stack.processes.check,
        )
        made = stop_when(
            lambda: ended("curate_photos") and not _waiting_photos(catalog),
            reviewer,
            seconds=2400,
            check=stack.processes.check,
        )
        clock.mark("curate")
        say(f"  {made} keys pressed; decisions {catalog.decisions.counts()}")

    say("retraining: snapshot, gate, train, evaluate, promote")
    _retrain(stack, airflow, catalog, fresh, ended)
    clock.mark("retrain")
    for name, seconds in _task_seconds(airflow, fresh("retrain_model")).items():
        clock.add(name, seconds)
    return summarise(catalog, clock.seconds)


def _retrain(
    stack: Stack,
    airflow: Airflow,
    catalog: Catalog,
    fresh: Callable[[str], list[DagRun]],
    ended: Callable[[str], bool],
) -> None:
    """The approved faces start a retraining by themselves; when nothing new was approved, the nightly one comes."""
    gates = {decision.id for decision in catalog.snapshots.gate_decisions()}
    if not _comes(lambda: bool(fresh("retrain_model")), seconds=30):
        airflow.trigger("retrain_model")
    wait_until(lambda: ended("retrain_model"), seconds=1800, what="retrain_model", check=stack.processes.check, every=2)
    newest = catalog.snapshots.newest()
    approved = len(catalog.faces.trainable())
    if newest is None or newest.faces != approved or not catalog.snapshots.gate_decisions():
        # A run that began before the last approval froze an older list. The next, which sees the newer one, starts by
        # itself a moment after it; should it not, the nightly one comes.
        if not _comes(lambda: not ended("retrain_model"), seconds=15):
            airflow.trigger("retrain_model")
        wait_until(
            lambda: ended("retrain_model") and {d.id for d in catalog.snapshots.gate_decisions()} > gates,
            seconds=1800,
            what="retrain_model",
            check=stack.processes.check,
            every=2,
        )


def _comes(holds: Callable[[], bool], *, seconds: float) -> bool:
    """Whether it holds within this time."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(1)
    return held


def _waiting_photos(catalog: Catalog) -> bool:
    """Photos that no batch has taken up yet: another run of curate_photos is on its way."""
    return bool(catalog.photos.unbatched())


def _must_not_fail(airflow: Airflow, runs: Sequence[DagRun]) -> None:
    for run in runs:
        if run.state == "failed":
            raise RuntimeError(f"{run.dag} failed: {', '.join(airflow.failed_tasks(run))} (run {run.id})")


def _task_seconds(airflow: Airflow, runs: Sequence[DagRun]) -> dict[str, float]:
    seconds: dict[str, float] = {}
    for run in runs:
        for name, spent in airflow.task_seconds(run).items():
            seconds[name] = seconds.get(name, 0.0) + spent
    return seconds


class _Clock:
    """Seconds per stage: wall time for the three parts, work time for the tasks of the last."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def mark(self, name: str) -> None:
        now = time.monotonic()
        self.seconds[name] = round(now - self._last, 1)
        self._last = now

    def add(self, name: str, seconds: float) -> None:
        self.seconds[name] = round(seconds, 1)


def summarise(catalog: Catalog, seconds: dict[str, float]) -> Summary:
    """The catalog as it stands; ``ok`` when every part of the loop has left its mark."""
    approved = catalog.faces.approved()
    gate = catalog.snapshots.gate_decisions(limit=1)[0]
    runs = catalog.models.runs()
    champion = catalog.models.champion()
    files = catalog.models.checkpoints(runs[0].id) if runs else ()
    photos, decisions = catalog.photos.counts(), catalog.decisions.counts()
    by_domain = {domain: sum(face.domain == domain for face in approved) for domain in ("bare", "makeup")}
    checkpoints = tuple(file.path for file in files if file.kind in ("nets", "nets_ema", "optims"))
    refused = catalog.candidates.refused()
    used = catalog.queries.used()
    return Summary(
        photos=photos,
        refused=refused,
        queries_used=used,
        faces=catalog.faces.count(),
        decisions=decisions,
        approved=by_domain,
        snapshot=gate.snapshot_id,
        gate=GateSummary(gate.train, gate.reasons),
        steps=runs[0].step if runs else 0,
        checkpoints=checkpoints,
        champion=champion.id if champion else None,
        seconds=seconds,
        ok=(
            all(photos.get(source, 0) > 0 for source in SOURCES)
            and refused.get("exact_duplicate", 0) > 0
            and refused.get("near_duplicate", 0) > 0
            and used > 0
            and all(count > 0 for count in decisions.values())
            and all(count > 0 for count in by_domain.values())
            and len(checkpoints) == 3
            and champion is not None
        ),
    )


def as_json(summary: Summary) -> dict[str, object]:
    """The summary as the keys of its JSON object."""
    return asdict(summary)
