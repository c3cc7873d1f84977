"""Checkpoints: the three files of the published format, and the page that makes a set of them whole.

    000020_nets.ckpt       live weights of all four networks      to train on
    000020_nets_ema.ckpt   averaged weights, no discriminator     to serve and to measure
    000020_optims.ckpt     Adam's moments                         to train on
    000020_trainer.json    the rest of the trainer's state, and the sha256 of the three and of itself; written last

Each of the three is a plain dict of state dicts under the published names (published.py). A set counts only when its
page is there, is whole, and the three files hash to what it says, so a kill at any moment leaves the set before. Who
trains by a lease writes into a folder named by its token, so that no two trainers ever write one file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from training.errors import BadCheckpoint, NotSaved
from training.files import sha256_of, write_atomically
from training.learning.trainer_state import TrainerState, draw_from, page_of, read_page
from training.networks.published import SERVED, TRAINED, load, load_networks
from training.networks.stargan import Networks
from training.version import code_version

__all__ = [
    "KINDS",
    "SERVED",
    "TRAINED",
    "Saved",
    "TrainerState",
    "best",
    "code_version",
    "drop_old",
    "folder_of",
    "highest_token",
    "latest",
    "load_networks",
    "path_of",
    "read",
    "remove",
    "restore",
    "save",
]

log = logging.getLogger(__name__)

KINDS = ("nets", "nets_ema", "optims")


@dataclass(frozen=True, slots=True)
class Saved:
    """One complete set on the disk."""

    state: TrainerState
    paths: dict[str, Path]


def folder_of(checkpoints: Path, token: int) -> Path:
    """Where the holder of that token writes; without a lease, the folder itself."""
    return checkpoints / str(token) if token else checkpoints


def path_of(folder: Path, step: int, kind: str) -> Path:
    """Where the file of that kind and step lies."""
    return folder / (f"{step:06d}_trainer.json" if kind == "trainer" else f"{step:06d}_{kind}.ckpt")


def save(
    checkpoints: Path,
    *,
    networks: Networks,
    ema: Networks,
    optimisers: Mapping[str, torch.optim.Optimizer],
    **state: Any,
) -> Saved:
    """Write one complete set, atomic as a whole; `state` is a TrainerState's, but for `code` and `sha256`.

    When the disk takes no more, old sets but the newest and the best make room and it is tried once again.
    Raises NotSaved, with the newest set before and the best one as they were.
    """
    contents = {
        "nets": {name: getattr(networks, name).state_dict() for name in TRAINED},
        "nets_ema": {name: getattr(ema, name).state_dict() for name in SERVED},
        "optims": {name: optimiser.state_dict() for name, optimiser in optimisers.items()},
    }
    try:
        return _write(checkpoints, contents, state)
    except NotSaved as error:
        if not drop_old(checkpoints, keep=1, token=state.get("token", 0)):
            raise
        log.error("ALERT: %s; older sets are removed, trying once more", error)
        return _write(checkpoints, contents, state)


def latest(checkpoints: Path) -> Saved | None:
    """The newest complete set, or None. A damaged one is passed over with an alert."""
    for page in reversed(_pages(checkpoints)):
        try:
            return read(page)
        except BadCheckpoint as error:
            log.error("ALERT: a damaged checkpoint is passed over for the one before: %s", error)
    return None


def read(page: Path) -> Saved:
    """The set that a trainer page speaks of, its files checked against their hashes; raises BadCheckpoint."""
    state = read_page(page)
    if path_of(page.parent, state.step, "trainer") != page:
        raise BadCheckpoint(f"{page.name} speaks of step {state.step}")
    paths = {kind: path_of(page.parent, state.step, kind) for kind in KINDS}
    for kind, path in paths.items():
        if not path.is_file():
            raise BadCheckpoint(f"{path.name} is missing")
        if sha256_of(path) != state.sha256.get(kind):
            raise BadCheckpoint(f"{path.name} does not hash to what {page.name} says")
    return Saved(state=state, paths={**paths, "trainer": page})


def restore(
    saved: Saved,
    *,
    networks: Networks,
    ema: Networks,
    optimisers: Mapping[str, torch.optim.Optimizer],
    device: str,
) -> None:
    """Put a set's weights and moments into live objects of the same architecture, and the global generators back."""
    nets = load(saved.paths["nets"], device=device)
    averaged = load(saved.paths["nets_ema"], device=device)
    moments = load(saved.paths["optims"])  # each optimiser puts its own where it wants them, step counts included
    for name in TRAINED:
        getattr(networks, name).load_state_dict(nets[name])
    for name in SERVED:
        getattr(ema, name).load_state_dict(averaged[name])
    for name, optimiser in optimisers.items():
        optimiser.load_state_dict(moments[name])
    draw_from(saved.state.random)


def drop_old(checkpoints: Path, *, keep: int, token: int = 0) -> int:
    """Remove all but the newest `keep` sets and the one with the best score; say how many were removed.

    Each set's page goes first, so that no page outlives its files. What belongs to a higher token is let be.
    """
    pages = [page for page in _pages(checkpoints) if _token(page) <= token]
    best = _best(pages)
    old = [page for page in pages[:-keep] if page != best]
    for page in old:
        step = int(page.name.split("_")[0])
        page.unlink()
        for kind in KINDS:
            path_of(page.parent, step, kind).unlink(missing_ok=True)
        if page.parent != checkpoints and not any(page.parent.iterdir()):
            page.parent.rmdir()
    return len(old)


def highest_token(checkpoints: Path) -> int:
    """The highest token that a set in this folder was saved by; 0 for none."""
    return max(map(_token, _pages(checkpoints)), default=0)


def best(checkpoints: Path) -> Saved | None:
    """The complete set with the best score, or None when none has one or it is damaged."""
    page = _best(_pages(checkpoints))
    try:
        return read(page) if page else None
    except BadCheckpoint as error:
        log.error("ALERT: the best checkpoint is damaged: %s", error)
        return None


def remove(saved: Saved) -> None:
    """Take a set away, its page first."""
    for kind in ("trainer", *KINDS):
        saved.paths[kind].unlink(missing_ok=True)


def _write(checkpoints: Path, contents: Mapping[str, Any], state: Mapping[str, Any]) -> Saved:
    folder = folder_of(checkpoints, state.get("token", 0))
    paths = {kind: path_of(folder, state["step"], kind) for kind in (*KINDS, "trainer")}
    written: list[Path] = []
    try:
        for kind, content in contents.items():
            write_atomically(paths[kind], lambda file, content=content: torch.save(content, file))  # type: ignore[misc]
            written.append(paths[kind])
        full = TrainerState(code=code_version(), sha256={kind: sha256_of(paths[kind]) for kind in KINDS}, **state)
        write_atomically(paths["trainer"], lambda file: file.write(page_of(full)))
    # torch's writer says what the disk says in its own words; a page takes no number that is none
    except (OSError, RuntimeError, ValueError) as error:
        for path in written:
            path.unlink(missing_ok=True)  # half a set is of no use, and its room is needed
        raise NotSaved(f"step {state['step']} could not be saved in {folder}: {_reason(error)}") from error
    return Saved(state=full, paths=paths)


def _pages(checkpoints: Path) -> list[Path]:
    """Every trainer page, the newest last: of the highest token, and of those with one token, the highest step.

    A trainer that was superseded may have come further than the one that went on without it: that does not count.
    """
    pages: list[Path] = []
    for place, _, names in os.walk(checkpoints):  # which minds no folder that another trainer takes away meanwhile
        pages += [Path(place, name) for name in names if name.endswith("_trainer.json")]
    numbered = [page for page in pages if page.name.split("_")[0].isdecimal()]
    return sorted(numbered, key=lambda page: (_token(page), int(page.name.split("_")[0])))


def _token(page: Path) -> int:
    return int(page.parent.name) if page.parent.name.isdecimal() else 0


def _best(pages: Sequence[Path]) -> Path | None:
    scores: dict[Path, float] = {}
    for page in pages:
        try:
            score = read_page(page).score
        except BadCheckpoint:
            continue  # a damaged one is told of when it is looked for
        if score is not None:
            scores[page] = score
    return min(reversed(scores), key=scores.__getitem__, default=None)


def _reason(error: BaseException | None) -> str:
    """What the system said, below what torch made of it."""
    told = str(error).splitlines()[0] if str(error) else type(error).__name__
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        error = error.__cause__ or error.__context__
    return told
