"""Several processes over many photos, none of which can bring the others down.

Each process holds a detector of its own and is handed a photo at a time; what comes back is written to the catalog by
the caller alone. A process that dies (a codec's segmentation fault, no memory left, kill -9) costs nothing but the
work on the photo it had in hand: the others go on, and that photo is tried once more at the end, in a fresh process
while no other runs. If that one dies too, it was the photo, and it is refused; unless it was waiting for the store both
times, which is no photo's fault: then the photo is left for the next run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Generic

from catalog import Blobs
from catalog.records import Photo
from preprocessing.errors import CrewFailed
from preprocessing.one_photo import Done, Made, Where, Work

_ROOT = Path(__file__).resolve().parent.parent
#: A photo that takes longer than this, in seconds, has hung its process: the largest that we accept takes seven.
PATIENCE = 120.0
#: Photos handed to a process at a time: one in hand, and one so that it need not wait for our writing to the catalog.
_HANDED = 2
#: Processes that may die in a row before one has begun, or at the store: then it is not the photos.
_FALSE_STARTS = 3


def usable_cores() -> int:
    """How many cores this process may use: those it may run on, and no more than its control group's share."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else max(1, min(cores, round(int(quota) / int(period))))


def spread(
    work: Work[Made],
    photos: Sequence[Photo],
    *,
    blobs: Blobs,
    model: Path,
    processes: int = 0,
    patience: float = PATIENCE,
) -> Iterator[Done[Made]]:
    """Do a piece of work on each photo, in so many processes (0: one per usable core), and give each as it is done.

    `work` is a function of a module. What it raises is raised here; so is CrewFailed when processes cannot start, when
    not one of several photos was answered (then it is not the photos), and when the store did not answer: at once where
    that goes on, else in the end, when all other photos are done.
    """
    crew = _Crew(work, blobs, model, patience)
    try:
        yield from crew.do(photos, processes=processes or usable_cores())
    finally:
        crew.end()


class _Died(Exception):
    """A process ended, or was ended, before it answered; `stalled`: while it waited for the store."""

    def __init__(self, how: str, *, stalled: bool) -> None:
        super().__init__(how)
        self.stalled = stalled


class _Crew(Generic[Made]):
    def __init__(self, work: Work[Made], blobs: Blobs, model: Path, patience: float) -> None:
        self._brief = (work, blobs, model)
        self._patience = patience
        self._hands: list[_Hand[Made]] = []
        self._false_starts = 0
        self._stalls = 0  # in a row
        self._answered = False  # whether any photo has been

    def do(self, photos: Sequence[Photo], *, processes: int) -> Iterator[Done[Made]]:
        suspects: list[tuple[Photo, _Died]] = []
        yield from self._together(deque(photos), processes, suspects)
        crashed: list[Done[Made]] = []
        stalled: list[_Died] = []
        for photo, _ in suspects:
            self.end()
            again: list[tuple[Photo, _Died]] = []
            yield from self._together(deque([photo]), 1, again)
            stalled += [death for _, death in again if death.stalled]
            crashed += [
                Done(photo, refused="crashed", detail=f"it ends any process that opens it ({death})")
                for _, death in again
                if not death.stalled
            ]
        if len(crashed) >= _FALSE_STARTS and not self._answered:
            raise CrewFailed(f"no photo could be read: {crashed[-1].detail}; is the store reachable, and memory left?")
        yield from crashed
        if stalled:
            raise CrewFailed(f"the store did not answer ({stalled[-1]}); photos left for the next run: {len(stalled)}")

    def _together(
        self, waiting: deque[Photo], processes: int, suspects: list[tuple[Photo, _Died]]
    ) -> Iterator[Done[Made]]:
        while waiting or any(hand.held for hand in self._hands):
            while len(self._hands) < min(processes, len(waiting) + sum(bool(hand.held) for hand in self._hands)):
                self._hands.append(_Hand(self._brief, self._patience))
            for depth in range(_HANDED):  # a photo for each before anybody gets a second
                for hand in self._hands:
                    if waiting and len(hand.held) == depth:
                        hand.give(waiting)
            for hand in self._answering():
                try:
                    done = hand.answer()
                except _Died as death:
                    self._bury(hand, death, waiting, suspects)
                    continue
                self._false_starts = 0
                if done is not None:
                    self._answered, self._stalls = True, 0
                    yield done

    def _answering(self) -> list[_Hand[Made]]:
        """The processes that have said something or ended, and those that should have by now."""
        now = time.monotonic()
        left = min((hand.deadline - now for hand in self._hands if hand.held), default=self._patience)
        ready = wait([hand.pipe for hand in self._hands], timeout=max(0.0, left))
        now = time.monotonic()
        for hand in self._hands:
            if hand.held and hand.pipe not in ready and hand.deadline <= now:
                hand.give_up()
        return [hand for hand in self._hands if hand.pipe in ready or (hand.held and hand.deadline <= now)]

    def _bury(
        self, hand: _Hand[Made], death: _Died, waiting: deque[Photo], suspects: list[tuple[Photo, _Died]]
    ) -> None:
        self._hands.remove(hand)
        hand.end()
        if not hand.ready:
            self._false_starts += 1
            if self._false_starts >= _FALSE_STARTS:
                raise CrewFailed(f"a process that looks at photos does not start ({death})")
        elif hand.held:
            suspects.append((hand.held.popleft(), death))
            self._stalls = self._stalls + 1 if death.stalled else 0
            if self._stalls >= _FALSE_STARTS:
                raise CrewFailed(f"the store does not answer ({death}); is it reachable?")
        waiting.extendleft(reversed(hand.held))

    def end(self) -> None:
        for hand in self._hands:
            hand.end()
        self._hands.clear()


class _Hand(Generic[Made]):
    """One process, and the photos it holds: the first is the one it looks at."""

    def __init__(self, brief: tuple[Work[Made], Blobs, Path], patience: float) -> None:
        self.held: deque[Photo] = deque()
        self.ready = False
        self._at = Where.PHOTO
        self._overdue = False
        self._patience = patience
        self.pipe, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "preprocessing.worker", str(theirs.fileno()), str(os.getpid())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=_environment(),
            )
        self.deadline = time.monotonic() + max(patience, PATIENCE)  # to start may take longer than a photo
        try:
            self.pipe.send(brief)
        except OSError:
            return  # it has died already, which its end of the pipe will say

    def give(self, waiting: deque[Photo]) -> None:
        """Hand it the next photo, unless it is dead, which is noticed when it should answer."""
        try:
            self.pipe.send(waiting[0])
        except OSError:
            return
        if self.ready and not self.held:
            self.deadline = time.monotonic() + self._patience
        self.held.append(waiting.popleft())

    def answer(self) -> Done[Made] | None:
        """What it says: None when it only says that it is ready. Raises _Died, or what went wrong at its work."""
        try:
            said = self.pipe.recv()
        except (EOFError, OSError):
            raise _Died(self._how(), stalled=self._at is Where.STORE) from None
        self.deadline = time.monotonic() + self._patience
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Where):
            self._at = said
            return None
        if said is None:
            self.ready = True
            return None
        self.held.popleft()
        return said

    def _how(self) -> str:
        if self._overdue:
            return f"no answer within {self._patience:g} s"
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "it closed its pipe"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit status {code}"

    def give_up(self) -> None:
        """End it: it has hung."""
        self._overdue = True
        self._process.kill()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self.pipe.close()


def _environment() -> dict[str, str]:
    """Ours, with our packages found wherever we were started, and no threads of the libraries' own."""
    path = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH", "")]))
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
