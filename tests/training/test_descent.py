"""Every switch that makes a step faster leaves its numbers those of the published step."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import torch

from training.errors import DeadPenalty
from training.faces.data import Faces, Sampler
from training.learning.checkpoint import KINDS, TRAINED
from training.learning.descent import WAYS, Descent, architecture, kernels_of, optimisers_of
from training.learning.loop import Trained
from training.learning.losses import r1
from training.learning.scene import Scene
from training.networks.stargan import Networks, initialise
from training.presets import Preset

EXACT = dict.fromkeys(("reordered", "folded", "fused_norm", "channels_last", "fused_adam"), True)


@pytest.fixture
def float64() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@dataclass(frozen=True)
class Taken:
    """What some steps led to."""

    losses: list[dict[str, float]]
    weights: dict[str, torch.Tensor]
    moved: float


Take = Callable[..., Taken]


@pytest.fixture
def take(faces: Faces, micro: Preset) -> Take:
    """Take steps of the micro preset with changes, always from the same weights over the same batches."""

    def taken(*, steps: int = 3, first: int = 0, **changes: object) -> Taken:
        preset = replace(micro, **{"fused_adam": False, "batch_size": 4} | changes)  # type: ignore[arg-type]
        torch.manual_seed(7)
        networks = Networks(architecture(preset, domains=2))
        initialise(networks)
        networks.to(torch.get_default_dtype())
        before = copy.deepcopy(networks.state_dict())
        ema = copy.deepcopy(networks)
        descend = Descent(networks, ema, preset, optimisers=optimisers_of(networks, preset))
        sampler = Sampler(faces, preset, seed=3)
        losses = []
        for step in range(first, first + steps):
            batch = sampler.batch(step).to(torch.get_default_dtype())
            losses.append({name: float(value) for name, value in descend(batch, step=step).items()})
        after = networks.state_dict()
        moved = max(float((after[key] - before[key]).abs().max()) for key in after)
        return Taken(losses, {**after, **{f"ema.{k}": v for k, v in ema.state_dict().items()}}, moved)

    return taken


def furthest(one: Taken, other: Taken) -> float:
    """The largest difference between two weights that should be the same."""
    return max(float((one.weights[key] - other.weights[key]).abs().max()) for key in one.weights)


def assert_same(one: Taken, other: Taken, *, within: float) -> None:
    assert one.moved > 1e-4  # more than they may differ by far
    assert furthest(one, other) < within
    for mine, theirs in zip(one.losses, other.losses, strict=True):
        assert mine == pytest.approx(theirs, rel=within, abs=within)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("w_hpf", [1.0, 0.0])
@pytest.mark.parametrize(
    "switches",
    [
        {"reordered": True},
        {"accumulate": 2},
        {"reordered": True, "accumulate": 4},
        {"folded": True},
        {"fused_norm": True},
        {"channels_last": True},
        {"precision": "float32"},
        {"fused_adam": True},
        EXACT,
    ],
    ids=lambda switches: "+".join(switches),
)
def test_a_step_done_otherwise_is_the_published_step(take: Take, w_hpf: float, switches: dict[str, object]) -> None:
    assert_same(take(w_hpf=w_hpf, **switches), take(w_hpf=w_hpf), within=1e-9)


@pytest.mark.usefixtures("float64")
def test_lazy_r1_is_so_much_stronger_when_its_turn_comes_and_left_out_between(take: Take) -> None:
    assert_same(take(steps=1, lazy_r1=2), take(steps=1, lambda_reg=2.0), within=1e-12)
    between = take(steps=1, first=1, lazy_r1=2)
    assert furthest(between, take(steps=1, first=1, lambda_reg=0.0)) < 1e-12
    assert not any("r1" in name for name in between.losses[0])


def test_the_log_is_told_of_r1_only_when_it_has_had_its_turn(take: Take) -> None:
    """What is reported is a mean over steps: an old number told again would count again."""
    told = [{name for name in row if "r1" in name} for row in take(lazy_r1=2).losses]
    assert told[0] == told[2] == {f"D/{way}_{name}" for way in WAYS for name in ("r1", "r1_gradient_norm")}
    assert told[1] == set()


MODES = {
    "reordered": {"reordered": True},
    "folded": {"folded": True},
    "channels_last": {"channels_last": True},
    "bfloat16": {"precision": "bfloat16"},
    "fast": {**EXACT, "precision": "bfloat16"},
}


@pytest.mark.parametrize("mode", MODES)
def test_the_gradient_of_r1_is_alive_and_the_published_one_in_every_mode(
    faces: Faces, micro: Preset, mode: str
) -> None:
    def gradient(preset: Preset) -> torch.Tensor:
        torch.manual_seed(7)
        networks = Networks(architecture(preset, domains=2))
        initialise(networks)
        passes = Descent(networks, None, preset, optimisers={}).passes
        batch = Sampler(faces, preset, seed=3).batch(0)
        images = batch.x_src.requires_grad_()
        scene = Scene(networks, passes, preset, batch, hold=True)
        r1(scene.judge_twice(images, batch.y_src), images).backward()
        live = [p.grad.flatten() for p in networks.discriminator.parameters() if p.grad is not None]
        return torch.cat(live)

    published, found = gradient(micro), gradient(replace(micro, **MODES[mode]))  # type: ignore[arg-type]
    assert published.norm() > 0
    assert (found - published).norm() < 1e-3 * published.norm()


@pytest.mark.parametrize("w_hpf", [1.0, 0.0])
def test_in_bfloat16_the_losses_of_a_step_are_those_of_float32_to_its_precision(take: Take, w_hpf: float) -> None:
    low, full = take(steps=1, w_hpf=w_hpf, **MODES["fast"]), take(steps=1, w_hpf=w_hpf)
    assert low.losses[0] != full.losses[0]
    assert low.losses[0] == pytest.approx(full.losses[0], rel=0.03, abs=0.01)
    assert all(weight.dtype is torch.float32 for weight in low.weights.values())


@pytest.mark.parametrize(("on_cpu", "expected"), [(True, torch.bfloat16), (False, None)])
def test_automatic_precision_is_what_the_device_is_faster_at(
    micro: Preset, monkeypatch: pytest.MonkeyPatch, on_cpu: bool, expected: torch.dtype | None
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: on_cpu)
    kernels = kernels_of(replace(micro, precision="auto"), device=torch.device("cpu"))
    assert kernels.precision is expected


@pytest.mark.parametrize(("has_units", "expected"), [(True, torch.bfloat16), (False, None)])
def test_a_gpu_that_only_emulates_bfloat16_is_not_faster_at_it(
    micro: Preset, monkeypatch: pytest.MonkeyPatch, has_units: bool, expected: torch.dtype | None
) -> None:
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation or has_units
    )
    kernels = kernels_of(replace(micro, precision="auto"), device=torch.device("cuda"))
    assert kernels.precision is expected


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile wants a C++ compiler")
@pytest.mark.usefixtures("float64")
def test_compiled_passes_give_the_picture_the_logits_and_the_gradients_of_eager_ones(
    faces: Faces, micro: Preset
) -> None:
    small = replace(micro, base_width=2, max_width=4, folded=True)
    torch.manual_seed(7)
    networks = Networks(architecture(small, domains=2))
    initialise(networks)
    networks.double()
    batch = Sampler(faces, small, seed=3).batch(0).to(torch.float64)
    codes = torch.randn(2, small.style_dim)
    found = []
    for compiled in (False, True):
        passes = Descent(networks, None, replace(small, compiled=compiled), optimisers={}).passes
        networks.zero_grad()
        picture = passes.paint(passes.read(batch.x_src, batch.masks), codes)
        logits = passes.judge(picture, batch.y_ref)
        logits.sum().backward()
        found.append(
            [picture.detach(), logits.detach(), *(p.grad for p in networks.parameters() if p.grad is not None)]
        )
    assert len(found[0]) == len(found[1]) > 50
    for eager, built in zip(*found, strict=True):
        assert torch.allclose(eager, built, rtol=0, atol=1e-9)


def test_stop_and_resume_equals_no_stop_in_the_fast_mode_too(run: Callable[..., Trained], micro: Preset) -> None:
    fast = replace(micro, **MODES["fast"], lazy_r1=2)  # type: ignore[arg-type]
    whole = run("whole", preset=fast)
    run("slices", preset=fast, slice_steps=3)
    resumed = run("slices", preset=fast)
    assert resumed.trained == 3
    for kind in KINDS:
        assert resumed.saved.paths[kind].read_bytes() == whole.saved.paths[kind].read_bytes()


def test_a_penalty_without_a_gradient_ends_the_run_at_its_first_step(faces: Faces, micro: Preset) -> None:
    networks = Networks(architecture(micro, domains=2))
    torch.nn.init.zeros_(networks.discriminator.main[-1].weight)
    optimisers = {name: torch.optim.SGD(getattr(networks, name).parameters(), lr=0.0) for name in TRAINED}
    descend = Descent(networks, copy.deepcopy(networks), micro, optimisers=optimisers)
    with pytest.raises(DeadPenalty, match="R1 has no gradient"):
        descend(Sampler(faces, micro, seed=0).batch(0), step=0)
