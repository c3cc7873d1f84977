"""What another machine is sent so that it can train without our catalog or store, and what it sends back.

Both ways it is one tar stream: blobs under `kind/name`, verified against their names as they are put away, and at its
end `rows.json`, what the catalog there must know of them. A stream that breaks off leaves whole blobs and no row; the
next one brings what is missing.

    python -m training.runners.parcel held             names of the blobs that are there, a line each: kind/name
    python -m training.runners.parcel receive          a parcel on stdin
    python -m training.runners.parcel send RUN         a run's newest save on stdout; no blob when it has saved nothing
    python -m training.runners.parcel clear            no crop and no pack stays here; a run's sample grids do
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import tarfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from catalog import Blobs, Catalog, open_blobs, settings
from catalog.errors import Superseded as LeaseSuperseded
from catalog.records import Checkpoint, Lease, Run, RunState
from training.errors import RunnerError, Superseded
from training.faces import snapshot as snapshots
from training.holding import lease_name
from training.store import FILES, run_name

_ROWS = "rows.json"
_KINDS = ("faces", "snapshots", "checkpoints")


@dataclass(frozen=True, slots=True)
class Parcel:
    """Blobs by kind and name, and the rows that speak of them."""

    blobs: tuple[tuple[str, str], ...]
    rows: Mapping[str, Any]


def to_train(catalog: Catalog, blobs: Blobs, *, snapshot_id: str, preset: str, seed: int, token: int = 0) -> Parcel:
    """What a training needs: the snapshot with its crops, and the run's newest save if it has one.

    `token` is that of the run's lease here, which the next trainer there shall train by.
    """
    row = catalog.snapshots.get(snapshot_id)
    entries = snapshots.read_manifest(blobs.get("snapshots", row.manifest))
    told = {"id": row.id, "manifest": row.manifest, "bare": row.bare, "makeup": row.makeup}
    names = [*(("faces", entry.sha256) for entry in entries), ("snapshots", row.manifest)]
    name = run_name(row.id, preset=preset, seed=seed)
    run = _run(catalog, name)
    saved = _saved(catalog, run) if run else None
    if saved:
        names += saved.blobs
    rows = {"snapshot": told, "saved": saved.rows if saved else None, "floor": {"run": name, "token": token}}
    return Parcel(tuple(dict.fromkeys(names)), rows)


def saved_by(catalog: Catalog, name: str) -> Parcel:
    """A run's newest save, how the run stands, and the highest token given there; nothing when it has saved nothing."""
    run = _run(catalog, name)
    saved = _saved(catalog, run) if run else None
    if saved is None:
        return Parcel((), {})
    return Parcel(saved.blobs, {"saved": saved.rows, "token": catalog.training_leases.highest(lease_name(name))})


def write(parcel: Parcel, into: IO[bytes], *, blobs: Blobs, held: Collection[str] = ()) -> int:
    """Send a parcel, without the blobs that are held there already; how many were sent."""
    wanted = [(kind, name) for kind, name in parcel.blobs if f"{kind}/{name}" not in held]
    with tarfile.open(fileobj=into, mode="w|") as tar:
        for kind, name in wanted:
            _add(tar, f"{kind}/{name}", blobs.get(kind, name))
        _add(tar, _ROWS, json.dumps(parcel.rows).encode())
    return len(wanted)


def read(source: IO[bytes], *, blobs: Blobs) -> Mapping[str, Any]:
    """Put away what comes, each blob as soon as it is whole; the rows at its end. Raises RunnerError."""
    try:
        with tarfile.open(fileobj=source, mode="r|") as tar:
            for member in tar:
                file = tar.extractfile(member)
                data = file.read() if file else b""
                kind, _, name = member.name.partition("/")
                if member.name == _ROWS:
                    return dict(json.loads(data))
                if kind not in _KINDS or blobs.put(kind, data) != name:
                    raise RunnerError(f"the parcel holds {member.name}, whose bytes do not hash to its name")
    except (tarfile.TarError, OSError) as error:
        raise RunnerError(f"the parcel broke off: {error}") from None
    raise RunnerError("the parcel broke off before its end")


def unpack(catalog: Catalog, rows: Mapping[str, Any], *, token: int = 0) -> None:
    """Write down what a parcel's rows say; of a save, only what is newer than what is known.

    With the token by which its trainer was to train, a save is refused (Superseded) where nobody has trained by it yet,
    and when a newer one was given here: it is that of an older trainer, which was given up.
    """
    if floor := rows.get("floor"):
        catalog.training_leases.raise_to(lease_name(floor["run"]), floor["token"] - 1)
    if told := rows.get("snapshot"):
        catalog.snapshots.adopt(told["id"], manifest=told["manifest"], bare=told["bare"], makeup=told["makeup"])
    if not (saved := rows.get("saved")):
        return
    name = run_name(saved["snapshot_id"], preset=saved["preset"], seed=saved["seed"])
    if token and rows.get("token", 0) < token:
        raise Superseded(
            f"what was saved of {name} there is an older trainer's: token {rows.get('token', 0)}, not {token}"
        )
    lease = Lease(lease_name(name), token, "", datetime.now(UTC)) if token else None
    try:
        _unpack_save(catalog, saved, lease=lease)
    except LeaseSuperseded as error:
        raise Superseded(f"what was saved of {name} there is not taken: {error}") from None


def _unpack_save(catalog: Catalog, saved: Mapping[str, Any], *, lease: Lease | None) -> None:
    if lease:
        catalog.training_leases.check(lease.name, lease.token)  # before there is a run that nobody may write to
    run = catalog.models.open_run(
        saved["snapshot_id"],
        preset=saved["preset"],
        seed=saved["seed"],
        total_steps=saved["total_steps"],
        origin=saved["origin"],
        code=saved["code"],
        started_at=_moment(saved["started_at"]),
    )
    newest = max((file.step for file in catalog.models.checkpoints(run.id)), default=-1)
    if saved["step"] > newest and saved["files"]:
        files = [Checkpoint(**{**file, "run_id": run.id}) for file in saved["files"]]
        catalog.models.add_checkpoint(run.id, step=saved["step"], files=files, lease=lease)
    if saved["step"] < newest:
        return
    if saved["code"] != run.code:  # other code has gone on with it there: a failure is that code's
        catalog.models.begin_again(run.id, code=saved["code"], lease=lease)
        run = catalog.models.run(run.id)
    if RunState(saved["state"]) is not run.state:
        ended = _moment(saved["finished_at"])
        state = RunState(saved["state"])
        catalog.models.finish_run(run.id, state=state, reason=saved["reason"], finished_at=ended, lease=lease)


def clear(*, blobs: Blobs, home: Path) -> None:
    """Remove every crop and every pack made of them."""
    for name in list(blobs.names("faces")):
        blobs.delete("faces", name)
    for folder in ("packs", "snapshots"):
        shutil.rmtree(home / folder, ignore_errors=True)


def _saved(catalog: Catalog, run: Run) -> Parcel | None:
    files = catalog.models.checkpoints(run.id)
    if {file.kind for file in files} != set(FILES) and run.state is not RunState.FAILED:
        return None
    rows = {
        "snapshot_id": run.snapshot_id,
        "preset": run.preset,
        "seed": run.seed,
        "total_steps": run.total_steps,
        "origin": run.origin,
        "code": run.code,
        "state": run.state.value,
        "reason": run.reason,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else "",
        "step": max((file.step for file in files), default=0),
        "files": [asdict(file) for file in files],
    }
    names = [("checkpoints", file.sha256) for file in files]
    names += [("checkpoints", run.origin)] if run.origin else []
    return Parcel(tuple(names), rows)


def _run(catalog: Catalog, name: str) -> Run | None:
    named = (
        run for run in catalog.models.runs() if name == run_name(run.snapshot_id, preset=run.preset, seed=run.seed)
    )
    return next(named, None)


def _moment(told: str) -> datetime | None:
    return datetime.fromisoformat(told) if told else None


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def main(arguments: Sequence[str]) -> int:
    """One verb, on the configured catalog and store."""
    verb, blobs = arguments[0], open_blobs()
    if verb == "held":
        print("\n".join(f"{kind}/{name}" for kind in _KINDS for name in blobs.names(kind)))
    elif verb == "receive":
        unpack(Catalog(), read(sys.stdin.buffer, blobs=blobs))
    elif verb == "send":
        write(saved_by(Catalog(), arguments[1]), sys.stdout.buffer, blobs=blobs)
    elif verb == "clear":
        clear(blobs=blobs, home=settings().home)
    else:
        return os.EX_USAGE
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except RunnerError as error:
        sys.exit(str(error))
