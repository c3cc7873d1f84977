"""The seals of the log: each row's is the hash of the row and of the seal before it, so that tampering shows.

Whoever can change the database can seal it anew from the row that they changed: what shows that is a head (the last
row's seal) that was noted elsewhere before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

#: What a seal covers, in this order: every column but the seal itself.
SEALED = ("id", "photo_id", "face_id", "stage", "verdict", "reason", "note", "by", "at", "token", "role", "seconds")


def seal(before: str, row: Mapping[str, Any]) -> str:
    """The seal of a row of decisions that comes after the one with the seal ``before`` (empty: it is the first)."""
    values = [_told(row[name]) for name in SEALED]
    line = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(f"{before}\n{line}".encode()).hexdigest()


def _told(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
