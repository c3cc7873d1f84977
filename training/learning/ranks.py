"""Several processes that take a training's steps together, as torchrun starts them: `torchrun --nproc-per-node 2`.

The leader (rank 0) trains as ever: it alone reads checkpoints, saves, reports and holds leases. The others get its
weights and moments, and then the number of each step. All draw the same batch of a step, each takes its own equal
piece of it, and gradients are averaged before every optimiser's step: the numbers are those of one process, whatever
their count, but for the order in which they are added.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from training.networks.stargan import Networks

_END = -1
_AT_ONCE = 2**26
"""Gradients that are sent as one, in numbers: large enough to be fast, small enough to be no second copy of all."""


@dataclass(frozen=True, slots=True)
class Ranks:
    """One process's place among those that train together; alone by default, and then every call is free."""

    rank: int = 0
    count: int = 1
    talk: Any = None  # the group that small things are told in, from processor to processor

    @property
    def leads(self) -> bool:
        """Whether this is the process that saves and reports."""
        return self.rank == 0

    @torch.no_grad()
    def average(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Put the mean over all processes in place of each gradient."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        while gradients:
            bunch, size = [gradients.pop()], 0
            while gradients and size < _AT_ONCE:
                size += gradients[-1].numel()
                bunch.append(gradients.pop())
            flat = torch.cat([gradient.reshape(-1) for gradient in bunch])
            dist.all_reduce(flat)
            flat /= self.count
            for gradient, mean in zip(bunch, flat.split([gradient.numel() for gradient in bunch]), strict=True):
                gradient.copy_(mean.view(gradient.shape))

    def mean(self, values: Tensor) -> Tensor:
        """The mean over all processes, with no wait."""
        if self.count == 1:
            return values
        values = values.clone()
        dist.all_reduce(values)
        return values / self.count

    def share(self, networks: Networks, optimisers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Give everyone the leader's weights and moments."""
        if self.count == 1:
            return
        told: list[Any] = [None, None]
        if self.leads:
            states = (networks.state_dict(), {name: one.state_dict() for name, one in optimisers.items()})
            told = [on_host(state) for state in states]
        dist.broadcast_object_list(told, group=self.talk)
        if not self.leads:
            networks.load_state_dict(told[0])
            for name, state in told[1].items():
                optimisers[name].load_state_dict(state)

    def go(self, step: int) -> None:
        """The leader's word: everyone take this step."""
        self._tell(step)

    def end(self) -> None:
        """The leader's word: no step is left."""
        self._tell(_END)

    def told(self) -> int | None:
        """The number of the step that the leader wants taken, or None when there is none left."""
        word = torch.empty(1, dtype=torch.int64)
        dist.broadcast(word, src=0, group=self.talk)
        return None if word.item() == _END else int(word)

    def _tell(self, number: int) -> None:
        if self.count > 1:
            dist.broadcast(torch.tensor([number]), src=0, group=self.talk)


ALONE = Ranks()


def on_host(state: Any) -> Any:
    """A state dict with its tensors in the host's memory: whoever is told a tensor of a GPU has it on that very GPU,
    the leader's, and not on its own."""
    if isinstance(state, Tensor):
        return state.cpu()
    if isinstance(state, Mapping):
        return {key: on_host(value) for key, value in state.items()}
    return state


@contextmanager
def joined(device: str) -> Iterator[Ranks]:
    """This process's place among those that torchrun started; alone when it started none."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    on_gpu = torch.device(device).type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device)  # which wants a number: see training.devices.own_device
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        talk = dist.new_group(backend="gloo")
        ranks = Ranks(rank=dist.get_rank(), count=dist.get_world_size(), talk=talk)
        yield ranks
        if ranks.leads:
            ranks.end()
    finally:  # after an error of the leader the others find the line dead, and torchrun ends them
        dist.destroy_process_group()
