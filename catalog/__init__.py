"""The memory of Faceloop: rows and bytes. The lowest layer; it knows nobody."""

from catalog.blobs import Blobs, open_blobs
from catalog.catalog import Catalog
from catalog.settings import Settings, settings

__all__ = ["Blobs", "Catalog", "Settings", "open_blobs", "settings"]
