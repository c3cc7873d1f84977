"""Processes that share the steps of a training end with the numbers of one that takes them alone."""

from __future__ import annotations

import copy
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from catalog import Catalog, settings
from catalog.records import RunState
from training import steps
from training.__main__ import main
from training.errors import Unknown
from training.faces.data import Faces, Sampler
from training.learning.descent import Descent, architecture, assist, optimisers_of
from training.learning.loop import Trained
from training.learning.ranks import ALONE, Ranks, joined
from training.networks.stargan import Networks, initialise
from training.presets import PRESETS, Preset
from training.store import FILES

Run = Callable[..., Trained]


def ended(processes: list[Any]) -> list[int]:
    """How they ended; whoever has not, after a while, has not ended well."""
    for process in processes:
        process.join(120)
    return [process.exitcode for process in processes]


@pytest.fixture
def torchrun(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """What torchrun does on one machine: the same work for each rank, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", port)
    monkeypatch.setenv("WORLD_SIZE", "2")
    started = []

    def start(work: Callable[[], object], *, rank: int) -> Any:
        monkeypatch.setenv("RANK", str(rank))
        process = multiprocessing.get_context("fork").Process(target=work)
        process.start()
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()


SWITCHES = {"reordered": True, "channels_last": True, "accumulate": 2, "lazy_r1": 2}


@pytest.mark.parametrize("changes", [{}, SWITCHES], ids=["published", "fast"])
def test_two_processes_end_with_the_weights_of_one(
    torchrun: Callable[..., Any], faces: Faces, micro: Preset, tmp_path: Path, changes: dict[str, Any]
) -> None:
    preset = replace(micro, batch_size=4, fused_adam=False, **changes)

    def take(ranks: Ranks = ALONE) -> dict[str, torch.Tensor]:
        torch.manual_seed(1 + ranks.rank)  # who does not lead begins with other weights, and is given the leader's
        networks = Networks(architecture(preset, domains=2))
        initialise(networks)
        networks.double()
        optimisers = optimisers_of(networks, preset)
        ranks.share(networks, optimisers)
        descend = Descent(networks, copy.deepcopy(networks), preset, optimisers=optimisers, ranks=ranks)
        for step in range(3):
            descend(Sampler(faces, preset, seed=3).batch(step).to(torch.float64), step=step)
        return networks.state_dict()

    def work() -> None:
        with joined("cpu") as ranks:
            torch.save(take(ranks), tmp_path / f"{ranks.rank}.pt")
            if not ranks.leads:
                assert ranks.told() is None

    assert ended([torchrun(work, rank=rank) for rank in (0, 1)]) == [0, 0]
    alone = take()
    for rank in (0, 1):
        weights = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        assert max(float((weights[key] - alone[key]).abs().max()) for key in alone) < 1e-9


def test_the_leader_alone_saves_and_the_other_takes_the_steps_it_is_told(
    run: Run, torchrun: Callable[..., Any], faces: Faces, micro: Preset, notebook: Any
) -> None:
    def lead() -> None:
        with joined("cpu") as ranks:
            run("shared", ranks=ranks, slice_steps=3)

    def follow() -> None:
        with joined("cpu") as ranks:
            assert assist(faces, micro, seed=1, ranks=ranks, device="cpu") == 3

    run("shared", slice_steps=1)  # so that there is something to go on from
    assert ended([torchrun(lead, rank=0), torchrun(follow, rank=1)]) == [0, 0]
    assert run("shared", tracker=notebook.begin).trained == 2
    assert notebook.started_at == 4
    shared = notebook.rows[5]["D/latent_real"]
    run("alone", tracker=notebook.begin)
    assert shared == pytest.approx(notebook.rows[5]["D/latent_real"], rel=0.01)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(micro: Preset) -> None:
    networks = Networks(architecture(micro, domains=2))
    with pytest.raises(Unknown, match="a batch of 2 cannot be shared evenly among 3 processes times 1 pieces"):
        Descent(networks, None, micro, optimisers={}, ranks=Ranks(count=3))


def test_asked_to_stop_as_torchrun_asks_everybody_the_leader_saves_and_the_other_helps_it_to_the_end(
    torchrun: Callable[..., Any], approved: Catalog, micro: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, micro.name, replace(micro, total_iters=10**6, save_every=2))
    steps.snapshot()

    def work() -> None:
        sys.exit(main(["train", "--preset", micro.name, "--threads", "1", "--device", "cpu", "--stop-when", ""]))

    both = [torchrun(work, rank=rank) for rank in (0, 1)]
    end = time.monotonic() + 300
    while not list((settings().home / "runs").rglob("*_trainer.json")):
        assert all(process.is_alive() for process in both)
        assert time.monotonic() < end
        time.sleep(0.05)
    for process in both:
        process.terminate()
    assert ended(both) == [os.EX_TEMPFAIL, 0]
    (run,) = approved.models.runs()
    assert run.state is RunState.RUNNING
    assert {file.kind for file in approved.models.checkpoints(run.id)} == set(FILES)
