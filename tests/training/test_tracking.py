"""Following a training: what W&B's server does or does not do never stops it."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest

from training.tracking import Tracking


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
            Tracking(tmp_path, name="run-1", config={"lr": 1.0}, project="faceloop", step=0, patience=2) as tracking,
        ):
            tracking.numbers(1, {"loss": 0.5})

    assert "recording offline" in caplog.text
    assert list((tmp_path / "wandb").glob("offline-run-*-run-1/*.wandb"))
    assert list((tmp_path / "tensorboard").iterdir())
