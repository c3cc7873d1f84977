"""What a source is: a declaration, and one method that yields candidates."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from catalog.records import Candidate, Query


class Source(ABC):
    """One place photos come from.

    A source reads through the client that its door gives it; it never writes to the catalog, downloads photos or
    sleeps. It may yield the same candidate twice, and more than the query wants: the caller stops it.
    """

    #: The client it is handed (see collectors/doors.py): browser, instagram, twitter, or nothing.
    door: ClassVar[str]
    #: Candidates of one query when the plan does not say; None: the configured number.
    limit: ClassVar[int | None] = None
    #: What a person should know of its terms.
    terms: ClassVar[str]

    @property
    def name(self) -> str:
        """The source's name: that of its file."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def search(self, query: Query, client: Any) -> Iterator[Candidate]:
        """Yield what the source says exists; raises a SearchEnded when it says no."""
