"""What can go wrong in the catalog.

CatalogError
├── NotFound            no such row
├── Conflict            the row is in a state that forbids this (a lost lease, a second champion)
├── BadInput            a value that no row may hold (an empty query, an unknown reason)
└── BlobError
    ├── BlobMissing     no such blob
    └── BlobCorrupt     the bytes do not hash to their name
"""

from __future__ import annotations


class CatalogError(Exception):
    """Anything the catalog refuses; the message is fit for a person."""


class NotFound(CatalogError):
    """No such row."""


class Conflict(CatalogError):
    """The row is in a state that forbids this."""


class BadInput(CatalogError):
    """A value that no row may hold."""


class BlobError(CatalogError):
    """The blob store could not serve."""


class BlobMissing(BlobError):
    """No blob has this name."""


class BlobCorrupt(BlobError):
    """The bytes do not hash to their name."""
