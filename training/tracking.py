"""Follows a training: losses, speed and sample pictures to TensorBoard and Weights & Biases.

W&B writes under the run's folder and needs no network: without WANDB_API_KEY, or when its server does not answer, it
records offline, to be sent later with `wandb sync`; WANDB_MODE=disabled switches it off. The only file that imports
wandb.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

log = logging.getLogger(__name__)


class Tracker(Protocol):
    """Where a training reports to."""

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Report named numbers at a step."""

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        """Report named pictures [H,W,3] uint8 at a step."""


class Tracking:
    """TensorBoard and W&B behind one face; use as a context manager so that both are closed.

    `patience` is how many seconds W&B's server has to answer before a training goes on without it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str,
        config: Mapping[str, Any],
        project: str,
        step: int,
        patience: float = 30.0,
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        # Steps after a resume's starting point were lost with the process that wrote them.
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step)
        self._wandb = _start_wandb(folder, name=name, config=config, project=project, patience=patience)

    def numbers(self, step: int, values: Mapping[str, float]) -> None:
        """Report named numbers at a step."""
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        self._wandb.log({**values, "step": step})

    def pictures(self, step: int, grids: Mapping[str, np.ndarray]) -> None:
        """Report named pictures [H,W,3] uint8 at a step."""
        for name, grid in grids.items():
            self._board.add_image(f"samples/{name}", grid, step, dataformats="HWC")
        import wandb

        shown = {f"samples/{name}": wandb.Image(grid) for name, grid in grids.items()}
        self._wandb.log({**shown, "step": step})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._board.close()
        self._wandb.finish(exit_code=0 if kind is None else 1)


def _start_wandb(folder: Path, *, name: str, config: Mapping[str, Any], project: str, patience: float) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    mode: Any = os.environ.get("WANDB_MODE") or ("online" if os.environ.get("WANDB_API_KEY") else "offline")
    os.environ.setdefault("WANDB_SILENT", "true")
    os.environ.setdefault("WANDB_CACHE_DIR", str(folder / "wandb-cache"))
    os.environ.setdefault("WANDB_CONFIG_DIR", str(folder / "wandb-config"))
    os.environ.setdefault("WANDB_DATA_DIR", str(folder / "wandb-data"))
    import wandb

    def begin(mode: Any) -> Any:
        return wandb.init(
            project=project,
            name=name,
            id=name,
            resume="allow" if mode == "online" else None,
            dir=str(folder),
            config=dict(config),
            mode=mode,
            settings=wandb.Settings(
                console="off", disable_git=True, save_code=False, x_disable_stats=True, init_timeout=patience
            ),
        )

    try:
        return begin(mode)
    except wandb.Error as error:
        if mode != "online":
            raise
        log.warning("W&B cannot be reached, recording offline: %s", str(error).splitlines()[0])
        wandb.teardown()  # the failed try still holds the run's id
        return begin("offline")
