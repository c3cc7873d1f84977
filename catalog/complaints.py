"""How a command says what went wrong: in one line, whether the request, a setting or the database is at fault."""

from __future__ import annotations

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from catalog.errors import CatalogError

#: What any command may meet that opens the catalog; each package adds its own errors.
EXPECTED = (CatalogError, ValidationError, SQLAlchemyError, OSError, OverflowError)  # the last: an id of 30 digits


def one_line(error: Exception) -> str:
    """The error in one line; a setting that makes no sense is named as it is spelt in the environment."""
    if isinstance(error, ValidationError):  # its own first line only counts what is wrong
        return "; ".join(f"FACELOOP_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors())
    first, *_ = str(error).splitlines() or [type(error).__name__]
    return first
