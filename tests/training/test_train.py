"""Training goes on where it stopped, stops when it must, and never saves what is broken."""

from __future__ import annotations

import logging
import multiprocessing
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from training.errors import BadSnapshot, Diverged, ResumeRefused, RunBusy
from training.faces.data import Faces
from training.files import locked
from training.learning import checkpoint
from training.learning.loop import Trained
from training.presets import Preset

Run = Callable[..., Trained]


def contents(trained: Trained) -> list[bytes]:
    """The bytes of everything saved: live weights, averaged weights, moments."""
    return [trained.saved.paths[kind].read_bytes() for kind in checkpoint.KINDS]


def test_one_call_trains_to_the_end_of_the_preset(run: Run, micro: Preset) -> None:
    done = run()
    assert (done.step, done.trained, done.finished, done.stopped) == (micro.total_iters, micro.total_iters, True, False)
    assert [path.name for path in done.saved.paths.values()] == [
        "000006_nets.ckpt",
        "000006_nets_ema.ckpt",
        "000006_optims.ckpt",
        "000006_trainer.json",
    ]


def test_stop_and_resume_equals_no_stop_bit_for_bit(run: Run) -> None:
    whole = run("whole")
    run("slices", slice_steps=1)
    run("slices", slice_steps=2)
    last = run("slices", slice_steps=100)
    assert (last.step, last.trained) == (6, 3)
    assert contents(last) == contents(whole)


def test_another_seed_gives_other_weights(run: Run) -> None:
    assert contents(run("one", slice_steps=1)) != contents(run("other", slice_steps=1, seed=2))


def test_a_finished_run_is_not_trained_further(run: Run) -> None:
    before = contents(run())
    again = run()
    assert (again.trained, again.finished) == (0, True)
    assert contents(again) == before


def test_killed_at_any_moment_and_run_again_it_ends_with_the_weights_of_an_uninterrupted_run(
    run: Run, micro: Preset, tmp_path: Path
) -> None:
    preset = replace(micro, total_iters=16, ds_iter=16, save_every=2)
    pages = tmp_path / "killed" / "checkpoints"
    for saves in (1, 3, 5):
        process = multiprocessing.get_context("fork").Process(target=run, args=("killed",), kwargs={"preset": preset})
        process.start()
        while process.is_alive() and max([0, *(int(page.name[:6]) for page in pages.glob("*.json"))]) < 2 * saves:
            time.sleep(0.005)
        process.kill()
        process.join()
        assert process.exitcode == -signal.SIGKILL
    last = run("killed", preset=preset)
    assert last.trained < 16
    assert contents(last) == contents(run("whole", preset=preset))


def test_a_request_to_stop_finishes_the_step_and_saves_it(run: Run) -> None:
    asked = iter([False, True])
    stopped = run(stop=lambda: next(asked))
    assert (stopped.step, stopped.stopped, stopped.finished) == (2, True, False)
    assert contents(run()) == contents(run("whole"))


def test_a_damaged_last_checkpoint_is_passed_over_with_a_warning(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    run("whole")
    run("hurt", slice_steps=2)
    broken = run("hurt", slice_steps=1).saved.paths["optims"]
    data = bytearray(broken.read_bytes())
    data[len(data) // 2] ^= 1
    broken.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        repaired = run("hurt")
    assert repaired.trained == 4
    assert "000003_optims.ckpt does not hash" in caplog.text
    assert contents(repaired) == contents(run("whole"))


@pytest.mark.parametrize(
    "page",
    [b"", b"[]", b"{}", b'{"step": 3, "domains": [], "sha256": 7}', b'{"step": "3", "domains": [], "sha256": {}}'],
)
def test_a_last_page_that_says_nothing_is_passed_over_too(run: Run, page: bytes) -> None:
    run("hurt", slice_steps=2)
    run("hurt", slice_steps=1).saved.paths["trainer"].write_bytes(page)
    assert run("hurt").trained == 4


def test_a_page_that_speaks_of_another_step_is_passed_over(run: Run) -> None:
    first = run("hurt", slice_steps=2).saved.paths["trainer"].read_bytes()
    run("hurt", slice_steps=1).saved.paths["trainer"].write_bytes(first)
    assert run("hurt").trained == 4


def test_what_a_killed_writer_left_behind_is_swept_and_ignored(run: Run, tmp_path: Path) -> None:
    run(slice_steps=2)
    folder = tmp_path / "run" / "checkpoints"
    (folder / ".000004_nets.ckpt.x1y2").write_bytes(b"half")
    (folder / "000004_nets.ckpt").write_bytes(b"whole, but its set is not")
    assert contents(run()) == contents(run("whole"))
    assert not list(folder.glob(".*"))


@pytest.mark.parametrize("changed", ["snapshot", "seed", "preset"])
def test_resuming_with_something_else_is_refused(run: Run, micro: Preset, changed: str) -> None:
    run(slice_steps=1)
    other: dict[str, Any] = {"snapshot": "t" * 64, "seed": 2, "preset": replace(micro, lambda_cyc=2.0)}
    with pytest.raises(ResumeRefused, match=changed):
        run(**{changed: other[changed]})


def test_two_processes_cannot_train_one_run(run: Run, tmp_path: Path) -> None:
    with locked(tmp_path / "run" / "lock") as ours:
        assert ours
        with pytest.raises(RunBusy):
            run()


def test_a_loss_that_is_not_finite_stops_before_anything_is_saved(run: Run, micro: Preset, tmp_path: Path) -> None:
    with pytest.raises(Diverged, match=r"step 1: .*D/reference_real.* not a finite number"):
        run("hot", preset=replace(micro, lr=1e38))
    assert not list((tmp_path / "hot" / "checkpoints").iterdir())


def test_losses_are_looked_at_before_a_save_even_when_logging_is_rare(run: Run, micro: Preset, tmp_path: Path) -> None:
    with pytest.raises(Diverged):
        run("hot", preset=replace(micro, lr=1e38, log_every=1000))
    assert not list((tmp_path / "hot" / "checkpoints").iterdir())


def test_the_log_holds_every_loss_and_a_live_r1_gradient(run: Run, notebook: Any) -> None:
    run(tracker=notebook.begin, slice_steps=4)
    run(tracker=notebook.begin, slice_steps=4)
    assert notebook.started_at == 4
    assert list(notebook.rows) == list(range(1, 7))
    for row in notebook.rows.values():
        assert {"G/latent_adv", "G/latent_sty", "G/latent_ds", "G/latent_cyc", "images_per_second"} < set(row)
        assert row["D/latent_r1_gradient_norm"] > 0
        assert row["D/reference_r1_gradient_norm"] > 0


def test_the_diversity_weight_goes_on_falling_after_a_resume(run: Run, notebook: Any) -> None:
    run(tracker=notebook.begin, slice_steps=4)
    run(tracker=notebook.begin, slice_steps=4)
    assert [row["G/lambda_ds"] for row in notebook.rows.values()] == [1 - step / 6 for step in range(6)]


def test_each_save_comes_with_two_sample_grids(run: Run, notebook: Any, tmp_path: Path) -> None:
    run(tracker=notebook.begin)
    assert sorted(notebook.grids) == [4, 6]
    assert notebook.grids[6]["latent"].shape == (4 * 32, 9 * 32, 3)  # 4 sources; themselves, 2 domains × 4 styles
    assert notebook.grids[6]["reference"].shape == (5 * 32, 9 * 32, 3)
    written = sorted(path.name for path in (tmp_path / "run" / "samples").iterdir())
    assert written == [f"{s:06d}_{way}.png" for s in (4, 6) for way in ("latent", "reference")]


def test_only_the_newest_checkpoints_are_kept(run: Run, micro: Preset, tmp_path: Path) -> None:
    run(preset=replace(micro, save_every=1, keep=2))
    kept = sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert {name[:6] for name in kept} == {"000005", "000006"}
    assert len(kept) == 8


def test_each_save_is_announced_once_it_is_whole(run: Run) -> None:
    seen: list[int] = []

    def check(saved: checkpoint.Saved) -> None:
        seen.append(checkpoint.read(saved.paths["trainer"]).state.step)

    run(on_save=check)
    assert seen == [4, 6]


def test_the_average_starts_as_a_copy_of_the_first_weights(run: Run, micro: Preset) -> None:
    still = replace(micro, lr=0.0, f_lr=0.0, weight_decay=0.0)
    paths = run(preset=still, slice_steps=1).saved.paths
    live, average = (torch.load(paths[kind], weights_only=True) for kind in ("nets", "nets_ema"))
    for part, tensors in average.items():
        for key, tensor in tensors.items():
            assert torch.equal(tensor, live[part][key]), key


def test_the_mapping_network_learns_from_latents_and_the_encoder_too(run: Run) -> None:
    before = torch.load(run(slice_steps=1).saved.paths["nets"], weights_only=True)
    after = torch.load(run(slice_steps=1).saved.paths["nets"], weights_only=True)
    for part in checkpoint.TRAINED:
        assert any(not torch.equal(before[part][key], after[part][key]) for key in before[part]), part


def test_it_learns_to_keep_the_source(run: Run, micro: Preset, notebook: Any) -> None:
    longer = replace(micro, total_iters=30, ds_iter=30, lr=5e-3, lambda_cyc=10.0, save_every=30)
    run(preset=longer, tracker=notebook.begin)
    cycle = [row["G/latent_cyc"] for row in notebook.rows.values()]
    assert np.mean(cycle[-5:]) < 0.85 * np.mean(cycle[:5])


def test_a_domain_without_faces_is_refused_by_name(run: Run, make_faces: Callable[..., Faces]) -> None:
    faces = make_faces()
    with pytest.raises(BadSnapshot, match="makeup"):
        run(faces=replace(faces, domains=np.zeros_like(faces.domains)))
