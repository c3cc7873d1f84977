"""What a step computes on: a device by its name, refused before anything waits for it."""

from __future__ import annotations

from training.errors import Unknown


def device_named(wanted: str, *, to: str) -> str:
    """The device of this name, if this machine and its torch have it. `to` says what for. Raises Unknown."""
    import torch

    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError):  # a word that is no device; a device that this torch or machine has not
        raise Unknown(f"this machine has no device {wanted!r} to {to}") from None
    return wanted
