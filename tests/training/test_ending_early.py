"""A rule ends a run early: it is done, says why, and a resume decides as a run that never stopped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recorded import Board, Recorded

from catalog import Catalog, settings
from catalog.records import RunState, SubmissionState
from review.trainings import trainings
from training import steps
from training.__main__ import main
from training.errors import BadRule
from training.holding import holding
from training.learning import checkpoint
from training.learning.loop import Trained
from training.monitoring import journal
from training.monitoring.stopping import parse
from training.monitoring.watching import Watch
from training.networks.stargan import Networks
from training.presets import Preset
from training.standing import TRAININGS

Run = Callable[..., Trained]


def copies_from(step: int, *, every: int = 2) -> Callable[[Networks, Networks], dict[str, float]]:
    """A probe that sees copies from its so-manieth look on."""
    looks = [0]

    def look(networks: Networks, ema: Networks) -> dict[str, float]:
        looks[0] += every
        return {"probe/copy_rate": 0.25 if looks[0] >= step else 0.0}

    return look


def test_a_rule_that_holds_saves_the_step_and_finishes_the_run(run: Run, micro: Preset, notebook: Any) -> None:
    ended = run(
        preset=replace(micro, probe_every=2, save_every=100),
        watch=Watch(parse("copy_rate > 0.05 for 2")),
        probe=copies_from(2),
        tracker=notebook.begin,
    )
    assert (ended.step, ended.finished, ended.stopped) == (4, True, False)
    assert ended.early is not None
    assert ended.early.reason == "stopped early because copy_rate > 0.05 for 2: 0.25, 0.25 at step 4"
    assert checkpoint.read(ended.saved.paths["trainer"]).state.step == 4
    assert [step for step, row in notebook.rows.items() if "probe/copy_rate" in row] == [2, 4]
    assert notebook.alerts == [(4, "copies")]


def test_a_run_that_a_rule_has_ended_goes_on_only_without_it(run: Run, micro: Preset) -> None:
    preset = replace(micro, probe_every=2)
    rule = "copy_rate > 0.05"
    first = run(preset=preset, watch=Watch(parse(rule)), probe=copies_from(2))
    again = run(preset=preset, watch=Watch(parse(f"no_face > 1; {rule}")), probe=copies_from(2))
    assert (again.trained, again.finished, again.early) == (0, True, first.early)
    without = run(preset=preset, watch=Watch(), probe=copies_from(2))
    assert (without.trained, without.early) == (4, None)


@pytest.mark.parametrize("cuts", [(1,), (3, 2), (1, 1, 1, 1, 1, 1), (7,)])
def test_stopped_and_resumed_it_ends_at_the_same_step_with_the_same_numbers(
    run: Run, micro: Preset, cuts: tuple[int, ...]
) -> None:
    """Losses are means over three steps, whatever calls trained them; asked to stop in between, it tells one more."""
    preset = replace(micro, log_every=3, total_iters=30, ds_iter=30, save_every=1000)
    rules = "D/real_sign <= 1 for 3; G/lambda_ds < 0.5"
    whole = run("whole", preset=preset, watch=Watch(parse(rules)))
    assert whole.early is not None
    assert whole.early.step == 9
    for cut in cuts:
        asked = iter([False] * (cut - 1) + [True] * 100)
        run("cut", preset=preset, watch=Watch(parse(rules)), stop=lambda asked=asked: next(asked))
    last = run("cut", preset=preset, watch=Watch(parse(rules)))
    assert last.early == whole.early
    assert last.saved.state.controllers == whole.saved.state.controllers
    assert [last.saved.paths[kind].read_bytes() for kind in checkpoint.KINDS] == [
        whole.saved.paths[kind].read_bytes() for kind in checkpoint.KINDS
    ]


def test_looking_at_it_changes_no_weight(run: Run, micro: Preset) -> None:
    looked = run("looked", preset=replace(micro, probe_every=2), probe=copies_from(100))
    plain = run("plain", preset=replace(micro, probe_every=2))
    for kind in checkpoint.KINDS:
        assert looked.saved.paths[kind].read_bytes() == plain.saved.paths[kind].read_bytes()


@pytest.mark.parametrize(("log_every", "probe_every", "looks"), [(1, 2, 5), (2, 5, 2), (3, 4, 2), (1, 0, 0), (5, 2, 2)])
def test_a_probe_looks_at_the_first_report_at_or_after_its_step(
    run: Run, micro: Preset, notebook: Any, log_every: int, probe_every: int, looks: int
) -> None:
    preset = replace(micro, total_iters=10, ds_iter=10, save_every=100, log_every=log_every, probe_every=probe_every)
    run(preset=preset, probe=copies_from(100), tracker=notebook.begin)
    told = [step for step, row in notebook.rows.items() if "probe/copy_rate" in row]
    assert len(told) == looks
    assert all(step % log_every == 0 for step in told)


def test_each_report_tells_speed_and_memory(run: Run, notebook: Any) -> None:
    run(tracker=notebook.begin, slice_steps=2)
    for row in notebook.rows.values():
        assert row["images_per_second"] > 0
        assert 0.05 < row["peak_memory_gb"] < 64
        assert -1 <= row["D/latent_real_sign"] <= 1


@pytest.fixture
def followed(approved: Catalog, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """The catalog of approved faces, with W&B recording offline."""
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    return approved


def folder_of(catalog: Catalog) -> Path:
    (run,) = catalog.models.runs()
    return settings().home / "runs" / f"tiny-64-{run.snapshot_id[:12]}-s777"


def test_a_night_ended_by_a_rule_is_done_and_the_gate_does_not_train_it_again(
    followed: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = steps.snapshot()
    assert steps.gate(snapshot) is True
    assert main(["train", "--stop-when", "images_per_second > 0 for 2", "--threads", "1", "--json"]) == 0
    out = capsys.readouterr().out
    answer = json.loads(out.splitlines()[-1])
    assert (answer["step"], answer["finished"], answer["stopped"]) == (2, True, False)
    assert answer["early"].startswith("stopped early because images_per_second > 0 for 2: ")
    assert f"  {answer['early']}\n" in out

    (run,) = followed.models.runs()
    assert (run.state, run.step, run.reason) == (RunState.DONE, 2, answer["early"])
    assert steps.gate(snapshot) is False

    wandb, board = Recorded(folder_of(followed)), Board(folder_of(followed))
    config = wandb.config()
    assert config["stop_when"] == "images_per_second > 0 for 2"
    assert config["lineage"]["snapshot"] == snapshot
    assert config["lineage"]["gate"]["reasons"][0] == "train"
    assert config["lineage"]["gate"]["rules"]["size"]["asked"] > 0
    told = config["lineage"]["sources"]
    assert {domain: sum(told[domain].values()) for domain in told} == config["lineage"]["faces"]
    assert wandb.summary()["ended"] == answer["early"]
    assert [kind for _, kind, _, _ in wandb.artifacts()] == ["snapshot", "model"]
    references = wandb.artifacts()[-1][3]
    kept = {file.kind: file.sha256 for file in followed.models.checkpoints(run.id)}
    assert references["000002_nets_ema.ckpt"] == f"faceloop://checkpoints/{kept['nets_ema']}"
    assert [report["step"] for report in wandb.history() if "D/latent_real" in report] == [1, 2]
    assert sorted(board.numbers("G/latent_cyc")) == [1, 2]
    assert list(board.texts("ended").values()) == [answer["early"]]


def backdrop(picture: np.ndarray, landmarks: np.ndarray | None = None) -> np.ndarray:
    """Stands for the face network: whose backdrop it is."""
    return picture[:4].mean((0, 1)) / 255


def test_what_is_measured_and_decided_after_the_night_is_told_to_the_same_run(followed: Catalog) -> None:
    steps.snapshot()
    night = steps.train(slice_steps=1, threads=1)
    evaluation = followed.models.evaluation(steps.evaluate(night.run_id, describe=backdrop))
    model = steps.promote(evaluation.id, describe=backdrop)
    (row,) = [one for one in followed.models.list() if one.id == model]

    wandb, board = Recorded(folder_of(followed)), Board(folder_of(followed))
    assert {record.run.run_id for record in wandb.records if record.HasField("run")} == {night.name}
    told = wandb.summary()
    name = "bare_to_makeup/copy_index"
    assert told[f"evaluation/{name}"] == evaluation.metrics[name]
    assert told["promotion/champion"] == 1.0
    assert told["promotion"].splitlines() == [f"- model {model}: champion", *(f"- {reason}" for reason in row.reasons)]
    assert board.numbers(f"evaluation/{name}") == {1: pytest.approx(evaluation.metrics[name])}
    assert not any("slice=" in key for key in told)


def test_asked_again_it_says_the_same_and_without_its_rule_it_goes_on(followed: Catalog) -> None:
    steps.snapshot()
    first = steps.train(stop_when="images_per_second > 0", threads=1)
    again = steps.train(stop_when="images_per_second > 0", threads=1)
    assert (again.trained, again.early) == (0, first.early)
    assert followed.models.runs()[0].state is RunState.DONE
    further = steps.train(stop_when="", slice_steps=2, threads=1)
    assert (further.step, further.trained, further.finished) == (3, 2, False)
    run = followed.models.runs()[0]
    assert (run.state, run.reason) == (RunState.RUNNING, "")


def test_another_machine_goes_on_from_the_rows_in_the_checkpoint(approved: Catalog) -> None:
    """Its journal is not there: the rules' memory comes with the weights."""
    steps.snapshot()
    steps.train(stop_when="images_per_second > 0 for 3", slice_steps=2, threads=1)
    shutil.rmtree(folder_of(approved))
    ended = steps.train(stop_when="images_per_second > 0 for 3", threads=1)
    assert (ended.step, ended.trained) == (3, 1)
    assert ended.early.startswith("stopped early because images_per_second > 0 for 3: ")


def test_a_wrong_rule_is_refused_before_anything_is_trained(
    approved: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    steps.snapshot()
    assert main(["train", "--stop-when", "copy_rat > 1"]) == 1
    assert "did you mean copy_rate?" in capsys.readouterr().err
    assert approved.models.runs() == []


def test_a_loss_that_there_is_not_is_refused_at_the_first_report(run: Run) -> None:
    with pytest.raises(BadRule, match="G/idt"):
        run(watch=Watch(parse("G/idt > 1")))


def test_runs_and_journal_tell_how_it_goes(followed: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "nothing has been trained yet\n"
    steps.snapshot()
    steps.train(stop_when="images_per_second > 0 for 2", threads=1)
    capsys.readouterr()
    assert main(["runs", "--json"]) == 0
    told = capsys.readouterr().out
    (machine,) = json.loads(told.splitlines()[-1])["runs"]
    assert (machine["state"], machine["step"]) == ("done", 2)
    assert machine["numbers"]["images_per_second"] > 0
    assert "finished, step 2 of 2,000 (0 %)" in told
    assert "stopped early because images_per_second > 0 for 2" in told
    assert "D/latent_real" in told
    assert main(["journal", "--run", str(machine["id"]), "--lines", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert "step       2  D/latent_real" in lines[0]
    assert "ended: stopped early because" in lines[1]
    assert main(["journal", "--run", "99"]) == 1


def test_a_training_that_nobody_runs_waits_to_be_gone_on_with(
    approved: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> tuple[str, dict[str, Any]]:
        assert main(["runs", "--json"]) == 0
        first, *_, last = capsys.readouterr().out.splitlines()
        return first, json.loads(last)["runs"][0]

    steps.snapshot()
    name = steps.train(slice_steps=1, threads=1).name
    capsys.readouterr()
    line, run = told()
    assert "waits to be gone on with, step 1 of 2,000" in line
    assert (run["state"], run["stands"]) == ("running", "stopped")
    with holding(approved, name, seconds=60):
        line, run = told()
    assert f"{name}  running, step 1" in line
    assert (run["state"], run["stands"]) == ("running", "running")


def test_a_training_that_a_runner_was_given_stands_in_the_words_of_the_desk(
    approved: Catalog, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot = steps.snapshot()
    name = steps.train(slice_steps=1, threads=1).name

    def told() -> str:
        capsys.readouterr()
        assert main(["runs"]) == 0
        out = capsys.readouterr().out
        (desks,) = trainings(approved).trainings
        assert f"{name}  {TRAININGS[desks.state].lower()}, step 1" in out
        assert desks.why in out
        return out

    def ended(state: SubmissionState, **said: Any) -> str:
        given = approved.submissions.open("k" * 64, run=name, snapshot_id=snapshot, runner="kubernetes", job={})
        approved.submissions.note(given, state=state, **said)
        return told()

    approved.submissions.open("k" * 64, run=name, snapshot_id=snapshot, runner="kubernetes", job={})
    assert "queued" in told()
    lost = ended(SubmissionState.LOST, handle={"job": "one"}, reason="its node was taken back")
    assert "failed, step 1" in lost  # the next night drops it
    assert "its node was taken back" in lost
    assert "Its process ended with an error." in ended(SubmissionState.FAILED, handle={"job": "one"}, exit_code=1)
    unmade = ended(SubmissionState.FAILED, reason="no machine could be had")
    assert "waits to be gone on with" in unmade  # it has never begun: the next night goes on with the run
    assert "no machine could be had" in unmade
    assert "has saved; the next night goes on" in ended(SubmissionState.STOPPED, exit_code=75)


def test_a_run_of_another_machine_has_no_journal_here(approved: Catalog, capsys: pytest.CaptureFixture[str]) -> None:
    steps.snapshot()
    steps.train(slice_steps=1, threads=1)
    (folder_of(approved) / journal.NAME).unlink()
    (run,) = approved.models.runs()
    assert main(["journal", "--run", str(run.id)]) == 0
    assert "it has no journal on this machine" in capsys.readouterr().out
