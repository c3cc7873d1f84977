"""Photos that lie in a folder: the bytes of one file, within limits, or a refusal with its reason."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

from catalog import Settings
from collectors.errors import Refused


def read_file(url: str, *, root: Path, settings: Settings) -> bytes:
    """The bytes of a file below ``root``, by its file:// URL; raises Refused (bad_url, outside_folder, missing,
    not_a_file, unreadable, too_large, empty). Links may not lead out of the folder."""
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or parts.query or parts.fragment:
        raise Refused("bad_url", "not a file:// address")
    path = Path(os.fsdecode(unquote_to_bytes(parts.path)))
    try:
        real = path.resolve(strict=True)
        if not real.is_relative_to(root.resolve(strict=True)):
            raise Refused("outside_folder", "it leads out of its folder")
        # Without O_NONBLOCK a named pipe would hold us for ever; O_NOFOLLOW: no link slips in after the check.
        descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise Refused("missing", "no such file") from error
    except (OSError, RuntimeError, ValueError) as error:
        raise Refused("unreadable", type(error).__name__) from error
    with open(descriptor, "rb") as handle:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise Refused("not_a_file")
        if about.st_size > settings.fetch_max_bytes:
            raise Refused("too_large", f"{about.st_size} bytes")
        try:
            data = handle.read(settings.fetch_max_bytes + 1)
        except OSError as error:
            raise Refused("unreadable", type(error).__name__) from error
    if not data:
        raise Refused("empty")
    return data
