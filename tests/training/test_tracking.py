"""Following a training: what is told arrives, and what W&B's server does or does not do never stops it."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import numpy as np
import pytest
from recorded import Board, Recorded

from catalog.records import GateRule, RuleKind
from training.monitoring import journal
from training.monitoring.tracking import Lineage, Tracking, report_later
from training.monitoring.watching import Alert

LINEAGE = Lineage(
    snapshot="5" * 64,
    manifest="a" * 64,
    faces={"bare": 30, "makeup": 12},
    sources={"bare": {"commons": 10, "openverse": 20}, "makeup": {"openverse": 12}},
    code="c0de",
    decision=7,
    rules=(GateRule("size", RuleKind.BLOCKS, True, "42 approved faces, 40 needed", 42.0, 40.0),),
    gate=("42 approved faces, 40 needed",),
    gate_numbers={"faces": 42.0},
)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_MODE", raising=False)


def follow(folder: Path, *, step: int = 0, show_pictures: bool = True) -> Tracking:
    return Tracking(
        folder,
        name="run-1",
        config={"lr": 1.0},
        project="faceloop",
        step=step,
        lineage=LINEAGE,
        show_pictures=show_pictures,
    )


def test_a_training_goes_on_and_records_offline_when_the_server_of_wandb_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as nobody:  # bound and not listening: a connection is refused
        nobody.bind(("127.0.0.1", 0))
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
        monkeypatch.delenv("WANDB_MODE", raising=False)
        with (
            caplog.at_level(logging.WARNING),
            Tracking(
                tmp_path, name="run-1", config={}, project="faceloop", step=0, lineage=LINEAGE, patience=2
            ) as tracking,
        ):
            tracking.numbers(1, {"loss": 0.5})

    assert "recording offline" in caplog.text
    assert [report["loss"] for report in Recorded(tmp_path).history()] == [0.5]
    assert Board(tmp_path).numbers("loss") == {1: 0.5}


def test_numbers_and_pictures_arrive_everywhere(tmp_path: Path, offline: None) -> None:
    with follow(tmp_path) as tracking:
        tracking.numbers(10, {"D/latent_real": 0.5, "images_per_second": 3.0, "peak_memory_gb": 1.5})
        tracking.numbers(20, {"D/latent_real": 0.25, "images_per_second": 4.0, "peak_memory_gb": 1.75})
        tracking.pictures(20, {"reference": np.zeros((32, 64, 3), np.uint8)})

    board, wandb = Board(tmp_path), Recorded(tmp_path)
    assert board.numbers("D/latent_real") == {10: 0.5, 20: 0.25}
    assert board.numbers("images_per_second") == {10: 3.0, 20: 4.0}
    assert board.pictures("samples/reference") == [20]
    first, second, third = wandb.history()
    assert (first["step"], first["D/latent_real"], first["peak_memory_gb"]) == (10, 0.5, 1.5)
    assert (second["step"], second["images_per_second"]) == (20, 4.0)
    assert (third["step"], third["samples/reference/width"]) == (20, 64)
    told = [(line["step"], line["numbers"]["D/latent_real"]) for line in journal.read(tmp_path)]
    assert told == [(10, 0.5), (20, 0.25)]


def test_what_a_run_comes_from_is_told_and_no_face_goes_with_it(tmp_path: Path, offline: None) -> None:
    with follow(tmp_path, show_pictures=False) as tracking:
        tracking.pictures(20, {"reference": np.zeros((32, 64, 3), np.uint8)})

    wandb = Recorded(tmp_path)
    config = wandb.config()
    assert config["lr"] == 1.0
    assert config["lineage"]["snapshot"] == "5" * 64
    assert config["lineage"]["shares"] == {"bare": 0.714286, "makeup": 0.285714}
    assert config["lineage"]["sources"] == {"bare": {"commons": 10, "openverse": 20}, "makeup": {"openverse": 12}}
    size = {"holds": True, "lifted": False, "found": 42, "asked": 40, "says": "42 approved faces, 40 needed"}
    assert config["lineage"]["gate"] == {
        "decision": 7,
        "reasons": ["42 approved faces, 40 needed"],
        "numbers": {"faces": 42.0},
        "rules": {"size": size},
    }
    assert wandb.artifacts() == [
        (
            "snapshot-555555555555",
            "snapshot",
            {"id": "5" * 64, "faces_bare": 30, "faces_makeup": 12},
            {"manifest.jsonl": f"faceloop://snapshots/{'a' * 64}"},
        )
    ]
    assert wandb.history() == []
    assert not list((tmp_path / "wandb").rglob("*.png"))
    (text,) = Board(tmp_path).texts("lineage").values()
    for told in (
        "30 faces bare (71.4%): openverse 20 (66.7%), commons 10 (33.3%)",
        "12 faces makeup (28.6%): openverse 12 (100.0%)",
        "gate (decision 7): 42 approved faces, 40 needed",
        "| size | yes | 42 | 40 |",
    ):
        assert told in text
    assert "30 faces bare" in text


def test_an_alert_is_logged_sent_and_kept(tmp_path: Path, offline: None, caplog: pytest.LogCaptureFixture) -> None:
    with follow(tmp_path) as tracking, caplog.at_level(logging.ERROR):
        tracking.alert(30, Alert("copies", "The model copies", "0.25 at step 30"))
        tracking.alert(40, Alert("diverged", "No finite number", "step 40: G/latent_adv", fatal=True))

    assert Recorded(tmp_path).alerts() == [
        ("The model copies", "run-1: 0.25 at step 30", "WARN"),
        ("No finite number", "run-1: step 40: G/latent_adv", "ERROR"),
    ]
    assert "The model copies: 0.25 at step 30" in caplog.text
    assert "0.25 at step 30" in Board(tmp_path).texts("alerts/copies")[30]
    assert [(line["step"], line["kind"]) for line in journal.read(tmp_path)] == [(30, "copies"), (40, "diverged")]


def test_the_end_of_a_run_names_its_files_and_uploads_none(tmp_path: Path, offline: None) -> None:
    with follow(tmp_path) as tracking:
        tracking.ended(50, "stopped early because …", files={"000050_nets_ema.ckpt": "b" * 64})

    name, kind, metadata, references = Recorded(tmp_path).artifacts()[-1]
    assert (name, kind, metadata["ended"]) == ("model-run-1", "model", "stopped early because …")
    assert references == {"000050_nets_ema.ckpt": f"faceloop://checkpoints/{'b' * 64}"}
    assert Recorded(tmp_path).summary()["ended"] == "stopped early because …"


def test_what_is_known_after_the_end_goes_to_the_same_run(tmp_path: Path, offline: None) -> None:
    with follow(tmp_path) as tracking:
        tracking.numbers(50, {"D/latent_real": 0.5})
    report_later(
        tmp_path,
        name="run-1",
        project="faceloop",
        step=50,
        what="promotion",
        numbers={"bare_to_makeup/copy_index": 0.25},
        lines=("the first model", "its metrics are complete"),
    )
    wandb = Recorded(tmp_path)
    assert {record.run.run_id for record in wandb.records if record.HasField("run")} == {"run-1"}
    assert wandb.summary()["promotion/bare_to_makeup/copy_index"] == 0.25
    assert wandb.summary()["promotion"] == "- the first model\n- its metrics are complete"
    assert Board(tmp_path).numbers("promotion/bare_to_makeup/copy_index") == {50: 0.25}
    assert Board(tmp_path).numbers("D/latent_real") == {50: 0.5}


def test_a_resumed_journal_forgets_what_came_after_the_step_that_it_goes_on_from(tmp_path: Path, offline: None) -> None:
    with follow(tmp_path) as tracking:
        for step in (10, 20, 30):
            tracking.numbers(step, {"loss": float(step)})
    with (tmp_path / journal.NAME).open("a") as file:
        file.write('{"step": 40, "numb')  # a kill in the middle of a line
    with follow(tmp_path, step=20) as tracking:
        tracking.numbers(30, {"loss": 31.0})
    assert [line["numbers"] for line in journal.read(tmp_path)] == [{"loss": 10.0}, {"loss": 20.0}, {"loss": 31.0}]
    assert Board(tmp_path).numbers("loss") == {10: 10.0, 20: 20.0, 30: 31.0}
