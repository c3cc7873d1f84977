"""One process of a crew: it is handed photos one after the other and answers each. See preprocessing.crew.

It is started as a program of its own, so that it inherits neither locks nor half of somebody's libraries, and ends
when the process that started it does.
"""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from preprocessing.one_photo import Where, attempt

if TYPE_CHECKING:
    from catalog import Blobs

#: prctl's PR_SET_PDEATHSIG.
_ON_PARENTS_DEATH = 1


def main(descriptor: int, started_by: int) -> None:
    """Serve the other end of a pipe: first what to do and with what, then photo after photo until the pipe ends."""
    with suppress(AttributeError):  # only Linux can; a codec that hangs would never see the pipe end
        ctypes.CDLL(None).prctl(_ON_PARENTS_DEATH, signal.SIGKILL)
    if os.getppid() != started_by:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who pressed Ctrl-C at the parent's terminal meant the parent
    with suppress(OSError):
        # Where memory runs out, it is this process that goes, and its photo is found out; not the parent.
        Path("/proc/self/oom_score_adj").write_text("900")
    # The end of the pipe is the end of the work, wherever it is noticed.
    with Connection(descriptor) as parent, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        work, store, model = parent.recv()
        blobs = cast("Blobs", _Watched(store, parent.send))
        from preprocessing.detect import detector

        finder = detector(model)
        parent.send(None)
        while True:
            photo = parent.recv()
            try:
                answer: object = attempt(work, photo, blobs, finder)
            except Exception as error:  # noqa: BLE001  # the parent raises it
                answer = _sendable(error)
            parent.send(answer)


class _Watched:
    """The store, which says when it is waited for: a store that does not answer is no photo's fault."""

    def __init__(self, blobs: Blobs, say: Callable[[Where], None]) -> None:
        self._blobs, self._say = blobs, say

    def __getattr__(self, name: str) -> Callable[..., object]:
        asked = getattr(self._blobs, name)

        def told(*given: object, **named: object) -> object:
            self._say(Where.STORE)
            try:
                return asked(*given, **named)
            finally:
                self._say(Where.PHOTO)

        return told


def _sendable(error: Exception) -> Exception:
    """The error itself where it survives the way to another process, else its words."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  # an exception's class may do anything when it is copied
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
