"""Reads what really arrived: the files that W&B's and TensorBoard's own writers leave behind."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

_BLOCK, _HEADER = 32_768, 7


class Recorded:
    """All that a run's offline W&B files hold, in the order in which they were written."""

    def __init__(self, folder: Path) -> None:
        paths = sorted((folder / "wandb").glob("offline-run-*/*.wandb"))
        self.records = [record for path in paths for record in _whole(path)]

    def config(self) -> dict[str, Any]:
        """The configuration that the run began with."""
        first = next(record.run for record in self.records if record.HasField("run"))
        return {one.key: json.loads(one.value_json) for one in first.config.update}

    def history(self) -> list[dict[str, Any]]:
        """Every report."""
        return [_items(record.history.item) for record in self.records if record.HasField("history")]

    def summary(self) -> dict[str, Any]:
        """What the run's page shows above its curves, as it was told last."""
        told: dict[str, Any] = {}
        for record in self.records:
            if record.HasField("summary"):
                told |= _items(record.summary.update)
        return told

    def alerts(self) -> list[tuple[str, str, str]]:
        """Title, text and level of every alert."""
        return [(r.alert.title, r.alert.text, r.alert.level) for r in self.records if r.HasField("alert")]

    def artifacts(self) -> list[tuple[str, str, dict[str, Any], dict[str, str]]]:
        """Name, kind, metadata and references of every artifact."""
        return [
            (
                record.artifact.name,
                record.artifact.type,
                json.loads(record.artifact.metadata or "{}"),
                {entry.path: entry.ref for entry in record.artifact.manifest.contents},
            )
            for record in self.records
            if record.HasField("artifact")
        ]


class Board:
    """What a run's TensorBoard files hold."""

    def __init__(self, folder: Path) -> None:
        self._events = EventAccumulator(str(folder / "tensorboard"), size_guidance={"tensors": 0, "scalars": 0})
        self._events.Reload()

    def numbers(self, name: str) -> dict[int, float]:
        """One curve, by step."""
        return {event.step: event.value for event in self._events.Scalars(name)}

    def texts(self, name: str) -> dict[int, str]:
        """What was written under a name, by step."""
        tag = f"{name}/text_summary"
        return {event.step: event.tensor_proto.string_val[0].decode() for event in self._events.Tensors(tag)}

    def pictures(self, name: str) -> list[int]:
        """The steps at which there is a picture of that name."""
        return [event.step for event in self._events.Images(name)]


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def _whole(path: Path, *, seconds: float = 60) -> list[Record]:
    """A file's records, once W&B's own process has written the last: a run's `finish` does not wait for that."""
    end = time.monotonic() + seconds
    while not (found := list(_records(path))) or not found[-1].HasField("exit"):
        assert time.monotonic() < end, f"{path} has no end"
        time.sleep(0.02)
    return found


def _records(path: Path) -> Iterator[Record]:
    """The file's records: blocks of 32 KiB, each record whole or in parts with a header of checksum, length, kind."""
    data, at, part = path.read_bytes(), _HEADER, b""
    while at + _HEADER <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < _HEADER:
            at += left
            continue
        length, kind = int.from_bytes(data[at + 4 : at + 6], "little"), data[at + 6]
        if at + _HEADER + length > len(data):
            return  # not yet written to its end
        part += data[at + _HEADER : at + _HEADER + length]
        at += _HEADER + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(part)
            part = b""
