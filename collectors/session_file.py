"""A session that is kept between runs: a small JSON file that its owner alone may read (mode 0600)."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from urllib.parse import quote

_log = logging.getLogger(__name__)


class SessionFile:
    """The cookies of one account on one site."""

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / f"{quote(name, safe='')}.json"

    def read(self) -> dict[str, str]:
        """The cookies; none when there is no file, or one that cannot be read (which is then forgotten)."""
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            return {str(name): str(value) for name, value in kept.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, AttributeError) as error:
            _log.warning("the session file %s cannot be read (%s); signing in anew", self._path, type(error).__name__)
            self.forget()
            return {}

    def keep(self, cookies: dict[str, str]) -> None:
        """Write them, whole or not at all."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        aside = self._path.with_suffix(f".{os.getpid()}.part")
        with open(aside, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as handle:
            json.dump(cookies, handle)
        aside.replace(self._path)

    def forget(self) -> None:
        """Remove the file."""
        self._path.unlink(missing_ok=True)
