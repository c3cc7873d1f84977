"""What a run goes on from beside its weights, which sets it keeps, and what it may begin from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from catalog import Catalog, open_blobs
from training import steps
from training.errors import BadCheckpoint, NotSaved, ResumeRefused
from training.evaluation.examining import Pictures
from training.evaluation.regions import regions_of
from training.files import sha256_of
from training.learning import checkpoint
from training.learning.loop import Trained
from training.learning.trainer_state import TrainerState, page_of, read_page
from training.monitoring.scoring import missed, score
from training.presets import Preset

Run = Callable[..., Trained]


def saved_steps(folder: Path) -> list[int]:
    return sorted(int(page.name[:6]) for page in (folder / "checkpoints").glob("*_trainer.json"))


def rewrite(saved: checkpoint.Saved, **changes: Any) -> None:
    """Write a set's page anew, as another version would have written it."""
    said = {name: value for name, value in json.loads(saved.paths["trainer"].read_bytes()).items() if name != "page"}
    saved.paths["trainer"].write_text(json.dumps({**said, **changes}))


def told(numbers: list[float]) -> Callable[[Any], float]:
    """Scores in the order in which sets are saved."""
    coming = iter(numbers)
    return lambda _: next(coming)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_a_page_says_all_that_it_was_told(tmp_path: Path) -> None:
    state = TrainerState(
        step=3,
        seed=1,
        snapshot="s",
        preset={"lr": 0.1, "base_width": None},
        domains=("bare", "makeup"),
        code="c",
        sha256={"nets": "n"},
        token=7,
        origin="o",
        schedules={"lambda_ds": 1 / 3},
        controllers={"p": [0.1], "rule": [1.0, 2.0]},
        random={"cpu": "AA=="},
        score=0.25,
    )
    page = tmp_path / "000003_trainer.json"
    page.write_bytes(page_of(state))
    assert read_page(page) == state


def test_no_number_that_is_none_gets_into_a_page(run: Run) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        page_of(replace(run(slice_steps=1).saved.state, score=float("nan")))


def test_a_save_with_a_number_that_is_none_is_refused_and_leaves_nothing(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NotSaved, match="not JSON compliant"):
        run(slice_steps=1, score=told([float("nan")]))
    assert not list(tmp_path.rglob("*_trainer.json"))
    assert not list(tmp_path.rglob("*.ckpt"))


def test_the_page_of_a_save_says_what_comes_next(run: Run) -> None:
    state = run(slice_steps=3, score=told([0.25])).saved.state
    assert (state.step, state.seed, state.snapshot, state.token, state.origin) == (3, 1, "s" * 64, 0, "")
    assert state.schedules == {"lambda_ds": 0.5}
    assert state.score == 0.25


def test_what_a_run_steers_itself_by_is_carried_on(run: Run) -> None:
    rewrite(run(slice_steps=1).saved, controllers={"augment_p": [0.35], "rule 1": [2.0, 0.1]})
    kept = run(slice_steps=1).saved.state.controllers
    assert (kept["augment_p"], kept["rule 1"]) == ([0.35], [2.0, 0.1])


class Drawer:
    """A tracker that draws from the global generator whenever it is told numbers: stands for an option that does."""

    def __init__(self) -> None:
        self.drawn: list[float] = []

    def begin(self, _: int) -> Drawer:
        return self

    def numbers(self, *_: object) -> None:
        self.drawn.append(float(torch.rand(())))

    def pictures(self, *_: object) -> None:
        """Draws nothing."""


def test_whoever_draws_from_the_global_generator_draws_the_same_after_a_resume(run: Run) -> None:
    whole, slices = Drawer(), Drawer()
    run("whole", tracker=whole.begin)
    for _ in range(3):
        run("slices", tracker=slices.begin, slice_steps=2)
    assert slices.drawn == whole.drawn
    assert len(set(whole.drawn)) == 6


def test_a_page_of_an_older_or_a_newer_version_is_read(run: Run) -> None:
    saved = run(slice_steps=1).saved
    said = json.loads(saved.paths["trainer"].read_bytes())
    first_form = ("step", "seed", "snapshot", "preset", "domains", "code", "sha256")
    saved.paths["trainer"].write_text(json.dumps({name: said[name] for name in first_form}))
    assert checkpoint.read(saved.paths["trainer"]).state.controllers == {}
    rewrite(saved, added_later=[1, 2])
    assert checkpoint.read(saved.paths["trainer"]).state.step == 1
    assert run(slice_steps=1).step == 2


def test_a_preset_that_lacks_numbers_added_since_counts_as_having_their_defaults(run: Run, micro: Preset) -> None:
    saved = run(slice_steps=1).saved
    assert micro.randcrop_prob == Preset("x").randcrop_prob
    rewrite(saved, preset={name: value for name, value in saved.state.preset.items() if name != "randcrop_prob"})
    assert run(slice_steps=1).step == 2
    with pytest.raises(ResumeRefused, match=r"preset's randcrop_prob 0\.5, this run 0\.25"):
        run(preset=replace(micro, randcrop_prob=0.25))


def test_a_number_that_differs_is_named(run: Run, micro: Preset) -> None:
    saved = run(slice_steps=1).saved
    with pytest.raises(ResumeRefused, match=r"step 1 has preset's lambda_cyc 1\.0, this run 2\.0"):
        run(preset=replace(micro, lambda_cyc=2.0))
    rewrite(saved, preset={**asdict(micro), "unheard_of": 3})
    with pytest.raises(ResumeRefused, match="preset's unheard_of 3, this run None"):
        run()


# --- the best set -----------------------------------------------------------------------------------------------------


def test_the_best_set_is_kept_beside_the_newest(run: Run, micro: Preset, tmp_path: Path) -> None:
    done = run(preset=replace(micro, save_every=1, keep=2), score=told([0.5, 0.2, 0.4, 0.3, 0.2, 0.9]))
    assert saved_steps(tmp_path / "run") == [5, 6]  # the newer of equals
    assert done.best == 5


def test_the_best_set_outlives_a_resume_without_a_score(run: Run, micro: Preset, tmp_path: Path) -> None:
    preset = replace(micro, save_every=1, keep=1)
    run(preset=preset, slice_steps=2, score=told([0.1, 0.4]))
    assert run(preset=preset).best == 1
    assert saved_steps(tmp_path / "run") == [1, 6]


# --- a warm start -----------------------------------------------------------------------------------------------------


def test_a_run_begins_from_published_weights_with_a_discriminator_of_its_own(run: Run, micro: Preset) -> None:
    still = replace(micro, lr=0.0, f_lr=0.0, weight_decay=0.0)
    origin = run("first").saved.paths["nets_ema"]
    begun = run("warm", preset=still, seed=2, slice_steps=1, origin=origin).saved
    old = torch.load(origin, weights_only=True)
    for kind in ("nets", "nets_ema"):
        new = torch.load(begun.paths[kind], weights_only=True)
        for name in checkpoint.SERVED:
            assert all(torch.equal(old[name][key], new[name][key]) for key in old[name]), (kind, name)
    fresh = run("cold", preset=still, seed=2, slice_steps=1).saved
    for saved in (begun, fresh):
        assert torch.load(saved.paths["optims"], weights_only=True)["generator"]["state"][0]["step"] == 2
    one, other = (torch.load(saved.paths["nets"], weights_only=True)["discriminator"] for saved in (begun, fresh))
    assert all(torch.equal(one[key], other[key]) for key in one)
    assert begun.state.origin == sha256_of(origin)


def test_a_warm_run_goes_on_without_the_file_and_not_with_another(run: Run) -> None:
    origin = run("first").saved.paths["nets_ema"]
    run("warm", seed=2, slice_steps=1, origin=origin)
    with pytest.raises(ResumeRefused, match="has origin"):
        run("warm", seed=2, origin=run("other", seed=5).saved.paths["nets_ema"])
    assert run("warm", seed=2).finished


def test_weights_that_do_not_fit_begin_nothing(run: Run, micro: Preset, tmp_path: Path) -> None:
    origin = run("first").saved.paths["nets_ema"]
    with pytest.raises(BadCheckpoint, match=r"000006_nets_ema\.ckpt: generator: from_rgb\.weight is \[4, 3, 3, 3\]"):
        run("warm", preset=replace(micro, base_width=6), origin=origin)
    assert not saved_steps(tmp_path / "warm")


def test_what_a_run_began_from_stays_known_and_another_machine_can_begin_it_too(
    approved: Catalog, tmp_path: Path
) -> None:
    steps.snapshot()
    trained = steps.train(slice_steps=1, threads=1)
    origin = next(path for path in trained.checkpoints if path.name.endswith("nets_ema.ckpt"))
    warm = steps.train(slice_steps=1, threads=1, seed=5, origin=origin)
    run = approved.models.run(warm.run_id)
    assert run.origin == sha256_of(origin)
    assert open_blobs().has("checkpoints", run.origin)
    with pytest.raises(ResumeRefused, match="began from nothing; another seed begins another run"):
        steps.train(slice_steps=1, threads=1, origin=origin)


def test_the_score_tells_taking_the_make_up_from_copying_and_from_doing_nothing(
    make_faces: Callable[..., Any],
) -> None:
    faces = make_faces(count=8)
    points = faces.landmarks[:4]
    sources, references = faces.pixels[faces.of(0)[:4]], faces.pixels[faces.of(1)[:4]]
    painted = sources.copy()
    for picture, reference, landmarks in zip(painted, references, points, strict=True):
        face = ~regions_of(landmarks, size=32).background
        picture[face] = reference[face]

    def scored(outputs: np.ndarray) -> float:
        return missed(Pictures(sources, points, references, points, outputs))

    assert scored(sources) == pytest.approx(1)
    assert scored(references) == pytest.approx(1)
    assert scored(painted) == pytest.approx(0)


def test_networks_are_scored_alike_each_time_and_not_without_faces(run: Run, make_faces: Callable[..., Any]) -> None:
    networks, faces = checkpoint.load_networks(run(slice_steps=1).saved.paths["nets_ema"]), make_faces()
    assert score(networks, faces, device="cpu") == score(networks, faces, device="cpu") > 0
    assert score(networks, replace(faces, domains=np.zeros_like(faces.domains)), device="cpu") is None
