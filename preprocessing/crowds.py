"""How a flag says that a batch has too many faces of one person, and beside which faces: written and read here.

Only the faces of one batch are named, and only where FACELOOP_FACES_PER_PERSON asks for it; whose they are is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

#: The suggester's name in the flag.
BY = "faces_per_person"

_SAID = re.compile(r"more than \d+ of one person in this batch: beside ((?:\d+, )*\d+)")


def said(*, most: int, kept: Sequence[int]) -> str:
    """The flag's sentence on a face that is one too many; ``kept`` are the faces of the same person that are not."""
    return f"more than {most} of one person in this batch: beside {', '.join(map(str, kept))}"


def kept_beside(sentence: str) -> tuple[int, ...]:
    """The faces that a flag names; none when it names none."""
    found = _SAID.fullmatch(sentence)
    return tuple(int(number) for number in found[1].split(", ")) if found else ()


def others(face: int, sentences: Mapping[int, str]) -> tuple[int, ...]:
    """The other faces of the same person, as the flags of a batch name them; ``sentences`` are theirs, by face."""
    groups: Iterable[set[int]] = ({flagged, *kept_beside(sentence)} for flagged, sentence in sentences.items())
    found = {number for group in groups if face in group for number in group}
    # Who is one too many names who is kept; the others that are too many name the same ones.
    kept = {number for one in found if one in sentences for number in kept_beside(sentences[one])}
    found |= {flagged for flagged, sentence in sentences.items() if kept & set(kept_beside(sentence))}
    return tuple(sorted(found - {face}))
