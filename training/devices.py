"""What a step computes on: a device by its name, refused before anything waits for it."""

from __future__ import annotations

from collections.abc import Mapping

from training.errors import Unknown


def device_named(wanted: str, *, to: str) -> str:
    """The device of this name, if this machine and its torch have it. `to` says what for. Raises Unknown."""
    import torch

    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError):  # a word that is no device; a device that this torch or machine has not
        raise Unknown(f"this machine has no device {wanted!r} to {to}") from None
    return wanted


def own_device(wanted: str, environment: Mapping[str, str]) -> str:
    """The same word for one of torchrun's processes: "cuda" is the GPU of its own number there, not the first."""
    ours = environment.get("LOCAL_RANK")
    return f"cuda:{ours}" if wanted == "cuda" and ours is not None else wanted


def make_current(device: str) -> None:
    """Before anything is put on a GPU: make it the one that torch means by no name, and float32 mean float32 there.

    torch rounds what goes into a convolution to TF32 (10 bits of mantissa) unless it is told not to, which is coarser
    than what the modes of a step may differ by and than R1's second derivative wants. What is to be fast is bfloat16.
    """
    import torch

    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = False
    one = torch.device(device)
    if one.type != "cuda":
        return
    torch.backends.cudnn.benchmark = True  # shapes are fixed; as published
    if one.index is not None:
        torch.cuda.set_device(one)
