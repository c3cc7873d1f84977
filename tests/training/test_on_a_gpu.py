"""What a GPU is asked for, as far as a machine without one can tell."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from training.devices import make_current, own_device
from training.learning.ranks import on_host


def test_what_is_told_to_other_processes_lies_in_the_hosts_memory() -> None:
    with FakeTensorMode():  # tensors with a device and no numbers
        state = {0: {"exp_avg": torch.empty(3, device="cuda")}}
        moments = {"state": state, "param_groups": [{"lr": 1e-4, "params": [0]}]}
        told = on_host(moments)
    assert told["state"][0]["exp_avg"].device.type == "cpu"
    assert told["param_groups"] == moments["param_groups"]


@pytest.mark.parametrize(
    ("wanted", "environment", "found"),
    [
        ("cuda", {}, "cuda"),
        ("cuda", {"LOCAL_RANK": "1"}, "cuda:1"),
        ("cuda:0", {"LOCAL_RANK": "1"}, "cuda:0"),
        ("cpu", {"LOCAL_RANK": "1"}, "cpu"),
    ],
)
def test_each_of_torchruns_processes_has_the_gpu_of_its_number(
    wanted: str, environment: dict[str, str], found: str
) -> None:
    assert own_device(wanted, environment) == found


def test_float32_is_float32_in_convolutions_too() -> None:
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = True
        make_current("cpu")
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.backends.cudnn.allow_tf32 = before
