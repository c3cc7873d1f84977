"""The bytes of one download: in memory while they are few, in a file without a name when they are many.

So a hundred downloads at a time, each as long as it may be, hold a few megabytes of memory and not gigabytes. The
file is gone with the process, however that ends.
"""

from __future__ import annotations

import hashlib
import io
import tempfile
from typing import BinaryIO, cast

_IN_MEMORY = 256 * 1024


class Body:
    """Bytes that are written once, from their beginning, and then read. ``size`` is how many there are: for reading."""

    def __init__(self, data: bytes = b"") -> None:
        self._pieces: list[bytes] = [data] if data else []
        self.size = len(data)
        self._file: BinaryIO | None = None

    def __len__(self) -> int:
        return self.size

    def write(self, piece: bytes) -> None:
        """Add a piece at the end; raises OSError when it must go to a disk that is full."""
        if self._file is None and self.size + len(piece) > _IN_MEMORY:
            self._file = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (lives as long as the body)
            self._file.writelines(self._pieces)
            self._pieces.clear()
        if self._file is None:
            self._pieces.append(piece)
        else:
            self._file.write(piece)
        self.size += len(piece)

    def open(self) -> BinaryIO:
        """The bytes from their beginning, as a file; one reader at a time."""
        if self._file is None:
            return io.BytesIO(self.whole())
        self._file.flush()
        self._file.seek(0)
        return self._file

    def whole(self) -> bytes:
        """All of them, in memory."""
        if self._file is None:
            if len(self._pieces) != 1:
                self._pieces = [b"".join(self._pieces)]
            return self._pieces[0]
        return self.open().read()

    def source(self) -> bytes | BinaryIO:
        """All of them, as they lie: in memory or in a file."""
        return self.whole() if self._file is None else self.open()

    def head(self, count: int) -> bytes:
        """The first so many."""
        return self.whole()[:count] if self._file is None else self.open().read(count)

    def sha256(self) -> str:
        """Their sha256 as 64 hexadecimal digits."""
        if self._file is None:
            return hashlib.sha256(self.whole()).hexdigest()
        return hashlib.file_digest(cast(io.BufferedRandom, self.open()), "sha256").hexdigest()

    def close(self) -> None:
        """Let go of the bytes."""
        self._pieces = []
        if self._file is not None:
            self._file.close()
            self._file = None
        self.size = 0
