"""What the gate decides by: a snapshot's facts, what came before it, and the policy they are held against.

All frozen and without a catalog in them: `gating` reads them from one, `simulation` makes them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """What is asked of a snapshot. Shares are in [0, 1]; a share of 1 for what may come from one place asks nothing."""

    min_faces: int = 20_000
    domain_share: float = 0.25  # each domain has at least this share of min_faces
    fresh_faces: int = 500
    fresh_share: float = 0.02  # of the faces last trained on; the smaller of the two numbers is asked for
    source_share: float = 0.6  # of min_faces may come from one source, and so on
    query_share: float = 0.5
    account_share: float = 0.05
    cool_down: timedelta = timedelta(hours=20)
    waiting: int = 10_000  # subjects
    kappa: float = 0.4
    kappa_pairs: int = 100  # below so many, agreement is only noted
    paused: str = ""


@dataclass(frozen=True, slots=True)
class Largest:
    """The place that most of a snapshot's faces came from, of its kind; no faces: no place is known."""

    name: str = ""
    faces: int = 0


@dataclass(frozen=True, slots=True)
class Kappa:
    """The stage at which two looks agree least, by how many pairs."""

    stage: str = ""
    value: float | None = None
    pairs: int = 0


@dataclass(frozen=True, slots=True)
class Training:
    """What would be trained. The same one again would only give the same result."""

    snapshot: str
    preset: str
    seed: int
    code: str = ""  # version of the code; a failure of other code says nothing of this


@dataclass(frozen=True, slots=True)
class Facts:
    """A snapshot and what is around it. `faces` and `held_out` are per domain, every domain named."""

    training: Training
    faces: Mapping[str, int]
    held_out: Mapping[str, int]
    source: Largest = Largest()
    query: Largest = Largest()
    account: Largest = Largest()
    fresh: int = 0  # faces that the last training that came to its end had not
    failed_batches: tuple[int, ...] = ()  # batches of its faces whose last validation failed
    failed_faces: int = 0
    unvalidated_faces: int = 0
    waiting: int = 0  # subjects that wait for people
    agreement: Kappa = Kappa()
    gpu_holder: str = ""  # who has the GPU's lease now; empty: nobody


@dataclass(frozen=True, slots=True)
class Past:
    """A training that came to its end, or failed. `faces` are those of its snapshot."""

    training: Training
    faces: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """What came before. `failures` are those since the last training that came to its end, the newest first.

    `erased`: faces of the champion's snapshot that have been erased since; `answered`: the last training that came to
    its end had none of them, whatever became of its model.
    """

    finished: Past | None = None  # the last that came to its end
    done: frozenset[Training] = frozenset()  # all that did
    failures: tuple[Past, ...] = ()
    unfinished: bool = False  # this very training has begun, and neither ended nor failed
    newer: str = ""  # the snapshot that waits for its end; empty: it is of the newest
    dropped: str = ""  # another that has begun and is not gone on with, and why; empty: there is none
    last_start: datetime | None = None
    erased: int = 0
    answered: bool = False
