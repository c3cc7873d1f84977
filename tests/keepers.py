"""A folder with a keeper, and what stands for a training in it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from catalog.workers import pid_here
from training.runners import folders
from training.runners.jobs import Seen, seen

ROOT = Path(__file__).resolve().parents[1]

#: Stands for a training: says that it has begun, then waits for its end, or to be asked to stop.
TRAINING = """
import json, os, pathlib, signal, sys, time
def leave(*_):
    print(json.dumps({"ok": True, "stopped": True}), flush=True)
    os._exit(75)
signal.signal(signal.SIGTERM, leave)
with open("marks", "a") as marks:
    marks.write(f"{os.getpid()}\\n")
while not pathlib.Path("finish").exists():
    time.sleep(0.02)
print(json.dumps({"ok": True, "step": 7}))
sys.exit(int(pathlib.Path("finish").read_text() or 0))
"""


class Kept:
    """A folder with a keeper, and what a test does to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self, *command: str) -> None:
        folders.prepare(self.folder, command=command, environment={}, where=self.folder)

    def begin(self, attempt: int = 1) -> None:
        words = [sys.executable, "-m", "training.runners.keeper", "begin", str(self.folder), str(attempt)]
        subprocess.run(words, cwd=ROOT, check=True, start_new_session=True, timeout=60)

    def seen(self, attempt: int = 1) -> Seen:
        return seen(folders.look(self.folder, attempt), attempt=attempt)

    def until(self, holds: Callable[[], Any]) -> None:
        end = time.monotonic() + 30
        while not holds():
            assert time.monotonic() < end, folders.tail(self.folder, 20)
            time.sleep(0.02)

    def marks(self) -> list[int]:
        path = self.folder / "marks"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def finish(self, code: int = 0) -> None:
        (self.folder / "finish").write_text(str(code))

    def begun(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "begun.json").read_text()))

    def pid(self, who: str) -> int:
        self.until(lambda: who in self.begun())
        number = pid_here(self.begun()[who])
        assert number
        return number


def alive(number: int) -> bool:
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
