"""What can go wrong in the catalog.

CatalogError
├── NotFound            no such row
├── Conflict            the row is in a state that forbids this (a lost lease, a second champion)
│   └── Superseded      a newer lease was given: whoever held this one writes no more
├── BadInput            a value that no row may hold (an empty query, an unknown reason)
├── NotYet              a source may not be asked before ``until``
│   ├── Spent           its money or its requests are used up for now
│   └── Resting         it rests, or another worker asks it on trial
└── BlobError
    ├── BlobMissing     no such blob
    └── BlobCorrupt     the bytes do not hash to their name
"""

from __future__ import annotations

from datetime import datetime


class CatalogError(Exception):
    """Anything the catalog refuses; the message is fit for a person."""


class NotFound(CatalogError):
    """No such row."""


class Conflict(CatalogError):
    """The row is in a state that forbids this."""


class Superseded(Conflict):
    """A newer lease was given: whoever held this one writes no more."""


class BadInput(CatalogError):
    """A value that no row may hold."""


class NotYet(CatalogError):
    """A source may not be asked before ``until``."""

    def __init__(self, message: str, until: datetime) -> None:
        super().__init__(message)
        self.until = until


class Spent(NotYet):
    """A source's money of this month, or its requests of this window, are used up."""


class Resting(NotYet):
    """A source rests, or another worker asks it on trial."""


class BlobError(CatalogError):
    """The blob store could not serve."""


class BlobMissing(BlobError):
    """No blob has this name."""


class BlobCorrupt(BlobError):
    """The bytes do not hash to their name."""
