"""What can go wrong at the desk itself; what the catalog refuses keeps its own errors.

ReviewError
├── BadRequest      a request that no page of ours sends
└── Unshowable      bytes that cannot be shown as a picture
"""

from __future__ import annotations


class ReviewError(Exception):
    """Anything the desk refuses; the message is fit for a person."""


class BadRequest(ReviewError):
    """A request that no page of ours sends."""


class Unshowable(ReviewError):
    """Bytes that cannot be shown as a picture."""
