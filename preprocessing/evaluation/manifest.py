"""Labelled photos: a CSV that says of each file what a person saw in it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from preprocessing.errors import PreprocessingError

#: Without these a row cannot be judged; every other column may be missing.
NEEDED = ("file", "category", "n_faces", "makeup", "eyes", "defects")
#: How many faces "many" is taken for: enough to be more than one.
MANY = 2

#: What a label says of where the person looks: into the camera or nearly so (True), or past it (False).
FRONTAL = {"yes": True, "near": True, "turned": False}

#: What the label of an eye says: True open, False closed, None nothing clear (half closed, hidden, not looked at).
OPEN = {"open": True, "closed": False}

#: Words in `defects` that say that no camera saw the face.
DRAWN = frozenset({"cartoon", "cgi", "drawing", "painting", "sketch"})


class BadManifest(PreprocessingError):
    """The manifest cannot be read: it is no CSV, or a column that is needed is not there."""


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """One photo and what a person said of it.

    `faces` is None where nobody counted; `right_eye_open` and `left_eye_open` are the person's own eyes, None where the
    label says nothing clear. `head_top` is how far below the photo's top the hair begins, as a share of the photo's
    height; few manifests say it. `frontal` is whether the person looks into the camera, or nearly so. `person` and
    `repository` are empty where they are not known.
    """

    file: str
    category: str
    faces: int | None
    makeup: str
    right_eye_open: bool | None
    left_eye_open: bool | None
    defects: frozenset[str]
    person: str = ""
    repository: str = ""
    near_duplicate_of: str = ""
    head_top: float | None = None
    frontal: bool | None = None

    @property
    def is_portrait(self) -> bool:
        """Whether it is a photo of one person: no drawing, no collage, no product."""
        return self.faces == 1 and not self.is_drawn and self.category not in {"collage", "no_face", "generated"}

    @property
    def is_drawn(self) -> bool:
        """Whether a person was drawn, painted or rendered."""
        return self.faces != 0 and (self.category == "not_a_photo" or bool(self.defects & DRAWN))


def read(manifest: Path) -> tuple[LabelledPhoto, ...]:
    """Read a manifest. Raises BadManifest when a needed column is missing, OSError when the file is."""
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as handle:
            table = csv.DictReader(handle)
            missing = [name for name in NEEDED if name not in (table.fieldnames or ())]
            if missing:
                raise BadManifest(f"{manifest.name} has no column {', '.join(missing)}")
            return tuple(_photo(row) for row in table if (row["file"] or "").strip())
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadManifest(f"{manifest.name} is no CSV in UTF-8: {error}") from error


def _photo(row: dict[str, str | None]) -> LabelledPhoto:
    said = {name: (value or "").strip() for name, value in row.items() if name is not None and isinstance(value, str)}
    right, left = eyes_of(said.get("eyes", ""))
    return LabelledPhoto(
        file=said["file"],
        category=said.get("category", "").lower(),
        faces=_count(said.get("n_faces", "")),
        makeup=said.get("makeup", "").lower(),
        right_eye_open=right,
        left_eye_open=left,
        defects=frozenset(word for part in said.get("defects", "").lower().split(";") if (word := part.strip())),
        person=said.get("person", ""),
        repository=said.get("repo", ""),
        near_duplicate_of=said.get("near_dup_of", ""),
        head_top=_share(said.get("head_top", "")),
        frontal=FRONTAL.get(said.get("frontal", "").lower()),
    )


def eyes_of(label: str) -> tuple[bool | None, bool | None]:
    """Read a label of the eyes: the person's right eye, which is on the left of the picture, then the left one."""
    words = label.strip().lower().replace("_", " ")
    if words in OPEN or words.removeprefix("both ") in OPEN:
        both = OPEN[words.removeprefix("both ")]
        return both, both
    sides: dict[str, bool | None] = {}
    for part in words.split(","):
        side, _, state = part.strip().partition(" ")
        sides[side] = OPEN.get(state.strip())
    return sides.get("image-left"), sides.get("image-right")


def _count(text: str) -> int | None:
    if text.lower() == "many":
        return MANY
    return int(text) if text.isdecimal() else None


def _share(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= 1 else None
