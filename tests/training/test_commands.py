"""The commands in processes of their own: one JSON line, one-line errors, and death at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog, settings
from training import steps
from training.__main__ import main

ROOT = Path(__file__).parents[2]


@pytest.fixture
def start() -> Callable[..., subprocess.Popen[str]]:
    """Start Python in this test's environment; what still runs at the end is killed."""
    running: list[subprocess.Popen[str]] = []

    def started(*arguments: str, without: tuple[str, ...] = ()) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**{k: v for k, v in os.environ.items() if k not in without}, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield started
    for process in running:
        process.kill()
        process.communicate()


def wait_for(found: Callable[[], Any], process: subprocess.Popen[str], *, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not found():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_command_ends_with_one_json_line(approved: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []

    def command(*arguments: str) -> dict[str, Any]:
        assert main([*arguments, "--json"]) == 0
        *said[:], last = capsys.readouterr().out.splitlines()
        answer: dict[str, Any] = json.loads(last)
        assert answer.pop("ok") is True
        return answer

    snapshot = command("snapshot")
    assert (snapshot["faces"], snapshot["bare"], snapshot["makeup"]) == (16, 8, 8)
    gate = command("gate")
    assert gate["train"] is True
    assert gate["reasons"]
    trained = command("train", "--snapshot", snapshot["snapshot"][:10], "--slice-steps", "1", "--threads", "1")
    assert (trained["step"], trained["trained"], trained["stopped"]) == (1, 1, False)
    assert len(trained["checkpoints"]) == 3
    assert {f"  {path}" for path in (*trained["checkpoints"], trained["page"])} <= set(said)
    assert trained["page"].endswith("000001_trainer.json")
    evaluation = command("evaluate", "--run", str(trained["run"]))
    assert "bare_to_makeup/copy_index" in evaluation["metrics"]
    assert said[-1] == f"page with pictures and the meaning of each number: {evaluation['report']}"
    promoted = command("promote", "--evaluation", str(evaluation["evaluation"]))
    assert promoted["promoted"] is True
    assert promoted["champion"] == promoted["model"]
    assert command("promote", "--evaluation", str(evaluation["evaluation"]), "--again") == promoted, "a champion stays"
    assert command("verify")["problems"] == []
    assert {preset["name"] for preset in command("presets")["presets"]} >= {"paper-256", "tiny-64"}


def test_bad_input_is_one_line_and_not_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["train"],
        ["gate", "--snapshot", "beef"],
        ["evaluate", "--run", "5"],
        ["promote", "--evaluation", "5"],
    ):
        assert main([*arguments, "--json"]) == 1
        told = capsys.readouterr()
        assert told.err.startswith("error: ")
        assert told.err.count("\n") == 1
        assert json.loads(told.out.splitlines()[-1])["ok"] is False


def test_verify_fails_when_a_byte_is_wrong(approved: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    steps.snapshot(preset="tiny-64")
    (pack,) = (settings().home / "packs" / "64").glob("*.npy")
    with pack.open("r+b") as file:
        file.seek(5000)
        file.write(bytes([255 - file.read(1)[0]]))
    assert main(["verify"]) == 1
    assert f"{pack.name}: byte 500" in capsys.readouterr().out


def test_ctrl_c_saves_and_exits_75_and_leaves_the_signals_as_they_were(approved: Catalog) -> None:
    events = settings().home / "runs" / f"tiny-64-{steps.snapshot()[:12]}-s777" / "tensorboard"
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    over = threading.Event()

    def press() -> None:
        while not over.wait(0.02):
            if any(path.stat().st_size > 500 for path in events.glob("*")):  # a step was logged
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=press)
    thread.start()
    try:
        assert main(["train", "--slice-steps", "200", "--threads", "1"]) == os.EX_TEMPFAIL
    finally:
        over.set()
        thread.join()
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    assert 1 <= approved.models.runs()[0].step < 200


def test_sigterm_saves_and_exits_75_and_the_same_command_goes_on(
    approved: Catalog, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """Also that W&B and TensorBoard write below the run's folder without a key and without a network."""
    folder = settings().home / "runs" / f"tiny-64-{steps.snapshot()[:12]}-s777"
    command = ["-m", "training", "train", "--slice-steps", "40", "--threads", "1", "--json"]
    process = start(*command, without=("WANDB_MODE", "WANDB_API_KEY"))
    events = folder / "tensorboard"
    wait_for(lambda: any(path.stat().st_size > 500 for path in events.glob("*")), process)  # a step was logged
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 75, error
    answer = json.loads(out.splitlines()[-1])
    assert answer["stopped"] is True
    assert 1 <= answer["step"] < 40
    assert list((folder / "wandb").glob("offline-run-*/*.wandb"))
    assert steps.train(slice_steps=1, threads=1).step == answer["step"] + 1
