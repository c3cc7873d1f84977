"""The steps against a catalog: nothing is lost, nothing doubled, and every answer is kept with its reasons."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import update

from catalog import Catalog, open_blobs, settings
from catalog.blobs import FolderBlobs
from catalog.records import ModelState, RunState
from catalog.tables import candidates
from training import steps
from training.errors import BadSnapshot, DeadPenalty, ResumeRefused, Unknown
from training.faces.descriptors import Describer


def describe(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


def train(**given: object) -> steps.Trained:
    return steps.train(**{"slice_steps": 1, "threads": 1, **given})  # type: ignore[arg-type]


def test_importing_the_steps_brings_no_heavy_library() -> None:
    heavy = ["torch", "cv2", "dlib", "wandb", "boto3", "tensorboard", "selenium", "great_expectations"]
    code = f"import sys, training.steps, training.__main__; print([n for n in {heavy!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_gate_needs_no_torch_for_its_worker_has_none(approved: Catalog) -> None:
    code = "import sys; from training import steps; steps.gate(steps.snapshot()); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "False"
    assert approved.snapshots.gate_decisions()[0].train


def test_the_same_approved_faces_are_one_snapshot(approved: Catalog, approve_more: Callable[[int], None]) -> None:
    first = steps.snapshot()
    assert steps.snapshot(preset="tiny-64") == first
    row = approved.snapshots.get(first)
    assert (row.faces, row.bare, row.makeup) == (16, 8, 8)
    assert len(approved.snapshots.faces(first)) == 16
    assert len(list((settings().home / "packs" / "64").glob("*.npy"))) == 1
    assert steps.verify(first)[1] == []
    approve_more(16)
    assert steps.snapshot() != first
    assert approved.snapshots.count() == 2


def test_no_snapshot_holds_a_face_that_its_source_keeps_from_training(approved: Catalog) -> None:
    one = approved.faces.approved()[0].face_id
    candidate = approved.photos.get(approved.faces.get(one).photo_id).candidate_id
    with approved.writing() as connection:
        connection.execute(update(candidates).where(candidates.c.id == candidate).values(train_ok=False))
    assert one not in approved.snapshots.faces(steps.snapshot())
    assert approved.snapshots.get(steps.snapshot()).faces == 15


def test_a_training_that_failed_by_itself_is_repeated_only_when_asked(approved: Catalog) -> None:
    snapshot = steps.snapshot()
    run = approved.models.open_run(snapshot, preset="tiny-64", seed=777, total_steps=2000)
    approved.models.finish_run(run.id, state=RunState.FAILED, reason="step 9: D/latent_r1")
    with pytest.raises(ResumeRefused, match="step 9: D/latent_r1"):
        train(snapshot_id=snapshot)
    assert approved.models.run(run.id).state is RunState.FAILED
    assert train(snapshot_id=snapshot, again=True).trained == 1
    assert approved.models.run(run.id).state is RunState.RUNNING


def test_a_training_whose_penalty_is_dead_has_failed_by_itself(
    approved: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.autograd, "grad", lambda _, images, **__: (torch.zeros_like(images),))
    with pytest.raises(DeadPenalty):
        train(snapshot_id=steps.snapshot())
    (run,) = approved.models.runs()
    assert (run.state, run.reason[:18]) == (RunState.FAILED, "R1 has no gradient")


def test_the_gate_keeps_every_decision_with_its_reasons(
    approved: Catalog, monkeypatch: pytest.MonkeyPatch, approve_more: Callable[[int], None]
) -> None:
    snapshot = steps.snapshot()
    assert steps.gate(snapshot) is True
    run = approved.models.open_run(snapshot, preset="tiny-64", seed=777, total_steps=1)
    approved.models.finish_run(run.id, state=RunState.FAILED, reason="step 9: D/latent_r1")
    assert steps.gate(snapshot) is False
    assert steps.gate(snapshot, seed=1) is True
    approved.models.finish_run(run.id, state=RunState.DONE)
    assert steps.gate(snapshot) is False
    approve_more(16)
    assert steps.gate(steps.snapshot()) is True
    monkeypatch.setenv("FACELOOP_RETRAIN_MIN_FACES", "20000")
    settings.cache_clear()
    assert steps.gate() is False
    reasons = [decision.reasons[0] for decision in approved.snapshots.gate_decisions()]
    assert reasons == [
        "17 approved faces, 19983 fewer than the 20000 needed",
        "17 approved faces, 10 needed",
        "nothing has changed since the last training that came to its end",
        "16 approved faces, 10 needed",
        "this very training failed before: step 9: D/latent_r1",
        "16 approved faces, 10 needed",
    ]


def test_training_goes_on_from_the_last_slice_and_records_each_save(approved: Catalog) -> None:
    snapshot = steps.snapshot()
    first, second = train(), train()
    assert (first.step, second.step, second.trained, second.finished) == (1, 2, 1, False)
    assert first.run_id == second.run_id
    assert [path.name for path in second.checkpoints] == [
        "000002_nets.ckpt",
        "000002_nets_ema.ckpt",
        "000002_optims.ckpt",
    ]
    assert second.page.name == "000002_trainer.json"
    assert [path.name for path in second.samples] == ["000002_latent.png", "000002_reference.png"]
    assert all(path.is_file() for path in (*second.checkpoints, second.page, *second.samples))
    files = approved.models.checkpoints(second.run_id)
    assert {(file.step, file.kind) for file in files} == {
        (2, kind) for kind in ("nets", "nets_ema", "optims", "trainer")
    }
    assert all(open_blobs().has("checkpoints", file.sha256) for file in files)
    assert approved.models.run(second.run_id).step == 2
    assert second.name == f"tiny-64-{snapshot[:12]}-s777"
    assert list((settings().home / "runs" / second.name / "tensorboard").iterdir())


def test_another_machine_goes_on_from_the_blob_store(approved: Catalog, tmp_path: Path) -> None:
    steps.snapshot()
    train()
    elsewhere = settings().model_copy(update={"home": tmp_path / "elsewhere"})
    moved = train(catalog=approved, blobs=open_blobs(), settings=elsewhere)
    assert (moved.step, moved.trained) == (2, 1)
    assert moved.checkpoints[0].is_relative_to(tmp_path / "elsewhere")
    assert train().step == 3  # the first machine takes up what the second one saved


class FullDisk(FolderBlobs):
    """A store that cannot take files."""

    def put_file(self, kind: str, path: Path) -> str:
        raise OSError(f"no space left on device for {kind} {path.name}")


def test_a_save_that_the_blob_store_has_lost_is_gone_on_with_where_it_lies(approved: Catalog) -> None:
    first = train(snapshot_id=steps.snapshot())
    for file in approved.models.checkpoints(first.run_id):
        open_blobs().delete("checkpoints", file.sha256)
    assert train().step == 2


def test_a_save_that_the_catalog_never_heard_of_is_recorded_by_the_next_call(approved: Catalog, tmp_path: Path) -> None:
    steps.snapshot()
    full = FullDisk(settings().home / "blobs")
    with pytest.raises(OSError, match="no space"):
        train(blobs=full)
    (run,) = approved.models.runs()
    assert approved.models.checkpoints(run.id) == []
    assert train().step == 2
    assert {file.step for file in approved.models.checkpoints(run.id)} == {2}


def test_the_first_model_becomes_champion_and_the_next_is_measured_against_it(approved: Catalog) -> None:
    steps.snapshot()
    run = train().run_id
    evaluation = steps.evaluate(run, describe=describe)
    assert {name.split("/")[0] for name in approved.models.evaluation(evaluation).metrics} == {
        "bare_to_makeup",
        "makeup_to_bare",
    }
    model = steps.promote(evaluation)
    assert steps.promote(evaluation) == model
    champion = approved.models.champion()
    assert champion is not None
    assert (champion.id, champion.run_id) == (model, run)
    assert champion.reasons == ("the first model; every floor is kept",)

    train()
    steps.promote(steps.evaluate(run, describe=describe), describe=describe)
    judged = approved.models.list()
    assert len(judged) == 2
    assert sum(one.state is ModelState.CHAMPION for one in judged) == 1
    assert "first model" not in judged[0].reasons[0]


def test_only_the_model_that_is_served_is_the_champion(approved: Catalog) -> None:
    assert not steps.is_champion(1)
    steps.snapshot()
    run = train().run_id
    first = approved.models.add_evaluation(run, step=1, metrics={}, version="v")
    second = approved.models.add_evaluation(run, step=2, metrics={}, version="v")
    third = approved.models.add_evaluation(run, step=3, metrics={}, version="v")

    old = approved.models.add(first, promote=True, reasons=["the first"], over=None)
    assert steps.is_champion(old.id)

    kept_out = approved.models.add(second, promote=False, reasons=["worse"], over=old.id)
    assert steps.is_champion(old.id)
    assert not steps.is_champion(kept_out.id)

    new = approved.models.add(third, promote=True, reasons=["better"], over=old.id)
    assert steps.is_champion(new.id)
    assert not steps.is_champion(old.id)


def test_a_champion_that_cannot_be_measured_keeps_its_place(approved: Catalog) -> None:
    steps.snapshot()
    first = train()
    model = steps.promote(steps.evaluate(first.run_id, describe=describe))
    train()
    challenger = steps.evaluate(first.run_id, describe=describe)
    for file in approved.models.checkpoints(first.run_id, step=1):
        open_blobs().delete("checkpoints", file.sha256)
        Path(file.path).unlink()
    steps.promote(challenger, describe=describe)
    newest = approved.models.list()[0]
    assert newest.state is ModelState.CANDIDATE
    assert newest.reasons[0].startswith("the champion cannot be measured: ")
    champion = approved.models.champion()
    assert champion is not None
    assert champion.id == model


def test_what_is_not_there_is_refused_in_words(approved: Catalog) -> None:
    with pytest.raises(Unknown, match="no snapshot"):
        steps.gate()
    with pytest.raises(Unknown, match="no snapshot"):
        train()
    with pytest.raises(Unknown, match="nothing has been trained"):
        steps.evaluate()
    snapshot = steps.snapshot()
    with pytest.raises(Unknown, match="no preset named"):
        train(preset="huge")
    for device in ("toaster", "cuda:99"):
        with pytest.raises(Unknown, match=f"no device '{device}'"):
            train(device=device)
    with pytest.raises(Unknown, match="not a landmarks file"):
        Describer(landmarks_model="nowhere.dat")
    run = approved.models.open_run(snapshot, preset="tiny-64", seed=777, total_steps=1)
    with pytest.raises(Unknown, match="no checkpoint"):
        steps.evaluate(run.id)


def test_an_empty_snapshot_is_taken_and_not_trained(tmp_path: Path) -> None:
    catalog = Catalog()
    snapshot = steps.snapshot(catalog=catalog)
    assert catalog.snapshots.get(snapshot).faces == 0
    assert steps.gate(snapshot, catalog=catalog) is False
    with pytest.raises(BadSnapshot, match="empty"):
        train(catalog=catalog)


def test_a_damaged_manifest_stops_training_and_verify_names_the_byte(approved: Catalog) -> None:
    snapshot = steps.snapshot()
    manifest = settings().home / "snapshots" / snapshot / "manifest.jsonl"
    data = bytearray(manifest.read_bytes())
    data[500] ^= 1
    manifest.write_bytes(data)
    with pytest.raises(BadSnapshot, match="does not hash"):
        train()
    assert steps.verify()[1] == ["manifest.jsonl does not hash to the snapshot's id: byte 500 differs"]
