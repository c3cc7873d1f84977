"""The bench of a step compares what it says it compares, and ends with one line of JSON."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.losses import LOSSES, late
from bench.train import losses_equal, main, preset_of
from training.faces.data import Faces
from training.presets import Preset, preset


def test_its_arms_are_the_published_presets_and_the_exact_part_of_the_fast_one() -> None:
    arms = {arm: preset_of(arm, size=256, batch=2, width=None) for arm in ("reference", "exact", "fast")}
    published, fast = preset("paper-256"), preset("fast-256")
    assert (arms["reference"].precision, arms["reference"].lazy_r1, arms["reference"].reordered) == (
        "float32",
        1,
        False,
    )
    assert (arms["exact"].precision, arms["exact"].lazy_r1, arms["exact"].reordered) == ("float32", 1, True)
    assert (arms["fast"].precision, arms["fast"].lazy_r1) == (fast.precision, fast.lazy_r1)
    assert published.lazy_r1 < fast.lazy_r1


def test_losses_are_equal_within_what_the_page_says_and_not_beyond() -> None:
    reference = {"D/latent_real": 1.0, "G/latent_adv": 2.0}
    near = {"D/latent_real": 1.09, "G/latent_adv": 2.0}
    assert losses_equal({"reference": reference, "exact": reference, "fast": near})["equal"]
    assert not losses_equal({"reference": reference, "exact": near, "fast": near})["equal"]
    assert not losses_equal({"reference": reference, "exact": reference, "fast": {"D/latent_real": 1.11}})["equal"]
    signs = {"reference": reference | {"D/latent_real_sign": 0.0}, "exact": reference | {"D/latent_real_sign": 0.25}}
    assert losses_equal({**signs, "fast": near})["equal"]  # one picture more or less that is taken for real: no loss


@pytest.mark.slow
def test_it_ends_with_one_line_that_holds_what_was_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    main(["--size", "32", "--width", "2", "--batch", "2", "--blocks", "1", "--device", "cpu", "--threads", "1"])
    told = json.loads(capfd.readouterr().out.splitlines()[-1])
    asked = "device flags size batch reference_s_per_step fast_s_per_step ratio memory_ratio losses_equal"
    assert set(asked.split()) <= set(told)
    assert told["losses_equal"]
    assert told["ratio"] == pytest.approx(told["reference_s_per_step"] / told["fast_s_per_step"], rel=0.01)


def test_the_bench_of_losses_takes_each_mean_over_the_steps_that_told_it(faces: Faces, micro: Preset) -> None:
    lazy = replace(micro, lazy_r1=2, lr=0.0, f_lr=0.0, lambda_reg=0.0, ds_iter=10**9)
    every, seldom = (late(faces, one, seed=1, steps=3, last=3) for one in (replace(lazy, lazy_r1=1), lazy))
    assert set(seldom) == set(LOSSES)
    assert seldom["r1"] > 0
    assert {**seldom, "r1": every["r1"]} == pytest.approx(every)
    assert seldom["r1"] == pytest.approx(
        late(faces, lazy, seed=1, steps=3, last=2)["r1"] / 2 + late(faces, lazy, seed=1, steps=1, last=1)["r1"] / 2
    )
