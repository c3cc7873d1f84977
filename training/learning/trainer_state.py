"""What a training goes on from beside its weights and moments: one page of JSON that holds its own hash."""

from __future__ import annotations

import base64
import hashlib
import json
import operator
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import torch

from training.errors import BadCheckpoint


@dataclass(frozen=True, slots=True)
class TrainerState:
    """What a resumed run must agree with, and what it goes on from beside the weights and moments.

    Every draw of step k and every schedule is a function of (seed, k) and the preset (data.py, losses.py). `schedules`
    says their values at the next step all the same, for people and to notice code that would go on differently.
    `random` holds what the global generators would draw next, for an option that uses them. `controllers` are the
    numbers that a run steers itself by (an adapted probability, the memory of a rule), a row of them by name.
    """

    step: int  # finished steps; the next one's batch is the sampler's cursor
    seed: int
    snapshot: str
    preset: dict[str, Any]
    domains: tuple[str, ...]  # in the networks' order
    code: str
    sha256: dict[str, str]
    token: int = 0  # of the lease that it was trained by; 0: of none
    origin: str = ""  # sha256 of the weights that the run began from
    schedules: dict[str, float] = field(default_factory=dict)
    controllers: dict[str, list[float]] = field(default_factory=dict)
    random: dict[str, str] = field(default_factory=dict)
    score: float | None = None  # of this set, the lower the better


def page_of(state: TrainerState) -> bytes:
    """The page that says so, and its own hash. Raises ValueError for a number that is none."""
    said = json.loads(json.dumps(asdict(state), allow_nan=False))
    return json.dumps({**said, "page": _hash(said)}, indent=1).encode()


def read_page(page: Path) -> TrainerState:
    """What a trainer page says, if it is as it was written; raises BadCheckpoint."""
    try:
        data = page.read_bytes()
    except OSError as error:
        raise BadCheckpoint(f"{page.name} cannot be read: {error!r}") from None
    return parse_page(data, name=page.name)


def parse_page(data: bytes, *, name: str) -> TrainerState:
    """What the bytes of a trainer page say, likewise.

    One of an older version lacks fields, one of a newer has more: those count as never said.
    """
    try:
        said = json.loads(data)
        known = {one.name for one in fields(TrainerState)}
        state = TrainerState(**{one: value for one, value in said.items() if one in known})
        state = replace(state, domains=tuple(state.domains), sha256=dict(state.sha256), step=operator.index(state.step))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadCheckpoint(f"{name} cannot be read: {error!r}") from None
    if "page" in said and said.pop("page") != _hash(said):
        raise BadCheckpoint(f"{name} does not hash to what it says")
    return state


def random_state() -> dict[str, str]:
    """What torch's global generators would draw next, by device, as a page holds it."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states |= {f"cuda:{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    return {name: base64.b64encode(state.numpy().tobytes()).decode() for name, state in states.items()}


def draw_from(random: Mapping[str, str]) -> None:
    """Put torch's global generators back; those of a device that is not here are left alone."""
    for device, kept in random.items():
        state = torch.frombuffer(bytearray(base64.b64decode(kept)), dtype=torch.uint8)
        if device == "cpu":
            torch.set_rng_state(state)
        elif torch.cuda.is_available() and int(device.removeprefix("cuda:")) < torch.cuda.device_count():
            torch.cuda.set_rng_state(state, device)


def _hash(said: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
