"""What a page of the desk hands to its script, read out of the page."""

from __future__ import annotations

import json
import re
from typing import Any


def opening_of(page: str) -> dict[str, Any]:
    """The data block of a stage's page."""
    found = re.search(r'<script type="application/json" id="opening">(.*?)</script>', page, re.DOTALL)
    assert found, "the page has no data block"
    opening: dict[str, Any] = json.loads(found.group(1))
    return opening
